/* SPDX-License-Identifier: Apache-2.0 */
/* cab/cab_book_merge.c - duplicates found, and two contacts made one: see cab_book.h */
#include <ctype.h>
#include <stdlib.h>

#include "cab/cab_book_priv.h"

enum { DIGITS = 9, KEY_MAX = 320 };

/* ---- duplicates ---- */

struct finding {
	struct cab_book book;
	struct arena *arena, *scratch;
	struct cab_map keys; /* to the first contact that has it */
	uint32_t *set;	     /* of each contact: another one of its set, or itself */
	const char **why;    /* of each contact that is not the root of its set */
	struct err *err;
};

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for the address book");
}

static uint32_t root_of(struct finding *f, uint32_t at)
{
	while (f->set[at] != at)
		at = f->set[at] = f->set[f->set[at]];
	return at;
}

/* KIND and the characters of TEXT that count. 0: too little to tell people apart. */
static size_t make_key(char kind, struct strv text, char key[KEY_MAX])
{
	size_t n = 1, from;

	key[0] = kind;
	for (size_t i = 0; i < text.n && n < KEY_MAX; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (kind == 't' ? isdigit(c) : c > ' ')
			key[n++] = (char)tolower(c);
	}
	if (kind != 't')
		return n > (kind == 'n' ? 2 : 3) ? n : 0;
	from = n - 1 > DIGITS ? n - DIGITS : 1;
	memmove(key + 1, key + from, n - from);
	n = 1 + n - from;
	return n > 5 ? n : 0;
}

static int join(struct finding *f, uint32_t contact, char kind, const char *why, struct strv text)
{
	char key[KEY_MAX];
	size_t n = make_key(kind, text, key);
	uint32_t *first, a, b;
	int is_new;

	if (!n)
		return 0;
	first = cab_map_put(&f->keys, strv_mem(key, n), contact, &is_new);
	if (!first)
		return no_memory(f->err);
	a = root_of(f, *first);
	b = root_of(f, contact);
	if (is_new || a == b)
		return 0;
	if (a > b) {
		f->set[a] = b;
		f->why[a] = why;
	} else {
		f->set[b] = a;
		f->why[b] = why;
	}
	return 0;
}

/* The card of contact AT, its name in NAME_OUT. */
static int card_of(struct finding *f, uint32_t at, struct vcard *card, struct strv *name_out)
{
	const struct vcard_prop *fn;
	xmlNode *node;
	xmlDoc *doc;
	int ret;

	/* Views into the tree end with it: the cards' values are looked at at once. */
	if (cab_book_contact(&f->book, &f->book.contact[at], &doc, &node, f->err) < 0)
		return -1;
	ret = cab_contact_card(node, VCARD_4_0, f->scratch, card, f->err);
	if (ret == 0) {
		int ways = 0;

		for (unsigned i = 0; ret == 0 && i < card->n; i++) {
			struct strv value = card->prop[i].value;
			int tel = strv_eq(card->prop[i].name, STRV("TEL"));

			if (!tel && !strv_eq(card->prop[i].name, STRV("EMAIL")))
				continue;
			ways++;
			ret = join(f, at, tel ? 't' : 'm', tel ? "number" : "address",
				   vcard_unescape(value, f->scratch));
		}
		fn = vcard_find(card, "FN");
		*name_out = fn ? vcard_unescape(fn->value, f->scratch) : strv_mem(NULL, 0);
		name_out->p = arena_strdup(f->arena, *name_out);
		if (!name_out->p)
			ret = no_memory(f->err);
		if (ret == 0 && !ways && name_out->n > 1)
			ret = join(f, at, 'n', "name", *name_out);
	}
	xmlFreeDoc(doc);
	return ret;
}

/* The sets that have more than one contact. */
static int gather(struct finding *f, const struct strv *name, unsigned max,
		  struct cab_duplicates *out)
{
	unsigned n = f->book.n_contacts, *size = arena_zalloc(f->arena, n + 1, sizeof(*size));
	struct cab_same **of = arena_zalloc(f->arena, n + 1, sizeof(struct cab_same *));

	out->same = arena_zalloc(f->arena, max + 1, sizeof(*out->same));
	if (!size || !of || !out->same)
		return no_memory(f->err);
	for (uint32_t i = 0; i < n; i++)
		size[root_of(f, i)]++;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t root = root_of(f, i);
		struct cab_same *same = of[root];

		if (size[root] < 2 || (!same && out->n == max))
			continue;
		if (!same) {
			same = of[root] = &out->same[out->n++];
			same->id = arena_alloc(f->arena, size[root] * sizeof(*same->id));
			same->name = arena_alloc(f->arena, size[root] * sizeof(*same->name));
			if (!same->id || !same->name)
				return no_memory(f->err);
		}
		same->id[same->n].p = arena_strdup(f->arena, f->book.contact[i].id);
		same->id[same->n].n = f->book.contact[i].id.n;
		same->name[same->n++] = name[i];
		if (f->why[i] && !same->why)
			same->why = f->why[i];
	}
	return 0;
}

static int find_all(struct finding *f, struct strv text, unsigned max, struct cab_duplicates *out)
{
	struct strv *name;
	struct vcard card;
	unsigned n;

	if (cab_book_open(&f->book, text, f->arena, f->err) < 0)
		return -1;
	n = f->book.n_contacts;
	name = arena_alloc(f->arena, (n + 1) * sizeof(*name));
	f->set = arena_alloc(f->arena, (n + 1) * sizeof(*f->set));
	f->why = arena_zalloc(f->arena, n + 1, sizeof(*f->why));
	if (!name || !f->set || !f->why)
		return no_memory(f->err);
	for (uint32_t i = 0; i < n; i++)
		f->set[i] = i;
	for (uint32_t i = 0; i < n; i++) {
		arena_reset(f->scratch);
		if (card_of(f, i, &card, &name[i]) < 0)
			return -1;
	}
	return gather(f, name, max, out);
}

int cab_book_duplicates(struct strv book, unsigned max, struct arena *arena,
			struct cab_duplicates *out, struct err *err)
{
	struct finding f = { .arena = arena, .scratch = arena_new(0), .err = err };
	int ret;

	f.keys.arena = arena;
	*out = (struct cab_duplicates){ NULL, 0 };
	ret = f.scratch ? find_all(&f, book, max, out) : no_memory(err);
	cab_map_fini(&f.keys);
	cab_book_close(&f.book);
	arena_free(&f.scratch);
	return ret;
}

/* ---- two made one ---- */

/* Of which a contact has one. */
static int is_single(struct strv name)
{
	static const char *const names[] = { "FN",    "N",   "BDAY", "BIRTHPLACE", "ORG",
					     "TITLE", "UID", "REV",  "KIND",	   "PHOTO" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strv_eq(name, strv_of(names[i])))
			return 1;
	return 0;
}

static int has(const struct vcard *card, unsigned n, const struct vcard_prop *prop,
	       struct arena *arena)
{
	char a[KEY_MAX], b[KEY_MAX];
	char kind = strv_eq(prop->name, STRV("TEL")) ? 't' : 'x';
	size_t an = make_key(kind, vcard_unescape(prop->value, arena), a), bn;

	for (unsigned i = 0; i < n; i++) {
		if (!strv_eq(card->prop[i].name, prop->name))
			continue;
		if (is_single(prop->name) || strv_eq(card->prop[i].value, prop->value))
			return 1;
		bn = make_key(kind, vcard_unescape(card->prop[i].value, arena), b);
		if (an && an < KEY_MAX && an == bn && memcmp(a, b, an) == 0)
			return 1;
	}
	return 0;
}

/* What only FROM has, behind TO's own. */
static int add_all(struct vcard *to, const struct vcard *from, struct arena *arena)
{
	unsigned n = to->n;
	struct vcard_prop *props = arena_alloc(arena, (n + from->n + 1) * sizeof(*props));

	if (!props)
		return -1;
	if (n)
		memcpy(props, to->prop, n * sizeof(*props));
	to->prop = props;
	for (unsigned i = 0; i < from->n; i++) {
		/* The labels' groups of the two are counted alike. */
		int is_label = strv_eq(from->prop[i].name, STRV("X-ABLABEL"));

		if (!is_label && has(to, n, &from->prop[i], arena))
			continue;
		props[to->n] = from->prop[i];
		if (from->prop[i].group.n) {
			char *group = arena_printf(arena, "%.*s-2", STRV_ARG(from->prop[i].group));

			if (!group)
				return -1;
			props[to->n].group = strv_of(group);
		}
		to->n++;
	}
	return 0;
}

struct merging {
	struct cab_book book;
	struct arena *arena;
	struct err *err;
};

static int read_one(struct merging *m, struct strv id, const struct cab_element **contact_out,
		    xmlDoc **doc_out, struct vcard *card_out, struct cab_frame *frame_out)
{
	const uint32_t *at = cab_map_find(&m->book.contacts, id);
	xmlNode *node;

	if (!at)
		return err_set(m->err, ERR_ABSENT, "there is no contact \"%.*s\"", STRV_ARG(id));
	*contact_out = &m->book.contact[*at];
	if (cab_book_contact(&m->book, *contact_out, doc_out, &node, m->err) < 0 ||
	    cab_contact_card(node, VCARD_4_0, m->arena, card_out, m->err) < 0)
		return -1;
	return cab_book_keep(&m->book, *contact_out, m->arena, frame_out, m->err);
}

/* Groups of both, and what others have put into either. */
static int join_frames(struct merging *m, struct cab_frame *to, const struct cab_frame *from)
{
	unsigned n = to->n_groups + from->n_groups;
	struct strv *groups = arena_alloc(m->arena, (n + 1) * sizeof(*groups));
	char *after =
		arena_printf(m->arena, "%.*s%.*s", STRV_ARG(to->after), STRV_ARG(from->after));
	char *xmlns;

	/* The same prefix twice would be no XML: then KEEP's elements stay alone. */
	if (strv_eq(to->xmlns, from->xmlns) || !from->after.n)
		xmlns = arena_strdup(m->arena, to->xmlns);
	else if (!to->xmlns.n)
		xmlns = arena_strdup(m->arena, from->xmlns);
	else {
		after = arena_strdup(m->arena, to->after);
		xmlns = arena_strdup(m->arena, to->xmlns);
	}
	if (!groups || !after || !xmlns)
		return no_memory(m->err);
	n = 0;
	for (unsigned i = 0; i < to->n_groups; i++)
		groups[n++] = to->group_id[i];
	for (unsigned i = 0; i < from->n_groups; i++) {
		int known = 0;

		for (unsigned k = 0; k < n; k++)
			known |= strv_eq(groups[k], from->group_id[i]);
		if (!known)
			groups[n++] = from->group_id[i];
	}
	to->group_id = groups;
	to->n_groups = n;
	to->after = strv_of(after);
	to->xmlns = strv_of(xmlns);
	return 0;
}

/* The text with CONTACT printed anew and GONE away. */
static void put_together(struct merging *m, const struct cab_element *contact,
			 const struct cab_element *gone, struct strv text, struct cab_buf *out)
{
	struct strv first = contact->text, second = gone->text;
	const char *from = m->book.text.p, *end = from + m->book.text.n;
	int swapped = second.p < first.p;

	if (swapped) {
		first = gone->text;
		second = contact->text;
	}
	cab_buf_put(out, strv_mem(from, (size_t)(first.p - from)));
	if (!swapped)
		cab_buf_put(out, text);
	from = first.p + first.n;
	cab_buf_put(out, strv_mem(from, (size_t)(second.p - from)));
	if (swapped)
		cab_buf_put(out, text);
	from = second.p + second.n;
	cab_buf_put(out, strv_mem(from, (size_t)(end - from)));
}

static int merge(struct merging *m, struct strv keep, struct strv drop, int64_t time_s,
		 struct cab_buf *out, xmlDoc *doc[2])
{
	const struct cab_element *contact, *gone;
	struct cab_buf text = { .max = out->max };
	struct cab_frame frame = { .n_groups = 0 }, other = { .n_groups = 0 };
	struct vcard card, more, no_rev = { .n = 0 };
	unsigned left_out;
	char *xmlns;
	int ret;

	if (strv_eq(keep, drop))
		return err_set(m->err, ERR_RANGE, "a contact cannot be put into itself");
	if (read_one(m, keep, &contact, &doc[0], &card, &frame) < 0 ||
	    read_one(m, drop, &gone, &doc[1], &more, &other) < 0 ||
	    join_frames(m, &frame, &other) < 0)
		return -1;
	if (add_all(&card, &more, m->arena) < 0)
		return no_memory(m->err);
	frame.id = keep;
	frame.modified = cab_card_modified(&no_rev, time_s, m->arena);
	xmlns = arena_printf(m->arena, "%s%.*s",
			     m->book.is_default ? "" : " xmlns=\"" CAB_NS_BOOK "\"",
			     STRV_ARG(frame.xmlns));
	if (!xmlns || !frame.modified.n)
		return no_memory(m->err);
	frame.xmlns = strv_of(xmlns);
	ret = cab_contact_print(&card, &frame, m->arena, &text, &left_out, m->err);
	if (ret == 0 && cab_buf_check(&text, m->err) == 0)
		put_together(m, contact, gone, cab_buf_text(&text), out);
	else
		ret = -1;
	cab_buf_fini(&text);
	return ret == 0 ? cab_buf_check(out, m->err) : -1;
}

int cab_book_merge(struct strv book, struct strv keep, struct strv drop, int64_t time_s,
		   struct cab_buf *out, struct err *err)
{
	struct merging m = { .arena = arena_new(0), .err = err };
	xmlDoc *doc[2] = { NULL, NULL };
	int ret = -1;

	if (!m.arena)
		no_memory(err);
	else if (cab_book_open(&m.book, book, m.arena, err) == 0)
		ret = merge(&m, keep, drop, time_s, out, doc);
	xmlFreeDoc(doc[0]);
	xmlFreeDoc(doc[1]);
	cab_book_close(&m.book);
	arena_free(&m.arena);
	return ret;
}
