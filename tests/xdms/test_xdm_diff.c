/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/xdms/test_xdm_diff.c - a client that applies what it is told has what the server has
 *
 * Random changes are stored; a watch that resumes from some version is told the rest; the entries
 * made of that, applied by an RFC 5261 applier over libxml2 trees (oracle.c), lead to the last
 * version. XDM_DIFF_SEED starts elsewhere.
 */
#include "xdms/xdm_diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/xml.h"
#include "tests/gate.h"
#include "tests/xdms/doc_check.h"
#include "tests/xdms/oracle.h"
#include "tests/xdms/xdm_world.h"
#include "xdms/xcap_cond.h"

enum { CHANGES = KEEP, ROUNDS = 150, PATCH_BYTES = 64 * 1024 };

static uint64_t random_state = 88172645463325253ULL;

static uint32_t below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % n;
}

/* ---- changes ---- */

/* What was stored, version by version; a version's text is NULL when the document was gone. */
struct history {
	uint64_t version[CHANGES + 1];
	char *text[CHANGES + 1];
	unsigned n;
};

static void remember(struct xdm_world *w, struct history *h, uint64_t seq)
{
	struct xdm_doc *doc;
	size_t n;

	assert_int_equal(xdm_find_sync(w->store, STRV(OWNER), STRV(NAME), &doc), KV_DONE);
	h->version[h->n] = doc->doc ? seq : 0;
	h->text[h->n++] = doc->doc ? doc_text(doc->doc, &n) : NULL;
	xdm_doc_drop(&doc);
}

static uint64_t random_change(struct xdm_world *w, int is_there, int with_whole)
{
	static unsigned fresh;
	char sel[64], body[256];
	unsigned i = below(4) + 1;

	if (!is_there || (with_whole && below(6) == 0))
		return xdm_world_put(w,
				     is_there && below(3) == 0
					     ? NULL
					     : "<r xmlns:p=\"urn:p\"><a id=\"1\"/><a id=\"2\">x</a>"
					       "<p:b xmlns=\"urn:q\"><c/></p:b><a/>\n<a/></r>",
				     1);
	snprintf(body, sizeof(body), "<a k=\"%u\">text %u<in/>&lt;</a>", fresh, fresh);
	switch (below(6)) {
	case 0:
		snprintf(sel, sizeof(sel), "r/a[%u]", i > 3 ? 3 : i);
		break;
	case 1:
		snprintf(sel, sizeof(sel), "r/a[1]/@k");
		snprintf(body, sizeof(body), "v&quot;%u", below(3));
		break;
	case 2:
		snprintf(sel, sizeof(sel), "r/*[2]");
		snprintf(body, sizeof(body), "<p:b xmlns:z=\"urn:z\" z:n=\"%u\"><in/></p:b>",
			 fresh);
		break;
	default:
		snprintf(sel, sizeof(sel), "r/a[@k=\"%u\"]", ++fresh);
		snprintf(body, sizeof(body), "<a k=\"%u\"><in><deep>%u</deep></in></a>", fresh, i);
	}
	return xdm_world_put_node(w, sel, body, 1);
}

/* ---- the watcher ---- */

struct client {
	struct gate gate;
	struct xdm_change *change[CHANGES];
	unsigned n;
};

static void on_event(void *arg, struct xdm_watch *watch, const struct xdm_watch_event *event)
{
	struct client *client = arg;

	(void)watch;
	for (unsigned i = 0; i < event->n && client->n < CHANGES; i++)
		client->change[client->n++] = xdm_change_hold(event->change[i]);
	if (event->n)
		gate_raise(&client->gate);
}

/* ---- the client's side ---- */

static const char *text_of(const struct history *h, uint64_t epoch, struct strv tag)
{
	for (unsigned i = 0; i < h->n; i++) {
		char etag[XCAP_ETAG_BYTES];
		size_t n = xcap_etag_print(epoch, h->version[i], etag);

		if (h->version[i] && strv_eq(tag, strv_mem(etag + 1, n - 2)))
			return h->text[i];
	}
	fail_msg("a tag that was never given out: %.*s", STRV_ARG(tag));
	return NULL;
}

static struct {
	unsigned patched, fetched, unchanged;
} seen;

/* The client has DOC; what has it behind ENTRY? */
static xmlDoc *follow(const struct history *h, uint64_t epoch, xmlDoc *doc,
		      const struct xcap_diff_entry *entry, struct arena *arena)
{
	struct strv text = xcap_diff_print(STRV("http://x/"), entry, 1, arena);

	/* Only a body-not-changed or operations between two versions (RFC 5874 s4). */
	assert_false(entry->not_changed && entry->n_patches);
	if (entry->not_changed || entry->n_patches)
		assert_true(entry->previous_etag.n && entry->new_etag.n);
	if (entry->n_patches) {
		seen.patched++;
		oracle_apply(doc, text);
		return doc;
	}
	if (entry->not_changed) {
		seen.unchanged++;
		return doc;
	}
	seen.fetched++;
	xmlFreeDoc(doc);
	return entry->new_etag.n ? oracle_parse(strv_of(text_of(h, epoch, entry->new_etag))) : NULL;
}

static void same(xmlDoc *doc, const char *text, const struct xcap_diff_entry *entry, unsigned n,
		 struct arena *arena)
{
	xmlDoc *want = text ? oracle_parse(strv_of(text)) : NULL;
	char *a, *b;

	assert_true((doc == NULL) == (want == NULL));
	if (!doc)
		return;
	a = oracle_canon(doc, NULL);
	b = oracle_canon(want, NULL);
	if (strcmp(a, b) != 0)
		fail_msg("%s\n%s\n%s", xcap_diff_print(STRV("http://x/"), entry, n, arena).p, a, b);
	free(a);
	free(b);
	xmlFreeDoc(want);
}

static void check(const struct history *h, const struct client *client, unsigned from,
		  uint64_t epoch, enum xdm_diff_mode mode)
{
	struct xdm_diff_from start = { epoch, h->version[from], STRV("a/users/u/d"), PATCH_BYTES };
	const char *text = h->text[from];
	xmlDoc *doc = text ? oracle_parse(strv_of(text)) : NULL;
	struct arena *arena = arena_new(0);
	struct xcap_diff_entry *entry = NULL;
	struct strv had = { NULL, 0 };
	unsigned n;

	assert_int_equal(xdm_diff_document(&start, (const struct xdm_change *const *)client->change,
					   client->n, mode, arena, &entry, &n),
			 0);
	assert_true(mode == XDM_DIFF_PATCHING || n <= 1);
	for (unsigned i = 0; i < n; i++) {
		if (i) /* the chain of tags has no gaps */
			assert_true(strv_eq(entry[i].previous_etag, had));
		if (mode == XDM_DIFF_NO_PATCHING)
			assert_true(!entry[i].n_patches && !entry[i].not_changed);
		had = entry[i].new_etag;
		doc = follow(h, epoch, doc, &entry[i], arena);
	}
	same(doc, h->text[h->n - 1], entry, n, arena);
	xmlFreeDoc(doc);
	arena_free(&arena);
}

static void resume(struct xdm_world *w, const struct history *h, unsigned from, int with_whole)
{
	struct xdm_watch_spec spec = { .kind = XDM_WATCH_DOCUMENT,
				       .owner = STRV(OWNER),
				       .name = STRV(NAME),
				       .has_since = 1,
				       .since = h->version[from] };
	struct client client = { .gate = GATE_INIT };
	struct xdm_watch *watch;
	struct err err;

	if (h->version[from] == h->version[h->n - 1])
		return;
	watch = xdm_watch_new(w->watches, &spec, on_event, &client, &err);
	assert_non_null(watch);
	assert_true(gate_wait(&client.gate, 1));
	for (int mode = XDM_DIFF_NO_PATCHING; mode <= XDM_DIFF_AGGREGATE; mode++)
		check(h, &client, from, kv_epoch(w->kv), (enum xdm_diff_mode)mode);
	if (!with_whole) { /* nothing had to be fetched */
		struct xdm_diff_from start = { 1, h->version[from], STRV("x"), PATCH_BYTES };
		struct xcap_diff_entry *entry;
		unsigned n;

		assert_int_equal(xdm_diff_document(&start,
						   (const struct xdm_change *const *)client.change,
						   client.n, XDM_DIFF_AGGREGATE, w->arena, &entry,
						   &n),
				 0);
		assert_int_equal(n, 1);
		assert_true(entry->n_patches || entry->not_changed);
	}
	for (unsigned i = 0; i < client.n; i++)
		xdm_change_drop(&client.change[i]);
	xdm_watches_stop(w->watches);
	xdm_watch_free(&watch);
}

static void one_round(int with_whole)
{
	struct history h = { .n = 0 };
	struct xdm_world *w;
	void *state;

	assert_int_equal(xdm_world_setup(&state), 0);
	w = state;
	/* The first leaves the log in time: what the others follow upon is there. */
	remember(w, &h, random_change(w, 0, 0));
	while (h.n < CHANGES)
		remember(w, &h, random_change(w, h.text[h.n - 1] != NULL, with_whole));
	resume(w, &h, below(CHANGES - 1), with_whole);
	for (unsigned i = 0; i < h.n; i++)
		free(h.text[i]);
	xdm_world_teardown(&state);
}

static void what_is_told_leads_to_what_there_is(void **state)
{
	const char *seed = getenv("XDM_DIFF_SEED");

	(void)state;
	if (seed)
		random_state = strtoull(seed, NULL, 10) * 2 + 1;
	for (unsigned i = 0; i < ROUNDS; i++)
		one_round(i & 1);
	print_message("%u patched, %u fetched, %u unchanged\n", seen.patched, seen.fetched,
		      seen.unchanged);
	assert_true(seen.patched > ROUNDS && seen.fetched > ROUNDS);
}

/* ---- entries ---- */

struct told {
	uint64_t old_version, version;
	enum { PATCHED, WHOLE, SAME, FORGOTTEN } how;
};

static const struct {
	const char *why;
	uint64_t from;
	struct told told[4];
	enum xdm_diff_mode mode;
	const char *entries; /* "old-new how" */
} rows[] = {
	{ "created", 0, { { 0, 5, WHOLE } }, XDM_DIFF_PATCHING, "-5; " },
	{ "removed", 5, { { 5, 0, WHOLE } }, XDM_DIFF_AGGREGATE, "5-; " },
	{ "came and went", 0, { { 0, 5, WHOLE }, { 5, 0, WHOLE } }, XDM_DIFF_AGGREGATE, "" },
	{ "went and came", 5, { { 5, 0, WHOLE }, { 0, 7, WHOLE } }, XDM_DIFF_PATCHING, "5-; -7; " },
	{ "went and came, skipping tags",
	  5,
	  { { 5, 0, WHOLE }, { 0, 7, WHOLE } },
	  XDM_DIFF_AGGREGATE,
	  "5-7; " },
	{ "each change",
	  5,
	  { { 5, 6, PATCHED }, { 6, 7, WHOLE }, { 7, 8, PATCHED } },
	  XDM_DIFF_PATCHING,
	  "5-6 1; 6-7; 7-8 1; " },
	{ "all at once",
	  5,
	  { { 5, 6, PATCHED }, { 6, 7, SAME }, { 7, 8, PATCHED } },
	  XDM_DIFF_AGGREGATE,
	  "5-8 2; " },
	{ "one that cannot be told",
	  5,
	  { { 5, 6, PATCHED }, { 6, 7, WHOLE } },
	  XDM_DIFF_AGGREGATE,
	  "5-7; " },
	{ "only the tag moved",
	  5,
	  { { 5, 6, SAME }, { 6, 7, SAME } },
	  XDM_DIFF_AGGREGATE,
	  "5-7 same; " },
	{ "tags only", 5, { { 5, 6, PATCHED }, { 6, 7, SAME } }, XDM_DIFF_NO_PATCHING, "5-7; " },
	{ "what the log forgot",
	  5,
	  { { 5, 6, PATCHED }, { 0, 7, FORGOTTEN }, { 7, 8, PATCHED } },
	  XDM_DIFF_PATCHING,
	  "5-6 1; 6-8; " },
	{ "another past", 5, { { 6, 7, PATCHED } }, XDM_DIFF_PATCHING, "5-7; " },
	{ "known already",
	  6,
	  { { 5, 6, PATCHED }, { 6, 7, PATCHED } },
	  XDM_DIFF_PATCHING,
	  "6-7 1; " },
};

static void print_entries(const struct xcap_diff_entry *entry, unsigned n, char *to, size_t bytes)
{
	to[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		struct strv was = entry[i].previous_etag, is = entry[i].new_etag;
		char how[16] = "";
		size_t at = strlen(to);

		if (entry[i].not_changed)
			strcpy(how, " same");
		else if (entry[i].n_patches)
			snprintf(how, sizeof(how), " %u", entry[i].n_patches);
		snprintf(to + at, bytes - at, "%.*s-%.*s%s; ", was.n ? 1 : 0,
			 was.n ? was.p + was.n - 1 : "", is.n ? 1 : 0, is.n ? is.p + is.n - 1 : "",
			 how);
	}
}

static void entries(void **state)
{
	struct arena *arena = arena_new(0);

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct xdm_diff_from from = { 1, rows[i].from, STRV("s"), PATCH_BYTES };
		struct xdm_log_entry log[3] = {
			[PATCHED] = { .delta.inserted_n = 1, .patch.n = 1 },
			[WHOLE] = { .delta.inserted_n = 1 },
		};
		struct xdm_change change[4];
		const struct xdm_change *told[4];
		struct xcap_diff_entry *entry = NULL;
		char text[128];
		unsigned n = 0;

		for (; n < 4 && (rows[i].told[n].old_version || rows[i].told[n].version); n++) {
			const struct told *t = &rows[i].told[n];

			change[n] = (struct xdm_change){
				.seq = t->version ? t->version : t->old_version + 1,
				.version = t->version,
				.old_version = t->old_version,
				.entry = t->how == FORGOTTEN ? NULL : &log[t->how]
			};
			told[n] = &change[n];
		}
		assert_int_equal(xdm_diff_document(&from, told, n, rows[i].mode, arena, &entry, &n),
				 0);
		print_entries(entry, n, text, sizeof(text));
		if (strcmp(text, rows[i].entries) != 0)
			fail_msg("%s: %s", rows[i].why, text);
	}
	arena_free(&arena);
}

static void selectors(void **state)
{
	struct arena *arena = arena_new(0);

	(void)state;
	assert_string_equal(
		xdm_diff_sel(STRV("sip:a%b@x"), STRV("x/resource-lists/my index"), arena).p,
		"resource-lists/users/sip:a%25b@x/my%20index");
	assert_string_equal(xdm_diff_sel(STRV(XDM_GLOBAL_OWNER), STRV("x/a/b/c"), arena).p,
			    "a/global/b/c");
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries),
		cmocka_unit_test(selectors),
		cmocka_unit_test(what_is_told_leads_to_what_there_is),
	};

	if (xml_init(NULL, NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
