/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/xdms/test_xcap_shared.c - one document, read, edited and dropped by several threads
 *
 * Documents are immutable and share chunks: nothing but reference counts is written by two threads.
 * Meant for --enable-tsan; without it the results are still compared.
 */
#include "xdms/xcap_edit.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/xdms/doc_check.h"

enum { THREADS = 4, ROUNDS = 150, ENTRIES = 900 };

struct thread {
	pthread_t id;
	struct xcap_doc *doc; /* the shared one, held */
	struct xcap_doc *own; /* what this thread has made of it */
	unsigned number, failures;
};

static int edit(struct xcap_doc **doc, const char *selector, const char *body)
{
	struct arena *arena = arena_new(0);
	struct xcap_edit edited = { 0 };
	struct xcap_fault fault;
	struct xcap_sel sel;
	struct err err;
	int rc;

	rc = xcap_sel_parse(strv_of(selector), STRV(""), STRV(""), arena, &sel, &err);
	if (rc == 0)
		rc = xcap_edit_put(*doc, &sel, strv_of(body), NULL, arena, &edited, &fault, &err);
	if (rc == XCAP_EDITED) {
		xcap_doc_drop(doc);
		*doc = edited.doc;
	}
	arena_free(&arena);
	return rc;
}

static void *work(void *arg)
{
	struct thread *t = arg;
	struct xcap_spot root, at;

	t->own = xcap_doc_hold(t->doc);
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned n = (i * 37 + t->number * 211) % ENTRIES + 1;
		char sel[64], body[64];

		xcap_doc_spot(t->doc, &root);
		xcap_child_nth(&root, NULL, 1, &root);
		t->failures += !xcap_child_nth(&root, NULL, n, &at);
		t->failures += xcap_spot_position(&at) != n;
		snprintf(sel, sizeof(sel), "a/e[%u]", n);
		snprintf(body, sizeof(body), "<e by='%u' in='%u'/>", t->number, i);
		t->failures += edit(&t->own, sel, body) != XCAP_EDITED;
	}
	xcap_doc_drop(&t->doc);
	return NULL;
}

static void threads_share_a_document(void **state)
{
	struct thread t[THREADS];
	struct xcap_doc *doc;
	struct err err;
	char *text, *same;
	size_t n;
	FILE *to = open_memstream(&text, &n);

	(void)state;
	fprintf(to, "<a>");
	for (unsigned i = 0; i < ENTRIES; i++)
		fprintf(to, "<e id='%u'><x/></e>", i);
	fprintf(to, "</a>");
	fclose(to);
	assert_int_equal(xcap_doc_parse(strv_mem(text, n), NULL, &doc, &err), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		t[i] = (struct thread){ .doc = xcap_doc_hold(doc), .number = i };
		assert_int_equal(pthread_create(&t[i].id, NULL, work, &t[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(t[i].id, NULL), 0);
	same = doc_text(doc, NULL);
	assert_string_equal(same, text);
	doc_check(doc);
	xcap_doc_drop(&doc); /* what the threads have made lives on */
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(t[i].failures, 0);
		doc_check(t[i].own);
		assert_int_equal(xcap_doc_nodes(t[i].own), 1 + 2 * ENTRIES - ROUNDS);
		xcap_doc_drop(&t[i].own);
	}
	free(same);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(threads_share_a_document) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
