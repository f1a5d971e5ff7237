/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_bdb_map.c - the ordered map in Berkeley DB: B-trees, one synced transaction a group
 *
 * Readers use no transaction: a read holds its page for as long as the call lasts, which with what
 * is committed is all that kv_local_read.c needs. Whoever holds fewer write locks loses a deadlock,
 * and that is the reader. The durability of commit is Berkeley DB's DB_TXN_SYNC; what a failing
 * sync means is decided in kv_bdb_io.c.
 */
#include "kv/kv_bdb.h"

#include <errno.h>
#include <stdlib.h>

static struct bdb_map *map_of(struct kv_map *map)
{
	return (struct bdb_map *)map;
}

static DBT dbt_of(struct strv v)
{
	DBT dbt;

	memset(&dbt, 0, sizeof(dbt));
	dbt.data = (void *)(uintptr_t)v.p;
	dbt.size = (u_int32_t)v.n;
	return dbt;
}

static int map_begin(struct kv_map *kv_map)
{
	struct bdb_map *map = map_of(kv_map);

	return bdb_fault(map->bdb, map->env->txn_begin(map->env, NULL, &map->txn, 0));
}

static void map_abort(struct kv_map *kv_map)
{
	struct bdb_map *map = map_of(kv_map);
	DB_TXN *txn = map->txn;
	int ret;

	map->txn = NULL;
	ret = txn ? txn->abort(txn) : 0;
	if (ret != 0 && map->bdb)
		bdb_latch(map->bdb, "a transaction could not be taken back: %s", db_strerror(ret));
}

static int map_commit(struct kv_map *kv_map)
{
	struct bdb_map *map = map_of(kv_map);
	DB_TXN *txn = map->txn;

	map->txn = NULL;
	return bdb_fault(map->bdb, txn->commit(txn, DB_TXN_SYNC));
}

/* Fill BUF from a get, which is repeated with more room when it asks for it. */
#define GET_INTO(buf, dbt, call)                                     \
	({                                                           \
		int ret_;                                            \
		for (;;) {                                           \
			(dbt).data = (buf)->p;                       \
			(dbt).ulen = (u_int32_t)(buf)->cap;          \
			(dbt).flags = DB_DBT_USERMEM;                \
			ret_ = (call);                               \
			if (ret_ != DB_BUFFER_SMALL)                 \
				break;                               \
			(buf)->n = 0;                                \
			if (kv_buf_reserve((buf), (dbt).size) < 0) { \
				ret_ = ENOMEM;                       \
				break;                               \
			}                                            \
		}                                                    \
		ret_;                                                \
	})

static int map_get(struct kv_map *kv_map, int tx, enum kv_table table, struct strv key,
		   struct kv_buf *buf)
{
	struct bdb_map *map = map_of(kv_map);
	DB *db = map->db[table];
	DBT key_dbt = dbt_of(key), data = dbt_of(strv_mem(NULL, 0));
	int ret;

	buf->n = 0;
	ret = GET_INTO(buf, data, db->get(db, tx ? map->txn : NULL, &key_dbt, &data, 0));
	if (ret == DB_NOTFOUND)
		return 0;
	if (ret != 0)
		return bdb_fault(map->bdb, ret);
	buf->n = data.size;
	return 1;
}

/* ---- scans ---- */

/* A cursor's place: its key and data, in memory that grows. */
struct place {
	DBC *cursor;
	DBT key, data;
};

static void place_fini(struct place *place)
{
	if (place->cursor)
		place->cursor->close(place->cursor);
	free(place->key.data);
	free(place->data.data);
}

static int place_set_key(struct place *place, struct strv key)
{
	void *copy = realloc(place->key.data, key.n ? key.n : 1);

	if (!copy)
		return ENOMEM;
	if (key.n)
		memcpy(copy, key.p, key.n);
	place->key.data = copy;
	place->key.size = (u_int32_t)key.n;
	return 0;
}

static int place_move(struct place *place, u_int32_t how)
{
	return place->cursor->get(place->cursor, &place->key, &place->data, how);
}

/* To the first entry of a scan; backwards that is the one before TO. */
static int place_first(struct place *place, struct strv from, struct strv to, int reverse)
{
	int ret;

	if (reverse && !to.n)
		return place_move(place, DB_LAST);
	ret = place_set_key(place, reverse ? to : from);
	if (ret == 0)
		ret = place_move(place, DB_SET_RANGE);
	if (!reverse)
		return ret;
	return place_move(place, ret == DB_NOTFOUND ? DB_LAST : DB_PREV);
}

static struct strv dbt_strv(const DBT *dbt)
{
	return strv_mem(dbt->data, dbt->size);
}

static int in_range(const struct place *place, struct strv from, struct strv to)
{
	struct strv key = dbt_strv(&place->key);

	return strv_cmp(key, from) >= 0 && (!to.n || strv_cmp(key, to) < 0);
}

static int map_scan(struct kv_map *kv_map, int tx, enum kv_table table, struct strv from,
		    struct strv to, int reverse, unsigned max, kv_map_fn *fn, void *arg)
{
	struct bdb_map *map = map_of(kv_map);
	DB *db = map->db[table];
	struct place place;
	unsigned n = 0;
	int ret;

	memset(&place, 0, sizeof(place));
	place.key.flags = place.data.flags = DB_DBT_REALLOC;
	ret = db->cursor(db, tx ? map->txn : NULL, &place.cursor, 0);
	if (ret == 0)
		ret = place_first(&place, from, to, reverse);
	while (ret == 0 && in_range(&place, from, to)) {
		n++;
		if (fn(arg, dbt_strv(&place.key), dbt_strv(&place.data)) || n == max)
			break;
		ret = place_move(&place, reverse ? DB_PREV : DB_NEXT);
	}
	place_fini(&place);
	return ret == 0 || ret == DB_NOTFOUND ? (int)n : bdb_fault(map->bdb, ret);
}

/* ---- writing ---- */

static int map_put(struct kv_map *kv_map, enum kv_table table, struct strv key, struct strv data)
{
	struct bdb_map *map = map_of(kv_map);
	DB *db = map->db[table];
	DBT key_dbt = dbt_of(key), data_dbt = dbt_of(data);

	return bdb_fault(map->bdb, db->put(db, map->txn, &key_dbt, &data_dbt, 0));
}

static int map_del(struct kv_map *kv_map, enum kv_table table, struct strv key)
{
	struct bdb_map *map = map_of(kv_map);
	DB *db = map->db[table];
	DBT key_dbt = dbt_of(key);
	int ret = db->del(db, map->txn, &key_dbt, 0);

	return ret == DB_NOTFOUND ? 0 : bdb_fault(map->bdb, ret);
}

static int map_del_range(struct kv_map *kv_map, enum kv_table table, struct strv from,
			 struct strv to, unsigned max)
{
	struct bdb_map *map = map_of(kv_map);
	DB *db = map->db[table];
	struct place place;
	unsigned n = 0;
	int ret;

	memset(&place, 0, sizeof(place));
	place.key.flags = DB_DBT_REALLOC;
	/* The values are not looked at: do not copy them. */
	place.data.flags = DB_DBT_USERMEM | DB_DBT_PARTIAL;
	ret = db->cursor(db, map->txn, &place.cursor, 0);
	if (ret == 0)
		ret = place_set_key(&place, from);
	if (ret == 0)
		ret = place_move(&place, DB_SET_RANGE | DB_RMW);
	while (ret == 0 && in_range(&place, from, to)) {
		ret = place.cursor->del(place.cursor, 0);
		if (ret != 0 || ++n == max)
			break;
		ret = place_move(&place, DB_NEXT | DB_RMW);
	}
	place_fini(&place);
	return ret == 0 || ret == DB_NOTFOUND ? (int)n : bdb_fault(map->bdb, ret);
}

const struct kv_map_ops bdb_map_ops = {
	.begin = map_begin,
	.commit = map_commit,
	.abort = map_abort,
	.get = map_get,
	.scan = map_scan,
	.put = map_put,
	.del = map_del,
	.del_range = map_del_range,
};
