/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/xdms/test_xcap_oracle.c - random edits of random documents, the engine beside the oracle
 *
 * After each step: the same verdict; the same document; octets that differ from those before in
 * one place only, the one that the delta tells; a tree that keeps its promises and shares what did
 * not change; a patch that an independent applier turns into the same document.
 * XCAP_SOAK_STEPS=1000000 makes it long, XCAP_SOAK_SEED starts elsewhere.
 */
#include "xdms/xcap_edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/xml.h"
#include "tests/xdms/doc_check.h"
#include "tests/xdms/oracle.h"
#include "xdms/xcap_delta.h"
#include "xdms/xcap_diff.h"
#include "xdms/xcap_record.h"

static uint64_t random_state;

static uint32_t below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % n;
}

static int one_in(uint32_t n)
{
	return below(n) == 0;
}

/* ---- random text ---- */

#define ADD(...) fprintf(to, __VA_ARGS__)

static const char *const names[] = { "list", "entry", "entry", "entry", "note", "p:entry", "x-y" };
static const char *const addresses[] = { "uri", "name", "id", "other", "p:tag" };

static const char *pick(const char *const *from, size_t n)
{
	return from[below((uint32_t)n)];
}
#define PICK(array) pick(array, sizeof(array) / sizeof((array)[0]))

static void value(FILE *to, uint32_t range)
{
	if (one_in(20))
		ADD("a&amp;b/%u]", below(range));
	else
		ADD("sip:u%u@x", below(range));
}

static void attributes(FILE *to, uint32_t range)
{
	unsigned first = below(5), n = below(3);

	for (unsigned i = 0; i < n; i++) {
		char quote = one_in(4) ? '\'' : '"';

		ADD("%s%s%s=%s%c", one_in(9) ? "\n\t" : " ", addresses[(first + i) % 5],
		    one_in(9) ? " " : "", one_in(9) ? " " : "", quote);
		value(to, range);
		ADD("%c", quote);
	}
}

static void filling(FILE *to)
{
	static const char *const text[] = { "\n  ",	  " ",		"x &lt; y",
					    "]]",	  "]",		"&gt;",
					    "<!-- c -->", "<?pi <x>?>", "<![CDATA[<e/>]]>",
					    "\xc3\xa4",	  "]&gt;" };

	if (one_in(2))
		ADD("%s", PICK(text));
	else if (one_in(12))
		ADD(">");
}

static void element(FILE *to, unsigned depth, unsigned width, uint32_t range)
{
	const char *name = PICK(names);
	static const char *const declared[] = { " xmlns:q=\"urn:q\"",
						" xmlns=\"urn:d\"",
						" xmlns=\"\"",
						" xmlns:p=\"urn:p\"",
						"",
						"",
						"" };

	ADD("<%s", name);
	if (one_in(10))
		ADD("%s", PICK(declared));
	attributes(to, range);
	if (!width && one_in(2)) {
		ADD("%s/>", one_in(3) ? " " : "");
		return;
	}
	ADD("%s>", one_in(12) ? "\n" : "");
	for (unsigned i = 0; i < width; i++) {
		filling(to);
		element(to, depth + 1, depth < 6 && one_in(3) ? below(one_in(30) ? width : 4) : 0,
			range);
	}
	filling(to);
	ADD("</%s%s>", name, one_in(12) ? " " : "");
}

static char *random_document(void)
{
	static const unsigned widths[] = { 0, 3, 10, 60, 250 };
	unsigned width = widths[below(5)];
	char *text;
	size_t n;
	FILE *to = open_memstream(&text, &n);

	ADD("%s%s", one_in(2) ? "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" : "",
	    one_in(3) ? "<!-- prolog --><?p?>\n" : "");
	ADD("<list xmlns=\"urn:d\" xmlns:p=\"urn:p\" name='root'>");
	for (unsigned i = 0; i < 1 + below(3); i++) {
		filling(to);
		element(to, one_in(3) ? 3 : 0, width, 40 + width * 4);
	}
	ADD("</list>%s", one_in(3) ? "\n<!-- epilog -->\n" : "");
	fclose(to);
	return text;
}

/* An element that the last step of SEL selects, or would but for its position. */
static void fitting(FILE *to, const struct xcap_sel *sel, uint32_t range)
{
	const struct xcap_step *step = &sel->step[sel->n_steps - 1];
	const char *prefix = strv_eq(step->name.ns, STRV("urn:p")) ? "p:" : "";
	struct strv name = step->any ? STRV("entry") : step->name.local;

	ADD("<%s%.*s", prefix, STRV_ARG(name));
	if (step->has_attr) {
		ADD(" %s%.*s=\"", step->attr.ns.n ? "p:" : "", STRV_ARG(step->attr.local));
		for (size_t i = 0; i < step->value.n; i++)
			ADD(step->value.p[i] == '&' ? "&amp;" : "%c", step->value.p[i]);
		ADD("\"");
	}
	if (one_in(2)) {
		ADD("/>");
		return;
	}
	ADD(">");
	filling(to);
	if (one_in(3))
		element(to, 3, one_in(20) ? 150 : below(3), range);
	ADD("</%s%.*s>", prefix, STRV_ARG(name));
}

static char *random_body(const struct xcap_sel *sel, uint32_t range)
{
	int attr = sel->kind == XCAP_SEL_ATTR;
	static const char *const broken[] = {
		"",	      "<entry>",	   "<entry/><entry/>",	   "x<entry/>",
		"<z:entry/>", "<!--c--><entry/>",  "<entry a='1' a='2'/>", "<entry>\xff</entry>",
		"<a:b:c/>",   "<entry>&x;</entry>"
	};
	static const char *const values[] = {
		"\"sip:new@x\"", "'a \"b\"'",	  "bare", "\"a&amp;b\"",
		"\"a<b\"",	 "a&b",		  "\"",	  "\"x\"y\"",
		"it's \"both\"", " \"padded\"\n", "\xff", "\"a\tb\""
	};
	char *text;
	size_t n;
	FILE *to = open_memstream(&text, &n);

	if (attr && one_in(2)) {
		ADD("\"");
		value(to, range);
		ADD("\"");
	} else if (attr) {
		ADD("%s", PICK(values));
	} else if (one_in(12)) {
		ADD("%s", PICK(broken));
	} else if (!one_in(4)) {
		fitting(to, sel, range);
	} else {
		element(to, 3, one_in(30) ? 200 : one_in(4) ? below(4) : 0, range);
	}
	fclose(to);
	return text;
}

/* ---- random selectors ---- */

static unsigned kids_of(const xmlNode *parent, const xmlNode *kid[], unsigned max)
{
	unsigned n = 0;

	for (const xmlNode *at = parent->children; at && n < max; at = at->next)
		if (at->type == XML_ELEMENT_NODE)
			kid[n++] = at;
	return n;
}

static const char *sel_name(const xmlNode *elem)
{
	static char name[2][64];
	static unsigned turn;
	const char *prefix = "";

	if (elem->ns && xmlStrEqual(elem->ns->href, BAD_CAST "urn:p"))
		prefix = "p:";
	else if (!elem->ns || !xmlStrEqual(elem->ns->href, BAD_CAST "urn:d"))
		prefix = "q:"; /* no namespace, or urn:q: selects nothing */
	turn = !turn;
	snprintf(name[turn], sizeof(name[turn]), "%s%s", prefix, (const char *)elem->name);
	return name[turn];
}

static void attr_test(FILE *to, const xmlNode *elem, uint32_t range, int fresh)
{
	const xmlAttr *attr = elem->properties;

	if (!attr || fresh) {
		ADD("[@%s=\"", PICK(addresses));
		value(to, range);
		ADD("\"]");
		return;
	}
	while (attr->next && one_in(2))
		attr = attr->next;
	xmlChar *text = xmlNodeGetContent((const xmlNode *)attr);
	xmlChar *escaped = xmlEncodeSpecialChars(NULL, text);

	ADD("[@%s%s=\"%s\"]", attr->ns ? "p:" : "", (const char *)attr->name,
	    (const char *)escaped);
	xmlFree(text);
	xmlFree(escaped);
}

/* A step to ELEM (LAST: the step may also miss it). */
static void step(FILE *to, const xmlNode *elem, int last, uint32_t range)
{
	const xmlNode *parent = elem->parent;
	int miss = last && one_in(2), wild = one_in(4);
	unsigned pos = 0;

	for (const xmlNode *at = elem; at; at = at->prev)
		pos += at->type == XML_ELEMENT_NODE &&
		       (wild || (xmlStrEqual(at->name, elem->name) && at->ns == elem->ns));
	if (miss && one_in(4))
		pos += below(3);
	if (miss && one_in(16))
		pos = 0;
	ADD("%s", wild ? "*" : miss && one_in(8) ? PICK(names) : sel_name(elem));
	if (parent->type == XML_DOCUMENT_NODE && !one_in(20))
		return;
	switch (miss ? below(5) : elem->properties ? below(3) : 0) {
	case 0:
		ADD("[%u]", pos);
		break;
	case 1:
		attr_test(to, elem, range, miss);
		break;
	case 2:
		ADD("[%u]", pos);
		attr_test(to, elem, range, miss);
		break;
	case 3:
		attr_test(to, elem, range, 1);
		break;
	default:
		break;
	}
}

static char *random_selector(const xmlDoc *doc, uint32_t range)
{
	const xmlNode *at = (const xmlNode *)doc, *kid[2048];
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	unsigned depth = one_in(20) ? 1 : 2 + below(3);

	for (unsigned d = 0; d < depth; d++) {
		unsigned n = kids_of(at, kid, 2048);

		if (!n) { /* the first child to be */
			ADD("/%s", PICK(names));
			if (one_in(2))
				ADD("[1]");
			break;
		}
		at = kid[below(n)];
		ADD("%s", d ? "/" : "");
		step(to, at, d + 1 == depth, range);
	}
	if (one_in(5))
		ADD("/@%s", one_in(10) ? "xmlns" : one_in(6) ? "q:tag" : PICK(addresses));
	else if (one_in(100))
		ADD("/namespace::*");
	fclose(to);
	return text;
}

/* ---- one step ---- */

static struct {
	unsigned steps, edited, created, deleted, refused[XCAP_FAULTS], not_found, patches;
	unsigned in_many_chunks, max_chunks;
} seen;

/* The records of the document, as a store would have them. */
struct store {
	struct xcap_record *record;
	unsigned n, cap;
	char *head;
	size_t head_n;
};

struct run {
	struct store store;
	struct xcap_doc *doc;
	xmlDoc *oracle;
	struct strv body;
	const char *sel_text;
	int delete;
};

static void stop(const struct run *run, const char *what)
{
	char *text = doc_text(run->doc, NULL);

	fprintf(stderr, "%s: %s %s\nbody: %.*s\ndocument before:\n%.6000s\n", what,
		run->delete ? "DELETE" : "PUT", run->sel_text, STRV_ARG(run->body), text);
	free(text);
	abort();
}

/* The octets may differ in one place only; around it nothing moves. GONE_MAX, COME_MAX: how many
 * there. */
static void check_octets(const struct run *run, const struct xcap_doc *now, size_t gone_max,
			 size_t come_max)
{
	size_t n, m, head = 0, tail = 0;
	char *was = doc_text(run->doc, &n), *is = doc_text(now, &m);

	while (head < n && head < m && was[head] == is[head])
		head++;
	while (tail < n - head && tail < m - head && was[n - 1 - tail] == is[m - 1 - tail])
		tail++;
	if (n - head - tail > gone_max || m - head - tail > come_max)
		stop(run, "octets changed elsewhere");
	free(was);
	free(is);
}

static void check_same(const struct run *run, const struct xcap_doc *now, const xmlDoc *oracle)
{
	size_t n;
	char *text = doc_text(now, &n);
	xmlDoc *parsed = oracle_parse(strv_mem(text, n));
	char *ours = parsed ? oracle_canon(parsed, NULL) : NULL;
	char *theirs = oracle_canon(oracle, NULL);

	if (!ours || strcmp(ours, theirs) != 0) {
		fprintf(stderr, "after:\n%.6000s\n", text);
		stop(run, ours ? "another document" : "no longer well-formed");
	}
	xmlFreeDoc(parsed);
	free(ours);
	free(theirs);
	free(text);
}

static void check_patch(const struct run *run, const struct xcap_edit *edit, const xmlDoc *oracle,
			struct arena *arena)
{
	const struct xcap_patch *patches[] = { &edit->patch };
	struct xcap_diff_entry entry = { .sel = STRV("a/users/u/d"),
					 .previous_etag = STRV("1"),
					 .new_etag = STRV("2"),
					 .patch = patches,
					 .n_patches = 1 };
	struct strv diff = xcap_diff_print(STRV("http://x/"), &entry, 1, arena);
	size_t n;
	char *text = doc_text(run->doc, &n), *ours, *theirs;
	xmlDoc *doc = oracle_parse(strv_mem(text, n));

	oracle_apply(doc, diff);
	ours = oracle_canon(doc, NULL);
	theirs = oracle_canon(oracle, NULL);
	if (strcmp(ours, theirs) != 0) {
		fprintf(stderr, "%s\n", diff.p);
		stop(run, "a patch leads elsewhere");
	}
	xmlFreeDoc(doc);
	free(ours);
	free(theirs);
	free(text);
	seen.patches++;
}

static void store_one(struct store *s, const struct xcap_record *r)
{
	unsigned i = 0;

	if (r->id == XCAP_RECORD_HEAD) {
		free(s->head);
		s->head = strv_dup(r->bytes);
		s->head_n = r->bytes.n;
		return;
	}
	while (i < s->n && s->record[i].id != r->id)
		i++;
	if (i < s->n) /* a number is never used twice */
		assert_int_equal(r->bytes.n, 0);
	if (!r->bytes.n) {
		assert_true(i < s->n);
		free((char *)s->record[i].bytes.p);
		s->record[i] = s->record[--s->n];
		return;
	}
	if (s->n == s->cap)
		s->record = realloc(s->record, (s->cap = s->cap * 2 + 8) * sizeof(*s->record));
	s->record[s->n++] = (struct xcap_record){ r->id, { strv_dup(r->bytes), r->bytes.n } };
}

static void store_free(struct store *s)
{
	while (s->n)
		free((char *)s->record[--s->n].bytes.p);
	free(s->record);
	free(s->head);
	memset(s, 0, sizeof(*s));
}

/* Bring the records from OLD to DOC and read the document back from them. With N_MAX at most so
 * many chunks are written. */
static void check_records(struct run *run, const struct xcap_doc *doc, const struct xcap_doc *old,
			  unsigned n_max, struct arena *arena)
{
	struct xcap_record *record;
	struct xcap_doc *back;
	unsigned n, written = 0;
	struct err err;
	char *a, *b;

	assert_int_equal(xcap_record_changes(doc, old, arena, &record, &n), 0);
	for (unsigned i = 0; i < n; i++) {
		store_one(&run->store, &record[i]);
		written += record[i].id != XCAP_RECORD_HEAD && record[i].bytes.n;
	}
	if (written > n_max)
		stop(run, "too many records written");
	if (xcap_record_load(strv_mem(run->store.head, run->store.head_n), run->store.record,
			     run->store.n, NULL, &back, &err) < 0)
		stop(run, err.text);
	a = doc_text(doc, NULL);
	b = doc_text(back, NULL);
	if (strcmp(a, b) != 0)
		stop(run, "read back otherwise");
	doc_check(back);
	free(a);
	free(b);
	/* What is read back goes on with the same marks and numbers. */
	assert_int_equal(xcap_record_changes(back, doc, arena, &record, &n), 0);
	assert_int_equal(n, 1);
	assert_true(strv_eq(record[0].bytes, strv_mem(run->store.head, run->store.head_n)));
	xcap_doc_drop(&back);
}

/* The delta tells what went and where, and few octets too much. */
static void check_delta(const struct run *run, const struct xcap_doc *now,
			const struct xcap_edit *edit, size_t gone_max, size_t come_max,
			struct arena *arena)
{
	struct xcap_delta d;
	size_t n, m;
	char *was = doc_text(run->doc, &n), *is = doc_text(now, &m);

	assert_int_equal(xcap_delta_find(run->doc, now, edit, arena, &d), 0);
	if (n - d.removed.n != m - d.inserted_n || d.at + d.removed.n > n ||
	    memcmp(was, is, d.at) != 0 || memcmp(d.removed.p, was + d.at, d.removed.n) != 0 ||
	    memcmp(was + d.at + d.removed.n, is + d.at + d.inserted_n, n - d.at - d.removed.n) != 0)
		stop(run, "another delta");
	if (d.removed.n > gone_max || d.inserted_n > come_max)
		stop(run, "too large a delta");
	if (d.lead > d.at || d.at + d.removed.n + d.trail > n)
		stop(run, "a place outside the document");
	free(was);
	free(is);
}

static void check_edit(const struct run *run, const struct xcap_edit *edit,
		       const struct xcap_sel *sel, const xmlDoc *oracle, struct arena *arena)
{
	unsigned total, fresh = doc_new_chunks(edit->doc, run->doc, &total);
	size_t octets = xcap_doc_octets(run->doc), gone, come = run->body.n;
	struct xcap_spot old;

	doc_check(edit->doc);
	seen.in_many_chunks += total > 1;
	seen.max_chunks = total > seen.max_chunks ? total : seen.max_chunks;
	check_same(run, edit->doc, oracle);
	gone = xcap_doc_find(run->doc, sel, &old) ? xcap_spot_octets(&old) : 0;
	if (sel->kind == XCAP_SEL_ATTR) /* a name, a declaration, quotes, references for quotes */
		gone = 200, come = come * 6 + 200;
	else /* an opened or closed parent, a reference for ">" */
		gone += 140, come += 140;
	check_octets(run, edit->doc, gone, come);
	/* What was put may need chunks of its own; beside it few are new. */
	if (fresh > 8 + 2 * run->body.n / 1000)
		stop(run, "too many new chunks");
	if (xcap_doc_octets(run->doc) != octets)
		stop(run, "the document before has changed");
	check_patch(run, edit, oracle, arena);
	check_delta(run, edit->doc, edit, gone, come, arena);
	check_delta(run, edit->doc, NULL, gone, come, arena);
}

/* What was put can be read; a new element or attribute that is deleted again leaves no trace. */
static void check_put(const struct run *run, const struct xcap_edit *edit,
		      const struct xcap_sel *sel, struct arena *arena)
{
	struct xcap_edit back;
	struct xcap_fault fault;
	struct err err;
	size_t n, m;
	char *was, *is;
	int rc;

	if (sel->kind == XCAP_SEL_ELEMENT) {
		struct strv slice = xcap_spot_slice(&edit->spot, arena), body = run->body;

		while (body.n && xcap_is_space(*body.p))
			body.p++, body.n--;
		while (body.n && xcap_is_space(body.p[body.n - 1]))
			body.n--;
		if (!strv_eq(slice, body))
			stop(run, "what was put reads otherwise");
	}
	if (!edit->created || edit->patch.n > 1)
		return;
	rc = xcap_edit_delete(edit->doc, sel, NULL, arena, &back, &fault, &err);
	if (rc == XCAP_REFUSED && fault.kind == XCAP_CANNOT_DELETE)
		return;
	if (rc != XCAP_EDITED)
		stop(run, "what was put cannot be deleted");
	was = doc_text(run->doc, &n);
	is = doc_text(back.doc, &m);
	if (strcmp(was, is) != 0)
		stop(run, "deleted again it leaves a trace");
	doc_check(back.doc);
	free(was);
	free(is);
	xcap_doc_drop(&back.doc);
}

static void one_step(struct run *run)
{
	struct arena *arena = arena_new(0);
	uint32_t range = 40 + xcap_doc_nodes(run->doc) * 2;
	char *sel_text = random_selector(run->oracle, range), *body = NULL;
	struct oracle_verdict theirs;
	struct xcap_edit edit;
	struct xcap_fault fault = { 0 };
	struct xcap_sel sel;
	struct err err = { 0 };
	int ours;

	run->sel_text = sel_text;
	run->delete = one_in(3);
	run->body = strv_mem(NULL, 0);
	if (xcap_sel_parse(strv_of(sel_text), STRV("xmlns(p=urn:p)xmlns(q=urn:q)"), STRV("urn:d"),
			   arena, &sel, &err) < 0)
		stop(run, err.text);
	if (run->delete) {
		theirs = oracle_delete(&run->oracle, &sel);
		ours = xcap_edit_delete(run->doc, &sel, NULL, arena, &edit, &fault, &err);
	} else {
		body = random_body(&sel, range);
		run->body = strv_of(body);
		theirs = oracle_put(&run->oracle, &sel, run->body);
		ours = xcap_edit_put(run->doc, &sel, run->body, NULL, arena, &edit, &fault, &err);
	}
	if (ours < 0)
		stop(run, err.text);
	if (ours != theirs.verdict || fault.kind != theirs.fault ||
	    (ours == XCAP_EDITED && edit.created != theirs.created)) {
		fprintf(stderr, "ours %d %s %d, theirs %d %s %d\n", ours,
			xcap_fault_name(fault.kind), edit.created, theirs.verdict,
			xcap_fault_name(theirs.fault), theirs.created);
		stop(run, "another verdict");
	}
	seen.refused[fault.kind] += ours == XCAP_REFUSED;
	seen.not_found += ours == XCAP_NOT_FOUND;
	if (ours == XCAP_EDITED) {
		check_edit(run, &edit, &sel, run->oracle, arena);
		if (!run->delete)
			check_put(run, &edit, &sel, arena);
		check_records(run, edit.doc, run->doc, 9 + (unsigned)run->body.n / 400, arena);
		seen.edited++;
		seen.created += (unsigned)edit.created;
		seen.deleted += (unsigned)run->delete;
		xcap_doc_drop(&run->doc);
		run->doc = edit.doc;
	}
	seen.steps++;
	free(sel_text);
	free(body);
	arena_free(&arena);
}

static void same_bytes_same_verdicts(void **state)
{
	const char *steps = getenv("XCAP_SOAK_STEPS"), *seed = getenv("XCAP_SOAK_SEED");
	unsigned long n = steps ? strtoul(steps, NULL, 10) : 12000;

	(void)state;
	random_state = seed ? strtoull(seed, NULL, 10) * 2 + 1 : 88172645463325253ULL;
	while (seen.steps < n) {
		char *text = random_document();
		struct run run = { .oracle = oracle_parse(strv_of(text)) };
		struct err err = { 0 };
		struct arena *arena;

		if (!run.oracle || xcap_doc_parse(strv_of(text), NULL, &run.doc, &err) < 0)
			fail_msg("%s: %s", err.text, text);
		doc_check(run.doc);
		arena = arena_new(0);
		check_records(&run, run.doc, NULL, UINT32_MAX, arena);
		arena_free(&arena);
		for (unsigned i = below(200); i > 0; i--)
			one_step(&run);
		xcap_doc_drop(&run.doc);
		store_free(&run.store);
		xmlFreeDoc(run.oracle);
		free(text);
	}
	print_message("%u steps: %u edited (%u created, %u deleted), %u patches, %u not found\n",
		      seen.steps, seen.edited, seen.created, seen.deleted, seen.patches,
		      seen.not_found);
	print_message("  in documents of several chunks %u, of at most %u\n", seen.in_many_chunks,
		      seen.max_chunks);
	for (unsigned i = 1; i < XCAP_FAULTS; i++)
		print_message("  %s %u\n", xcap_fault_name(i), seen.refused[i]);
	/* Every kind of outcome was met. */
	assert_true(seen.created > n / 50 && seen.deleted > n / 50 && seen.not_found > n / 100);
	assert_true(seen.in_many_chunks > n / 50 && seen.max_chunks > 10);
	assert_true(seen.refused[XCAP_CANNOT_INSERT] && seen.refused[XCAP_CANNOT_DELETE] &&
		    seen.refused[XCAP_NO_PARENT] && seen.refused[XCAP_NOT_XML_FRAG] &&
		    seen.refused[XCAP_NOT_XML_ATT_VALUE] && seen.refused[XCAP_NOT_UTF8] &&
		    seen.refused[XCAP_SCHEMA_VALIDATION_ERROR]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(same_bytes_same_verdicts) };

	if (xml_init(NULL, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
