/* SPDX-License-Identifier: Apache-2.0 */
/* cab/cab_book.c - an address book taken apart: see cab_book_priv.h */
#include "cab/cab_book.h"

#include "cab/cab_book_priv.h"

/* Whatever could be stored can be looked at. */
static const struct xcap_limits limits = { 64U << 20, 8000000, XCAP_DEPTH_MAX, XCAP_ATTRS_MAX,
					   512 * 1024 };
enum { GROUPS_FIRST = 16, ATTR_MAX = 8 };

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for an address book");
}

static struct xcap_name name_of(const char *ns, const char *local)
{
	return (struct xcap_name){ strv_of(ns), strv_of(local) };
}

static int is(const struct xcap_spot *spot, const char *ns, const char *local)
{
	const struct xcap_name name = name_of(ns, local);

	return xcap_name_eq(xcap_spot_name(spot), &name);
}

/* Attribute "id" of SPOT without references and blanks around it; empty when it has none. */
static struct strv id_of(const struct xcap_spot *spot, struct arena *arena)
{
	const struct xcap_name id = name_of("", "id");
	struct strv raw, value;

	if (!xcap_spot_attr(spot, &id, &raw))
		return strv_mem(NULL, 0);
	value = raw;
	if (xcap_attvalue_decode(raw, arena, &value) < 0)
		return strv_mem(NULL, 0);
	return strv_trim(value);
}

int cab_book_add_group(struct cab_book *book, struct strv id, struct strv name)
{
	unsigned room = book->groups_room ? book->groups_room * 2 : GROUPS_FIRST;
	char *id_copy = arena_strdup(book->arena, id), *name_copy = arena_strdup(book->arena, name);
	struct strv *ids, *names;

	if (!id_copy || !name_copy)
		return -1;
	if (book->n_groups == book->groups_room) {
		ids = arena_alloc(book->arena, room * sizeof(*ids));
		names = arena_alloc(book->arena, room * sizeof(*names));
		if (!ids || !names)
			return -1;
		if (book->n_groups) {
			memcpy(ids, book->group_id, book->n_groups * sizeof(*ids));
			memcpy(names, book->group_name, book->n_groups * sizeof(*names));
		}
		book->group_id = ids;
		book->group_name = names;
		book->groups_room = room;
	}
	book->group_id[book->n_groups] = strv_mem(id_copy, id.n);
	book->group_name[book->n_groups] = strv_mem(name_copy, name.n);
	if (!cab_map_put(&book->groups_by_id, id, book->n_groups, NULL) ||
	    !cab_map_put(&book->groups_by_name, name, book->n_groups, NULL))
		return -1;
	book->n_groups++;
	return 0;
}

/* ---- taking apart ---- */

static int read_group(struct cab_book *book, const struct xcap_spot *spot, struct err *err)
{
	struct strv slice = xcap_spot_slice(spot, book->arena), id = id_of(spot, book->arena), name;
	xmlChar *text = NULL;
	xmlDoc *doc;
	xmlNode *group;
	int ret;

	if (!slice.n)
		return no_memory(err);
	if (xml_parse_fragment(slice, book->context, book->n_context, NULL, &doc, &group, NULL,
			       err) < 0)
		return -1;
	for (const xmlNode *node = group->children; node && !text; node = node->next)
		if (node->type == XML_ELEMENT_NODE &&
		    xmlStrEqual(node->name, (const xmlChar *)"display-name"))
			text = xmlNodeGetContent(node);
	name = strv_trim(strv_of((const char *)text));
	ret = id.n ? cab_book_add_group(book, id, name) : 0;
	xmlFree(text);
	xmlFreeDoc(doc);
	return ret < 0 ? no_memory(err) : 0;
}

static int read_contact(struct cab_book *book, const struct xcap_spot *spot)
{
	struct cab_element *contact = &book->contact[book->n_contacts];

	contact->spot = arena_alloc(book->arena, sizeof(*spot));
	contact->id = id_of(spot, book->arena);
	if (!contact->spot || !contact->id.p)
		return -1;
	*contact->spot = *spot;
	contact->text = strv_mem(book->text.p + xcap_spot_offset(spot), xcap_spot_octets(spot));
	if (!cab_map_put(&book->contacts, contact->id, book->n_contacts, NULL))
		return -1;
	book->n_contacts++;
	return 0;
}

static int read_context(struct cab_book *book)
{
	struct strv uri;

	if (xcap_spot_ns(&book->root, &book->ns) < 0)
		return -1;
	book->n_context = xcap_ns_count(book->ns);
	book->context = arena_alloc(book->arena, (book->n_context + 1) * sizeof(*book->context));
	if (!book->context)
		return -1;
	for (unsigned i = 0; i < book->n_context; i++) {
		const struct xcap_binding *binding = xcap_ns_at(book->ns, i);

		book->context[i] = (struct xml_ns){ binding->prefix, binding->uri };
	}
	book->is_default =
		xcap_ns_find(book->ns, strv_mem(NULL, 0), &uri) && strv_eq(uri, STRV(CAB_NS_BOOK));
	return 0;
}

static void find_end(struct cab_book *book)
{
	size_t start = xcap_spot_offset(&book->root);
	size_t at = start + xcap_spot_octets(&book->root);

	book->end = at - 2;
	book->is_bare = 1;
	while (at > start + 1)
		if (book->text.p[--at] == '/' && book->text.p[at - 1] == '<') {
			book->end = at - 1;
			book->is_bare = 0;
			return;
		}
}

int cab_book_open(struct cab_book *book, struct strv text, struct arena *arena, struct err *err)
{
	const struct xcap_name contact_name = name_of(CAB_NS_BOOK, "contact");
	struct xcap_spot *spot = arena_alloc(arena, sizeof(*spot)), whole;
	unsigned n;

	*book = (struct cab_book){ .text = text,
				   .arena = arena,
				   .contacts.arena = arena,
				   .groups_by_id.arena = arena,
				   .groups_by_name.arena = arena,
				   .is_default = 1 };
	if (!spot)
		return no_memory(err);
	if (!text.n)
		return 0;
	/* The bytes of a document are those behind its mark. */
	book->text = xml_skip_bom(text);
	if (xcap_doc_parse(text, &limits, &book->doc, err) < 0)
		return -1;
	xcap_doc_spot(book->doc, &whole);
	if (!xcap_child_nth(&whole, NULL, 1, &book->root) ||
	    !is(&book->root, CAB_NS_BOOK, "address-book"))
		return err_set(err, ERR_SYNTAX, "the document is no address book");
	find_end(book);
	if (read_context(book) < 0)
		return no_memory(err);
	n = xcap_child_count(&book->root, &contact_name);
	book->contact = arena_alloc(arena, (n + 1) * sizeof(*book->contact));
	if (!book->contact)
		return no_memory(err);
	for (int more = xcap_child_nth(&book->root, NULL, 1, spot); more;
	     more = xcap_spot_sibling(spot, 1, spot)) {
		if (is(spot, CAB_NS_BOOK, "contact") && read_contact(book, spot) < 0)
			return no_memory(err);
		if (is(spot, CAB_NS_BOOK, "group") && read_group(book, spot, err) < 0)
			return -1;
	}
	return 0;
}

void cab_book_close(struct cab_book *book)
{
	xcap_ns_drop(&book->ns);
	xcap_doc_drop(&book->doc);
	cab_map_fini(&book->contacts);
	cab_map_fini(&book->groups_by_id);
	cab_map_fini(&book->groups_by_name);
}

/* ---- one contact ---- */

int cab_book_contact(const struct cab_book *book, const struct cab_element *contact,
		     xmlDoc **doc_out, xmlNode **contact_out, struct err *err)
{
	struct xml_limits large = xml_limits_default;

	large.value_bytes = limits.attr_octets;
	large.bytes = limits.octets;
	return xml_parse_fragment(contact->text, book->context, book->n_context, &large, doc_out,
				  contact_out, NULL, err);
}

/* The declarations of CONTACT's own tag that the root does not have. */
static int own_declarations(const struct cab_book *book, const struct cab_element *contact,
			    struct cab_buf *out)
{
	const struct xcap_ns *ns;
	struct strv uri;

	if (xcap_spot_ns(contact->spot, &ns) < 0)
		return -1;
	for (unsigned i = 0; i < xcap_ns_count(ns); i++) {
		const struct xcap_binding *binding = xcap_ns_at(ns, i);

		if (!binding->prefix.n ||
		    (xcap_ns_find(book->ns, binding->prefix, &uri) && strv_eq(uri, binding->uri)))
			continue;
		cab_buf_put(out, STRV(" xmlns:"));
		cab_buf_put(out, binding->prefix);
		cab_buf_put(out, STRV("=\""));
		cab_buf_xml(out, binding->uri);
		cab_buf_char(out, '"');
	}
	xcap_ns_drop(&ns);
	return out->failed ? -1 : 0;
}

static struct strv in_arena(struct cab_buf *buf, struct arena *arena, int *failed)
{
	char *copy = buf->failed ? NULL : arena_strdup(arena, cab_buf_text(buf));
	size_t n = buf->n;

	*failed |= !copy;
	cab_buf_fini(buf);
	return strv_mem(copy, copy ? n : 0);
}

/* An element in no prefix depends on the default namespace of where it stood. */
static int stands_alone(const struct cab_book *book, const struct xcap_spot *contact,
			const struct xcap_spot *child)
{
	struct strv prefix, local, at_contact = { NULL, 0 };
	const struct xcap_ns *ns;

	xcap_qname(xcap_spot_qname(child), &prefix, &local);
	if (prefix.n || xcap_spot_ns(contact, &ns) < 0)
		return 1;
	xcap_ns_find(ns, strv_mem(NULL, 0), &at_contact);
	xcap_ns_drop(&ns);
	(void)book;
	return strv_eq(at_contact, STRV(CAB_NS_BOOK)) ||
	       !strv_eq(at_contact, xcap_spot_name(child)->ns);
}

int cab_book_keep(const struct cab_book *book, const struct cab_element *contact,
		  struct arena *arena, struct cab_frame *frame, struct err *err)
{
	struct xcap_spot *spot = arena_alloc(arena, sizeof(*spot));
	struct cab_buf before = { 0 }, after = { 0 }, xmlns = { 0 };
	struct strv *groups = NULL;
	unsigned n_groups = 0, n;
	int failed = !spot, more;

	if (failed)
		return no_memory(err);
	n = xcap_child_count(contact->spot, NULL);
	groups = arena_alloc(arena, (n + 1) * sizeof(*groups));
	failed = !groups;
	for (more = failed ? 0 : xcap_child_nth(contact->spot, NULL, 1, spot); more;
	     more = xcap_spot_sibling(spot, 1, spot)) {
		const struct xcap_name *name = xcap_spot_name(spot);
		struct strv text = xcap_spot_slice(spot, arena);

		if (is(spot, CAB_NS_BOOK, "contact-status"))
			cab_buf_put(&before, text);
		else if (is(spot, CAB_NS_BOOK, "group-ref"))
			groups[n_groups++] = id_of(spot, arena);
		else if (!strv_eq(name->ns, STRV(CAB_NS_BOOK)) &&
			 !strv_eq(name->ns, STRV(CAB_NS_PCC)) &&
			 !strv_eq(name->ns, STRV(CAB_NS_VCARD)) &&
			 stands_alone(book, contact->spot, spot))
			cab_buf_put(&after, text);
	}
	if ((before.n || after.n) && own_declarations(book, contact, &xmlns) < 0)
		failed = 1;
	frame->before = in_arena(&before, arena, &failed);
	frame->after = in_arena(&after, arena, &failed);
	frame->xmlns = in_arena(&xmlns, arena, &failed);
	frame->group_id = groups;
	frame->n_groups = n_groups;
	return failed ? no_memory(err) : 0;
}

int cab_book_categories(const struct cab_book *book, const xmlNode *contact, struct arena *arena,
			struct vcard *card, struct err *err)
{
	struct cab_maker maker = { .arena = arena };
	struct cab_buf list = { 0 };
	int failed = 0;
	unsigned n = card->n;
	struct vcard_prop *props;

	for (const xmlNode *node = contact->children; node; node = node->next) {
		const uint32_t *at;
		xmlChar *id;

		if (node->type != XML_ELEMENT_NODE ||
		    !xmlStrEqual(node->name, (const xmlChar *)"group-ref"))
			continue;
		id = xmlGetNoNsProp(node, (const xmlChar *)"id");
		at = id ? cab_map_find(&book->groups_by_id, strv_of((const char *)id)) : NULL;
		xmlFree(id);
		if (!at || !book->group_name[*at].n)
			continue;
		if (list.n)
			cab_buf_char(&list, ',');
		vcard_escape(&list, book->group_name[*at]);
	}
	if (!list.n) {
		cab_buf_fini(&list);
		return 0;
	}
	cab_make(&maker, "CATEGORIES", in_arena(&list, arena, &failed));
	props = arena_alloc(arena, (n + 1) * sizeof(*props));
	if (failed || maker.failed || !props)
		return no_memory(err);
	memcpy(props, card->prop, n * sizeof(*props));
	props[n] = maker.card.prop[0];
	card->prop = props;
	card->n = n + 1;
	return 0;
}
