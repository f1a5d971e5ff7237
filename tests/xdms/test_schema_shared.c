/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads share the compiled schemas without a lock. That is right only if validation never writes
 * to them, so here it cannot: libxml2 allocates them in pages that are write-protected afterwards.
 * A write ends the test by a signal.
 */
#include "tests/xdms/usage/usage_check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <libxml/parser.h>

#include "base/xml.h"

enum { POOL_BYTES = 64 << 20, ALIGNMENT = 16, THREADS = 4, ROUNDS = 20 };

static char *pool;
static size_t pool_used;
static int pooling;

static int is_pooled(const void *p)
{
	return (const char *)p >= pool && (const char *)p < pool + POOL_BYTES;
}

/* The size stands in front of each piece. */
static void *take(size_t size)
{
	char *piece;

	if (!pooling)
		return malloc(size);
	piece = pool + pool_used + ALIGNMENT;
	pool_used += ALIGNMENT + (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (pool_used > POOL_BYTES)
		return NULL;
	memcpy(piece - ALIGNMENT, &size, sizeof(size));
	return piece;
}

static void give_back(void *p)
{
	if (!is_pooled(p))
		free(p);
}

static void *resize(void *p, size_t size)
{
	size_t old = 0;
	void *piece;

	if (!p)
		return take(size);
	if (!is_pooled(p))
		return realloc(p, size);
	memcpy(&old, (char *)p - ALIGNMENT, sizeof(old));
	piece = take(size);
	return piece ? memcpy(piece, p, old < size ? old : size) : NULL;
}

static char *take_string(const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = take(n);

	return copy ? memcpy(copy, s, n) : NULL;
}

/* ---- documents: the good ones, and each without one of its tags' attributes ---- */

static const struct {
	const struct auid_ops *usage;
	const char *file;
	const char *cut; /* without this it is invalid */
} documents[] = {
	{ &auid_resource_lists, "resource-lists.xml", " uri=\"tel:+4912340001\"" },
	{ &auid_rls_services, "rls-services.xml", " uri=\"sip:ana@op.example;pres-list=club\"" },
	{ &auid_pres_rules, "pres-rules.xml", " id=\"nobody\"" },
	{ &auid_oma_pres_rules, "oma-pres-rules.xml", " id=\"wp_prs_unlisted\"" },
	{ &auid_pidf_manipulation, "pidf.xml", " id=\"chat\"" },
	{ &auid_access_rules, "access-rules.xml", " id=\"anon\"" },
	{ &auid_groups, "groups.xml", " uri=\"tel:+4912340001\"" },
	{ &auid_user_prefs, "user-prefs.xml", " name=\"file\"" },
	{ &auid_operator_policy, "operator-policy.xml", " name=\"spam.example\"" },
};

enum { N_DOCUMENTS = sizeof(documents) / sizeof(documents[0]) };

static char *good[N_DOCUMENTS], *bad[N_DOCUMENTS];

static void read_documents(void)
{
	for (int i = 0; i < N_DOCUMENTS; i++) {
		char *at;

		good[i] = usage_file(documents[i].file);
		bad[i] = strdup(good[i]);
		at = strstr(bad[i], documents[i].cut);
		assert_non_null(at);
		memset(at, ' ', strlen(documents[i].cut));
	}
}

static int verdict(const struct auid_table *table, int i, const char *text)
{
	struct arena *arena = arena_new(0);
	struct auid_context context = { 0 };
	struct auid_fault fault;
	struct err err = { 0 };
	xmlDoc *doc;
	int ret = -1;

	if (xml_parse(strv_of(text), NULL, &doc, NULL, &err) == 0)
		ret = auid_validate(table, documents[i].usage, doc, &context, arena, &fault, &err) <
				      0
			      ? (int)fault.kind
			      : 0;
	xmlFreeDoc(doc);
	arena_free(&arena);
	return ret;
}

struct reader {
	const struct auid_table *table;
	int wrong;
};

static void *validate_often(void *data)
{
	struct reader *reader = data;

	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < N_DOCUMENTS; i++) {
			reader->wrong += verdict(reader->table, i, good[i]) != AUID_FAULT_NONE;
			reader->wrong += verdict(reader->table, i, bad[i]) != AUID_FAULT_SCHEMA;
		}
	return NULL;
}

static void validation_does_not_write_to_the_schemas(void **state)
{
	struct reader readers[THREADS] = { { 0 } };
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++) {
		readers[i].table = *state;
		assert_int_equal(pthread_create(&threads[i], NULL, validate_often, &readers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(readers[i].wrong, 0);
	}
	/* The schemas did go where they are protected. */
	assert_true(pool_used > 100 * 1024);
}

static int open_protected(void **state)
{
	int ret;

	pool = mmap(NULL, POOL_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(pool != MAP_FAILED);
	assert_int_equal(xmlMemSetup(give_back, take, resize, take_string), 0);
	xmlInitParser(); /* its locks and tables are written to, and are not the schemas' */
	read_documents();
	pooling = 1;
	ret = usage_open(state);
	pooling = 0;
	assert_int_equal(mprotect(pool, POOL_BYTES, PROT_READ), 0);
	return ret;
}

static int close_protected(void **state)
{
	int ret;

	assert_int_equal(mprotect(pool, POOL_BYTES, PROT_READ | PROT_WRITE), 0);
	ret = usage_close(state);
	munmap(pool, POOL_BYTES);
	for (int i = 0; i < N_DOCUMENTS; i++) {
		free(good[i]);
		free(bad[i]);
	}
	return ret;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(validation_does_not_write_to_the_schemas),
	};

	return cmocka_run_group_tests(tests, open_protected, close_protected);
}
