/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/xdms/test_xdm_store.c - a change, its document and its log entry are one commit
 *
 * Over the engine in memory, on a thread that may block.
 */
#include "xdms/xdm_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/xdms/doc_check.h"
#include "tests/xdms/xdm_world.h"

/* Records of the owner whose names begin with PREFIX. */
static unsigned count(struct xdm_world *w, const char *prefix, struct kv_item *item)
{
	struct kv_read read = { .owner = STRV(OWNER), .items = item, .n_items = 1 };

	*item = (struct kv_item){ .kind = KV_RANGE, .from = strv_of(prefix) };
	read.arena = w->arena;
	assert_int_equal(kv_read_sync(w->kv, &read), KV_DONE);
	while (item->n_records &&
	       !strv_starts(item->records[item->n_records - 1].name, strv_of(prefix)))
		item->n_records--;
	return item->n_records;
}

static struct xdm_log_entry entry_at(struct xdm_world *w, uint64_t number)
{
	struct strv name = xdm_log_entry_name(STRV(NAME), number, w->arena);
	struct kv_item item = { .kind = KV_GET, .from = name };
	struct kv_read read = { .owner = STRV(OWNER), .items = &item, .n_items = 1 };
	struct xdm_log_entry entry = { 0 };
	struct err err;

	read.arena = w->arena;
	assert_int_equal(kv_read_sync(w->kv, &read), KV_DONE);
	if (!item.n_records)
		return entry;
	assert_int_equal(xdm_log_decode(item.records[0].value, w->arena, &entry, &err), 0);
	entry.version = item.records[0].version;
	return entry;
}

static void each_change_is_an_entry(void **state)
{
	struct xdm_world *w = *state;
	uint64_t made, edited, gone, again;
	struct xdm_log_entry e;

	made = xdm_world_put(w, "<r><a/></r>", 1000);
	edited = xdm_world_put_node(w, "r/a", "<a>1</a>", 2000);
	gone = xdm_world_put(w, NULL, 3000);
	again = xdm_world_put(w, "<r/>", 4000);

	e = entry_at(w, 1);
	assert_int_equal(e.kind, XDM_PUT_DOCUMENT);
	assert_int_equal(e.version, made);
	assert_int_equal(e.old_version, 0);
	assert_int_equal(e.time_us, 1000);
	assert_int_equal(e.epoch, kv_epoch(w->kv));
	assert_true(strv_eq(e.who, STRV(OWNER)));
	e = entry_at(w, 2);
	assert_int_equal(e.kind, XDM_PUT_NODE);
	assert_int_equal(e.old_version, made);
	assert_int_equal(e.version, edited);
	assert_int_equal(e.patch.n, 1);
	assert_true(strv_eq(e.patch.op[0].content, STRV("<a>1</a>")));
	assert_true(strv_eq(e.selector, STRV("r/a")));
	e = entry_at(w, 3);
	assert_true(e.gone);
	assert_int_equal(e.version, gone);
	assert_true(strv_eq(e.delta.removed, STRV("<r><a>1</a></r>")));
	e = entry_at(w, 4);
	assert_int_equal(e.old_version, 0);
	assert_int_equal(e.version, again);
}

/* Whoever saw the document absent before it came and went is not to write over its log. */
static void an_absent_document_of_before_is_a_conflict(void **state)
{
	struct xdm_world *w = *state;
	struct xdm_doc *absent;

	assert_int_equal(xdm_find_sync(w->store, STRV(OWNER), STRV(NAME), &absent), KV_DONE);
	assert_null(absent->doc);
	xdm_world_put(w, "<r/>", 1);
	xdm_world_put(w, NULL, 2);
	assert_int_equal(xdm_world_commit(w, absent, "<r><late/></r>", NULL).status, KV_CONFLICT);
	xdm_doc_drop(&absent);
	assert_int_equal(xdm_find_sync(w->store, STRV(OWNER), STRV(NAME), &absent), KV_DONE);
	assert_int_equal(xdm_world_commit(w, absent, "<r><late/></r>", NULL).status, KV_DONE);
	xdm_doc_drop(&absent);
	assert_int_equal(entry_at(w, 3).kind, XDM_PUT_DOCUMENT);
}

static void only_so_many_are_kept(void **state)
{
	struct xdm_world *w = *state;
	struct kv_item item;
	char body[64];

	xdm_world_put(w, "<r><a/></r>", 1);
	for (unsigned i = 0; i < 2 * KEEP; i++) {
		snprintf(body, sizeof(body), "<a>%u</a>", i);
		xdm_world_put_node(w, "r/a", body, i);
	}
	assert_int_equal(count(w, "p/", &item), KEEP + 1); /* and their head */
	assert_int_equal(entry_at(w, 2 * KEEP + 1).time_us, 2 * KEEP - 1);
	assert_int_equal(entry_at(w, KEEP + 1).version, 0);
}

/* An element of a large document: its chunk, the head, the entry and the log's head. */
static void an_edit_writes_four_records(void **state)
{
	struct xdm_world *w = *state;
	char *text = xdm_world_book(1000);
	struct kv_item before, after;
	uint64_t seq;
	size_t written = 0, records = 0;

	xdm_world_put(w, text, 1);
	assert_true(count(w, "x/", &before) > 10);
	seq = xdm_world_put_node(w, "r/e[500]", "<e uri=\"sip:new@example.com\">new</e>", 2);
	count(w, "", &after);
	for (unsigned i = 0; i < after.n_records; i++)
		if (after.records[i].version == seq) {
			records++;
			written += after.records[i].value.n;
		}
	assert_int_equal(records, 4);
	assert_true(written < 20 * 1024);
	free(text);
}

static void the_log_goes_with_the_owner(void **state)
{
	struct xdm_world *w = *state;
	struct xdm_doc *doc;
	struct kv_item item;

	xdm_world_put(w, "<r/>", 1);
	assert_int_equal(kv_erase_sync(w->kv, STRV(OWNER)).status, KV_DONE);
	assert_int_equal(count(w, "", &item), 0);
	assert_int_equal(xdm_find_sync(w->store, STRV(OWNER), STRV(NAME), &doc), KV_DONE);
	assert_null(doc->doc);
	assert_int_equal(doc->log.n, 0);
	xdm_doc_drop(&doc);
	xdm_world_put(w, "<r/>", 2);
	assert_int_equal(entry_at(w, 1).time_us, 2);
}

/* ---- hooks ---- */

static char hooked[512];

static void on_changed(void *arg, struct strv owner, struct strv name, uint64_t seq)
{
	(void)arg;
	snprintf(hooked + strlen(hooked), sizeof(hooked) - strlen(hooked), "changed %.*s %.*s %u; ",
		 STRV_ARG(owner), STRV_ARG(name), (unsigned)seq);
}

static void on_published(void *arg, struct strv owner, struct strv name, const struct xdm_doc *doc)
{
	(void)arg;
	snprintf(hooked + strlen(hooked), sizeof(hooked) - strlen(hooked), "%s %.*s %.*s %u; ",
		 doc->doc ? "published" : "gone", STRV_ARG(owner), STRV_ARG(name),
		 (unsigned)doc->value.version);
}

static void hooks_hear_before_the_answer(void **state)
{
	const struct xdm_hook hook = { on_changed, on_published, NULL };
	struct xdm_world *w = *state;
	struct err err;

	hooked[0] = '\0';
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(xdm_store_hook(w->store, i ? &(struct xdm_hook){ 0 } : &hook,
						&err),
				 0);
	assert_int_equal(xdm_store_hook(w->store, &hook, &err), -1);
	xdm_world_put(w, "<r><a/></r>", 1);
	xdm_world_put_node(w, "r/a", NULL, 1);
	xdm_world_put(w, NULL, 1);
	kv_erase_sync(w->kv, STRV(OWNER));
	assert_string_equal(hooked, "changed " OWNER " " NAME " 1; published " OWNER " " NAME " 1; "
				    "changed " OWNER " " NAME " 2; published " OWNER " " NAME " 2; "
				    "changed " OWNER " " NAME " 3; gone " OWNER " " NAME " 3; "
				    "changed " OWNER "  4; ");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, xdm_world_setup, xdm_world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_change_is_an_entry),	   TEST(an_absent_document_of_before_is_a_conflict),
		TEST(only_so_many_are_kept),	   TEST(an_edit_writes_four_records),
		TEST(the_log_goes_with_the_owner), TEST(hooks_hear_before_the_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
