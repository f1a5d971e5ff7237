/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_mem.c - the engine in memory: the same contract, gone when the process ends
 *
 * For tests. Each table is a treap (a tree ordered by key whose nodes keep a random priority above
 * their children's); a transaction holds the map's lock and remembers what it replaced, so that it
 * can be taken back. The contract itself is kv_local.c's.
 */
#include <stdlib.h>

#include "base/trace.h"
#include "kv/kv_local.h"
#include "kv/kv_hook.h"

struct node {
	struct node *left, *right;
	uint64_t priority;
	size_t key_bytes, data_bytes;
	char octets[]; /* key, data */
};

/* What a transaction did to one key: the node that stood there before, or NULL. */
struct undo {
	enum kv_table table;
	struct node *before; /* ours again at an abort, freed at a commit */
	struct kv_buf key;   /* when there was none */
	struct undo *older;
};

struct mem_map {
	struct kv_map map;
	pthread_rwlock_t lock;
	struct node *root[KV_TABLES];
	uint64_t bytes[KV_TABLES];
	struct undo *undo;
};

struct mem {
	struct kv_local local;
	struct mem_map map;
};

static struct strv node_key(const struct node *node)
{
	return strv_mem(node->octets, node->key_bytes);
}

static struct strv node_data(const struct node *node)
{
	return strv_mem(node->octets + node->key_bytes, node->data_bytes);
}

static struct node *node_new(struct strv key, struct strv data)
{
	struct node *node = malloc(sizeof(*node) + key.n + data.n);

	if (!node)
		return NULL;
	node->left = node->right = NULL;
	node->priority = trace_random();
	node->key_bytes = key.n;
	node->data_bytes = data.n;
	memcpy(node->octets, key.p, key.n);
	if (data.n)
		memcpy(node->octets + key.n, data.p, data.n);
	return node;
}

/* ---- the tree ---- */

/* Cut TREE into what is below KEY and the rest. */
static void split(struct node *tree, struct strv key, struct node **below, struct node **rest)
{
	while (tree) {
		if (strv_cmp(node_key(tree), key) < 0) {
			*below = tree;
			below = &tree->right;
			tree = tree->right;
		} else {
			*rest = tree;
			rest = &tree->left;
			tree = tree->left;
		}
	}
	*below = NULL;
	*rest = NULL;
}

/* Join two trees, all of A being below all of B. */
static struct node *merge(struct node *a, struct node *b)
{
	struct node *tree, **at = &tree;

	while (a && b) {
		if (a->priority > b->priority) {
			*at = a;
			at = &a->right;
			a = a->right;
		} else {
			*at = b;
			at = &b->left;
			b = b->left;
		}
	}
	*at = a ? a : b;
	return tree;
}

static struct node **find(struct mem_map *map, enum kv_table table, struct strv key)
{
	struct node **at = &map->root[table];
	int order;

	while (*at && (order = strv_cmp(key, node_key(*at))) != 0)
		at = order < 0 ? &(*at)->left : &(*at)->right;
	return at;
}

/* Take the node at *AT out of its tree. */
static struct node *take(struct node **at)
{
	struct node *node = *at;

	if (node)
		*at = merge(node->left, node->right);
	return node;
}

static void insert(struct mem_map *map, enum kv_table table, struct node *node)
{
	struct node **at = &map->root[table];

	while (*at && (*at)->priority >= node->priority)
		at = strv_cmp(node_key(node), node_key(*at)) < 0 ? &(*at)->left : &(*at)->right;
	split(*at, node_key(node), &node->left, &node->right);
	*at = node;
}

/* The first node with KEY <= node, or with REVERSE the last one below KEY; KEY empty with REVERSE:
 * the last of all. NULL when there is none. */
static struct node *seek(struct node *tree, struct strv key, int reverse)
{
	struct node *best = NULL;

	while (tree) {
		int below = (reverse && !key.n) || strv_cmp(node_key(tree), key) < 0;

		if (below == reverse)
			best = tree;
		tree = below ? tree->right : tree->left;
	}
	return best;
}

static void free_tree(struct node *tree)
{
	while (tree) {
		struct node *left = tree->left;

		if (left) {
			tree->left = left->right;
			left->right = tree;
			tree = left;
		} else {
			struct node *right = tree->right;

			free(tree);
			tree = right;
		}
	}
}

/* ---- transactions ---- */

static int mem_begin(struct kv_map *kv_map)
{
	struct mem_map *map = (struct mem_map *)kv_map;

	pthread_rwlock_wrlock(&map->lock);
	return 0;
}

static void drop_undo(struct mem_map *map)
{
	while (map->undo) {
		struct undo *undo = map->undo;

		map->undo = undo->older;
		free(undo->before);
		kv_buf_fini(&undo->key);
		free(undo);
	}
}

static void mem_abort(struct kv_map *kv_map)
{
	struct mem_map *map = (struct mem_map *)kv_map;

	for (struct undo *undo = map->undo; undo; undo = undo->older) {
		struct strv key =
			undo->before ? node_key(undo->before) : strv_mem(undo->key.p, undo->key.n);

		free(take(find(map, undo->table, key)));
		if (undo->before)
			insert(map, undo->table, undo->before);
		undo->before = NULL;
	}
	drop_undo(map);
	pthread_rwlock_unlock(&map->lock);
}

static int mem_commit(struct kv_map *kv_map)
{
	struct mem_map *map = (struct mem_map *)kv_map;

	/* Memory has no disk to wait for; the tests make it wait and fail like one. */
	if (kv_hook_sync && kv_hook_sync(-1) < 0) {
		mem_abort(kv_map);
		return KV_MAP_FAILED;
	}
	drop_undo(map);
	pthread_rwlock_unlock(&map->lock);
	return 0;
}

/* Remember what stands at KEY and take it out. Returns 1 taken, 0 nothing there, or a fault. */
static int replace(struct mem_map *map, enum kv_table table, struct strv key)
{
	struct node **at = find(map, table, key);
	struct undo *undo = calloc(1, sizeof(*undo));

	if (!undo || (!*at && kv_buf_append(&undo->key, key.p, key.n) < 0)) {
		free(undo);
		return KV_MAP_NOMEM;
	}
	undo->table = table;
	undo->before = take(at);
	undo->older = map->undo;
	map->undo = undo;
	return undo->before != NULL;
}

static int mem_put(struct kv_map *kv_map, enum kv_table table, struct strv key, struct strv data)
{
	struct mem_map *map = (struct mem_map *)kv_map;
	struct node *node = node_new(key, data);
	int fault = node ? replace(map, table, key) : KV_MAP_NOMEM;

	if (fault < 0) {
		free(node);
		return fault;
	}
	insert(map, table, node);
	return 0;
}

static int mem_del(struct kv_map *kv_map, enum kv_table table, struct strv key)
{
	struct mem_map *map = (struct mem_map *)kv_map;
	int got = *find(map, table, key) ? replace(map, table, key) : 0;

	return got < 0 ? got : 0;
}

static int in_range(const struct node *node, struct strv from, struct strv to)
{
	return node && strv_cmp(node_key(node), from) >= 0 &&
	       (!to.n || strv_cmp(node_key(node), to) < 0);
}

static int mem_del_range(struct kv_map *kv_map, enum kv_table table, struct strv from,
			 struct strv to, unsigned max)
{
	struct mem_map *map = (struct mem_map *)kv_map;
	int n = 0;

	while (!max || (unsigned)n < max) {
		struct node *node = seek(map->root[table], from, 0);
		int fault = in_range(node, from, to) ? replace(map, table, node_key(node)) : 0;

		if (fault <= 0)
			return fault < 0 ? fault : n;
		n++;
	}
	return n;
}

/* ---- reading ---- */

static int mem_get(struct kv_map *kv_map, int tx, enum kv_table table, struct strv key,
		   struct kv_buf *buf)
{
	struct mem_map *map = (struct mem_map *)kv_map;
	struct node *node;
	int got;

	if (!tx)
		pthread_rwlock_rdlock(&map->lock);
	node = *find(map, table, key);
	got = node != NULL;
	buf->n = 0;
	if (node && kv_buf_append(buf, node_data(node).p, node_data(node).n) < 0)
		got = KV_MAP_NOMEM;
	if (!tx)
		pthread_rwlock_unlock(&map->lock);
	return got;
}

static int mem_scan(struct kv_map *kv_map, int tx, enum kv_table table, struct strv from,
		    struct strv to, int reverse, unsigned max, kv_map_fn *fn, void *arg)
{
	struct mem_map *map = (struct mem_map *)kv_map;
	struct node *node;
	int n = 0;

	if (!tx)
		pthread_rwlock_rdlock(&map->lock);
	node = seek(map->root[table], reverse ? to : from, reverse);
	while ((unsigned)n < max && in_range(node, from, to)) {
		n++;
		if (fn(arg, node_key(node), node_data(node)))
			break;
		if (reverse) {
			node = seek(map->root[table], node_key(node), 1);
		} else {
			/* The successor: the smallest key that is not below this one, after it. */
			struct node *tree = map->root[table], *next = NULL;

			while (tree) {
				int behind = strv_cmp(node_key(tree), node_key(node)) > 0;

				next = behind ? tree : next;
				tree = behind ? tree->left : tree->right;
			}
			node = next;
		}
	}
	if (!tx)
		pthread_rwlock_unlock(&map->lock);
	return n;
}

static const struct kv_map_ops mem_map_ops = {
	.begin = mem_begin,
	.commit = mem_commit,
	.abort = mem_abort,
	.get = mem_get,
	.scan = mem_scan,
	.put = mem_put,
	.del = mem_del,
	.del_range = mem_del_range,
};

/* ---- the engine ---- */

static void mem_close(struct kv_engine *engine)
{
	struct mem *mem = (struct mem *)engine;

	for (int i = 0; i < KV_TABLES; i++)
		free_tree(mem->map.root[i]);
	drop_undo(&mem->map);
	kv_local_fini(&mem->local);
	pthread_rwlock_destroy(&mem->map.lock);
	free(mem);
}

static int mem_open(const struct kv_options *options, kv_failed_fn *failed, void *failed_arg,
		    struct kv_engine **engine_out, struct err *err)
{
	struct mem *mem = calloc(1, sizeof(*mem));
	pthread_rwlockattr_t attr;
	struct kv_meta meta;

	if (!mem)
		return err_set(err, ERR_NOMEM, "no memory for a store");
	/* Readers without end must not keep the committer out. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&mem->map.lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	mem->map.map.ops = &mem_map_ops;
	mem->local.engine.ops = &kv_mem_ops;
	mem->local.engine.options = options;
	mem->local.engine.failed = failed;
	mem->local.engine.failed_arg = failed_arg;
	if (kv_local_migrate(&mem->map.map, options, (uint64_t)kv_unix_us(), &meta, err) < 0 ||
	    kv_local_start(&mem->local, &mem->map.map, err) < 0) {
		mem_close(&mem->local.engine);
		return -1;
	}
	mem->local.engine.epoch = meta.epoch;
	mem->local.engine.format = meta.format;
	*engine_out = &mem->local.engine;
	return 0;
}

const struct kv_engine_ops kv_mem_ops = {
	.name = "mem",
	.open = mem_open,
	.close = mem_close,
	.commit = kv_local_commit,
	.wants_idle = kv_local_wants_idle,
	.read = kv_local_read,
	.owners = kv_local_owners,
	.journal = kv_local_journal,
	.verify = kv_local_verify,
	.export = kv_local_export,
};
