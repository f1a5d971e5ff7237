/* SPDX-License-Identifier: Apache-2.0 */
/* tests/xdms/usage/usage_check.c - see usage_check.h */
#include "tests/xdms/usage/usage_check.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/xml.h"

int usage_open(void **state)
{
	struct auid_table *table;
	struct err err = { 0 };

	assert_int_equal(xml_init(TEST_SCHEMA_DIR, &err), 0);
	if (auid_table_open(1, &table, &err) < 0)
		fail_msg("%s", err.text);
	*state = table;
	return 0;
}

int usage_close(void **state)
{
	struct auid_table *table = *state;

	auid_table_close(&table);
	xml_fini();
	return 0;
}

char *usage_file(const char *file)
{
	enum { MAX = 65536 };
	char path[512], *text = malloc(MAX);
	size_t n;
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", TEST_USAGE_DIR, file);
	in = fopen(path, "r");
	if (!in || !text)
		fail_msg("%s cannot be read", path);
	n = fread(text, 1, MAX - 1, in);
	fclose(in);
	text[n] = '\0';
	return text;
}

/* TEXT with the one occurrence of FIND replaced. */
static char *broken(const char *text, const struct usage_row *row)
{
	const char *at = row->find ? strstr(text, row->find) : NULL;
	char *copy;

	if (!row->find)
		return strdup(text);
	if (!at || strstr(at + 1, row->find))
		fail_msg("%s: \"%s\" does not occur exactly once", row->why, row->find);
	if (asprintf(&copy, "%.*s%s%s", (int)(at - text), text, row->put, at + strlen(row->find)) <
	    0)
		fail_msg("out of memory");
	return copy;
}

int usage_check_text(const struct auid_table *table, const struct auid_ops *usage, const char *text,
		     const struct auid_context *context, struct auid_fault *fault_out,
		     struct arena *arena, struct err *err)
{
	xmlDoc *doc;
	int ret;

	if (xml_parse(strv_of(text), NULL, &doc, NULL, err) < 0)
		fail_msg("%s in %s", err->text, text);
	ret = auid_validate(table, usage, doc, context, arena, fault_out, err);
	xmlFreeDoc(doc);
	assert_int_equal(ret, fault_out->kind == AUID_FAULT_NONE ? 0 : -1);
	return (int)fault_out->kind;
}

static void check_row(const struct auid_table *table, const struct usage_case *test,
		      const char *text, const struct usage_row *row)
{
	struct arena *arena = arena_new(0);
	struct auid_fault fault;
	struct err err = { 0 };
	char *bytes = broken(text, row);
	int kind = usage_check_text(table, test->usage, bytes, &test->context, &fault, arena, &err);

	if (kind != (int)row->fault || (kind && row->says && !strstr(err.text, row->says)))
		fail_msg("%s: fault %d (%s), expected %d (%s)", row->why, kind, err.text,
			 row->fault, row->says ? row->says : "");
	if (row->field && !strv_eq(fault.exists[0].field, strv_of(row->field)))
		fail_msg("%s: field %.*s, expected %s", row->why, STRV_ARG(fault.exists[0].field),
			 row->field);
	if (!row->field)
		assert_int_equal(fault.n_exists, 0);
	free(bytes);
	arena_free(&arena);
}

void usage_check(const struct auid_table *table, const struct usage_case *test)
{
	char *text = usage_file(test->file);

	for (size_t i = 0; i < test->n_rows; i++)
		check_row(table, test, text, &test->rows[i]);
	free(text);
}
