/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory is refused to libxml2 at each of its allocations, once or from there on: a document is
 * then judged rightly or not at all. It is never called bad, accepted unseen, or the end of the
 * process.
 */
#include "tests/xdms/usage/usage_check.h"

#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>

#include "base/xml.h"

/* Allocations that still succeed; negative: all. ONCE: only the next one is refused. */
static long left = -1;
static int once;

static int refused(void)
{
	if (left < 0)
		return 0;
	if (left > 0) {
		left--;
		return 0;
	}
	if (once)
		left = -1;
	return 1;
}

static void *take(size_t size)
{
	return refused() ? NULL : malloc(size);
}

static void *resize(void *p, size_t size)
{
	return refused() ? NULL : realloc(p, size);
}

static char *take_string(const char *s)
{
	return refused() ? NULL : strdup(s);
}

enum verdict { RIGHT, NO_MEMORY, WRONG };

/* One attempt with memory refused from allocation N on. */
static enum verdict judge(const struct auid_table *table, const struct auid_ops *usage,
			  const char *text, long n, int *reached_out)
{
	struct arena *arena = arena_new(0);
	struct auid_context context = { 0 };
	struct auid_fault fault = { 0 };
	enum xml_fault xml_fault;
	struct err err = { 0 };
	enum verdict verdict;
	xmlDoc *doc;

	left = n;
	if (xml_parse(strv_of(text), NULL, &doc, &xml_fault, &err) < 0)
		verdict = xml_fault == XML_FAULT_NO_MEMORY && err.code == ERR_NOMEM ? NO_MEMORY
										    : WRONG;
	else if (auid_validate(table, usage, doc, &context, arena, &fault, &err) == 0)
		verdict = RIGHT;
	else
		verdict =
			fault.kind == AUID_FAULT_NONE && err.code == ERR_NOMEM ? NO_MEMORY : WRONG;
	*reached_out = once ? left < 0 : left == 0;
	left = -1;
	xmlFreeDoc(doc);
	xmlResetLastError();
	arena_free(&arena);
	return verdict;
}

static void check_document(const struct auid_table *table, const struct auid_ops *usage,
			   const char *file)
{
	char *text = usage_file(file);
	unsigned counts[3] = { 0 };
	int reached = 1;

	for (long n = 0; reached; n++) {
		enum verdict verdict = judge(table, usage, text, n, &reached);

		if (verdict == WRONG)
			fail_msg("%s, allocation %ld: a wrong verdict", file, n);
		counts[verdict]++;
	}
	/* The last attempt had all it wanted; parsing alone takes dozens. */
	assert_true(counts[RIGHT] > 0);
	assert_true(counts[NO_MEMORY] > 50);
	free(text);
}

static void a_document_is_judged_rightly_or_not_at_all(void **state)
{
	for (once = 0; once < 2; once++) {
		check_document(*state, &auid_resource_lists, "resource-lists.xml");
		check_document(*state, &auid_rls_services, "rls-services.xml");
		check_document(*state, &auid_pres_rules, "pres-rules.xml");
		check_document(*state, &auid_oma_pres_rules, "oma-pres-rules.xml");
		check_document(*state, &auid_pidf_manipulation, "pidf.xml");
		check_document(*state, &auid_user_prefs, "user-prefs.xml");
	}
}

static int open_frugal(void **state)
{
	assert_int_equal(xmlMemSetup(free, take, resize, take_string), 0);
	return usage_open(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_is_judged_rightly_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, open_frugal, usage_close);
}
