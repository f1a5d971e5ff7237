/* SPDX-License-Identifier: Apache-2.0 */
/* tests/xdms/test_xcap_sel.c - node selectors: the grammar, prefixes, printing back */
#include "xdms/xcap_sel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define DEFAULT_NS "urn:d"

static int parse(const char *node, const char *query, struct arena *arena, struct xcap_sel *sel,
		 struct err *err)
{
	memset(err, 0, sizeof(*err));
	return xcap_sel_parse(strv_of(node), strv_of(query), STRV(DEFAULT_NS), arena, sel, err);
}

/* A form that shows what was understood: {ns}name#pos{ns}attr=value */
static void show(const struct xcap_sel *sel, char *to, size_t n)
{
	*to = 0;
#define ADD(...) snprintf(to + strlen(to), n - strlen(to), __VA_ARGS__)
	for (unsigned i = 0; i < sel->n_steps; i++) {
		const struct xcap_step *s = &sel->step[i];

		ADD("%s", i ? " " : "");
		if (s->any)
			ADD("*");
		else
			ADD("{%.*s}%.*s", STRV_ARG(s->name.ns), STRV_ARG(s->name.local));
		if (s->pos != XCAP_POS_NONE)
			ADD("#%u", s->pos);
		if (s->has_attr)
			ADD("@{%.*s}%.*s=%.*s", STRV_ARG(s->attr.ns), STRV_ARG(s->attr.local),
			    STRV_ARG(s->value));
	}
	if (sel->kind == XCAP_SEL_ATTR)
		ADD(" -> {%.*s}%.*s", STRV_ARG(sel->attr.ns), STRV_ARG(sel->attr.local));
	if (sel->kind == XCAP_SEL_NAMESPACE)
		ADD(" -> namespaces");
#undef ADD
}

static const struct {
	const char *why, *node, *query, *want;
} good[] = {
	{ "by name", "a/b", "", "{urn:d}a {urn:d}b" },
	{ "by position", "a/b[2]", "", "{urn:d}a {urn:d}b#2" },
	{ "position zero selects nothing but is a position", "a[0]", "", "{urn:d}a#0" },
	{ "leading zeros", "a[007]", "", "{urn:d}a#7" },
	{ "a position past all numbers", "a[99999999999999999999]", "", "{urn:d}a#4294967294" },
	{ "by attribute", "a[@b=\"c\"]", "", "{urn:d}a@{}b=c" },
	{ "single quotes", "a[@b='c\"d']", "", "{urn:d}a@{}b=c\"d" },
	{ "position and attribute", "a[2][@b=\"c\"]", "", "{urn:d}a#2@{}b=c" },
	{ "wildcards", "*/*[1]/*[@a='']/*[3][@a='x']", "", "* *#1 *@{}a= *#3@{}a=x" },
	{ "slash and bracket in quotes", "a[@b=\"x]/y[1]\"]/c", "",
	  "{urn:d}a@{}b=x]/y[1] {urn:d}c" },
	{ "separator in quotes", "a[@b=\"h/~~/i\"]/@c", "", "{urn:d}a@{}b=h/~~/i -> {}c" },
	{ "references", "a[@b=\"&quot;&amp;&#x22;&#65;&lt;\"]", "", "{urn:d}a@{}b=\"&\"A<" },
	{ "white space is normalised", "a[@b=\"x\t\r\ny\"]", "", "{urn:d}a@{}b=x  y" },
	{ "a referenced line end stays", "a[@b=\"x&#10;y\"]", "", "{urn:d}a@{}b=x\ny" },
	{ "attribute", "a/@b", "", "{urn:d}a -> {}b" },
	{ "bindings in scope", "a/namespace::*", "", "{urn:d}a -> namespaces" },
	{ "prefixes", "p:a/q:b[@p:c='1']/@q:d", "xmlns(p=urn:1)xmlns(q=urn:2)",
	  "{urn:1}a {urn:2}b@{urn:1}c=1 -> {urn:2}d" },
	{ "encoded query", "p:a", "xmlns%28p%3Durn%3A1%29", "{urn:1}a" },
	{ "white space in the query", "p:a", "%20xmlns(%20p%20=%20urn:1%20)%20xmlns(q=urn:2)",
	  "{urn:1}a" },
	{ "a later part overrides", "p:a", "xmlns(p=urn:1)xmlns(p=urn:2)", "{urn:2}a" },
	{ "other schemes are ignored", "p:a", "element(x)xpointer(a(b)c)xmlns(p=urn:1)",
	  "{urn:1}a" },
	{ "escaped parenthesis", "p:a", "xmlns(p=urn:%5E(1%5E%5E)", "{urn:(1^}a" },
	{ "balanced parentheses", "p:a", "xmlns(p=urn:(1))", "{urn:(1)}a" },
	{ "xml is always bound", "a/@xml:lang", "",
	  "{urn:d}a -> {http://www.w3.org/XML/1998/namespace}lang" },
	{ "the query does not change the default", "a", "xmlns(a=urn:1)", "{urn:d}a" },
	{ "names beyond ASCII", "\xc3\x80/\xe3\x82\xa2", "",
	  "{urn:d}\xc3\x80 {urn:d}\xe3\x82\xa2" },
	{ "an attribute test on what looks like a declaration", "a[@xmlns='x']", "",
	  "{urn:d}a@{}xmlns=x" },
};

static void accepts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct arena *arena = arena_new(0);
		struct xcap_sel sel, again;
		struct err err;
		struct strv text, node;
		char have[512], second[512], *cut;

		if (parse(good[i].node, good[i].query, arena, &sel, &err) < 0)
			fail_msg("%s: %s", good[i].why, err.text);
		show(&sel, have, sizeof(have));
		if (strcmp(have, good[i].want) != 0)
			fail_msg("%s: %s", good[i].why, have);
		/* Printed, decoded and parsed again it is the same. */
		text = xcap_sel_print(&sel, sel.n_steps, 1, arena);
		for (size_t j = 0; j < text.n; j++)
			assert_true(!strchr("\"[]<>\\^`{|} #", text.p[j]) &&
				    (unsigned char)text.p[j] < 0x80);
		cut = strchr(text.p, '?');
		node = cut ? strv_mem(text.p, (size_t)(cut - text.p)) : text;
		assert_int_equal(xcap_percent_decode(node, arena, &node), 0);
		if (xcap_sel_parse(node, strv_of(cut ? cut + 1 : ""), STRV(DEFAULT_NS), arena,
				   &again, &err) < 0)
			fail_msg("%s, printed as %s: %s", good[i].why, text.p, err.text);
		show(&again, second, sizeof(second));
		assert_string_equal(second, have);
		arena_free(&arena);
	}
}

static const struct {
	const char *why, *node, *query;
	enum err_code code;
} refused[] = {
	{ "nothing", "", "", ERR_ABSENT },
	{ "an empty step", "a//b", "", ERR_ABSENT },
	{ "a trailing slash", "a/", "", ERR_ABSENT },
	{ "a leading slash", "/a", "", ERR_ABSENT },
	{ "a function", "a/text()", "", ERR_ABSENT },
	{ "a function in a predicate", "a[last()]", "", ERR_ABSENT },
	{ "two positions", "a[1][2]", "", ERR_ABSENT },
	{ "attribute before position", "a[@b='c'][1]", "", ERR_ABSENT },
	{ "two attributes", "a[@b='c'][@d='e']", "", ERR_ABSENT },
	{ "empty brackets", "external[]", "", ERR_ABSENT },
	{ "a negative position", "a[-1]", "", ERR_ABSENT },
	{ "white space", "a[ 1 ]", "", ERR_ABSENT },
	{ "an attribute without a value", "a[@b]", "", ERR_ABSENT },
	{ "a value without quotes", "a[@b=c]", "", ERR_ABSENT },
	{ "quotes that do not end", "a[@b=\"c]", "", ERR_ABSENT },
	{ "a bare ampersand", "a[@b=\"c&d\"]", "", ERR_ABSENT },
	{ "a less-than sign", "a[@b=\"c<d\"]", "", ERR_ABSENT },
	{ "an unknown entity", "a[@b=\"&nbsp;\"]", "", ERR_ABSENT },
	{ "a reference to NUL", "a[@b=\"&#0;\"]", "", ERR_ABSENT },
	{ "something behind the predicate", "a[1]b", "", ERR_ABSENT },
	{ "an axis", "child::a", "", ERR_ABSENT },
	{ "another namespace axis", "a/namespace::p", "", ERR_ABSENT },
	{ "a union", "a|b", "", ERR_ABSENT },
	{ "parent", "a/..", "", ERR_ABSENT },
	{ "a prefix wildcard", "p:*", "xmlns(p=urn:1)", ERR_ABSENT },
	{ "all attributes", "a/@*", "", ERR_ABSENT },
	{ "a terminal selector alone", "@a", "", ERR_ABSENT },
	{ "bindings alone", "namespace::*", "", ERR_ABSENT },
	{ "a terminal selector in the middle", "a/@b/c", "", ERR_ABSENT },
	{ "three parts of a name", "a:b:c", "xmlns(a=urn:1)", ERR_ABSENT },
	{ "a digit first", "1a", "", ERR_ABSENT },
	{ "injection", "a[@b='' or 1=1]", "", ERR_ABSENT },
	{ "not understood wins over not bound", "p:a/b[]", "", ERR_ABSENT },
	{ "an unbound prefix", "p:a", "", ERR_SYNTAX },
	{ "an unbound prefix in a test", "a[@p:b='c']", "", ERR_SYNTAX },
	{ "an unbound prefix at the end", "a/@p:b", "", ERR_SYNTAX },
	{ "xmlns is no prefix", "a/@xmlns:b", "", ERR_SYNTAX },
	{ "another prefix bound", "p:a", "xmlns(q=urn:1)", ERR_SYNTAX },
	{ "a query that is no XPointer", "a", "x=y", ERR_SYNTAX },
	{ "parentheses that do not balance", "a", "xmlns(p=(urn:1)", ERR_SYNTAX },
	{ "an escape of something else", "a", "xmlns(p=^a)", ERR_SYNTAX },
	{ "no prefix", "a", "xmlns(=urn:1)", ERR_SYNTAX },
	{ "no namespace", "a", "xmlns(p=)", ERR_SYNTAX },
	{ "xml bound to something else", "a", "xmlns(xml=urn:1)", ERR_SYNTAX },
	{ "xmlns bound", "a", "xmlns(xmlns=urn:1)", ERR_SYNTAX },
	{ "broken escape in the query", "a", "xmlns(p=%zz)", ERR_SYNTAX },
	{ "a query that is not UTF-8", "a", "xmlns(p=%FF)", ERR_SYNTAX },
};

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct arena *arena = arena_new(0);
		struct xcap_sel sel;
		struct err err;

		if (!parse(refused[i].node, refused[i].query, arena, &sel, &err))
			fail_msg("%s: accepted", refused[i].why);
		if (err.code != refused[i].code || !err.text[0])
			fail_msg("%s: %s %s", refused[i].why, err_code_name(err.code), err.text);
		arena_free(&arena);
	}
}

static void limits(void **state)
{
	struct arena *arena = arena_new(0);
	char text[4096] = "a";
	struct xcap_sel sel;
	struct err err;

	(void)state;
	for (int i = 1; i < XCAP_STEPS_MAX; i++)
		strcat(text, "/a");
	assert_int_equal(parse(text, "", arena, &sel, &err), 0);
	assert_int_equal(sel.n_steps, XCAP_STEPS_MAX);
	strcat(text, "/a");
	assert_int_equal(parse(text, "", arena, &sel, &err), -1);
	assert_int_equal(err.code, ERR_ABSENT);
	text[strlen(text) - 2] = 0;
	strcat(text, "/@b");
	assert_int_equal(parse(text, "", arena, &sel, &err), 0);
	*text = 0;
	for (int i = 0; i <= XCAP_BINDINGS_MAX; i++)
		sprintf(text + strlen(text), "xmlns(p%d=urn:%d)", i, i);
	assert_int_equal(parse("a", text, arena, &sel, &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
	arena_free(&arena);
}

static void prints_what_is_asked(void **state)
{
	struct arena *arena = arena_new(0);
	struct xcap_sel sel;
	struct err err;

	(void)state;
	assert_int_equal(parse("p:a/b[2]/c[@q:d=\"(x)/ y\"]/@e",
			       "xmlns(p=urn:1)xmlns(q=urn:(2))xmlns(r=urn:3)", arena, &sel, &err),
			 0);
	assert_string_equal(xcap_sel_print(&sel, 1, 1, arena).p, "p:a?xmlns(p=urn:1)");
	assert_string_equal(xcap_sel_print(&sel, 2, 0, arena).p, "p:a/b%5B2%5D?xmlns(p=urn:1)");
	assert_string_equal(xcap_sel_print(&sel, 3, 1, arena).p,
			    "p:a/b%5B2%5D/c%5B@q:d=%22(x)%2F%20y%22%5D/@e"
			    "?xmlns(p=urn:1)xmlns(q=urn:%5E(2%5E))");
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts),
		cmocka_unit_test(refuses),
		cmocka_unit_test(limits),
		cmocka_unit_test(prints_what_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
