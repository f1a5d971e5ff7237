/* SPDX-License-Identifier: Apache-2.0 */
/* tests/xdms/test_xcap_uri.c - request targets to pieces: tables of what is taken and refused */
#include "xdms/xcap_uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct row {
	const char *why, *target, *auid, *xui, *path, *node, *query;
};

static const struct row good[] = {
	{ "whole document", "/root/pres-rules/users/sip:a@x/index", "pres-rules", "sip:a@x",
	  "index", NULL, "" },
	{ "global tree", "/root/xcap-caps/global/index", "xcap-caps", NULL, "index", NULL, "" },
	{ "folders below the home", "/root/a/users/u/f/g/d", "a", "u", "f|g|d", NULL, "" },
	{ "absolute form", "http://h:80/root/a/users/u/d?q", "a", "u", "d", NULL, "q" },
	{ "element", "/root/a/users/u/d/~~/l/e", "a", "u", "d", "l/e", "" },
	{ "encoded separator", "/root/a/users/u/d/%7E%7e/l", "a", "u", "d", "l", "" },
	{ "half encoded separator", "/root/a/users/u/d/~%7E/l", "a", "u", "d", "l", "" },
	{ "only the first separator counts", "/root/a/users/u/d/~~/l[@a=\"x/~~/y\"]", "a", "u", "d",
	  "l[@a=\"x/~~/y\"]", "" },
	{ "encoded brackets and quotes", "/root/a/users/u/d/~~/l%5B@n=%22a%2Fb%22%5D", "a", "u",
	  "d", "l[@n=\"a/b\"]", "" },
	{ "decoded exactly once", "/root/a/users/u/d/~~/l%5B@n=%22%2522%22%5D", "a", "u", "d",
	  "l[@n=\"%22\"]", "" },
	{ "a plus stays a plus", "/root/a/users/tel:+49/d/~~/l[@n=\"+%2B\"]", "a", "tel:+49", "d",
	  "l[@n=\"++\"]", "" },
	{ "an encoded slash inside the XUI", "/root/a/users/x%2Fy/d", "a", "x/y", "d", NULL, "" },
	{ "an encoded question mark inside", "/root/a/users/x%3Fy/d?z", "a", "x?y", "d", NULL,
	  "z" },
	{ "query with bindings", "/root/a/users/u/d/~~/p:l?xmlns(p=urn:x)", "a", "u", "d", "p:l",
	  "xmlns(p=urn:x)" },
	{ "UTF-8 by octets", "/root/a/users/u/d/~~/%C3%80", "a", "u", "d", "\xc3\x80", "" },
	{ "three tildes are a name", "/root/a/users/u/~~~", "a", "u", "~~~", NULL, "" },
	{ "raw UTF-8 of a lenient client", "/root/a/users/u/d/~~/\xc3\x80", "a", "u", "d",
	  "\xc3\x80", "" },
	{ "an encoded letter of the root", "/r%6Fot/a/users/u/d", "a", "u", "d", NULL, "" },
};

static void path_is(const struct xcap_uri *uri, const char *want)
{
	char have[512] = "";

	for (unsigned i = 0; i < uri->n_segments; i++)
		snprintf(have + strlen(have), sizeof(have) - strlen(have), "%s%.*s", i ? "|" : "",
			 STRV_ARG(uri->segment[i]));
	assert_string_equal(have, want);
}

static void view_is(struct strv v, const char *want)
{
	assert_int_equal(v.n, strlen(want));
	assert_memory_equal(v.p ? v.p : "", want, v.n);
}

static void accepts(void **state)
{
	static const char *const roots[] = { "/root", "/root/", "http://xcap.example.com/root" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]) * 3; i++) {
		const struct row *r = &good[i / 3];
		struct arena *arena = arena_new(0);
		struct xcap_uri uri;
		struct err err = { 0 };

		if (xcap_uri_parse(strv_of(r->target), strv_of(roots[i % 3]), arena, &uri, &err))
			fail_msg("%s: %s", r->why, err.text);
		view_is(uri.auid, r->auid);
		assert_int_equal(uri.tree, r->xui ? XCAP_USERS : XCAP_GLOBAL);
		view_is(uri.xui, r->xui ? r->xui : "");
		path_is(&uri, r->path);
		assert_int_equal(uri.has_node, r->node != NULL);
		view_is(uri.node, r->node ? r->node : "");
		view_is(uri.query, r->query);
		arena_free(&arena);
	}
}

static const struct {
	const char *why, *target;
	int status;
} refused[] = {
	{ "not below the root", "/other/a/users/u/d", 404 },
	{ "the root itself", "/root", 404 },
	{ "the root with its slash", "/root/", 404 },
	{ "a longer word than the root", "/rooted/a/users/u/d", 404 },
	{ "a slash of the root encoded", "%2Froot/a/users/u/d", 404 },
	{ "AUID alone", "/root/a", 404 },
	{ "an unknown tree", "/root/a/other/u/d", 404 },
	{ "the tree in another case", "/root/a/Users/u/d", 404 },
	{ "no XUI", "/root/a/users", 404 },
	{ "no document", "/root/a/users/u", 404 },
	{ "an empty document name", "/root/a/users/u/", 404 },
	{ "an empty segment", "/root/a/users//d", 404 },
	{ "two slashes before the AUID", "/root//a/users/u/d", 404 },
	{ "trailing slash", "/root/a/users/u/d/", 404 },
	{ "global without a document", "/root/a/global", 404 },
	{ "up", "/root/a/users/u/../v/d", 404 },
	{ "up, encoded", "/root/a/users/u/%2e%2E/v/d", 404 },
	{ "here", "/root/a/users/u/./d", 404 },
	{ "up as the XUI", "/root/a/users/%2e./d", 404 },
	{ "a slash hidden in a name", "/root/a/users/u/..%2Fv", 404 },
	{ "separator without a document", "/root/a/users/u/~~/l", 404 },
	{ "separator without a selector", "/root/a/users/u/d/~~/", 404 },
	{ "separator at the end", "/root/a/users/u/d/~~", 404 },
	{ "broken escape", "/root/a/users/u/%zz", 400 },
	{ "escape cut short", "/root/a/users/u/d%4", 400 },
	{ "a lone percent sign", "/root/a/users/u/d%", 400 },
	{ "NUL", "/root/a/users/u/d%00", 400 },
	{ "NUL in the selector", "/root/a/users/u/d/~~/l%00", 400 },
	{ "not UTF-8", "/root/a/users/u/d/~~/%C3%28", 400 },
	{ "overlong UTF-8", "/root/a/users/%C0%AE/d", 400 },
	{ "a control character in the XUI", "/root/a/users/u%0D%0Ax/d", 400 },
	{ "a raw control character", "/root/a/users/u/d\x01", 400 },
	{ "a fragment", "/root/a/users/u/d#x", 400 },
	{ "empty", "", 404 },
	{ "asterisk form", "*", 404 },
	{ "authority alone", "http://host", 404 },
	{ "17 segments", "/root/a/users/u/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", 414 },
};

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct arena *arena = arena_new(0);
		struct xcap_uri uri;
		struct err err = { 0 };

		if (!xcap_uri_parse(strv_of(refused[i].target), STRV("/root"), arena, &uri, &err))
			fail_msg("%s: accepted", refused[i].why);
		if (xcap_uri_status(err.code) != refused[i].status || !err.text[0])
			fail_msg("%s: %d %s", refused[i].why, xcap_uri_status(err.code), err.text);
		arena_free(&arena);
	}
}

static void long_ones_are_414(void **state)
{
	struct arena *arena = arena_new(0);
	char *target = malloc(XCAP_TARGET_BYTES_MAX + 2);
	struct xcap_uri uri;
	struct err err;
	int n;

	(void)state;
	memset(target, 'x', XCAP_TARGET_BYTES_MAX + 1);
	memcpy(target, "/root/a/users/u/d/~~/", 21);
	assert_int_equal(xcap_uri_parse(strv_mem(target, XCAP_TARGET_BYTES_MAX), STRV("/root"),
					arena, &uri, &err),
			 0);
	assert_int_equal(xcap_uri_parse(strv_mem(target, XCAP_TARGET_BYTES_MAX + 1), STRV("/root"),
					arena, &uri, &err),
			 -1);
	assert_int_equal(xcap_uri_status(err.code), 414);
	n = sprintf(target, "/root/a/users/%0*d/d", XCAP_XUI_BYTES_MAX + 1, 0);
	assert_int_equal(xcap_uri_parse(strv_mem(target, (size_t)n), STRV("/root"), arena, &uri,
					&err),
			 -1);
	assert_int_equal(xcap_uri_status(err.code), 414);
	n = sprintf(target, "/root/a/users/u/%0*d", XCAP_SEGMENT_BYTES_MAX + 1, 0);
	assert_int_equal(xcap_uri_parse(strv_mem(target, (size_t)n), STRV("/root"), arena, &uri,
					&err),
			 -1);
	assert_int_equal(xcap_uri_status(err.code), 414);
	free(target);
	arena_free(&arena);
}

static void no_memory_is_500(void **state)
{
	struct arena *arena = arena_new(1);
	struct xcap_uri uri;
	struct err err;

	(void)state;
	assert_int_equal(xcap_uri_parse(STRV("/root/a/users/u/d"), STRV("/root"), arena, &uri,
					&err),
			 -1);
	assert_int_equal(err.code, ERR_NOMEM);
	assert_int_equal(xcap_uri_status(err.code), 500);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts),
		cmocka_unit_test(refuses),
		cmocka_unit_test(long_ones_are_414),
		cmocka_unit_test(no_memory_is_500),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
