/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_xcap_edit.c - a document, a node selector and a body, the engine beside the
 * oracle
 *
 * The parts are divided by NUL; without a third one the request is a DELETE. The verdict must be
 * the same, and so must the document afterwards; the tree keeps its promises, the patch leads
 * there.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xml.h"
#include "tests/xdms/doc_check.h"
#include "tests/xdms/oracle.h"
#include "xdms/xcap_diff.h"

static void must(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

struct input {
	struct strv doc, sel, body;
	int delete;
};

static void check_patch(const struct xcap_doc *before, const struct xcap_edit *edit,
			const xmlDoc *after, struct arena *arena)
{
	const struct xcap_patch *patches[] = { &edit->patch };
	struct xcap_diff_entry entry = { .sel = STRV("d"),
					 .previous_etag = STRV("1"),
					 .new_etag = STRV("2"),
					 .patch = patches,
					 .n_patches = 1 };
	size_t n;
	char *text = doc_text(before, &n);
	xmlDoc *doc = oracle_parse(strv_mem(text, n));
	char *ours, *theirs = oracle_canon(after, NULL);

	oracle_apply(doc, xcap_diff_print(STRV("http://x/"), &entry, 1, arena));
	ours = oracle_canon(doc, NULL);
	must(!strcmp(ours, theirs), "the patch leads elsewhere");
	xmlFreeDoc(doc);
	free(text);
	free(ours);
	free(theirs);
}

static void check_edit(const struct xcap_edit *edit, const xmlDoc *theirs)
{
	size_t n;
	char *text = doc_text(edit->doc, &n), *a, *b;
	xmlDoc *doc = oracle_parse(strv_mem(text, n));

	must(doc != NULL, "no longer well-formed");
	a = oracle_canon(doc, NULL);
	b = oracle_canon(theirs, NULL);
	must(!strcmp(a, b), "another document");
	doc_check(edit->doc);
	xmlFreeDoc(doc);
	free(text);
	free(a);
	free(b);
}

static int is_of_body(enum xcap_fault_kind kind)
{
	return kind == XCAP_NOT_UTF8 || kind == XCAP_NOT_XML_FRAG || kind == XCAP_LOCAL_LIMIT;
}

/* A body can be wrong in several ways: not UTF-8, not one element, beyond a limit of libxml2's
 * door, which looks at limits first. Which of them is told may differ. */
static int same_fault(const struct input *in, enum xcap_fault_kind ours,
		      enum xcap_fault_kind theirs)
{
	if (ours == theirs)
		return 1;
	return is_of_body(ours) && is_of_body(theirs) &&
	       (theirs == XCAP_LOCAL_LIMIT || !xcap_utf8_valid(in->body));
}

static void run(const struct input *in, const struct xcap_doc *doc, xmlDoc **oracle,
		struct arena *arena)
{
	struct oracle_verdict theirs;
	struct xcap_fault fault = { 0 };
	struct xcap_edit edit;
	struct xcap_sel sel;
	struct err err = { 0 };
	int ours;

	if (xcap_sel_parse(in->sel, STRV("xmlns(p=urn:p)xmlns(q=urn:q)"), STRV("urn:d"), arena,
			   &sel, &err) < 0)
		return;
	if (in->delete) {
		theirs = oracle_delete(oracle, &sel);
		ours = xcap_edit_delete(doc, &sel, NULL, arena, &edit, &fault, &err);
	} else {
		theirs = oracle_put(oracle, &sel, in->body);
		ours = xcap_edit_put(doc, &sel, in->body, NULL, arena, &edit, &fault, &err);
	}
	if (!theirs.skip) {
		if (ours != theirs.verdict || !same_fault(in, fault.kind, theirs.fault)) {
			fprintf(stderr, "ours %d %s, theirs %d %s\n", ours,
				xcap_fault_name(fault.kind), theirs.verdict,
				xcap_fault_name(theirs.fault));
			abort();
		}
		if (ours == XCAP_EDITED) {
			must(edit.created == theirs.created, "created or replaced");
			check_edit(&edit, *oracle);
			check_patch(doc, &edit, *oracle, arena);
		}
	}
	xcap_doc_drop(&edit.doc);
}

/* What libxml2 does differently, and the oracle's own mark. */
static int beyond_the_oracle(struct strv all)
{
	if (memmem(all.p, all.n, "here-it-goes", 12))
		return 1;
	if (strv_starts(all, STRV("\xef\xbb\xbf\xef\xbb\xbf"))) /* it passes over both */
		return 1;
	/* An ampersand in a namespace name comes out of libxml2 as "&#38;". */
	return memmem(all.p, all.n, "xmlns", 5) && memchr(all.p, '&', all.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strv rest = strv_mem(data, size);
	struct arena *arena;
	struct xcap_doc *doc;
	struct input in;
	xmlDoc *oracle;
	struct err err;
	static int ready;

	if (!ready)
		ready = xml_init(NULL, NULL) == 0;
	if (size > 1000 || beyond_the_oracle(rest))
		return 0;
	strv_cut(&rest, 0, &in.doc);
	in.delete = !strv_cut(&rest, 0, &in.sel);
	in.body = rest;
	/* Refused by both, but for libxml2's door an octet NUL is UTF-16. */
	if (in.body.n && memchr(in.body.p, 0, in.body.n))
		return 0;
	oracle = oracle_parse(in.doc);
	arena = arena_new(0);
	if (oracle) {
		must(xcap_doc_parse(in.doc, NULL, &doc, &err) == 0,
		     "only libxml2 takes the document");
		run(&in, doc, &oracle, arena);
		xcap_doc_drop(&doc);
	}
	xmlFreeDoc(oracle);
	arena_free(&arena);
	return 0;
}
