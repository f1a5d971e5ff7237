/* SPDX-License-Identifier: Apache-2.0 */
/* xdms/xdm_log.c - see xdm_log.h */
#include "xdms/xdm_log.h"

enum {
	FORM = 1,
	HEAD_FORM = 2, /* 1 had no times */
	HEAD_FORM_OLD = 1,
	NUMBER_OCTETS_MAX = 10,
	UNIT = 64, /* octets that sizes are counted by */
	NUMBER_BYTES = 8,
	GONE = 1, /* flags */
	HAS_REMOVED = 2,
	HAS_PATCH = 4,
	FLAGS = 7
};

static const char *const kind_names[XDM_LOG_KINDS] = { "put", "delete", "put-node", "delete-node",
						       "undo" };

const char *xdm_log_kind_name(enum xdm_log_kind kind)
{
	return (unsigned)kind < XDM_LOG_KINDS ? kind_names[kind] : "?";
}

/* ---- writing ---- */

static void put_number(struct xcap_print *print, uint64_t n)
{
	char text[NUMBER_OCTETS_MAX], *to = text;

	for (; n > 0x7f; n >>= 7)
		*to++ = (char)((n & 0x7f) | 0x80);
	*to++ = (char)n;
	xcap_print(print, strv_mem(text, (size_t)(to - text)));
}

static void put_octet(struct xcap_print *print, unsigned octet)
{
	char c = (char)octet;

	xcap_print(print, strv_mem(&c, 1));
}

static void put_text(struct xcap_print *print, struct strv s)
{
	put_number(print, s.n);
	xcap_print(print, s);
}

static size_t patch_octets(const struct xcap_patch *patch)
{
	size_t n = 0;

	for (unsigned i = 0; i < patch->n; i++)
		n += patch->op[i].sel.n + patch->op[i].type.n + patch->op[i].content.n;
	for (unsigned i = 0; i < patch->n_bindings; i++)
		n += patch->binding[i].prefix.n + patch->binding[i].uri.n;
	return n;
}

static void put_patch(struct xcap_print *print, const struct xcap_patch *patch)
{
	put_number(print, patch->n);
	for (unsigned i = 0; i < patch->n; i++) {
		const struct xcap_op *op = &patch->op[i];

		put_octet(print, op->kind);
		put_octet(print, op->pos);
		put_octet(print, op->is_xml != 0);
		put_text(print, op->sel);
		put_text(print, op->type);
		put_text(print, op->content);
	}
	put_number(print, patch->n_bindings);
	for (unsigned i = 0; i < patch->n_bindings; i++) {
		put_text(print, patch->binding[i].prefix);
		put_text(print, patch->binding[i].uri);
	}
}

static struct strv encode(const struct xdm_log_entry *entry, int with_removed, int with_patch,
			  struct arena *arena)
{
	struct xcap_print print = { .arena = arena };

	put_octet(&print, FORM);
	put_octet(&print, entry->kind);
	put_octet(&print, (entry->gone ? GONE : 0U) | (with_removed ? HAS_REMOVED : 0U) |
				  (with_patch ? HAS_PATCH : 0U));
	put_number(&print, entry->epoch);
	put_number(&print, entry->old_version);
	put_number(&print, (uint64_t)entry->time_us);
	put_number(&print, entry->undoes);
	put_number(&print, entry->delta.at);
	put_number(&print, entry->delta.inserted_n);
	put_number(&print, entry->delta.lead);
	put_number(&print, entry->delta.trail);
	put_text(&print, entry->who);
	put_text(&print, entry->selector);
	put_number(&print, entry->delta.removed.n);
	if (with_removed)
		xcap_print(&print, entry->delta.removed);
	if (with_patch)
		put_patch(&print, &entry->patch);
	return xcap_print_end(&print);
}

struct strv xdm_log_encode(const struct xdm_log_entry *entry, size_t max_bytes, struct arena *arena)
{
	size_t patch = patch_octets(&entry->patch);
	int with_patch = entry->patch.n && patch <= XDM_LOG_PATCH_MAX && patch <= max_bytes;
	int with_removed = entry->has_removed &&
			   entry->delta.removed.n + (with_patch ? patch : 0) <= max_bytes;

	return encode(entry, with_removed, with_patch, arena);
}

/* ---- reading ---- */

/* What is left of the octets; the first fault sticks. */
struct input {
	struct strv s;
	int failed;
};

static uint64_t get_number(struct input *in)
{
	uint64_t n = 0;

	for (size_t i = 0; i < in->s.n && i < NUMBER_OCTETS_MAX; i++) {
		unsigned char c = (unsigned char)in->s.p[i];

		if (i == NUMBER_OCTETS_MAX - 1 && c > 1)
			break;
		n |= (uint64_t)(c & 0x7f) << (7 * i);
		if (c & 0x80)
			continue;
		in->s = strv_mem(in->s.p + i + 1, in->s.n - i - 1);
		return n;
	}
	in->failed = 1;
	in->s.n = 0;
	return 0;
}

static unsigned get_octet(struct input *in, unsigned max)
{
	unsigned octet;

	if (!in->s.n || (octet = (unsigned char)*in->s.p) > max) {
		in->failed = 1;
		return 0;
	}
	in->s = strv_mem(in->s.p + 1, in->s.n - 1);
	return octet;
}

static struct strv get_octets(struct input *in, uint64_t n)
{
	struct strv text = strv_mem(in->s.p, 0);

	if (n > in->s.n) {
		in->failed = 1;
		return text;
	}
	text.n = (size_t)n;
	in->s = strv_mem(in->s.p + n, in->s.n - n);
	return text;
}

static struct strv get_text(struct input *in)
{
	return get_octets(in, get_number(in));
}

static int corrupt(struct err *err, const char *what)
{
	return err_set(err, ERR_CORRUPT, "a document's log: %s", what);
}

static int get_patch(struct input *in, struct arena *arena, struct xcap_patch *patch,
		     struct err *err)
{
	struct xcap_binding *binding;
	uint64_t n = get_number(in);

	if (!n || n > sizeof(patch->op) / sizeof(patch->op[0]))
		return corrupt(err, "operations");
	patch->n = (unsigned)n;
	for (unsigned i = 0; i < patch->n; i++) {
		patch->op[i].kind = get_octet(in, XCAP_OP_REMOVE);
		patch->op[i].pos = get_octet(in, XCAP_POS_AFTER);
		patch->op[i].is_xml = (int)get_octet(in, 1);
		patch->op[i].sel = get_text(in);
		patch->op[i].type = get_text(in);
		patch->op[i].content = get_text(in);
	}
	n = get_number(in);
	if (n > in->s.n / 2) /* each takes two octets at least */
		return corrupt(err, "bindings");
	binding = arena_zalloc(arena, (size_t)n + 1, sizeof(*binding));
	if (!binding)
		return err_set(err, ERR_NOMEM, "no memory for a log entry");
	patch->binding = binding;
	patch->n_bindings = (unsigned)n;
	for (unsigned i = 0; i < patch->n_bindings; i++) {
		binding[i].prefix = get_text(in);
		binding[i].uri = get_text(in);
	}
	return 0;
}

int xdm_log_decode(struct strv value, struct arena *arena, struct xdm_log_entry *entry_out,
		   struct err *err)
{
	struct input in = { value, 0 };
	struct xdm_log_entry *e = entry_out;
	unsigned flags;

	memset(e, 0, sizeof(*e));
	if (get_octet(&in, FORM) != FORM)
		return corrupt(err, "an entry of another form");
	e->kind = get_octet(&in, XDM_LOG_KINDS - 1);
	flags = get_octet(&in, FLAGS);
	e->gone = (flags & GONE) != 0;
	e->has_removed = (flags & HAS_REMOVED) != 0;
	e->epoch = get_number(&in);
	e->old_version = get_number(&in);
	e->time_us = (int64_t)get_number(&in);
	e->undoes = get_number(&in);
	e->delta.at = get_number(&in);
	e->delta.inserted_n = get_number(&in);
	e->delta.lead = get_number(&in);
	e->delta.trail = get_number(&in);
	e->who = get_text(&in);
	e->selector = get_text(&in);
	e->delta.removed.n = get_number(&in);
	if (e->has_removed)
		e->delta.removed = get_octets(&in, e->delta.removed.n);
	if (!in.failed && (flags & HAS_PATCH) && get_patch(&in, arena, &e->patch, err) < 0)
		return -1;
	/* No document is so large that a sum of places in it could wrap. */
	if (in.failed || in.s.n || e->delta.lead > e->delta.at || e->delta.at > UINT32_MAX ||
	    e->delta.inserted_n > UINT32_MAX || e->delta.removed.n > UINT32_MAX ||
	    e->delta.trail > UINT32_MAX)
		return corrupt(err, "an entry");
	return 0;
}

/* ---- the head ---- */

/* What a head says of one entry. */
struct kept {
	uint64_t units;
	int64_t time_s; /* 0: an older version of us did not say */
};

struct head {
	uint64_t next, n;
	struct kept *kept; /* with room for one more */
};

/* HEAD without what it says of its entries, which IN is then at. */
static int open_head(struct strv text, uint64_t *next_out, uint64_t *n_out, unsigned *form_out,
		     struct input *in, struct err *err)
{
	*in = (struct input){ text, 0 };
	*form_out = get_octet(in, HEAD_FORM);
	if (in->failed || *form_out < HEAD_FORM_OLD)
		return corrupt(err, "a head of another form");
	*next_out = get_number(in);
	*n_out = get_number(in);
	if (in->failed || *n_out >= *next_out || *n_out > XDM_LOG_KEEP_MAX || *n_out > in->s.n)
		return corrupt(err, "the head");
	return 0;
}

static int read_head(struct strv text, struct arena *arena, struct head *head_out, struct err *err)
{
	struct input in = { text, 0 };
	uint64_t time_s = 0;
	unsigned form = HEAD_FORM;

	*head_out = (struct head){ .next = 1 };
	if (text.n && open_head(text, &head_out->next, &head_out->n, &form, &in, err) < 0)
		return -1;
	head_out->kept = arena_zalloc(arena, (size_t)head_out->n + 1, sizeof(*head_out->kept));
	if (!head_out->kept)
		return err_set(err, ERR_NOMEM, "no memory for a log");
	for (uint64_t i = 0; i < head_out->n; i++) {
		head_out->kept[i].units = get_number(&in);
		if (form == HEAD_FORM)
			time_s += get_number(&in);
		head_out->kept[i].time_s = (int64_t)(time_s & INT64_MAX);
	}
	if (in.failed || in.s.n)
		return corrupt(err, "the head's sizes");
	return 0;
}

/* Times as what they are after the one before: a clock that was set back stood still. */
static struct strv print_head(const struct head *head, uint64_t from, struct arena *arena)
{
	struct xcap_print print = { .arena = arena };
	int64_t before_s = 0;

	put_octet(&print, HEAD_FORM);
	put_number(&print, head->next);
	put_number(&print, head->n - from);
	for (uint64_t i = from; i < head->n; i++) {
		int64_t time_s = head->kept[i].time_s;

		if (time_s < before_s)
			time_s = before_s;
		put_number(&print, head->kept[i].units);
		put_number(&print, (uint64_t)(time_s - before_s));
		before_s = time_s;
	}
	return xcap_print_end(&print);
}

static int is_too_old(const struct xdm_log_keep *keep, const struct kept *kept, int64_t now_s)
{
	return keep->age_s > 0 && kept->time_s > 0 && kept->time_s < now_s - keep->age_s;
}

int xdm_log_step(struct strv text, size_t entry_bytes, int64_t time_s,
		 const struct xdm_log_keep *keep, struct arena *arena,
		 struct xdm_log_step *step_out, struct err *err)
{
	uint64_t units = entry_bytes / UNIT + 1, total = units, keep_units, n, gone = 0;
	struct head head;

	if (read_head(text, arena, &head, err) < 0)
		return -1;
	n = head.n;
	for (uint64_t i = 0; i < n; i++)
		total += head.kept[i].units;
	*step_out = (struct xdm_log_step){ .number = head.next, .gone = head.next - n };
	keep_units = keep->bytes / UNIT + 1;
	while (gone < n && (n - gone >= keep->entries || n - gone >= XDM_LOG_KEEP_MAX ||
			    total > keep_units || is_too_old(keep, &head.kept[gone], time_s)))
		total -= head.kept[gone++].units;
	step_out->n_gone = gone;
	head.kept[head.n++] = (struct kept){ units, time_s > 0 ? time_s : 0 };
	head.next++;
	step_out->head = print_head(&head, gone, arena);
	return step_out->head.n ? 0 : err_set(err, ERR_NOMEM, "no memory for a log");
}

int xdm_log_range(struct strv head, uint64_t *first_out, uint64_t *next_out, struct err *err)
{
	struct input in;
	unsigned form;
	uint64_t n;

	*first_out = *next_out = 1;
	if (!head.n)
		return 0;
	if (open_head(head, next_out, &n, &form, &in, err) < 0)
		return -1;
	*first_out = *next_out - n;
	return 0;
}

int64_t xdm_log_time(struct strv head)
{
	uint64_t next, n, time_s = 0;
	struct input in;
	unsigned form;
	struct err err;

	if (!head.n || open_head(head, &next, &n, &form, &in, &err) < 0 || form != HEAD_FORM)
		return 0;
	for (uint64_t i = 0; i < n; i++) {
		get_number(&in);
		time_s += get_number(&in);
	}
	return in.failed ? 0 : (int64_t)(time_s & INT64_MAX);
}

/* ---- names of records ---- */

struct strv xdm_log_entry_name(struct strv name, uint64_t number, struct arena *arena)
{
	char *text = arena_alloc(arena, name.n + 1 + NUMBER_BYTES);

	if (!text)
		return strv_mem(NULL, 0);
	memcpy(text, name.p, name.n);
	text[0] = 'p';
	text[name.n] = '\0';
	for (unsigned i = 0; i < NUMBER_BYTES; i++)
		text[name.n + 1 + i] = (char)(number >> (8 * (NUMBER_BYTES - 1 - i)));
	return strv_mem(text, name.n + 1 + NUMBER_BYTES);
}

struct strv xdm_log_name(struct strv name, struct arena *arena)
{
	struct strv text = xdm_log_entry_name(name, 0, arena);

	return strv_mem(text.p, text.n ? name.n : 0);
}

uint64_t xdm_log_number(struct strv name)
{
	uint64_t number = 0;
	const char *nul;

	if (!strv_starts(name, STRV("p/")) || !(nul = memchr(name.p, '\0', name.n)) ||
	    name.n - (size_t)(nul - name.p) != 1 + NUMBER_BYTES)
		return 0;
	for (unsigned i = 0; i < NUMBER_BYTES; i++)
		number = number << 8 | (unsigned char)nul[1 + i];
	return number;
}
