/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/xcapdoc_bench.c - CPU of the document engine alone: no HTTP, no store
 *
 *     xcapdoc_bench [--quick]
 *
 * An address book of entries of about 200 octets. Against itself with 10 entries (growth), and
 * against what a server without an index does at 200 kB: parse with libxml2, change, write out.
 * Both sides alternate; medians. One JSON object a line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/xml.h"
#include "xdms/xcap_edit.h"
#include "xdms/xcap_record.h"
#include "xdms/xdm_log.h"

#define NS "urn:ietf:params:xml:ns:resource-lists"

enum { RUNS_MAX = 15 };

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *what)
{
	fprintf(stderr, "xcapdoc_bench: %s\n", what);
	exit(1);
}

static int print_entry(char *to, size_t n, unsigned i, unsigned turn)
{
	return snprintf(to, n,
			"<entry uri=\"sip:user%u@example.com\">\n"
			"    <display-name>User Number %u of %u</display-name>\n"
			"    <x:more xmlns:x=\"urn:example:more\" a=\"some attribute value\">"
			"text text text text</x:more>\n  </entry>",
			i, i, turn);
}

static char *book(unsigned entries, size_t *size_out)
{
	char *text, entry[512];
	FILE *to = open_memstream(&text, size_out);

	fprintf(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		    "<resource-lists xmlns=\"" NS "\">\n<list name=\"all\">\n");
	for (unsigned i = 0; i < entries; i++) {
		print_entry(entry, sizeof(entry), i, 0);
		fprintf(to, "  %s\n", entry);
	}
	fprintf(to, "</list>\n</resource-lists>\n");
	fclose(to);
	return text;
}

struct side {
	unsigned entries, loops;
	struct xcap_doc *doc;
	struct arena *arena;
	unsigned turn;
};

static struct side side_new(unsigned entries, unsigned loops)
{
	struct side s = { entries, loops, NULL, arena_new(0), 0 };
	struct err err;
	size_t n;
	char *text = book(entries, &n);

	if (xcap_doc_parse(strv_mem(text, n), NULL, &s.doc, &err) < 0)
		die(err.text);
	free(text);
	return s;
}

static void select_entry(struct side *s, unsigned i, struct xcap_sel *sel)
{
	struct err err;
	char *text = arena_printf(s->arena,
				  "resource-lists/list[@name=\"all\"]"
				  "/entry[@uri=\"sip:user%u@example.com\"]",
				  i);

	if (xcap_sel_parse(strv_of(text), strv_mem(NULL, 0), STRV(NS), s->arena, sel, &err) < 0)
		die(err.text);
}

/* Selector to slice, in us an operation. */
static double get_element(struct side *s)
{
	double from = cpu_us();

	for (unsigned k = 0; k < s->loops; k++) {
		struct xcap_spot spot;
		struct xcap_sel sel;

		arena_reset(s->arena);
		select_entry(s, (s->turn++ * 7919U) % s->entries, &sel);
		if (!xcap_doc_find(s->doc, &sel, &spot) || !xcap_spot_slice(&spot, s->arena).n)
			die("an entry is missing");
	}
	return (cpu_us() - from) / s->loops;
}

/* The entry of the document's log. */
static void log_edit(struct side *s, const struct xcap_edit *edit)
{
	struct xdm_log_entry entry = { .kind = XDM_PUT_NODE,
				       .who = STRV("sip:alice@example.com"),
				       .patch = edit->patch,
				       .has_removed = 1 };

	if (xcap_delta_find(s->doc, edit->doc, edit, s->arena, &entry.delta) < 0 ||
	    !xdm_log_encode(&entry, 1 << 20, s->arena).n)
		die("no memory");
}

/* Selector and body to a new document, its patch and the records to write. */
static double put_element(struct side *s)
{
	double from = cpu_us();

	for (unsigned k = 0; k < s->loops; k++) {
		unsigned i = (s->turn++ * 7919U) % s->entries, n;
		struct xcap_record *record;
		struct xcap_fault fault;
		struct xcap_edit edit;
		struct xcap_sel sel;
		struct err err;
		char body[512];

		arena_reset(s->arena);
		select_entry(s, i, &sel);
		print_entry(body, sizeof(body), i, s->turn);
		if (xcap_edit_put(s->doc, &sel, strv_of(body), NULL, s->arena, &edit, &fault,
				  &err) != XCAP_EDITED)
			die("a PUT was refused");
		if (xcap_record_changes(edit.doc, s->doc, s->arena, &record, &n) < 0)
			die("no memory");
		log_edit(s, &edit);
		xcap_doc_drop(&s->doc);
		s->doc = edit.doc;
	}
	return (cpu_us() - from) / s->loops;
}

struct tree_side {
	struct strv text;
	unsigned entries, turn;
};

static xmlNode *child(xmlNode *parent, unsigned n)
{
	for (xmlNode *kid = parent->children; kid; kid = kid->next)
		if (kid->type == XML_ELEMENT_NODE && n-- == 0)
			return kid;
	die("an entry is missing");
	return NULL;
}

/* The same PUT as a tree: parse, replace, write out. */
static double put_tree(struct tree_side *s)
{
	double from = cpu_us();
	unsigned i = (s->turn++ * 7919U) % s->entries;
	xmlNode *list, *old, *put;
	xmlDoc *doc, *fragment;
	struct err err;
	char body[512];
	xmlChar *mem;
	int size;

	print_entry(body, sizeof(body), i, s->turn);
	if (xml_parse(s->text, NULL, &doc, NULL, &err) < 0 ||
	    xml_parse_fragment(strv_of(body), NULL, 0, NULL, &fragment, &put, NULL, &err) < 0)
		die(err.text);
	list = child(xmlDocGetRootElement(doc), 0);
	old = child(list, i);
	xmlReplaceNode(old, xmlDocCopyNode(put, doc, 1));
	xmlFreeNode(old);
	xmlDocDumpMemory(doc, &mem, &size);
	xmlFree(mem);
	xmlFreeDoc(fragment);
	xmlFreeDoc(doc);
	return cpu_us() - from;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), by_size);
	return v[n / 2];
}

static void report(const char *figure, double *ours, const char *peer, double *theirs,
		   unsigned runs)
{
	double a = median(ours, runs), b = median(theirs, runs);

	printf("{\"figure\": \"%s\", \"ours\": %.3f, \"peer\": \"%s\", \"theirs\": %.3f, "
	       "\"unit\": \"us CPU\", \"ratio\": %.5f, \"runs\": %u}\n",
	       figure, a, peer, b, a / b, runs);
}

int main(int argc, char **argv)
{
	int quick = argc > 1 && !strcmp(argv[1], "--quick");
	unsigned runs = quick ? 5 : RUNS_MAX, loops = quick ? 2000 : 10000;
	struct side small = side_new(10, loops), middle = side_new(1000, loops);
	struct side large = side_new(10000, loops);
	struct tree_side tree = { .entries = 1000 };
	double a[RUNS_MAX], b[RUNS_MAX];
	size_t n;

	if (xml_init(NULL, NULL) < 0)
		die("libxml2");
	tree.text.p = book(1000, &n);
	tree.text.n = n;
	for (unsigned i = 0; i < runs; i++)
		a[i] = get_element(&large), b[i] = get_element(&small);
	report("xcapdoc.get-element.growth", a, "10 entries", b, runs);
	for (unsigned i = 0; i < runs; i++)
		a[i] = put_element(&large), b[i] = put_element(&small);
	report("xcapdoc.put-element.growth", a, "10 entries", b, runs);
	for (unsigned i = 0; i < runs; i++)
		a[i] = put_element(&middle), b[i] = put_tree(&tree);
	report("xcapdoc.put-element.200k", a, "libxml2: parse, replace, write", b, runs);
	free((char *)tree.text.p);
	xcap_doc_drop(&small.doc);
	xcap_doc_drop(&middle.doc);
	xcap_doc_drop(&large.doc);
	arena_free(&small.arena);
	arena_free(&middle.arena);
	arena_free(&large.arena);
	return 0;
}
