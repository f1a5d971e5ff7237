/* SPDX-License-Identifier: Apache-2.0 */
/* tests/cpm/test_cpm_source_xdm.c - documents and groups from a store in memory */
#include "cpm/cpm_source_xdm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/xdms/xdm_world.h"

#define BOB	    "sip:bob@example.com"
#define TEAM	    "x/org.openmobilealliance.groups/team"
#define OTHER	    "x/org.openmobilealliance.groups/zoo"
#define GROUP(uris) "<g:group xmlns:g='urn:oma:xml:poc:list-service'>" uris "</g:group>"
#define URI(uri)    "<g:list-service uri='" uri "'/>"

struct told {
	enum cpm_got got;
	char text[512];
	uint64_t version;
	unsigned changes;
};

static void on_got(void *arg, enum cpm_got got, struct strv bytes, uint64_t version)
{
	struct told *told = arg;

	told->got = got;
	told->version = version;
	snprintf(told->text, sizeof(told->text), "%.*s", STRV_ARG(bytes));
}

static void on_found(void *arg, enum cpm_got got, struct strv owner, struct strv name)
{
	struct told *told = arg;

	told->got = got;
	snprintf(told->text, sizeof(told->text), "%.*s %.*s", STRV_ARG(owner), STRV_ARG(name));
}

static void on_changed(void *arg, struct strv owner, struct strv name, uint64_t version)
{
	struct told *told = arg;

	told->changes++;
	told->version = version;
	snprintf(told->text, sizeof(told->text), "%.*s %.*s", STRV_ARG(owner), STRV_ARG(name));
}

static struct cpm_source_xdm *open_source(struct xdm_world *w, struct cpm_source *source)
{
	static const struct strv names[] = { { "example.com", 11 } };
	const struct auth_domains domains = { names, 1 };
	struct cpm_source_xdm *xdm;
	struct err err;

	if (cpm_source_xdm_new(w->kv, w->store, &domains, &xdm, &err) < 0)
		fail_msg("%s", err.text);
	cpm_source_xdm_fill(xdm, source);
	return xdm;
}

static void documents_are_read_and_watched(void **state)
{
	struct xdm_world *w = *state;
	struct cpm_source source;
	struct cpm_source_xdm *xdm = open_source(w, &source);
	struct told told = { .changes = 0 }, got;
	uint64_t seq;

	assert_int_equal(source.watch(source.arg, on_changed, &told), 0);
	assert_int_equal(source.watch(source.arg, on_changed, &told), -1);
	source.get(source.arg, STRV(OWNER), STRV(NAME), on_got, &got);
	assert_int_equal(got.got, CPM_GOT_ABSENT);
	seq = xdm_world_put(w, "<r>one</r>", 0);
	assert_int_equal(told.changes, 1);
	assert_string_equal(told.text, OWNER " " NAME);
	source.get(source.arg, STRV(OWNER), STRV(NAME), on_got, &got);
	assert_int_equal(got.got, CPM_GOT_DOC);
	assert_string_equal(got.text, "<r>one</r>");
	assert_int_equal(got.version, seq);
	xdm_world_put(w, NULL, 0);
	assert_int_equal(told.changes, 2);
	source.get(source.arg, STRV(OWNER), STRV(NAME), on_got, &got);
	assert_int_equal(got.got, CPM_GOT_ABSENT);
	assert_true(got.version > seq);
	assert_int_equal(kv_erase_sync(w->kv, STRV(OWNER)).status, KV_DONE);
	assert_string_equal(told.text, OWNER " ");
	cpm_source_xdm_free(&xdm);
}

/* Who has URI, "" when nobody has. */
static const char *holder(const struct cpm_source *source, const char *uri)
{
	static struct told told;

	source->group(source->arg, strv_of(uri), on_found, &told);
	return told.got == CPM_GOT_DOC ? told.text : "";
}

static void groups_are_found_by_their_uris(void **state)
{
	struct xdm_world *w = *state;
	struct cpm_source source;
	struct cpm_source_xdm *xdm;

	/* One is there before, one comes later. */
	xdm_world_put_to(w, OWNER, TEAM,
			 GROUP(URI("sip:a&#x40;EXAMPLE.com") URI("sip:b@example.com")));
	xdm = open_source(w, &source);
	assert_string_equal(holder(&source, "sip:a@example.com"), OWNER " " TEAM);
	assert_string_equal(holder(&source, "sip:b@example.com"), OWNER " " TEAM);
	assert_string_equal(holder(&source, "sip:c@example.com"), "");
	xdm_world_put_to(w, BOB, OTHER, GROUP(URI("sip:c@example.com") URI("sip:b@example.com")));
	assert_string_equal(holder(&source, "sip:c@example.com"), BOB " " OTHER);
	/* The first claim counts, also when its document changes. */
	xdm_world_put_to(w, OWNER, TEAM, GROUP(URI("sip:b@example.com")));
	assert_string_equal(holder(&source, "sip:b@example.com"), OWNER " " TEAM);
	assert_string_equal(holder(&source, "sip:a@example.com"), "");
	xdm_world_put_to(w, OWNER, TEAM, NULL);
	assert_string_equal(holder(&source, "sip:b@example.com"), BOB " " OTHER);
	assert_int_equal(kv_erase_sync(w->kv, STRV(BOB)).status, KV_DONE);
	assert_string_equal(holder(&source, "sip:b@example.com"), "");
	cpm_source_xdm_free(&xdm);
}

static void many_groups_are_found(void **state)
{
	struct xdm_world *w = *state;
	struct cpm_source source;
	struct cpm_source_xdm *xdm;
	char owner[64], text[256];

	for (unsigned i = 0; i < 700; i++) {
		snprintf(owner, sizeof(owner), "sip:u%u@example.com", i);
		snprintf(text, sizeof(text), GROUP("<g:list-service uri='sip:g%u@example.com'/>"),
			 i);
		xdm_world_put_to(w, owner, i % 2 ? TEAM : OTHER, text);
	}
	xdm = open_source(w, &source);
	for (unsigned i = 0; i < 700; i++) {
		snprintf(owner, sizeof(owner), "sip:u%u@example.com %s", i, i % 2 ? TEAM : OTHER);
		snprintf(text, sizeof(text), "sip:g%u@example.com", i);
		assert_string_equal(holder(&source, text), owner);
	}
	cpm_source_xdm_free(&xdm);
}

#define T(f) cmocka_unit_test_setup_teardown(f, xdm_world_setup, xdm_world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(documents_are_read_and_watched),
		T(groups_are_found_by_their_uris),
		T(many_groups_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
