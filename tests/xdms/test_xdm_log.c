/* SPDX-License-Identifier: Apache-2.0 */
/* tests/xdms/test_xdm_log.c - entries of a document's log there and back, and what it keeps */
#include "xdms/xdm_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct xcap_binding bindings[] = {
	{ { "", 0 }, { "urn:d", 5 } },
	{ { "p", 1 }, { "urn:p", 5 } },
};

static struct xdm_log_entry sample(void)
{
	struct xdm_log_entry e = { .kind = XDM_PUT_NODE,
				   .epoch = UINT64_MAX,
				   .old_version = 1ULL << 40,
				   .time_us = 1700000000000000,
				   .who = STRV("sip:alice@example.com"),
				   .selector = STRV("a/b[1]?xmlns(p=urn:p)"),
				   .delta = { 1000, 20, 3, 4, STRV("<b>old</b>") },
				   .has_removed = 1 };

	e.patch.n = 2;
	e.patch.op[0] = (struct xcap_op){ XCAP_OP_ADD,		XCAP_POS_LAST, STRV("*"),
					  STRV("namespace::p"), STRV("urn:p"), 0 };
	e.patch.op[1] = (struct xcap_op){ XCAP_OP_REPLACE, XCAP_POS_AFTER, STRV("*/*[2]"),
					  { NULL, 0 },	   STRV("<b/>"),   1 };
	e.patch.binding = bindings;
	e.patch.n_bindings = 2;
	return e;
}

static void same_entry(const struct xdm_log_entry *a, const struct xdm_log_entry *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->epoch, b->epoch);
	assert_int_equal(a->old_version, b->old_version);
	assert_int_equal(a->gone, b->gone);
	assert_int_equal(a->time_us, b->time_us);
	assert_int_equal(a->undoes, b->undoes);
	assert_true(strv_eq(a->who, b->who) && strv_eq(a->selector, b->selector));
	assert_int_equal(a->delta.at, b->delta.at);
	assert_int_equal(a->delta.inserted_n, b->delta.inserted_n);
	assert_int_equal(a->delta.lead, b->delta.lead);
	assert_int_equal(a->delta.trail, b->delta.trail);
	assert_int_equal(a->delta.removed.n, b->delta.removed.n);
	if (b->has_removed)
		assert_true(strv_eq(a->delta.removed, b->delta.removed));
	assert_int_equal(a->patch.n, b->patch.n);
	for (unsigned i = 0; i < b->patch.n; i++) {
		const struct xcap_op *x = &a->patch.op[i], *y = &b->patch.op[i];

		assert_int_equal(x->kind, y->kind);
		assert_int_equal(x->pos, y->pos);
		assert_int_equal(x->is_xml, y->is_xml);
		assert_true(strv_eq(x->sel, y->sel) && strv_eq(x->type, y->type) &&
			    strv_eq(x->content, y->content));
	}
	assert_int_equal(a->patch.n_bindings, b->patch.n_bindings);
	for (unsigned i = 0; i < b->patch.n_bindings; i++)
		assert_true(strv_eq(a->patch.binding[i].prefix, b->patch.binding[i].prefix) &&
			    strv_eq(a->patch.binding[i].uri, b->patch.binding[i].uri));
}

static void there_and_back(void **state)
{
	struct arena *arena = arena_new(0);
	struct xdm_log_entry e = sample(), back;
	struct strv text = xdm_log_encode(&e, 1 << 20, arena);
	struct err err;

	(void)state;
	assert_int_equal(xdm_log_decode(text, arena, &back, &err), 0);
	same_entry(&back, &e);
	/* A deletion without operations. */
	e.kind = XDM_DELETE_DOCUMENT;
	e.gone = 1;
	e.patch.n = e.patch.n_bindings = 0;
	text = xdm_log_encode(&e, 1 << 20, arena);
	assert_int_equal(xdm_log_decode(text, arena, &back, &err), 0);
	same_entry(&back, &e);
	arena_free(&arena);
}

static void what_is_too_large_is_left_out(void **state)
{
	struct arena *arena = arena_new(0);
	struct xdm_log_entry e = sample(), back;
	struct err err;

	(void)state;
	e.delta.removed = strv_mem(arena_zalloc(arena, 5000, 1), 5000);
	assert_int_equal(xdm_log_decode(xdm_log_encode(&e, 4000, arena), arena, &back, &err), 0);
	assert_false(back.has_removed);
	assert_int_equal(back.delta.removed.n, 5000);
	assert_int_equal(back.patch.n, 2);
	e.patch.op[1].content =
		strv_mem(arena_zalloc(arena, XDM_LOG_PATCH_MAX, 1), XDM_LOG_PATCH_MAX);
	assert_int_equal(xdm_log_decode(xdm_log_encode(&e, 1 << 20, arena), arena, &back, &err), 0);
	assert_true(back.has_removed);
	assert_int_equal(back.patch.n, 0);
	arena_free(&arena);
}

/* Cut anywhere, or with any octet changed, an entry is refused or is another entry; the sanitizers
 * watch that nothing outside is read. */
static void damage_is_told(void **state)
{
	struct arena *arena = arena_new(0);
	struct xdm_log_entry e = sample(), back;
	struct strv text = xdm_log_encode(&e, 1 << 20, arena);
	struct err err;

	(void)state;
	for (size_t n = 0; n < text.n; n++) {
		char *cut = strv_dup(strv_mem(text.p, n));

		assert_int_equal(xdm_log_decode(strv_mem(cut, n), arena, &back, &err), -1);
		assert_int_equal(err.code, ERR_CORRUPT);
		free(cut);
	}
	for (size_t i = 0; i < text.n; i++)
		for (int c = 0; c < 256; c += 5) {
			char *other = strv_dup(text);

			other[i] = (char)c;
			xdm_log_decode(strv_mem(other, text.n), arena, &back, &err);
			free(other);
		}
	arena_free(&arena);
}

static const struct {
	const char *why;
	size_t entry_bytes;
	struct xdm_log_keep keep;
	unsigned steps;
	uint64_t first, next; /* afterwards */
} heads[] = {
	{ "the first", 100, { 10, 1 << 20, 0 }, 1, 1, 2 },
	{ "as many as may be", 100, { 10, 1 << 20, 0 }, 10, 1, 11 },
	{ "the oldest goes", 100, { 10, 1 << 20, 0 }, 11, 2, 12 },
	{ "the newest is kept always", 5000, { 1, 1024, 0 }, 5, 5, 6 },
	{ "nothing older than allowed", 100, { 100, 1 << 20, 500 }, 20, 15, 21 },
	{ "no more octets than allowed", 1000, { 100, 4096, 0 }, 50, 47, 51 },
};

static void a_log_keeps_what_it_shall(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct arena *arena = arena_new(0);
		struct strv head = { NULL, 0 };
		uint64_t first, next, gone = 0;
		struct xdm_log_step step;
		struct err err;

		for (unsigned k = 0; k < heads[i].steps; k++) {
			assert_int_equal(xdm_log_step(head, heads[i].entry_bytes, 100 * k + 1,
						      &heads[i].keep, arena, &step, &err),
					 0);
			assert_int_equal(step.number, k + 1);
			if (step.n_gone) /* each number once, in order */
				assert_int_equal(step.gone, gone + 1);
			gone += step.n_gone;
			head = step.head;
		}
		assert_int_equal(xdm_log_range(head, &first, &next, &err), 0);
		if (first != heads[i].first || next != heads[i].next)
			fail_msg("%s: %u to %u", heads[i].why, (unsigned)first, (unsigned)next);
		assert_int_equal(gone, first - 1);
		arena_free(&arena);
	}
}

static void fewer_are_kept_from_now_on(void **state)
{
	struct arena *arena = arena_new(0);
	struct xdm_log_keep keep = { 10, 1 << 20, 0 };
	struct strv head = { NULL, 0 };
	struct xdm_log_step step;
	struct err err;

	(void)state;
	for (unsigned k = 0; k < 10; k++) {
		assert_int_equal(xdm_log_step(head, 1, 7, &keep, arena, &step, &err), 0);
		head = step.head;
	}
	keep.entries = 3;
	assert_int_equal(xdm_log_step(head, 1, 7, &keep, arena, &step, &err), 0);
	assert_int_equal(step.gone, 1);
	assert_int_equal(step.n_gone, 8);
	for (size_t n = 1; n < step.head.n; n++)
		assert_int_equal(xdm_log_step(strv_mem(step.head.p, n), 1, 7, &keep, arena, &step,
					      &err),
				 -1);
	arena_free(&arena);
}

/* A head of before there were times is read on, and what it has goes by number only. */
static void heads_without_times_are_read(void **state)
{
	struct arena *arena = arena_new(0);
	struct xdm_log_keep keep = { 10, 1 << 20, 1 };
	struct strv old = strv_mem("\1\4\2\1\1", 5);
	struct xdm_log_step step;
	uint64_t first, next;
	struct err err;

	(void)state;
	assert_int_equal(xdm_log_range(old, &first, &next, &err), 0);
	assert_int_equal(first, 2);
	assert_int_equal(xdm_log_time(old), 0);
	assert_int_equal(xdm_log_step(old, 1, 1000, &keep, arena, &step, &err), 0);
	assert_int_equal(step.number, 4);
	assert_int_equal(step.n_gone, 0);
	assert_int_equal(xdm_log_time(step.head), 1000);
	/* A clock that is set back stands still. */
	assert_int_equal(xdm_log_step(step.head, 1, 900, &keep, arena, &step, &err), 0);
	assert_int_equal(xdm_log_time(step.head), 1000);
	assert_int_equal(xdm_log_step(step.head, 1, 2000, &keep, arena, &step, &err), 0);
	assert_int_equal(xdm_log_range(step.head, &first, &next, &err), 0);
	assert_int_equal(next, 7);
	assert_int_equal(xdm_log_time(step.head), 2000);
	arena_free(&arena);
}

static void names_of_records(void **state)
{
	struct arena *arena = arena_new(0);
	struct strv name = xdm_log_entry_name(STRV("x/a/b"), 258, arena);

	(void)state;
	assert_true(strv_eq(xdm_log_name(STRV("x/a/b"), arena), STRV("p/a/b")));
	assert_true(strv_eq(name, strv_mem("p/a/b\0\0\0\0\0\0\0\1\2", 14)));
	assert_int_equal(xdm_log_number(name), 258);
	assert_int_equal(xdm_log_number(STRV("p/a/b")), 0);
	assert_int_equal(xdm_log_number(strv_mem(name.p, 13)), 0);
	assert_int_equal(xdm_log_number(STRV("x/a/b")), 0);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(what_is_too_large_is_left_out),
		cmocka_unit_test(damage_is_told),
		cmocka_unit_test(a_log_keeps_what_it_shall),
		cmocka_unit_test(fewer_are_kept_from_now_on),
		cmocka_unit_test(heads_without_times_are_read),
		cmocka_unit_test(names_of_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
