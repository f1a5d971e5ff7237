/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cab/cab_book_import.c - cards into an address book: see cab_book.h
 *
 * Two passes over the cards, so that they need not all be held: the first learns which ids come
 * (twice), which groups there are and who is in them, the second prints contacts. Then the text is
 * put together of what stays, what is printed anew, and what comes behind.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cab/cab_book_priv.h"

/* A contact of the old text that is replaced. */
struct change {
	uint32_t contact; /* its index */
	size_t at, n;	  /* in CHANGED */
};

struct import {
	const struct cab_source *source;
	struct cab_book book;
	struct arena *arena, *scratch; /* of the import; of one card */
	int64_t time_s;
	struct cab_report *report;
	struct cab_buf *out;
	struct cab_buf fresh, changed; /* contacts */
	struct change *change;
	unsigned n_changes, changes_room;
	unsigned old_groups;
	struct cab_map last; /* the last card of each id, by its number */
	/* Members of groups, as pairs of what the group's card said and the group. */
	struct cab_map members; /* id to the head of its list in MEMBER, plus one */
	struct member {
		uint32_t group, next;
	} * member;
	unsigned n_members, members_room;
	struct err *err;
};

static int no_memory(struct import *im)
{
	return err_set(im->err, ERR_NOMEM, "no memory for the import");
}

static void remark(struct import *im, unsigned line, const char *why)
{
	struct cab_report *report = im->report;

	if (report->n_remarks == CAB_REMARKS_MAX)
		return;
	report->remark[report->n_remarks].line = line;
	snprintf(report->remark[report->n_remarks++].why, sizeof(report->remark[0].why), "%.119s",
		 why);
}

/* ---- the first pass ---- */

static int grow(void **items, unsigned n, unsigned *room, size_t size)
{
	unsigned more = *room ? *room * 2 : 64;
	void *p;

	if (n < *room)
		return 0;
	p = realloc(*items, more * size);
	if (!p)
		return -1;
	*items = p;
	*room = more;
	return 0;
}

/* An id for a group called NAME that no group has. */
static struct strv new_group_id(struct import *im, struct strv name)
{
	uint64_t h = UINT64_C(0xCBF29CE484222325);
	char *id = NULL;

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * UINT64_C(0x100000001B3);
	do
		id = arena_printf(im->arena, "group-%016llx", (unsigned long long)h++);
	while (id && cab_map_find(&im->book.groups_by_id, strv_of(id)));
	return strv_of(id);
}

/* The group called NAME, made when there is none, in AT_OUT. */
static int group_of_name(struct import *im, struct strv name, uint32_t *at_out)
{
	const uint32_t *at = cab_map_find(&im->book.groups_by_name, name);
	struct strv id;

	if (!at) {
		id = new_group_id(im, name);
		if (!id.n || cab_book_add_group(&im->book, id, name) < 0)
			return no_memory(im);
		*at_out = im->book.n_groups - 1;
		return 0;
	}
	*at_out = *at;
	return 0;
}

static int add_member(struct import *im, struct strv id, uint32_t group)
{
	uint32_t *head = cab_map_put(&im->members, id, 0, NULL);
	void *items = im->member;

	if (!head || grow(&items, im->n_members, &im->members_room, sizeof(*im->member)) < 0)
		return no_memory(im);
	im->member = items;
	im->member[im->n_members] = (struct member){ group, *head };
	*head = ++im->n_members;
	return 0;
}

static int note_group(struct import *im, const struct vcard *card)
{
	const struct vcard_prop *fn = vcard_find(card, "FN");
	struct strv id = cab_card_id(card, im->scratch);
	struct strv name = fn ? strv_trim(vcard_unescape(fn->value, im->scratch)) : id;
	const uint32_t *known = cab_map_find(&im->book.groups_by_id, id);
	uint32_t at;

	if (!id.n)
		return no_memory(im);
	/* The same group under another id stays what it is. */
	if (known)
		at = *known;
	else if (cab_map_find(&im->book.groups_by_name, name))
		at = *cab_map_find(&im->book.groups_by_name, name);
	else if (cab_book_add_group(&im->book, id, name) < 0)
		return no_memory(im);
	else
		at = im->book.n_groups - 1;
	for (unsigned i = 0; i < card->n; i++) {
		const struct vcard_prop *prop = &card->prop[i];
		struct strv member = strv_trim(vcard_unescape(prop->value, im->scratch));

		if (!strv_eq(prop->name, STRV("MEMBER")) &&
		    !strv_eq(prop->name, STRV("X-ADDRESSBOOKSERVER-MEMBER")))
			continue;
		if (member.n && add_member(im, member, at) < 0)
			return -1;
	}
	return 0;
}

/* CARD number N is a contact's. */
static int note_contact(struct import *im, const struct vcard *card, uint32_t n)
{
	struct strv id = cab_card_id(card, im->scratch);
	uint32_t *last = id.n ? cab_map_put(&im->last, id, n, NULL) : NULL;

	if (!last)
		return no_memory(im);
	*last = n;
	return 0;
}

static int first_pass(struct import *im)
{
	struct vcard card;
	uint32_t n = 0;
	int got;

	im->source->rewind(im->source->arg);
	for (;; n++) {
		arena_reset(im->scratch);
		got = im->source->next(im->source->arg, im->scratch, &card, im->err);
		if (got == 0)
			return 0;
		if (got < 0 && im->err->code == ERR_NOMEM)
			return -1;
		if (got < 0) {
			im->report->left_out++;
			remark(im, 0, im->err->text);
		} else if (cab_card_is_group(&card)) {
			if (note_group(im, &card) < 0)
				return -1;
		} else if (note_contact(im, &card, n) < 0) {
			return -1;
		}
	}
}

/* ---- the second pass ---- */

static int has_group(const struct strv *groups, unsigned n, struct strv id)
{
	for (unsigned i = 0; i < n; i++)
		if (strv_eq(groups[i], id))
			return 1;
	return 0;
}

/* How many groups CARD can be in, at most. */
static unsigned most_groups(const struct import *im, const struct vcard *card, uint32_t member)
{
	unsigned n = 0;

	for (unsigned i = 0; i < card->n; i++)
		if (strv_eq(card->prop[i].name, STRV("CATEGORIES")))
			for (size_t k = 0; k <= card->prop[i].value.n; k++)
				n += k == 0 || card->prop[i].value.p[k - 1] == ',';
	for (; member; member = im->member[member - 1].next)
		n++;
	return n;
}

/* The groups of CARD, whose id is ID, into FRAME; they stay as they are when it names none. */
static int find_groups(struct import *im, const struct vcard *card, struct strv id,
		       struct cab_frame *frame)
{
	const uint32_t *head = cab_map_find(&im->members, id);
	uint32_t member = head ? *head : 0, at = 0;
	struct strv *groups, rest, one;
	unsigned n = 0, most = most_groups(im, card, member);

	if (!most)
		return 0;
	groups = arena_alloc(im->scratch, most * sizeof(*groups));
	if (!groups)
		return no_memory(im);
	for (unsigned i = 0; i < card->n; i++) {
		rest = card->prop[i].value;
		if (!strv_eq(card->prop[i].name, STRV("CATEGORIES")))
			continue;
		while (vcard_part(&rest, ',', &one)) {
			one = strv_trim(vcard_unescape(one, im->scratch));
			if (!one.n)
				continue;
			if (group_of_name(im, one, &at) < 0)
				return -1;
			if (!has_group(groups, n, im->book.group_id[at]))
				groups[n++] = im->book.group_id[at];
		}
	}
	for (; member; member = im->member[member - 1].next) {
		at = im->member[member - 1].group;
		if (!has_group(groups, n, im->book.group_id[at]))
			groups[n++] = im->book.group_id[at];
	}
	frame->group_id = groups;
	frame->n_groups = n;
	return 0;
}

static const char own_xmlns[] = " xmlns=\"" CAB_NS_BOOK "\"";

static int print_fresh(struct import *im, const struct vcard *card, struct cab_frame *frame,
		       unsigned *left_out)
{
	frame->modified = cab_card_modified(card, im->time_s, im->scratch);
	if (!im->book.is_default)
		frame->xmlns = strv_of(own_xmlns);
	if (!frame->modified.n)
		return no_memory(im);
	im->report->added++;
	cab_buf_char(&im->fresh, '\n');
	return cab_contact_print(card, frame, im->scratch, &im->fresh, left_out, im->err);
}

static struct strv attribute_of(const struct cab_element *contact, const char *name)
{
	const struct xcap_name attr = { { NULL, 0 }, strv_of(name) };
	struct strv raw;

	return xcap_spot_attr(contact->spot, &attr, &raw) ? raw : strv_mem(NULL, 0);
}

/* The new text of contact AT, unless it says what it said. */
static int print_change(struct import *im, const struct vcard *card, uint32_t at,
			struct cab_frame *frame, unsigned *left_out)
{
	const struct cab_element *contact = &im->book.contact[at];
	size_t start = im->changed.n;
	void *items = im->change;
	char *xmlns;

	if (!im->book.is_default) {
		xmlns = arena_printf(im->scratch, "%s%.*s", own_xmlns, STRV_ARG(frame->xmlns));
		if (!xmlns)
			return no_memory(im);
		frame->xmlns = strv_of(xmlns);
	}
	/* Without REV it is as old as it was, if it says the same. */
	frame->modified = vcard_find(card, "REV") ? cab_card_modified(card, im->time_s, im->scratch)
						  : attribute_of(contact, "last-modified");
	if (cab_contact_print(card, frame, im->scratch, &im->changed, left_out, im->err) < 0)
		return -1;
	if (im->changed.failed)
		return no_memory(im);
	if (strv_eq(strv_mem(im->changed.p + start, im->changed.n - start), contact->text)) {
		im->changed.n = start;
		im->report->same++;
		return 0;
	}
	if (!vcard_find(card, "REV")) {
		im->changed.n = start;
		frame->modified = cab_card_modified(card, im->time_s, im->scratch);
		if (cab_contact_print(card, frame, im->scratch, &im->changed, left_out, im->err) <
		    0)
			return -1;
	}
	if (grow(&items, im->n_changes, &im->changes_room, sizeof(*im->change)) < 0)
		return no_memory(im);
	im->change = items;
	im->change[im->n_changes++] = (struct change){ at, start, im->changed.n - start };
	im->report->updated++;
	return 0;
}

static int take_card(struct import *im, const struct vcard *card, uint32_t n)
{
	struct strv id = cab_card_id(card, im->scratch);
	const uint32_t *last = cab_map_find(&im->last, id);
	const uint32_t *at = cab_map_find(&im->book.contacts, id);
	struct cab_frame frame = { .id = id };
	unsigned left_out = 0;

	if (!id.n || !last)
		return no_memory(im);
	im->report->cards++;
	im->report->faulty += card->faults != 0;
	if (*last != n) {
		im->report->twice++;
		return 0;
	}
	if (at &&
	    cab_book_keep(&im->book, &im->book.contact[*at], im->scratch, &frame, im->err) < 0)
		return -1;
	if (find_groups(im, card, id, &frame) < 0)
		return -1;
	if (at ? print_change(im, card, *at, &frame, &left_out) < 0
	       : print_fresh(im, card, &frame, &left_out) < 0)
		return -1;
	im->report->no_pictures += (left_out & CAB_LEFT_PICTURE) != 0;
	im->report->no_properties += (left_out & CAB_LEFT_PROPERTY) != 0;
	if (left_out)
		remark(im, card->line,
		       left_out & CAB_LEFT_PICTURE ? "the picture is too large for a contact"
						   : "a property is too large for a contact");
	return 0;
}

static int second_pass(struct import *im)
{
	struct vcard card;
	uint32_t n = 0;
	int got;

	im->source->rewind(im->source->arg);
	for (;; n++) {
		arena_reset(im->scratch);
		got = im->source->next(im->source->arg, im->scratch, &card, im->err);
		if (got == 0)
			return 0;
		if (got < 0 && im->err->code == ERR_NOMEM)
			return -1;
		if (got < 0 || cab_card_is_group(&card))
			continue; /* said in the first pass */
		if (take_card(im, &card, n) < 0)
			return -1;
		/* A text that is too large already need not grow further. */
		if (im->out->max && im->fresh.n + im->changed.n > im->out->max)
			return err_set(im->err, ERR_LIMIT,
				       "the address book would have more than %zu octets",
				       im->out->max);
	}
}

/* ---- putting together ---- */

static int by_contact(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	return (x->contact > y->contact) - (x->contact < y->contact);
}

static void put_groups(struct import *im)
{
	for (unsigned i = im->old_groups; i < im->book.n_groups; i++) {
		cab_buf_put(im->out, STRV("\n<group"));
		if (!im->book.is_default)
			cab_buf_put(im->out, strv_of(own_xmlns));
		cab_buf_put(im->out, STRV(" id=\""));
		cab_buf_xml(im->out, im->book.group_id[i]);
		cab_buf_put(im->out, STRV("\"><display-name>"));
		cab_buf_xml(im->out, im->book.group_name[i]);
		cab_buf_put(im->out, STRV("</display-name></group>"));
	}
}

static void put_new(struct import *im)
{
	cab_buf_put(im->out, cab_buf_text(&im->fresh));
	put_groups(im);
	cab_buf_char(im->out, '\n');
}

static int put_together(struct import *im)
{
	const struct cab_book *book = &im->book;
	size_t at = 0;

	if (im->fresh.failed || im->changed.failed)
		return no_memory(im);
	if (!book->doc) {
		cab_buf_put(im->out, STRV("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
					  "<address-book xmlns=\"" CAB_NS_BOOK "\">"));
		put_new(im);
		cab_buf_put(im->out, STRV("</address-book>\n"));
		return cab_buf_check(im->out, im->err);
	}
	if (im->n_changes)
		qsort(im->change, im->n_changes, sizeof(*im->change), by_contact);
	for (unsigned i = 0; i < im->n_changes; i++) {
		const struct change *change = &im->change[i];
		struct strv old = book->contact[change->contact].text;
		size_t start = (size_t)(old.p - book->text.p);

		cab_buf_put(im->out, strv_mem(book->text.p + at, start - at));
		cab_buf_put(im->out, strv_mem(im->changed.p + change->at, change->n));
		at = start + old.n;
	}
	cab_buf_put(im->out, strv_mem(book->text.p + at, book->end - at));
	at = book->end;
	if (book->is_bare) {
		struct strv name = xcap_spot_qname(&book->root);

		cab_buf_char(im->out, '>');
		put_new(im);
		cab_buf_put(im->out, STRV("</"));
		cab_buf_put(im->out, name);
		cab_buf_char(im->out, '>');
		at += 2;
	} else if (im->fresh.n || book->n_groups > im->old_groups) {
		put_new(im);
	}
	cab_buf_put(im->out, strv_mem(book->text.p + at, book->text.n - at));
	return cab_buf_check(im->out, im->err);
}

static int run(struct import *im, struct strv old)
{
	if (cab_book_open(&im->book, old, im->arena, im->err) < 0)
		return -1;
	im->old_groups = im->book.n_groups;
	if (first_pass(im) < 0 || second_pass(im) < 0)
		return -1;
	im->report->groups = im->book.n_groups - im->old_groups;
	if (!im->report->added && !im->report->updated && !im->report->groups)
		return 0;
	return put_together(im) < 0 ? -1 : 1;
}

int cab_book_import(struct strv old, const struct cab_source *source, int64_t time_s,
		    struct cab_buf *out, struct cab_report *report, struct err *err)
{
	struct import im = { .source = source,
			     .arena = arena_new(0),
			     .scratch = arena_new(0),
			     .time_s = time_s,
			     .report = report,
			     .out = out,
			     .err = err };
	int ret;

	memset(report, 0, sizeof(*report));
	im.last.arena = im.members.arena = im.arena;
	ret = im.arena && im.scratch ? run(&im, old) : no_memory(&im);
	cab_book_close(&im.book);
	cab_buf_fini(&im.fresh);
	cab_buf_fini(&im.changed);
	cab_map_fini(&im.last);
	cab_map_fini(&im.members);
	free(im.change);
	free(im.member);
	arena_free(&im.arena);
	arena_free(&im.scratch);
	return ret;
}

/* ---- files of vCards ---- */

static int next_vcard(void *arg, struct arena *arena, struct vcard *card_out, struct err *err)
{
	struct cab_vcards *vcards = arg;

	return vcard_read(&vcards->reader, arena, card_out, err);
}

static void rewind_vcards(void *arg)
{
	struct cab_vcards *vcards = arg;

	vcard_reader_init(&vcards->reader, vcards->text, NULL);
}

void cab_vcards_source(struct cab_vcards *vcards, struct strv text, struct cab_source *out)
{
	vcards->text = text;
	rewind_vcards(vcards);
	*out = (struct cab_source){ next_vcard, rewind_vcards, vcards };
}
