/* SPDX-License-Identifier: Apache-2.0 */
/* tests/xdms/xdm_world.c - see xdm_world.h */
#include "tests/xdms/xdm_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

int xdm_world_setup(void **state)
{
	struct xdm_world *w = calloc(1, sizeof(*w));
	const struct xdm_log_keep keep = { KEEP, 1 << 20, 0 };
	struct kv_options options;
	struct err err;

	kv_options_init(&options, NULL);
	options.engine = "mem";
	if (!w || kv_open(&options, NULL, &w->kv, &err) < 0 ||
	    xdm_store_new(w->kv, NULL, 1 << 20, &keep, &w->store, &err) < 0 ||
	    xdm_watches_new(w->kv, w->store, &w->watches, &err) < 0)
		return -1;
	w->arena = arena_new(0);
	*state = w;
	return 0;
}

int xdm_world_teardown(void **state)
{
	struct xdm_world *w = *state;

	xdm_watches_stop(w->watches);
	kv_close(&w->kv);
	xdm_watches_free(&w->watches);
	xdm_store_free(&w->store);
	arena_free(&w->arena);
	free(w);
	return 0;
}

struct kv_commit_result xdm_world_commit(struct xdm_world *w, const struct xdm_doc *old,
					 const char *text, const struct xdm_write *edit)
{
	struct xdm_write write = { .owner = STRV(OWNER),
				   .name = STRV(NAME),
				   .kind = text ? XDM_PUT_DOCUMENT : XDM_DELETE_DOCUMENT,
				   .who = STRV(OWNER) };
	struct kv_commit_result result;
	struct kv_batch *batch;
	struct xdm_doc *next;
	struct err err;

	if (edit)
		write = *edit;
	else if (text && xcap_doc_parse(strv_of(text), NULL, &write.doc, &err) < 0)
		fail_msg("%s", err.text);
	write.old = old;
	batch = xdm_batch(w->store, &write, &next);
	assert_non_null(batch);
	result = kv_commit_sync(w->kv, batch);
	if (result.status == KV_DONE)
		xdm_publish(w->store, write.owner, write.name, &next, result.seq);
	xdm_doc_drop(&next);
	return result;
}

static uint64_t put_whole(struct xdm_world *w, struct strv owner, struct strv name,
			  const char *text, int64_t time_us)
{
	struct xdm_write write = { .owner = owner,
				   .name = name,
				   .kind = text ? XDM_PUT_DOCUMENT : XDM_DELETE_DOCUMENT,
				   .time_us = time_us,
				   .who = STRV(OWNER) };
	struct kv_commit_result result;
	struct xdm_doc *old;
	struct err err;

	assert_int_equal(xdm_find_sync(w->store, owner, name, &old), KV_DONE);
	if (text && xcap_doc_parse(strv_of(text), NULL, &write.doc, &err) < 0)
		fail_msg("%s", err.text);
	result = xdm_world_commit(w, old, NULL, &write);
	xdm_doc_drop(&old);
	assert_int_equal(result.status, KV_DONE);
	return result.seq;
}

uint64_t xdm_world_put(struct xdm_world *w, const char *text, int64_t time_us)
{
	return put_whole(w, STRV(OWNER), STRV(NAME), text, time_us);
}

uint64_t xdm_world_put_to(struct xdm_world *w, const char *owner, const char *name,
			  const char *text)
{
	return put_whole(w, strv_of(owner), strv_of(name), text, 0);
}

uint64_t xdm_world_put_node(struct xdm_world *w, const char *sel_text, const char *body,
			    int64_t time_us)
{
	struct xdm_write write = { .owner = STRV(OWNER),
				   .name = STRV(NAME),
				   .kind = body ? XDM_PUT_NODE : XDM_DELETE_NODE,
				   .time_us = time_us,
				   .who = STRV(OWNER),
				   .selector = strv_of(sel_text) };
	struct kv_commit_result result;
	struct xcap_fault fault;
	struct xcap_edit edit;
	struct xdm_doc *old;
	struct xcap_sel sel;
	struct err err;
	int verdict;

	assert_int_equal(xdm_find_sync(w->store, write.owner, write.name, &old), KV_DONE);
	assert_int_equal(xcap_sel_parse(strv_of(sel_text), strv_mem(NULL, 0), strv_mem(NULL, 0),
					w->arena, &sel, &err),
			 0);
	verdict = body ? xcap_edit_put(old->doc, &sel, strv_of(body), NULL, w->arena, &edit, &fault,
				       &err)
		       : xcap_edit_delete(old->doc, &sel, NULL, w->arena, &edit, &fault, &err);
	if (verdict != XCAP_EDITED)
		fail_msg("%s: %d", sel_text, verdict);
	write.doc = edit.doc;
	write.edit = &edit;
	result = xdm_world_commit(w, old, NULL, &write);
	xdm_doc_drop(&old);
	assert_int_equal(result.status, KV_DONE);
	return result.seq;
}

char *xdm_world_book(unsigned n)
{
	char *text;
	size_t bytes;
	FILE *to = open_memstream(&text, &bytes);

	fprintf(to, "<r>\n");
	for (unsigned i = 0; i < n; i++)
		fprintf(to, "  <e uri=\"sip:user%u@example.com\">%0150u</e>\n", i, i);
	fprintf(to, "</r>\n");
	fclose(to);
	return text;
}
