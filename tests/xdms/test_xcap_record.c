/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/xdms/test_xcap_record.c - records: what an edit writes, and damaged ones are told
 */
#include "xdms/xcap_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/xdms/doc_check.h"
#include "xdms/xcap_edit.h"

static struct xcap_doc *contacts(unsigned n)
{
	struct xcap_doc *doc;
	struct err err;
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	fprintf(to, "<?xml version=\"1.0\"?>\n<lists xmlns=\"urn:l\"><list name=\"all\">\n");
	for (unsigned i = 0; i < n; i++)
		fprintf(to, "<entry uri=\"sip:%u@x\"><display-name>No. %u</display-name></entry>\n",
			i, i);
	fprintf(to, "</list></lists>\n<!-- end -->");
	fclose(to);
	assert_int_equal(xcap_doc_parse(strv_mem(text, size), NULL, &doc, &err), 0);
	free(text);
	return doc;
}

static struct xcap_doc *put(const struct xcap_doc *doc, const char *selector, const char *body,
			    struct arena *arena)
{
	struct xcap_edit edit;
	struct xcap_fault fault;
	struct xcap_sel sel;
	struct err err;

	assert_int_equal(xcap_sel_parse(strv_of(selector), STRV(""), STRV("urn:l"), arena, &sel,
					&err),
			 0);
	assert_int_equal(xcap_edit_put(doc, &sel, strv_of(body), NULL, arena, &edit, &fault, &err),
			 0);
	return edit.doc;
}

/* However large the document: the head, one chunk, and the chunk before goes. */
static void an_edit_writes_one_chunk(void **state)
{
	static const unsigned sizes[] = { 1, 10, 100, 1000, 10000 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct arena *arena = arena_new(0);
		struct xcap_doc *doc = contacts(sizes[i]), *after;
		struct xcap_record *record;
		unsigned n;

		after = put(doc, "lists/list/entry[1]", "<entry uri=\"sip:new@x\"/>", arena);
		assert_int_equal(xcap_record_changes(after, doc, arena, &record, &n), 0);
		assert_int_equal(n, 3);
		assert_int_equal(record[0].id, XCAP_RECORD_HEAD);
		assert_true(record[0].bytes.n < 32 + sizes[i] / 4);
		assert_true(record[1].bytes.n > 0 && record[1].bytes.n < 16 * 1024);
		assert_int_equal(record[2].bytes.n, 0);
		assert_int_not_equal(record[1].id, record[2].id);
		xcap_doc_drop(&after);
		after = put(doc, "lists/list/@name", "\"some\"", arena);
		assert_int_equal(xcap_record_changes(after, doc, arena, &record, &n), 0);
		assert_int_equal(n, 3);
		xcap_doc_drop(&after);
		xcap_doc_drop(&doc);
		arena_free(&arena);
	}
}

/* From one version to a later one, several edits between: as many writes as chunks differ. */
static void many_edits_at_once(void **state)
{
	struct arena *arena = arena_new(0);
	struct xcap_doc *first = contacts(3000), *doc = xcap_doc_hold(first), *next, *back;
	struct xcap_record *before, *change, *all;
	unsigned n_before, n_change, n = 0;
	struct err err;
	char *a, *b;

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		char sel[64];

		sprintf(sel, "lists/list/entry[%u]", 1 + (i * 73 % 10 + i / 10 * 900));
		next = put(doc, sel, "<entry uri=\"sip:other@x\"><display-name/></entry>", arena);
		xcap_doc_drop(&doc);
		doc = next;
	}
	assert_int_equal(xcap_record_changes(first, NULL, arena, &before, &n_before), 0);
	assert_int_equal(xcap_record_changes(doc, first, arena, &change, &n_change), 0);
	all = calloc(n_before + n_change, sizeof(*all));
	for (unsigned i = 1; i < n_before; i++) {
		unsigned k = 1;

		while (k < n_change && change[k].id != before[i].id)
			k++;
		if (k == n_change)
			all[n++] = before[i];
		else
			assert_int_equal(change[k].bytes.n, 0);
	}
	for (unsigned k = 1; k < n_change; k++)
		if (change[k].bytes.n)
			all[n++] = change[k];
	assert_int_equal(n_change, 1 + 4 + 4); /* four places of ten edits each */
	assert_int_equal(xcap_record_load(change[0].bytes, all, n, NULL, &back, &err), 0);
	a = doc_text(doc, NULL);
	b = doc_text(back, NULL);
	assert_string_equal(a, b);
	free(a);
	free(b);
	free(all);
	xcap_doc_drop(&back);
	xcap_doc_drop(&doc);
	xcap_doc_drop(&first);
	arena_free(&arena);
}

struct records {
	struct arena *arena;
	struct xcap_record *record; /* the head first */
	unsigned n;
};

static struct records records_of(unsigned contacts_n)
{
	struct records r = { .arena = arena_new(0) };
	struct xcap_doc *doc = contacts(contacts_n), *opened;

	opened = put(doc, "lists/list/entry[1]", "<entry/>", r.arena);
	xcap_doc_drop(&doc);
	doc = put(opened, "lists/list/entry[1]/x", "<x/>", r.arena); /* leaves a mark */
	xcap_doc_drop(&opened);
	assert_int_equal(xcap_record_changes(doc, NULL, r.arena, &r.record, &r.n), 0);
	xcap_doc_drop(&doc);
	return r;
}

static int load(const struct records *r, struct strv head, const struct xcap_record *chunk,
		unsigned n, struct err *err)
{
	struct xcap_doc *doc;
	int rc;

	(void)r;
	memset(err, 0, sizeof(*err));
	rc = xcap_record_load(head, chunk, n, NULL, &doc, err);
	if (rc == 0)
		doc_check(doc);
	else
		assert_null(doc);
	xcap_doc_drop(&doc);
	return rc;
}

static void wrong_sets_are_told(void **state)
{
	struct records r = records_of(300);
	struct xcap_record *more = calloc(r.n + 1, sizeof(*more));
	struct strv head = r.record[0].bytes;
	struct err err;

	(void)state;
	assert_true(r.n > 5);
	assert_int_equal(load(&r, head, r.record + 1, r.n - 1, &err), 0);
	for (unsigned i = 1; i < r.n; i++) { /* each one missing, each one twice */
		memcpy(more, r.record + 1, (r.n - 1) * sizeof(*more));
		more[i - 1] = more[r.n - 2];
		assert_int_equal(load(&r, head, more, r.n - 2, &err), -1);
		assert_int_equal(err.code, ERR_CORRUPT);
		memcpy(more, r.record + 1, (r.n - 1) * sizeof(*more));
		more[r.n - 1] = r.record[i];
		assert_int_equal(load(&r, head, more, r.n, &err), -1);
		assert_int_equal(err.code, ERR_CORRUPT);
		more[r.n - 1].id = 100000; /* one that nobody asks for */
		assert_int_equal(load(&r, head, more, r.n, &err), -1);
		assert_int_equal(err.code, ERR_CORRUPT);
	}
	/* Two that stand for each other have the wrong tags or the wrong place. */
	memcpy(more, r.record + 1, (r.n - 1) * sizeof(*more));
	more[0].bytes = r.record[2].bytes;
	more[1].bytes = r.record[1].bytes;
	assert_int_equal(load(&r, head, more, r.n - 1, &err), -1);
	assert_int_equal(load(&r, strv_mem(NULL, 0), r.record + 1, r.n - 1, &err), -1);
	assert_int_equal(load(&r, STRV("\x01"), r.record + 1, r.n - 1, &err), -1);
	assert_int_equal(load(&r, STRV("\x01\x02\x00\x00"), NULL, 0, &err), -1);
	for (size_t n = 0; n < head.n; n++)
		assert_int_equal(load(&r, strv_mem(head.p, n), r.record + 1, r.n - 1, &err), -1);
	free(more);
	arena_free(&r.arena);
}

/* A changed octet of text can be text as well; nothing else gets through, and nothing breaks. */
static void damage_is_told_or_harmless(void **state)
{
	struct records r = records_of(100);
	unsigned told = 0, taken = 0;
	struct err err;

	(void)state;
	for (unsigned i = 0; i < r.n; i++) {
		struct strv was = r.record[i].bytes;
		char *copy = malloc(was.n);

		for (size_t at = 0; at < was.n; at += 1 + at / 40) {
			for (unsigned bit = 0; bit < 8; bit++) {
				memcpy(copy, was.p, was.n);
				copy[at] = (char)(copy[at] ^ 1 << bit);
				r.record[i].bytes = strv_mem(copy, was.n);
				if (load(&r, r.record[0].bytes, r.record + 1, r.n - 1, &err) < 0)
					told++;
				else
					taken++;
			}
		}
		r.record[i].bytes = was;
		free(copy);
	}
	assert_true(told > 200 && taken > 0);
	arena_free(&r.arena);
}

static void limits_hold(void **state)
{
	struct records r = records_of(300);
	struct xcap_limits few = xcap_limits_default;
	struct xcap_doc *doc;
	struct err err;

	(void)state;
	few.nodes = 300;
	assert_int_equal(xcap_record_load(r.record[0].bytes, r.record + 1, r.n - 1, &few, &doc,
					  &err),
			 -1);
	assert_int_equal(err.code, ERR_LIMIT);
	arena_free(&r.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_edit_writes_one_chunk),
		cmocka_unit_test(many_edits_at_once),
		cmocka_unit_test(wrong_sets_are_told),
		cmocka_unit_test(damage_is_told_or_harmless),
		cmocka_unit_test(limits_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
