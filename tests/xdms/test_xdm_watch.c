/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/xdms/test_xdm_watch.c - watchers are told every change once, in order, with its patch
 *
 * Most of it on the thread of the watches; the last test on two workers while four threads write.
 */
#include "xdms/xdm_watch.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/worker.h"
#include "tests/gate.h"
#include "tests/xdms/xdm_world.h"

#define OTHER "sip:bob@example.com"

/* What a watcher has been told, as words: "begin 0; 0-3 put; 3-4 put-node r/a; 4-0 delete".
 * Versions are relative to the first commit of the test. */
struct heard {
	struct gate gate; /* raised for each event and for each change */
	struct xdm_watch *watch;
	char text[2048];
	size_t n;
};

static void say(struct heard *h, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (h->n < sizeof(h->text))
		h->n += (size_t)vsnprintf(h->text + h->n, sizeof(h->text) - h->n, fmt, args);
	va_end(args);
	gate_raise(&h->gate);
}

static void say_change(struct heard *h, const struct xdm_change *c)
{
	char owner = strv_eq(c->owner, STRV(OWNER)) ? 'a' : 'b';

	if (!c->name.n)
		say(h, "%c erased; ", owner);
	else if (!c->entry)
		say(h, "%c ?-%u; ", owner, (unsigned)c->version);
	else
		say(h, "%c %u-%u %s%s%.*s; ", owner, (unsigned)c->old_version, (unsigned)c->version,
		    xdm_log_kind_name(c->entry->kind), c->entry->selector.n ? " " : "",
		    STRV_ARG(c->entry->selector));
}

static void on_event(void *arg, struct xdm_watch *watch, const struct xdm_watch_event *event)
{
	struct heard *h = arg;

	(void)watch;
	switch (event->kind) {
	case XDM_WATCH_BEGINS:
		say(h, "begins %u; ", (unsigned)event->version);
		break;
	case XDM_WATCH_STARTS_OVER:
		say(h, "starts over %u; ", (unsigned)event->version);
		break;
	case XDM_WATCH_NODE_STATE:
		if (!event->exists)
			say(h, "gone %u; ", (unsigned)event->version);
		else if (event->value.p)
			say(h, "%u '%.*s'; ", (unsigned)event->version, STRV_ARG(event->value));
		else
			say(h, "%u %u octets; ", (unsigned)event->version,
			    (unsigned)xcap_spot_octets(event->spot));
		break;
	default:
		for (unsigned i = 0; i < event->n; i++)
			say_change(h, event->change[i]);
	}
}

static void begin(struct xdm_world *w, struct heard *h, enum xdm_watch_kind kind, const char *owner,
		  const char *name, int64_t since)
{
	struct xdm_watch_spec spec = { .kind = kind,
				       .owner = strv_of(owner),
				       .name = strv_of(name),
				       .has_since = since >= 0,
				       .since = since < 0 ? 0 : (uint64_t)since };
	const struct gate gate = GATE_INIT;
	struct err err;

	memset(h, 0, sizeof(*h));
	h->gate = gate;
	h->watch = xdm_watch_new(w->watches, &spec, on_event, h, &err);
	if (!h->watch)
		fail_msg("%s", err.text);
}

static void heard(struct heard *h, unsigned n, const char *text)
{
	if (!gate_wait(&h->gate, n) || strcmp(h->text, text) != 0)
		fail_msg("heard %s not %s", h->text, text);
}

/* The watches' thread is told to stop before: these belong to no worker. */
static void end(struct xdm_world *w, struct heard *h)
{
	xdm_watches_stop(w->watches);
	xdm_watch_free(&h->watch);
}

static void a_document_from_nothing_to_nothing(void **state)
{
	struct xdm_world *w = *state;
	struct heard h;

	begin(w, &h, XDM_WATCH_DOCUMENT, OWNER, NAME, -1);
	assert_true(gate_wait(&h.gate, 1));
	xdm_world_put(w, "<r><a/></r>", 1);
	xdm_world_put_to(w, OWNER, "x/test-app/other", "<r/>");
	xdm_world_put_to(w, OTHER, NAME, "<r/>");
	xdm_world_put_node(w, "r/a", "<a>1</a>", 1);
	xdm_world_put(w, NULL, 1);
	xdm_world_put(w, "<r/>", 1);
	heard(&h, 5, "begins 0; a 0-1 put; a 1-4 put-node r/a; a 4-0 delete; a 0-6 put; ");
	end(w, &h);
}

static void collections(void **state)
{
	struct xdm_world *w = *state;
	struct heard one, all, everybody, everything;

	begin(w, &one, XDM_WATCH_COLLECTION, OWNER, "x/test-app/", -1);
	begin(w, &all, XDM_WATCH_COLLECTION, OWNER, "x/", -1);
	begin(w, &everybody, XDM_WATCH_COLLECTION, "", "x/test-app/", -1);
	begin(w, &everything, XDM_WATCH_COLLECTION, "", "x/", -1);
	assert_true(gate_wait(&one.gate, 1) && gate_wait(&all.gate, 1) &&
		    gate_wait(&everybody.gate, 1) && gate_wait(&everything.gate, 1));
	xdm_world_put(w, "<r/>", 1);
	xdm_world_put_to(w, OWNER, "x/other/index", "<r/>");
	xdm_world_put_to(w, OTHER, NAME, "<r/>");
	xdm_world_put_to(w, OTHER, "x/test-app2/index", "<r/>");
	/* The log goes with its owner, also what has not been read of it yet. */
	assert_true(gate_wait(&everything.gate, 5));
	assert_int_equal(kv_erase_sync(w->kv, STRV(OTHER)).status, KV_DONE);
	xdm_world_put(w, NULL, 1);
	heard(&one, 3, "begins 0; a 0-1 put; a 1-0 delete; ");
	heard(&all, 4, "begins 0; a 0-1 put; a 0-2 put; a 1-0 delete; ");
	heard(&everybody, 5, "begins 0; a 0-1 put; b 0-3 put; b erased; a 1-0 delete; ");
	heard(&everything, 7,
	      "begins 0; a 0-1 put; a 0-2 put; b 0-3 put; b 0-4 put; b erased; a 1-0 delete; ");
	xdm_watches_stop(w->watches);
	xdm_watch_free(&one.watch);
	xdm_watch_free(&all.watch);
	xdm_watch_free(&everybody.watch);
	xdm_watch_free(&everything.watch);
	assert_int_equal(xdm_watches_count(w->watches), 0);
}

static void a_document_is_resumed(void **state)
{
	struct xdm_world *w = *state;
	struct heard same, behind, absent;

	xdm_world_put(w, "<r><a/></r>", 1);
	xdm_world_put(w, NULL, 1);
	xdm_world_put(w, "<r><a/></r>", 1);
	xdm_world_put_node(w, "r/a", "<a>1</a>", 1);
	xdm_world_put_node(w, "r/a", NULL, 1);
	begin(w, &same, XDM_WATCH_DOCUMENT, OWNER, NAME, 5);
	begin(w, &behind, XDM_WATCH_DOCUMENT, OWNER, NAME, 3);
	begin(w, &absent, XDM_WATCH_DOCUMENT, OWNER, NAME, 0);
	assert_true(gate_wait(&same.gate, 1) && gate_wait(&behind.gate, 3) &&
		    gate_wait(&absent.gate, 4));
	xdm_world_put_node(w, "r/b", "<b/>", 1);
	heard(&same, 2, "begins 5; a 5-6 put-node r/b; ");
	heard(&behind, 4,
	      "begins 3; a 3-4 put-node r/a; a 4-5 delete-node r/a; a 5-6 put-node r/b; ");
	heard(&absent, 5,
	      "begins 0; a 0-3 put; a 3-4 put-node r/a; a 4-5 delete-node r/a; "
	      "a 5-6 put-node r/b; ");
	xdm_watches_stop(w->watches);
	xdm_watch_free(&same.watch);
	xdm_watch_free(&behind.watch);
	xdm_watch_free(&absent.watch);
}

static void a_collection_is_resumed(void **state)
{
	struct xdm_world *w = *state;
	struct heard behind, ahead;

	xdm_world_put(w, "<r><a/></r>", 1);
	xdm_world_put_to(w, OTHER, NAME, "<r/>");
	xdm_world_put_to(w, OWNER, "x/other/index", "<r/>");
	begin(w, &behind, XDM_WATCH_COLLECTION, OWNER, "x/", 1);
	begin(w, &ahead, XDM_WATCH_COLLECTION, OWNER, "x/", 77);
	assert_true(gate_wait(&behind.gate, 2) && gate_wait(&ahead.gate, 1));
	xdm_world_put(w, NULL, 1);
	heard(&behind, 3, "begins 1; a 0-3 put; a 1-0 delete; ");
	heard(&ahead, 2, "starts over 3; a 1-0 delete; ");
	xdm_watches_stop(w->watches);
	xdm_watch_free(&behind.watch);
	xdm_watch_free(&ahead.watch);
}

/* KEEP changes are remembered: whoever has been away longer starts over. */
static void what_is_forgotten_is_told(void **state)
{
	struct xdm_world *w = *state;
	struct heard h;
	char expect[64];

	xdm_world_put(w, "<r><a/></r>", 1);
	for (unsigned i = 0; i <= KEEP; i++)
		xdm_world_put_node(w, "r/a", "<a/>", 1);
	begin(w, &h, XDM_WATCH_DOCUMENT, OWNER, NAME, 1);
	snprintf(expect, sizeof(expect), "starts over %u; ", KEEP + 2);
	heard(&h, 1, expect);
	end(w, &h);
}

/* An element and an attribute: their state, and only when it is another. */
static void nodes(void **state)
{
	struct xdm_world *w = *state;
	struct xdm_watch_spec spec = { .kind = XDM_WATCH_NODE,
				       .owner = STRV(OWNER),
				       .name = STRV(NAME),
				       .node = STRV("r/a") };
	struct heard element = { .gate = GATE_INIT }, attribute = { .gate = GATE_INIT };
	struct err err;

	xdm_world_put(w, "<r><a n=\"1\"/><b/></r>", 1);
	element.watch = xdm_watch_new(w->watches, &spec, on_event, &element, &err);
	spec.node = STRV("r/a/@n");
	attribute.watch = xdm_watch_new(w->watches, &spec, on_event, &attribute, &err);
	assert_true(gate_wait(&element.gate, 1) && gate_wait(&attribute.gate, 1));
	xdm_world_put_node(w, "r/b", "<b>other</b>", 1);
	xdm_world_put_node(w, "r/a", "<a n=\"1\">x</a>", 1);
	assert_true(gate_wait(&element.gate, 2));
	xdm_world_put_node(w, "r/a/@n", "2", 1);
	assert_true(gate_wait(&element.gate, 3) && gate_wait(&attribute.gate, 2));
	xdm_world_put(w, NULL, 1);
	heard(&element, 4, "1 10 octets; 3 14 octets; 4 14 octets; gone 0; ");
	heard(&attribute, 3, "1 '1'; 4 '2'; gone 0; ");
	xdm_watches_stop(w->watches);
	xdm_watch_free(&element.watch);
	xdm_watch_free(&attribute.watch);
	spec.node = STRV("r[");
	assert_null(xdm_watch_new(w->watches, &spec, on_event, &element, &err));
}

static const struct {
	const char *why;
	enum xdm_watch_kind kind;
	const char *owner, *name;
} refused[] = {
	{ "a folder that is no usage's", XDM_WATCH_COLLECTION, OWNER, "x/a/b/" },
	{ "not the end of a name", XDM_WATCH_COLLECTION, OWNER, "x/resource-li" },
	{ "no record of documents", XDM_WATCH_DOCUMENT, OWNER, "user" },
	{ "a document of nobody", XDM_WATCH_DOCUMENT, "", NAME },
	{ "a usage is no document", XDM_WATCH_DOCUMENT, OWNER, "x/test-app/" },
};

static void what_cannot_be_watched(void **state)
{
	struct xdm_world *w = *state;

	for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct xdm_watch_spec spec = { .kind = refused[i].kind,
					       .owner = strv_of(refused[i].owner),
					       .name = strv_of(refused[i].name) };
		struct err err;

		if (xdm_watch_new(w->watches, &spec, on_event, NULL, &err))
			fail_msg("%s", refused[i].why);
		assert_int_equal(err.code, ERR_RANGE);
	}
}

/* ---- workers ---- */

enum { OWNERS = 4, WRITES = 200, WATCHERS = 3 };

/* A watcher of one document on a worker: each change follows upon the one before. */
struct chain {
	struct post post;
	struct xdm_world *w;
	struct xdm_watch *watch;
	struct worker *home;
	char owner[32];
	uint64_t version;
	unsigned n, faults;
	struct gate *gate;
};

static void on_link(void *arg, struct xdm_watch *watch, const struct xdm_watch_event *event)
{
	struct chain *chain = arg;

	chain->faults += worker_self() != chain->home || watch != chain->watch;
	if (event->kind != XDM_WATCH_CHANGES) {
		chain->version = event->version;
		chain->faults += event->kind != XDM_WATCH_BEGINS;
		gate_raise(chain->gate);
		return;
	}
	for (unsigned i = 0; i < event->n; i++) {
		/* The log of KEEP entries may have moved on before it was read. */
		chain->faults += event->change[i]->entry
					 ? event->change[i]->old_version != chain->version
					 : event->change[i]->version <= chain->version;
		chain->version = event->change[i]->version;
		if (++chain->n == WRITES)
			gate_raise(chain->gate);
	}
}

static void chain_begin(struct post *post)
{
	struct chain *chain = (struct chain *)(void *)post;
	struct xdm_watch_spec spec = { .kind = XDM_WATCH_DOCUMENT,
				       .owner = strv_of(chain->owner),
				       .name = STRV(NAME) };

	chain->home = worker_self();
	chain->watch = xdm_watch_new(chain->w->watches, &spec, on_link, chain, NULL);
}

static void chain_end(struct post *post)
{
	struct chain *chain = (struct chain *)(void *)post;

	xdm_watch_free(&chain->watch);
	gate_raise(chain->gate);
}

struct writer {
	struct xdm_world *w;
	char owner[32];
};

static void *write_all(void *arg)
{
	const struct writer *writer = arg;

	for (unsigned i = 0; i < WRITES; i++)
		xdm_world_put_to(writer->w, writer->owner, NAME, i & 1 ? "<r/>" : "<r>1</r>");
	return NULL;
}

static void each_worker_hears_all_in_order(void **state)
{
	struct xdm_world *w = *state;
	struct chain chain[OWNERS * WATCHERS] = { 0 };
	struct gate gate = GATE_INIT;
	struct writer writer[OWNERS];
	pthread_t thread[OWNERS];
	struct workers *workers;
	struct err err;

	assert_int_equal(workers_new(2, &workers, &err), 0);
	assert_int_equal(workers_start(workers, &err), 0);
	for (unsigned i = 0; i < OWNERS * WATCHERS; i++) {
		chain[i].w = w;
		chain[i].gate = &gate;
		chain[i].post.run = chain_begin;
		snprintf(chain[i].owner, sizeof(chain[i].owner), "sip:u%u@x", i % OWNERS);
		worker_post(workers_at(workers, i & 1), &chain[i].post);
	}
	assert_true(gate_wait(&gate, OWNERS * WATCHERS));
	for (unsigned i = 0; i < OWNERS; i++) {
		writer[i].w = w;
		snprintf(writer[i].owner, sizeof(writer[i].owner), "sip:u%u@x", i);
		pthread_create(&thread[i], NULL, write_all, &writer[i]);
	}
	for (unsigned i = 0; i < OWNERS; i++)
		pthread_join(thread[i], NULL);
	assert_true(gate_wait(&gate, 2 * OWNERS * WATCHERS));
	for (unsigned i = 0; i < OWNERS * WATCHERS; i++) {
		chain[i].post.run = chain_end;
		worker_post(workers_at(workers, i & 1), &chain[i].post);
	}
	assert_true(gate_wait(&gate, 3 * OWNERS * WATCHERS));
	xdm_watches_stop(w->watches);
	workers_stop(workers);
	workers_free(&workers);
	for (unsigned i = 0; i < OWNERS * WATCHERS; i++) {
		assert_int_equal(chain[i].faults, 0);
		assert_int_equal(chain[i].n, WRITES);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, xdm_world_setup, xdm_world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_document_from_nothing_to_nothing),
		TEST(collections),
		TEST(a_document_is_resumed),
		TEST(a_collection_is_resumed),
		TEST(what_is_forgotten_is_told),
		TEST(nodes),
		TEST(what_cannot_be_watched),
		TEST(each_worker_hears_all_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
