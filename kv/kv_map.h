/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_map.h - two ordered tables with a transaction: what a local engine stands on
 *
 * One thread at a time writes, between begin and commit or abort; it sees its own writes. Any
 * number of others read what is committed, never waiting for more than a commit. Octets are opaque
 * here: kv_local.c gives them their meaning.
 */
#ifndef KV_KV_MAP_H
#define KV_KV_MAP_H

#include "kv/kv_priv.h"

enum kv_table { KV_RECORDS, KV_JOURNAL, KV_TABLES };

/* Failures, all negative. */
enum kv_map_fault {
	KV_MAP_RETRY = -1,   /* a deadlock: the same again (a writer: from begin) */
	KV_MAP_SPACE = -2,   /* the disk is full: abort; nothing happened */
	KV_MAP_CORRUPT = -3, /* what is stored there cannot be read */
	KV_MAP_NOMEM = -4,
	KV_MAP_FAILED = -5, /* anything else: the map is not to be used any more */
};

struct kv_map;
/* Returning 1 stops the scan behind this entry. KEY and DATA are valid during the call. */
typedef int kv_map_fn(void *arg, struct strv key, struct strv data);

struct kv_map_ops {
	int (*begin)(struct kv_map *map);
	/* Durable and visible when 0 is returned. The transaction is over in any case. */
	int (*commit)(struct kv_map *map);
	void (*abort)(struct kv_map *map);
	/* TX: within the writer's transaction. 1 and DATA in BUF, 0 when there is none, or a fault.
	 */
	int (*get)(struct kv_map *map, int tx, enum kv_table table, struct strv key,
		   struct kv_buf *buf);
	/* FROM <= key < TO (TO empty: to the end), at most MAX, backwards from TO with REVERSE.
	 * FN must not call the map. Returns how many FN was given, or a fault. */
	int (*scan)(struct kv_map *map, int tx, enum kv_table table, struct strv from,
		    struct strv to, int reverse, unsigned max, kv_map_fn *fn, void *arg);
	int (*put)(struct kv_map *map, enum kv_table table, struct strv key, struct strv data);
	int (*del)(struct kv_map *map, enum kv_table table, struct strv key);
	/* Every key with FROM <= key < TO; at most MAX (0: all). Returns how many, or a fault. */
	int (*del_range)(struct kv_map *map, enum kv_table table, struct strv from, struct strv to,
			 unsigned max);
};

struct kv_map {
	const struct kv_map_ops *ops;
};

#endif
