/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_xcap_uri.c - any octets as a request target below "/root"
 *
 * Beyond surviving: a refusal has a status and a sentence; what is accepted names no folder above
 * or beside the home directory; a node selector, printed and parsed again, is the same.
 */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "xdms/xcap_sel.h"
#include "xdms/xcap_uri.h"

static void must(int holds)
{
	if (!holds)
		abort();
}

static void check_refusal(const struct err *err)
{
	int status = xcap_uri_status(err->code);

	must(err->text[0] && (status == 400 || status == 404 || status == 414));
}

static void same_step(const struct xcap_step *a, const struct xcap_step *b)
{
	must(a->any == b->any && a->pos == b->pos && a->has_attr == b->has_attr);
	must(xcap_name_eq(&a->name, &b->name) && xcap_name_eq(&a->attr, &b->attr));
	must(strv_eq(a->value, b->value));
}

static void check_selector(const struct xcap_uri *uri, struct arena *arena)
{
	struct xcap_sel sel, again;
	struct strv text, node;
	struct err err = { 0 };
	const char *cut;

	if (xcap_sel_parse(uri->node, uri->query, STRV("urn:d"), arena, &sel, &err) < 0) {
		check_refusal(&err);
		return;
	}
	must(sel.n_steps >= 1 && sel.n_steps <= XCAP_STEPS_MAX);
	text = xcap_sel_print(&sel, sel.n_steps, 1, arena);
	cut = memchr(text.p, '?', text.n);
	node = cut ? strv_mem(text.p, (size_t)(cut - text.p)) : text;
	must(xcap_percent_decode(node, arena, &node) == 0);
	must(xcap_sel_parse(node, cut ? strv_of(cut + 1) : strv_mem(NULL, 0), STRV("urn:d"), arena,
			    &again, &err) == 0);
	must(again.kind == sel.kind && again.n_steps == sel.n_steps);
	must(xcap_name_eq(&again.attr, &sel.attr));
	for (unsigned i = 0; i < sel.n_steps; i++)
		same_step(&sel.step[i], &again.step[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct xcap_uri uri;
	struct err err = { 0 };

	if (xcap_uri_parse(strv_mem(data, size), STRV("/root"), arena, &uri, &err) < 0) {
		check_refusal(&err);
	} else {
		must(uri.auid.n && uri.n_segments >= 1 && uri.n_segments <= XCAP_SEGMENTS_MAX);
		must((uri.tree == XCAP_USERS) == (uri.xui.n > 0));
		for (unsigned i = 0; i < uri.n_segments; i++) {
			struct strv s = uri.segment[i];

			must(s.n && !strv_eq(s, STRV(".")) && !strv_eq(s, STRV("..")));
			must(!memchr(s.p, '/', s.n) && !memchr(s.p, 0, s.n) && xcap_utf8_valid(s));
		}
		must(uri.has_node == (uri.node.n > 0));
		if (uri.has_node)
			check_selector(&uri, arena);
	}
	arena_free(&arena);
	return 0;
}
