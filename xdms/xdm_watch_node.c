/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdm_watch_node.c - watches on one element or attribute; see xdm_watch.h
 *
 * When the document has changed, it is looked at (mostly from the cache) whether the node has, too:
 * what a watcher of nodes wants is their latest state (RFC 5875 s4.7), not the way there. All of it
 * on the watch's worker, or on the thread of the watches.
 */
#include <stdlib.h>

#include "base/log.h"
#include "xdms/xcap_edit.h"
#include "xdms/xdm_watch_priv.h"

enum { RETRY_MS = 200 };

struct xdm_node_watch {
	struct xdm_find find; /* first: its callback casts */
	struct xdm_watch *watch;
	struct xcap_sel sel;
	int looking, again;
	struct wheel_timer retry;
	int told, exists; /* the state last told */
	uint64_t hash;
};

int xdm_node_watch_new(struct xdm_watch *watch, const struct xdm_watch_spec *spec, struct err *err)
{
	struct xdm_node_watch *node = arena_zalloc(watch->arena, 1, sizeof(*node));
	char *text = arena_strdup(watch->arena, spec->node);
	char *query = arena_strdup(watch->arena, spec->query);
	char *ns = arena_strdup(watch->arena, spec->default_ns);

	if (!node || !text || !query || !ns)
		return err_set(err, ERR_NOMEM, "no memory for a watch");
	node->watch = watch;
	watch->node = node;
	if (xcap_sel_parse(strv_mem(text, spec->node.n), strv_mem(query, spec->query.n),
			   strv_mem(ns, spec->default_ns.n), watch->arena, &node->sel, err) < 0)
		return -1;
	if (node->sel.kind == XCAP_SEL_NAMESPACE)
		return err_set(err, ERR_RANGE, "namespace bindings cannot be watched");
	return 0;
}

/* FNV-1a in 64 bits. */
static int hash_piece(void *arg, struct strv piece)
{
	uint64_t *hash = arg;

	for (size_t i = 0; i < piece.n; i++)
		*hash = (*hash ^ (unsigned char)piece.p[i]) * 1099511628211ULL;
	return 0;
}

/* The state of the node in DOC, and a hash of it. */
static int state_of(const struct xdm_node_watch *node, const struct xdm_doc *doc,
		    struct xcap_spot *spot, struct strv *value, uint64_t *hash)
{
	*hash = 14695981039346656037ULL;
	if (!doc->doc || !xcap_doc_find(doc->doc, &node->sel, spot))
		return 0;
	if (node->sel.kind == XCAP_SEL_ELEMENT) {
		xcap_spot_text(spot, hash_piece, hash);
		return 1;
	}
	if (!xcap_spot_attr(spot, &node->sel.attr, value))
		return 0;
	hash_piece(hash, *value);
	return 1;
}

static void show(struct xdm_node_watch *node, const struct xdm_doc *doc)
{
	struct xdm_watch *watch = node->watch;
	struct xdm_watch_event event = { .kind = XDM_WATCH_NODE_STATE, .doc = doc };
	struct xcap_spot spot;
	uint64_t hash;

	event.exists = state_of(node, doc, &spot, &event.value, &hash);
	if (node->told && node->exists == event.exists && node->hash == hash)
		return;
	node->told = 1;
	node->exists = event.exists;
	node->hash = hash;
	event.version = doc->doc ? doc->value.version : 0;
	event.spot = event.exists ? &spot : NULL;
	watch->fn(watch->arg, watch, &event);
}

static void look(struct xdm_node_watch *node);

static void on_retry(struct wheel_timer *timer)
{
	struct xdm_node_watch *node =
		(struct xdm_node_watch *)(void *)((char *)timer -
						  offsetof(struct xdm_node_watch, retry));

	xdm_node_watch_look(node->watch);
}

/* It cannot be read now: nothing is missed when it can be later. */
static void retry(struct xdm_node_watch *node, enum kv_status status)
{
	struct xdm_watch *watch = node->watch;

	log_warn(LOG_KV, "a watched document cannot be read", L_SV("owner", watch->owner),
		 L_SV("name", watch->name), L_STR("status", kv_status_name(status)));
	if (watch->home)
		worker_timer_set(watch->home, &node->retry, RETRY_MS, on_retry);
}

static void on_found(struct xdm_find *find, struct xdm_doc *doc, enum kv_status status)
{
	struct xdm_node_watch *node = (struct xdm_node_watch *)(void *)find;
	struct xdm_watch *watch = node->watch;

	if (doc && !watch->dead)
		show(node, doc);
	else if (!doc && !watch->dead)
		retry(node, status);
	xdm_doc_drop(&doc);
	node->looking = 0;
	if (node->again && !watch->dead)
		look(node);
	xdm_watch_drop(watch);
}

static void look(struct xdm_node_watch *node)
{
	struct xdm_watch *watch = node->watch;

	atomic_fetch_add_explicit(&watch->refs, 1, memory_order_relaxed);
	node->looking = 1;
	node->again = 0;
	node->find.owner = watch->owner;
	node->find.name = watch->name;
	node->find.done = on_found;
	if (watch->home) {
		xdm_find(watch->watches->store, &node->find);
	} else {
		struct xdm_doc *doc;
		enum kv_status status =
			xdm_find_sync(watch->watches->store, watch->owner, watch->name, &doc);

		on_found(&node->find, doc, status);
	}
}

void xdm_node_watch_end(struct xdm_watch *watch)
{
	/* When the workers have ended, so have their timers. */
	if (watch->home && worker_self() == watch->home)
		worker_timer_clear(watch->home, &watch->node->retry);
}

void xdm_node_watch_look(struct xdm_watch *watch)
{
	if (watch->node->looking)
		watch->node->again = 1;
	else
		look(watch->node);
}
