/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_bdb_env.c - opening and closing the environment and its tables, and what errors mean
 */
#include "kv/kv_bdb.h"

#include <errno.h>
#include <stdio.h>

#include "base/log.h"

enum {
	LOG_FILE_BYTES = 16 << 20,
	LOG_BUFFER_BYTES = 2 << 20,
	LOCKERS = 1000,
	WRITES_IN_A_ROW = 32,
	WRITES_PAUSE_US = 2000,
	ERRORS_A_MINUTE = 10,
};

static const char *const table_files[KV_TABLES] = { "records.db", "journal.db" };

/* Berkeley DB says what is wrong in sentences, on a full disk thousands of them. */
void bdb_on_error(const DB_ENV *env, const char *prefix, const char *text)
{
	static _Atomic uint64_t minute;
	static _Atomic unsigned said;
	uint64_t now = kv_monotonic_us() / 60000000;

	(void)env;
	(void)prefix;
	if (minute != now) {
		minute = now;
		said = 0;
	}
	if (said++ < ERRORS_A_MINUTE)
		log_error(LOG_KV, "berkeley db", L_STR("text", text));
}

int bdb_err(struct err *err, int ret, const char *dir, const char *what)
{
	switch (ret) {
	case DB_RUNRECOVERY:
	case DB_OLD_VERSION:
	case DB_VERSION_MISMATCH:
	case DB_VERIFY_BAD:
	case DB_PAGE_NOTFOUND:
	case DB_LOG_VERIFY_BAD:
		return err_set(err, ERR_CORRUPT,
			       "%s: %s failed: the store is damaged (%s); restore a backup: "
			       "cpmctl restore BACKUP",
			       dir, what, db_strerror(ret));
	case ENOMEM:
		return err_set(err, ERR_NOMEM, "%s: %s failed: no memory", dir, what);
	default:
		if (ret > 0)
			return err_sys(err, ERR_IO, ret, "%s: %s failed", dir, what);
		return err_set(err, ERR_IO, "%s: %s failed: %s", dir, what, db_strerror(ret));
	}
}

int bdb_fault(struct bdb *bdb, int ret)
{
	if (ret == 0)
		return 0;
	if (bdb && bdb->latched)
		return KV_MAP_FAILED;
	switch (ret) {
	case DB_LOCK_DEADLOCK:
	case DB_LOCK_NOTGRANTED:
		return KV_MAP_RETRY;
	case ENOSPC:
	case EDQUOT:
		return KV_MAP_SPACE;
	case ENOMEM:
		return KV_MAP_NOMEM;
	case DB_PAGE_NOTFOUND:
		return KV_MAP_CORRUPT;
	case EIO:
		if (bdb && bdb_space_short(bdb))
			return KV_MAP_SPACE;
		break;
	default:
		break;
	}
	if (bdb)
		bdb_latch(bdb, "the storage engine failed: %s", db_strerror(ret));
	return KV_MAP_FAILED;
}

/* ---- tables ---- */

static int open_table(struct bdb_map *map, enum kv_table table, const char *dir, int read_only,
		      int create, struct err *err)
{
	u_int32_t flags =
		DB_THREAD | (read_only ? DB_RDONLY : DB_AUTO_COMMIT) | (create ? DB_CREATE : 0);
	DB *db;
	int ret = db_create(&db, map->env, 0);

	if (ret != 0)
		return bdb_err(err, ret, dir, "making a table's handle");
	map->db[table] = db;
	ret = db->set_pagesize(db, BDB_PAGE_BYTES);
	if (ret == 0)
		ret = db->set_flags(db, DB_CHKSUM);
	if (ret == 0)
		ret = db->open(db, NULL, table_files[table], NULL, DB_BTREE, flags, 0600);
	if (ret == ENOENT)
		return err_set(err, ERR_CORRUPT,
			       "%s: the file \"%s\" is missing; restore a backup: cpmctl restore "
			       "BACKUP",
			       dir, table_files[table]);
	/* Pages that are ahead of the log, or a file that is no table. */
	if (ret == EINVAL)
		return err_set(err, ERR_CORRUPT,
			       "%s: \"%s\" does not belong to the log beside it, or the log is "
			       "missing; restore a backup: cpmctl restore BACKUP",
			       dir, table_files[table]);
	return ret == 0 ? 0 : bdb_err(err, ret, dir, table_files[table]);
}

/* ---- environment ---- */

static int configure(DB_ENV *env, const struct bdb_env_options *options)
{
	u_int32_t gigabytes = (u_int32_t)(options->cache_bytes >> 30);
	u_int32_t bytes = (u_int32_t)(options->cache_bytes & ((1 << 30) - 1));
	int ret;

	env->set_errcall(env, bdb_on_error);
	ret = bdb_mem_env(env);
	if (ret == 0)
		ret = env->set_cachesize(env, gigabytes, bytes, 1);
	if (ret == 0)
		ret = env->set_lk_detect(env, DB_LOCK_MINWRITE);
	/* Transactions and cursors that run at once. Berkeley DB 5.3 crashes when it has to make
	 * another and there is no memory, so they are there from the start. */
	if (ret == 0)
		ret = env->set_memory_init(env, DB_MEM_LOCKER, LOCKERS);
	if (ret == 0)
		ret = env->set_lg_bsize(env, LOG_BUFFER_BYTES);
	if (ret == 0)
		ret = env->set_lg_max(env, LOG_FILE_BYTES);
	if (ret == 0)
		ret = env->set_mp_max_write(env, WRITES_IN_A_ROW, WRITES_PAUSE_US);
	return ret;
}

int bdb_env_open(struct bdb_map *map, const char *dir, const struct bdb_env_options *options,
		 int create, struct err *err)
{
	u_int32_t flags = DB_CREATE | DB_PRIVATE | DB_THREAD | DB_INIT_MPOOL;
	int ret;

	if (options->mode == BDB_RECOVER)
		flags |= DB_INIT_LOG | DB_INIT_LOCK | DB_INIT_TXN | DB_RECOVER;
	bdb_io_init();
	map->map.ops = &bdb_map_ops;
	ret = db_env_create(&map->env, 0);
	if (ret != 0)
		return bdb_err(err, ret, dir, "making the environment's handle");
	ret = configure(map->env, options);
	if (ret == 0)
		ret = map->env->open(map->env, dir, flags, 0600);
	if (ret != 0) {
		bdb_err(err, ret, dir, "recovery");
		bdb_env_close(map, NULL);
		return -1;
	}
	for (int i = 0; i < KV_TABLES; i++)
		if (open_table(map, (enum kv_table)i, dir, options->mode == BDB_READ, create, err) <
		    0) {
			bdb_env_close(map, NULL);
			return -1;
		}
	return 0;
}

int bdb_env_close(struct bdb_map *map, struct err *err)
{
	int ret = 0, closed;

	for (int i = 0; i < KV_TABLES; i++) {
		if (!map->db[i])
			continue;
		closed = map->db[i]->close(map->db[i], 0);
		map->db[i] = NULL;
		ret = ret ? ret : closed;
	}
	if (map->env) {
		closed = map->env->close(map->env, 0);
		map->env = NULL;
		ret = ret ? ret : closed;
	}
	return ret == 0 ? 0 : bdb_err(err, ret, "store", "closing");
}
