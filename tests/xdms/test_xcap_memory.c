/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/xdms/test_xcap_memory.c - memory that runs out at every single allocation
 *
 * Of a parse, of each kind of edit in a small and in a large document, of reading records back: the
 * result is the same as ever or none, and the document before stays whole. This program replaces
 * malloc, so no sanitizer can look on.
 */
#include "xdms/xcap_edit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/xdms/doc_check.h"
#include "xdms/xcap_record.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static long until_failure = -1; /* allocations; -1: no failure */

static int fails(void)
{
	if (until_failure < 0 || until_failure-- > 0)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return fails() ? NULL : __libc_realloc(p, size);
}

static char *contacts(unsigned n, size_t *size_out)
{
	char *text;
	FILE *to = open_memstream(&text, size_out);

	fprintf(to, "<l xmlns=\"urn:l&#38;\" xmlns:p=\"urn:p\"><c/>");
	for (unsigned i = 0; i < n; i++)
		fprintf(to, "<e uri=\"sip:%u@x\"><n>No. %u</n></e>\n", i, i);
	fprintf(to, "</l>");
	fclose(to);
	return text;
}

static const struct {
	const char *sel, *body;
} edits[] = {
	{ "l/e[@uri='sip:1@x']", "<e uri='sip:1@x'/>" },
	{ "l/e[2][@uri='new']", "<e uri='new'><n/></e>" },
	{ "l/z", "<z/>" },
	{ "l/c/z", "<z/>" },
	{ "l/@p:k", "\"&amp;\"" },
	{ "l/e[1]/@q:k", "it's \"quoted\"" },
	{ "l/e[@uri='sip:1@x']", NULL },
	{ "l/e[1]/@uri", NULL },
	{ "l", "<l xmlns='urn:l&amp;'><e/></l>" },
};

static int edit(const struct xcap_doc *doc, size_t i, struct xcap_doc **doc_out, struct err *err)
{
	struct arena *arena = arena_new(0);
	struct xcap_edit edited = { 0 };
	struct xcap_fault fault;
	struct xcap_sel sel;
	int rc;

	*doc_out = NULL;
	if (!arena)
		return err_set(err, ERR_NOMEM, "no arena");
	rc = xcap_sel_parse(strv_of(edits[i].sel), STRV("xmlns(p=urn:p)xmlns(q=urn:q)"),
			    STRV("urn:l&"), arena, &sel, err);
	if (rc == 0)
		rc = edits[i].body ? xcap_edit_put(doc, &sel, strv_of(edits[i].body), NULL, arena,
						   &edited, &fault, err)
				   : xcap_edit_delete(doc, &sel, NULL, arena, &edited, &fault, err);
	*doc_out = edited.doc;
	arena_free(&arena);
	return rc;
}

static void an_edit_happens_or_not(void **state)
{
	static const unsigned sizes[] = { 3, 700 };

	(void)state;
	for (size_t s = 0; s < 2; s++) {
		size_t size, n;
		char *text = contacts(sizes[s], &size), *same;
		struct xcap_doc *doc, *now, *want;
		struct err err;

		assert_int_equal(xcap_doc_parse(strv_mem(text, size), NULL, &doc, &err), 0);
		for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
			char *whole, *have;
			long failures = 0;
			int rc;

			assert_int_equal(edit(doc, i, &want, &err), XCAP_EDITED);
			whole = doc_text(want, NULL);
			do {
				until_failure = failures++;
				rc = edit(doc, i, &now, &err);
				until_failure = -1;
				if (rc < 0) {
					assert_int_equal(err.code, ERR_NOMEM);
					assert_null(now);
				}
			} while (rc < 0 && failures < 10000);
			assert_int_equal(rc, XCAP_EDITED);
			assert_true(failures > 3); /* something was refused on the way */
			have = doc_text(now, NULL);
			assert_string_equal(have, whole);
			doc_check(now);
			free(have);
			free(whole);
			xcap_doc_drop(&now);
			xcap_doc_drop(&want);
		}
		same = doc_text(doc, &n);
		assert_int_equal(n, size);
		assert_memory_equal(same, text, size);
		free(same);
		doc_check(doc);
		xcap_doc_drop(&doc);
		free(text);
	}
}

static void a_parse_happens_or_not(void **state)
{
	size_t size;
	char *text = contacts(700, &size);
	struct xcap_doc *doc;
	struct err err;
	long failures = 0;
	int rc;

	(void)state;
	do {
		until_failure = failures++;
		rc = xcap_doc_parse(strv_mem(text, size), NULL, &doc, &err);
		until_failure = -1;
		if (rc < 0) {
			assert_int_equal(err.code, ERR_NOMEM);
			assert_null(doc);
		}
	} while (rc < 0 && failures < 10000);
	assert_int_equal(rc, 0);
	assert_true(failures > 50);
	doc_check(doc);
	xcap_doc_drop(&doc);
	free(text);
}

static void a_load_happens_or_not(void **state)
{
	struct arena *arena = arena_new(0);
	size_t size;
	char *text = contacts(700, &size);
	struct xcap_record *record;
	struct xcap_doc *doc, *back;
	struct err err;
	long failures = 0;
	unsigned n;
	int rc;

	(void)state;
	assert_int_equal(xcap_doc_parse(strv_mem(text, size), NULL, &doc, &err), 0);
	assert_int_equal(xcap_record_changes(doc, NULL, arena, &record, &n), 0);
	do {
		until_failure = failures++;
		rc = xcap_record_load(record[0].bytes, record + 1, n - 1, NULL, &back, &err);
		until_failure = -1;
		if (rc < 0) {
			assert_int_equal(err.code, ERR_NOMEM);
			assert_null(back);
		}
	} while (rc < 0 && failures < 10000);
	assert_int_equal(rc, 0);
	assert_true(failures > 50);
	doc_check(back);
	xcap_doc_drop(&back);
	xcap_doc_drop(&doc);
	free(text);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_edit_happens_or_not),
		cmocka_unit_test(a_parse_happens_or_not),
		cmocka_unit_test(a_load_happens_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
