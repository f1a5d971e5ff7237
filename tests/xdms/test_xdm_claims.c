/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims of URIs: what a crash between claim and commit leaves behind, and whom it stops for how
 * long.
 */
#include "xdms/xdm_claims.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/xml.h"
#include "tests/xdms/xdm_world.h"

#define GROUP(uris) "<group xmlns='urn:oma:xml:poc:list-service'>" uris "</group>"
#define ONE(uri)    "<list-service uri='" uri "'/>"
#define DOC	    "x/org.openmobilealliance.groups/g"
#define BOB	    "sip:bob@example.com"

enum { NOW = 1800000000 };

static struct auid_table *table;
static struct xcap_rules rules;

static int canonical(void *arg, struct strv xui, struct arena *arena, struct strv *out)
{
	(void)arg;
	(void)arena;
	*out = xui;
	return 0;
}

static struct xcap_doc *doc_of(const char *text)
{
	struct xcap_doc *doc = NULL;

	if (text)
		assert_int_equal(xcap_doc_parse(strv_of(text), NULL, &doc, NULL), 0);
	return doc;
}

/* OWNER's group document becomes TEXT, after OLD. */
static struct xdm_claims find(struct xdm_world *w, const char *owner, const char *old,
			      const char *text)
{
	struct xcap_req req = {
		.usage = &auid_groups, .owner = strv_of(owner), .name = STRV(DOC), .arena = w->arena
	};
	struct xcap_doc *had = doc_of(old), *has = doc_of(text);
	struct xdm_claims claims;
	struct xcap_fault fault;
	struct err err;

	assert_int_equal(xdm_claims_find(&rules, &req, had, has, &claims, &fault, &err), 0);
	xcap_doc_drop(&had);
	xcap_doc_drop(&has);
	return claims;
}

static int take(struct xdm_world *w, const char *owner, const char *text, int64_t now_s)
{
	struct xdm_claims claims = find(w, owner, NULL, text);
	struct xcap_fault fault;
	struct err err;
	int ret = xdm_claims_take_sync(&rules, w->store, &claims, now_s, w->arena, &fault, &err);

	if (ret > 0)
		assert_int_equal(fault.kind, XCAP_UNIQUENESS_FAILURE);
	return ret;
}

static void a_claim_without_document_is_void_in_a_minute(void **state)
{
	struct xdm_world *w = *state;

	assert_int_equal(take(w, OWNER, GROUP(ONE("sip:g@x")), NOW), 0);
	assert_int_equal(take(w, BOB, GROUP(ONE("sip:g@x")), NOW + 1), 1);
	assert_int_equal(take(w, OWNER, GROUP(ONE("sip:g@x")), NOW + 2), 0); /* tries again */
	assert_int_equal(take(w, BOB, GROUP(ONE("sip:g@x")), NOW + XDM_CLAIM_GRACE_S), 1);
	assert_int_equal(take(w, BOB, GROUP(ONE("sip:g@x")), NOW + XDM_CLAIM_GRACE_S + 3), 0);
	assert_int_equal(take(w, OWNER, GROUP(ONE("sip:g@x")), NOW + XDM_CLAIM_GRACE_S + 4), 1);
}

static void a_claim_with_its_document_stays(void **state)
{
	struct xdm_world *w = *state;

	assert_int_equal(take(w, OWNER, GROUP(ONE("sip:g@x")), NOW), 0);
	xdm_world_put_to(w, OWNER, DOC, GROUP(ONE("sip:g@x")));
	assert_int_equal(take(w, BOB, GROUP(ONE("sip:g@x")), NOW + 1000000), 1);
	/* Of a clock that was ahead. */
	assert_int_equal(take(w, BOB, GROUP(ONE("sip:g@x")), NOW - 1000000), 1);
	/* It went without giving the URI up. */
	xdm_world_put_to(w, OWNER, DOC, GROUP(ONE("sip:other@x")));
	assert_int_equal(take(w, BOB, GROUP(ONE("sip:g@x")), NOW + 1000000), 0);
}

static void what_changes_is_found(void **state)
{
	struct xdm_world *w = *state;
	struct xdm_claims claims = find(w, OWNER, GROUP(ONE("sip:a@x") ONE("sip:b@x")),
					GROUP(ONE("sip:c@x") ONE("sip:b@x") ONE("sip:d@x")));

	assert_int_equal(claims.n_added, 2);
	assert_int_equal(claims.n_removed, 1);
	assert_true(strv_eq(claims.added[1].uri, STRV("sip:d@x")));
	assert_int_equal(claims.added[1].pos, 3);
	assert_true(strv_eq(claims.removed[0].name, STRV("u/sip:a@x")));
	assert_int_equal(find(w, OWNER, NULL, GROUP("")).n_added, 0);
}

/* More than one batch of them, in whatever order; given up again. */
static void many_are_claimed_and_given_up(void **state)
{
	enum { MANY = 700 };
	struct xdm_world *w = *state;
	struct xcap_print print = { .arena = w->arena };
	struct xdm_claims claims;
	const char *text;

	xcap_print_str(&print, "<group xmlns='urn:oma:xml:poc:list-service'>");
	for (unsigned i = 0; i < MANY; i++) {
		xcap_print_str(&print, "<list-service uri='sip:g");
		xcap_print_num(&print, (i * 7919) % MANY);
		xcap_print_str(&print, "@x'/>");
	}
	xcap_print_str(&print, "</group>");
	text = xcap_print_end(&print).p;
	assert_int_equal(take(w, OWNER, text, NOW), 0);
	assert_int_equal(take(w, BOB, GROUP(ONE("sip:g699@x")), NOW), 1);
	claims = find(w, OWNER, text, NULL);
	assert_int_equal(claims.n_removed, MANY);
	xdm_claims_drop_sync(w->store, &claims, w->arena);
	assert_int_equal(take(w, BOB, text, NOW), 0);
	/* Another's are not given up. */
	xdm_claims_drop_sync(w->store, &claims, w->arena);
	assert_int_equal(take(w, OWNER, GROUP(ONE("sip:g0@x")), NOW), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, xdm_world_setup, xdm_world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_claim_without_document_is_void_in_a_minute),
		TEST(a_claim_with_its_document_stays),
		TEST(what_changes_is_found),
		TEST(many_are_claimed_and_given_up),
	};
	struct err err;
	int ret;

	if (xml_init(TEST_SCHEMA_DIR, &err) < 0 || auid_table_open(0, &table, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	rules = (struct xcap_rules){ .table = table, .canonical = canonical };
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	auid_table_close(&table);
	xml_fini();
	return ret;
}
