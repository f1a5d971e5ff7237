/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_local_migrate.c - the schema number, and bringing an older store forward at open
 *
 * A step goes over all records in the order of their keys, in transactions of some hundred. How far
 * it has come stands in the store's own record, written by the same transaction: after a crash the
 * step goes on behind the last record that it has done and does none twice. Versions stay as they
 * are, since nobody can have seen the record in its new form under the old one while the store is
 * closed.
 */
#include "kv/kv_local.h"

#include "base/log.h"

enum { PIECE_RECORDS = 256, PIECE_BYTES = 4 << 20 };

int kv_local_meta(struct kv_map *map, struct kv_buf *buf, struct kv_meta *meta_out, struct err *err)
{
	int found = map->ops->get(map, 0, KV_RECORDS, kv_meta_key, buf);

	if (found < 0)
		return kv_local_fault(found, "the store's own record", err);
	if (found && kv_meta_decode(strv_mem(buf->p, buf->n), meta_out) < 0)
		return kv_local_fault(KV_MAP_CORRUPT, "the store's own record", err);
	return found;
}

static int put_meta(struct kv_map *map, const struct kv_meta *meta)
{
	uint8_t data[KV_META_MAX];
	size_t n = kv_meta_encode(data, meta);

	return map->ops->put(map, KV_RECORDS, kv_meta_key, strv_mem(data, n));
}

int kv_local_put_meta(struct kv_map *map, const struct kv_meta *meta, struct err *err)
{
	int fault = map->ops->begin(map);

	if (fault == 0) {
		fault = put_meta(map, meta);
		if (fault == 0)
			fault = map->ops->commit(map);
		else
			map->ops->abort(map);
	}
	return fault == 0 ? 0 : kv_local_fault(fault, "the store's own record", err);
}

/* ---- one piece of a step ---- */

/* The records of a piece: lengths, key and data, one behind the other. */
struct piece {
	const struct kv_migration *step;
	struct kv_buf bytes;
	unsigned n;
	int nomem;
};

struct piece_head {
	size_t key_bytes, data_bytes;
};

static int on_piece(void *arg, struct strv key, struct strv data)
{
	struct piece *piece = arg;
	struct piece_head head = { key.n, data.n };
	struct strv owner, name;

	if (kv_key_split(key, &owner, &name) != 1)
		return 0;
	piece->nomem = kv_buf_append(&piece->bytes, &head, sizeof(head)) < 0 ||
		       kv_buf_append(&piece->bytes, key.p, key.n) < 0 ||
		       kv_buf_append(&piece->bytes, data.p, data.n) < 0;
	piece->n++;
	return piece->nomem || piece->n == PIECE_RECORDS || piece->bytes.n > PIECE_BYTES;
}

static int rewrite(struct kv_map *map, struct strv key, struct strv value, uint64_t version,
		   struct arena *arena)
{
	char *data =
		value.n > KV_VALUE_MAX ? NULL : arena_alloc(arena, KV_RECORD_HEAD_BYTES + value.n);

	if (!data)
		return KV_MAP_NOMEM;
	if (value.n)
		memcpy(data + KV_RECORD_HEAD_BYTES, value.p, value.n);
	kv_record_seal(data, KV_RECORD_HEAD_BYTES + value.n, key, version);
	return map->ops->put(map, KV_RECORDS, key, strv_mem(data, KV_RECORD_HEAD_BYTES + value.n));
}

/* Ask the step about one record and do what it says. Returns 0, a fault, or 1 with ERR. */
static int migrate_record(struct kv_map *map, const struct kv_migration *step, struct strv key,
			  struct strv data, struct arena *arena, struct err *err)
{
	struct strv owner, name, value, new_value;
	uint64_t version;
	int drop = 0;

	if (kv_record_open(key, data, &value, &version) < 0)
		return KV_MAP_CORRUPT;
	kv_key_split(key, &owner, &name);
	new_value = value;
	if (step->record(owner, name, value, arena, &new_value, &drop, err) < 0) {
		err_prefix(err, "record \"%.*s\" of \"%.*s\"", STRV_ARG(name), STRV_ARG(owner));
		return 1;
	}
	if (drop)
		return map->ops->del(map, KV_RECORDS, key);
	if (new_value.p == value.p && new_value.n == value.n)
		return 0;
	return rewrite(map, key, new_value, version, arena);
}

/* All of PIECE, then how far it came, in META. As migrate_record. */
static int write_piece(struct kv_map *map, const struct piece *piece, struct kv_meta *meta,
		       struct arena *arena, struct err *err)
{
	for (size_t at = 0; at < piece->bytes.n;) {
		struct piece_head head;
		struct strv key, data;
		int got;

		memcpy(&head, piece->bytes.p + at, sizeof(head));
		key = strv_mem(piece->bytes.p + at + sizeof(head), head.key_bytes);
		data = strv_mem(key.p + key.n, head.data_bytes);
		at += sizeof(head) + key.n + data.n;
		arena_reset(arena);
		got = migrate_record(map, piece->step, key, data, arena, err);
		if (got != 0)
			return got;
		meta->migrated = key;
	}
	return put_meta(map, meta);
}

/* The next piece behind META's key. Returns 1 done some, 0 nothing left, -1 with ERR. */
static int migrate_piece(struct kv_map *map, struct piece *piece, struct kv_meta *meta,
			 struct arena *arena, struct err *err)
{
	struct kv_walk walk = { .map = map, .table = KV_RECORDS, .fn = on_piece, .arg = piece };
	struct kv_buf from = { NULL, 0, 0 };
	int got = KV_MAP_NOMEM;

	piece->bytes.n = 0;
	piece->n = 0;
	if (kv_buf_append(&from, meta->migrated.p, meta->migrated.n) == 0 &&
	    kv_buf_append(&from, meta->migrated.n ? "\0" : "\1", 1) == 0)
		got = kv_walk_run(&walk, strv_mem(from.p, from.n), strv_mem(NULL, 0), 0);
	kv_buf_fini(&from);
	if (piece->nomem)
		got = KV_MAP_NOMEM;
	if (got >= 0 && !piece->n)
		return 0;
	if (got >= 0)
		got = map->ops->begin(map);
	if (got == 0) {
		got = write_piece(map, piece, meta, arena, err);
		if (got == 0)
			got = map->ops->commit(map);
		else
			map->ops->abort(map);
	}
	if (got == 1)
		return -1;
	return got == 0 ? 1 : kv_local_fault(got, piece->step->what, err);
}

/* The step from META's format to the next. */
static int migrate_step(struct kv_map *map, const struct kv_options *options, struct kv_meta *meta,
			struct err *err)
{
	struct piece piece = { .step = &options->migrations[meta->format] };
	struct arena *arena = arena_new(0);
	struct kv_buf at = { NULL, 0, 0 };
	uint64_t records = 0;
	int got = 1;

	if (!arena)
		return kv_local_fault(KV_MAP_NOMEM, piece.step->what, err);
	log_info(LOG_KV, "migration begins", L_STR("what", piece.step->what),
		 L_INT("from", meta->format), L_INT("resumed", meta->migrated.n > 0));
	while (got == 1) {
		got = migrate_piece(map, &piece, meta, arena, err);
		/* The key lies in the piece: keep it over the next one. */
		at.n = 0;
		if (got == 1 && kv_buf_append(&at, meta->migrated.p, meta->migrated.n) < 0)
			got = kv_local_fault(KV_MAP_NOMEM, piece.step->what, err);
		meta->migrated = strv_mem(at.p, at.n);
		records += piece.n;
	}
	meta->migrated = strv_mem(NULL, 0);
	if (got == 0) {
		meta->format++;
		got = kv_local_put_meta(map, meta, err);
	}
	if (got == 0)
		log_info(LOG_KV, "migration done", L_STR("what", piece.step->what),
			 L_INT("to", meta->format), L_INT("records", (int64_t)records));
	else
		err_prefix(err, "migration from format %u", meta->format);
	kv_buf_fini(&piece.bytes);
	kv_buf_fini(&at);
	arena_free(&arena);
	return got;
}

int kv_local_migrate(struct kv_map *map, const struct kv_options *options, uint64_t epoch,
		     struct kv_meta *meta_out, struct err *err)
{
	struct kv_buf buf = { NULL, 0, 0 };
	int got = kv_local_meta(map, &buf, meta_out, err);

	if (got == 0 && !epoch) {
		got = err_set(err, ERR_CORRUPT,
			      "the store's own record is missing; restore a backup: cpmctl "
			      "restore BACKUP");
	} else if (got == 0) {
		*meta_out = (struct kv_meta){ epoch, options->n_migrations, { NULL, 0 } };
		got = kv_local_put_meta(map, meta_out, err);
	} else if (got == 1 && meta_out->format > options->n_migrations) {
		got = err_set(err, ERR_RANGE,
			      "the store has format %u, this program knows up to %u: start the "
			      "newer program, or restore a backup made before the upgrade",
			      meta_out->format, options->n_migrations);
	} else if (got == 1) {
		got = 0;
		while (got == 0 && meta_out->format < options->n_migrations)
			got = migrate_step(map, options, meta_out, err);
	}
	meta_out->migrated = strv_mem(NULL, 0);
	kv_buf_fini(&buf);
	return got;
}
