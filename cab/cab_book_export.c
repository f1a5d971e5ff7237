/* SPDX-License-Identifier: Apache-2.0 */
/* cab/cab_book_export.c - an address book as a file for other programs: see cab_book.h */
#include "cab/cab_book_priv.h"
#include "cab/cab_csv.h"

static const struct {
	const char *name, *type;
} formats[] = {
	[CAB_VCARD3] = { "vcard3", "text/vcard;charset=utf-8" },
	[CAB_VCARD4] = { "vcard4", "text/vcard;charset=utf-8" },
	[CAB_CSV] = { "csv", "text/csv;charset=utf-8" },
};

int cab_format_find(struct strv name)
{
	for (int i = 0; i < (int)(sizeof(formats) / sizeof(formats[0])); i++)
		if (strv_eq(name, strv_of(formats[i].name)))
			return i;
	return -1;
}

const char *cab_format_type(enum cab_format format)
{
	return formats[format].type;
}

struct export
{
	struct cab_book book;
	struct arena *arena, *scratch;
	enum cab_format format;
	struct cab_buf *out;
	struct err *err;
};

static int no_memory(struct export *ex)
{
	return err_set(ex->err, ERR_NOMEM, "no memory for the export");
}

static enum vcard_version version_of(const struct export *ex)
{
	return ex->format == CAB_VCARD3 ? VCARD_3_0 : VCARD_4_0;
}

static int export_contact(struct export *ex, const struct cab_element *contact)
{
	struct vcard card;
	xmlDoc *doc;
	xmlNode *node;
	int ret;

	if (cab_book_contact(&ex->book, contact, &doc, &node, ex->err) < 0)
		return -1;
	ret = cab_contact_card(node, version_of(ex), ex->scratch, &card, ex->err);
	if (ret == 0)
		ret = cab_book_categories(&ex->book, node, ex->scratch, &card, ex->err);
	if (ret == 0 && ex->format == CAB_CSV)
		ret = cab_csv_print(&card, ex->scratch, ex->out, ex->err);
	else if (ret == 0)
		vcard_print(&card, version_of(ex), ex->out);
	xmlFreeDoc(doc);
	return ret;
}

/* The members of group I as properties of its card. */
static int add_members(struct export *ex, struct cab_maker *maker, struct strv group)
{
	const struct xcap_name ref = { STRV(CAB_NS_BOOK), STRV("group-ref") };
	const struct xcap_name id = { { NULL, 0 }, STRV("id") };
	struct xcap_spot *spot = arena_alloc(ex->scratch, sizeof(*spot));

	if (!spot)
		return no_memory(ex);
	for (unsigned i = 0; i < ex->book.n_contacts; i++) {
		const struct cab_element *contact = &ex->book.contact[i];

		if (xcap_child_attr(contact->spot, &ref, &id, group, spot))
			cab_make_text(maker,
				      ex->format == CAB_VCARD4 ? "MEMBER"
							       : "X-ADDRESSBOOKSERVER-MEMBER",
				      contact->id);
	}
	return 0;
}

static int export_group(struct export *ex, unsigned i)
{
	struct cab_maker maker = { .arena = ex->scratch };
	struct strv id = ex->book.group_id[i], name = ex->book.group_name[i];

	cab_make(&maker, ex->format == CAB_VCARD4 ? "KIND" : "X-ADDRESSBOOKSERVER-KIND",
		 STRV("group"));
	cab_make_text(&maker, "UID", id);
	if (ex->format == CAB_VCARD3)
		cab_make_text(&maker, "N", name);
	cab_make_text(&maker, "FN", name.n ? name : id);
	if (add_members(ex, &maker, id) < 0 || maker.failed)
		return no_memory(ex);
	vcard_print(&maker.card, version_of(ex), ex->out);
	return 0;
}

static int run(struct export *ex, struct strv book)
{
	if (cab_book_open(&ex->book, book, ex->arena, ex->err) < 0)
		return -1;
	if (ex->format == CAB_CSV)
		cab_csv_print_head(ex->out);
	for (unsigned i = 0; i < ex->book.n_contacts; i++) {
		arena_reset(ex->scratch);
		if (export_contact(ex, &ex->book.contact[i]) < 0)
			return -1;
	}
	for (unsigned i = 0; ex->format != CAB_CSV && i < ex->book.n_groups; i++) {
		arena_reset(ex->scratch);
		if (export_group(ex, i) < 0)
			return -1;
	}
	return cab_buf_check(ex->out, ex->err);
}

int cab_book_export(struct strv book, enum cab_format format, struct cab_buf *out,
		    uint64_t *contacts_out, struct err *err)
{
	struct export ex = { .arena = arena_new(0),
			     .scratch = arena_new(0),
			     .format = format,
			     .out = out,
			     .err = err };
	int ret = ex.arena && ex.scratch ? run(&ex, book) : no_memory(&ex);

	*contacts_out = ex.book.n_contacts;
	cab_book_close(&ex.book);
	arena_free(&ex.arena);
	arena_free(&ex.scratch);
	return ret;
}
