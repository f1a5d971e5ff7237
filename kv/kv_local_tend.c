/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv_local_tend.c - verifying the tables, exporting an owner
 *
 * Verification runs beside commits: what moved while it was looked at is looked at again before it
 * is called a fault. An export is spooled to a nameless file first, since what is handed out must
 * be of one moment and may be larger than memory.
 */
#include "kv/kv_local.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- verify ---- */

struct verify {
	struct kv_local *local;
	struct kv_verify_report *report;
	kv_progress_fn *progress;
	void *progress_arg;
	uint64_t done, total;
	struct kv_buf buf, owner; /* the owner whose records come now */
	uint64_t version;	  /* the owner's */
	uint64_t owner_records;	  /* seen of it */
	uint64_t newest;	  /* of all owners' */
	int cancelled, nomem;
	/* Records that are newer than their owner's version was when it was seen. */
	int moved;
	uint64_t moved_version;
	/* Journal. */
	uint64_t next;
	int64_t time_us;
};

static void fault(struct verify *verify, const char *what, struct strv key)
{
	struct err text;
	char hex[2 * 64 + 1];
	size_t n = key.n < 64 ? key.n : 64;

	if (verify->report->faults++)
		return;
	for (size_t i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", (uint8_t)key.p[i]);
	hex[2 * n] = '\0';
	err_set(&text, ERR_CORRUPT, "%s at key %s%s", what, hex, n < key.n ? "..." : "");
	memcpy(verify->report->first_fault, text.text, sizeof(text.text));
}

/* Count what was read and tell. Returns 1 when cancelled. */
static int progress(struct verify *verify, size_t bytes)
{
	uint64_t before = verify->done >> 20;

	verify->done += bytes;
	if (verify->progress && verify->done >> 20 != before) {
		uint64_t total = verify->total > verify->done ? verify->total : verify->done;

		verify->cancelled = verify->progress(verify->progress_arg, verify->done, total);
	}
	return verify->cancelled;
}

/* The owner's version as it is now: 1 when it is at least VERSION, else 0. */
static int owner_moved(struct verify *verify, uint64_t version)
{
	struct strv owner = strv_mem(verify->owner.p, verify->owner.n);
	uint64_t now;

	return kv_owner_version(verify->local, owner, &verify->buf, &now) == 0 && now >= version;
}

static int check_record(struct verify *verify, struct strv key, struct strv owner, struct strv data)
{
	struct strv value;
	uint64_t version;

	verify->report->records++;
	verify->owner_records++;
	if (kv_record_open(key, data, &value, &version) < 0) {
		fault(verify, "a record is damaged", key);
		return 0;
	}
	if (!strv_eq(owner, strv_mem(verify->owner.p, verify->owner.n))) {
		fault(verify, "a record without its owner's version", key);
		return 0;
	}
	/* Newer than the owner was when it was passed: ask again outside the scan. */
	verify->moved = version > verify->version;
	verify->moved_version = version;
	return verify->moved;
}

static int check_owner(struct verify *verify, struct strv owner, struct strv data)
{
	verify->report->owners++;
	verify->owner_records = 0;
	verify->owner.n = 0;
	verify->nomem = kv_buf_append(&verify->owner, owner.p, owner.n) < 0;
	if (kv_owner_decode(owner, data, &verify->version) < 0) {
		fault(verify, "an owner's version is damaged", owner);
		verify->version = UINT64_MAX;
	} else if (verify->version > verify->newest) {
		verify->newest = verify->version;
	}
	return verify->nomem;
}

static int on_table_entry(void *arg, struct strv key, struct strv data)
{
	struct verify *verify = arg;
	struct strv owner, name;
	struct kv_meta meta;

	if (progress(verify, key.n + data.n))
		return 1;
	if (strv_eq(key, kv_meta_key)) {
		if (kv_meta_decode(data, &meta) < 0)
			fault(verify, "the store's own record is damaged", key);
		return 0;
	}
	switch (kv_key_split(key, &owner, &name)) {
	case 1:
		return check_record(verify, key, owner, data);
	case 0:
		return check_owner(verify, owner, data);
	default:
		fault(verify, "a key of no known form", key);
		return 0;
	}
}

static int on_journal_entry(void *arg, struct strv key, struct strv data)
{
	struct verify *verify = arg;
	struct kv_change change;
	struct arena *arena = arena_new(0);
	uint64_t group;
	int got = arena ? kv_entry_decode(key, data, arena, &change, &group) : -2;

	verify->report->journal++;
	if (got == -1) {
		fault(verify, "a journal entry is damaged", key);
		verify->next++;
	} else if (got == 0) {
		/* Entries may be trimmed while this runs, from the front. */
		if (verify->next && change.seq != verify->next &&
		    change.seq != verify->local->engine.journal_first)
			fault(verify, "journal entries are missing before", key);
		if (change.time_us < verify->time_us)
			fault(verify, "the journal's time runs backwards", key);
		verify->next = change.seq + 1;
		verify->time_us = change.time_us;
	}
	arena_free(&arena);
	verify->nomem = got == -2;
	return verify->nomem || progress(verify, key.n + data.n);
}

/* All of TABLE behind FROM, resuming where a moved owner interrupted it. */
static int verify_table(struct verify *verify, enum kv_table table)
{
	struct kv_walk walk = { .map = verify->local->map,
				.table = table,
				.fn = table == KV_RECORDS ? on_table_entry : on_journal_entry,
				.arg = verify };
	struct strv all = { NULL, 0 };
	struct kv_buf from = { NULL, 0, 0 };
	int got = kv_walk_run(&walk, all, all, 0);

	/* A record that is newer than its owner: if the owner is not newer by now, it is a fault;
	 * the rest of the owner is then read once more from its version on. */
	while (got == 1 && verify->moved && !verify->nomem && !verify->cancelled) {
		struct strv owner = strv_mem(verify->owner.p, verify->owner.n);

		verify->moved = 0;
		from.n = 0;
		if (kv_buf_append(&from, owner.p, owner.n) < 0) {
			got = KV_MAP_NOMEM;
			break;
		}
		if (!owner_moved(verify, verify->moved_version)) {
			fault(verify, "a record is newer than its owner", owner);
			verify->version = UINT64_MAX;
			if (kv_buf_append(&from, "\1", 1) < 0) {
				got = KV_MAP_NOMEM;
				break;
			}
		} else {
			verify->report->owners--;
			verify->report->records -= verify->owner_records;
		}
		got = kv_walk_run(&walk, strv_mem(from.p, from.n), all, 0);
	}
	kv_buf_fini(&from);
	return verify->nomem ? KV_MAP_NOMEM : got;
}

int kv_local_verify(struct kv_engine *engine, kv_progress_fn *progress_fn, void *arg,
		    struct kv_verify_report *report_out, struct err *err)
{
	struct kv_local *local = (struct kv_local *)engine;
	struct verify verify = {
		.local = local, .report = report_out, .progress = progress_fn, .progress_arg = arg
	};
	int got;

	memset(report_out, 0, sizeof(*report_out));
	verify.total = local->bytes ? local->bytes(local) : 0;
	got = verify_table(&verify, KV_RECORDS);
	if (got >= 0 && !verify.cancelled)
		got = verify_table(&verify, KV_JOURNAL);
	if (got >= 0 && !verify.cancelled && verify.newest && verify.newest >= verify.next)
		fault(&verify, "the journal ends before the newest owner", strv_mem(NULL, 0));
	kv_buf_fini(&verify.buf);
	kv_buf_fini(&verify.owner);
	if (got == KV_MAP_CORRUPT) {
		fault(&verify, "pages cannot be read", strv_mem(NULL, 0));
		return 0;
	}
	if (verify.cancelled)
		return err_set(err, ERR_STOPPING, "verification cancelled");
	if (got < 0)
		return kv_local_fault(got, "verify", err);
	if (progress_fn)
		progress_fn(arg, verify.done, verify.done);
	return 0;
}

/* ---- export ---- */

struct spool {
	FILE *file;
	size_t owner_bytes;
	int damaged, full;
};

struct spool_head {
	uint64_t version;
	uint32_t name_bytes, value_bytes;
};

static int on_export(void *arg, struct strv key, struct strv data)
{
	struct spool *spool = arg;
	struct spool_head head;
	struct strv value;
	uint64_t version;

	if (kv_record_open(key, data, &value, &version) < 0) {
		spool->damaged = 1;
		return 1;
	}
	head = (struct spool_head){ version, (uint32_t)(key.n - spool->owner_bytes - 1),
				    (uint32_t)value.n };
	spool->full = fwrite(&head, sizeof(head), 1, spool->file) != 1 ||
		      fwrite(key.p + spool->owner_bytes + 1, 1, head.name_bytes, spool->file) !=
			      head.name_bytes ||
		      fwrite(value.p, 1, value.n, spool->file) != value.n;
	return spool->full;
}

/* A file without a name beside the store, or in the system's place for such. */
static FILE *spool_open(const struct kv_options *options)
{
	FILE *file;
	int fd = options->dir ? open(options->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;

	if (fd < 0)
		return tmpfile();
	file = fdopen(fd, "w+");
	if (!file)
		close(fd);
	return file;
}

/* Fill SPOOL with OWNER at VERSION_OUT. Returns 0 or a fault. */
static int spool_fill(struct kv_local *local, struct strv owner, struct spool *spool,
		      uint64_t *version_out, uint64_t *after_out)
{
	struct kv_walk walk = { .map = local->map,
				.table = KV_RECORDS,
				.fn = on_export,
				.arg = spool,
				.retries = &local->engine.retries };
	struct kv_buf from = { NULL, 0, 0 }, to = { NULL, 0, 0 }, buf = { NULL, 0, 0 };
	struct strv none = { NULL, 0 };
	int got = KV_MAP_NOMEM;

	rewind(spool->file);
	if (ftruncate(fileno(spool->file), 0) == 0 && kv_key_make(&from, owner, &none) == 0 &&
	    kv_key_make(&to, owner, NULL) == 0)
		got = kv_owner_version(local, owner, &buf, version_out);
	if (got == 0)
		got = kv_walk_run(&walk, strv_mem(from.p, from.n), strv_mem(to.p, to.n), 0);
	if (got >= 0)
		got = spool->damaged ? KV_MAP_CORRUPT : spool->full ? KV_MAP_SPACE : 0;
	if (got == 0 && fflush(spool->file) != 0)
		got = KV_MAP_SPACE;
	if (got == 0)
		got = kv_owner_version(local, owner, &buf, after_out);
	kv_buf_fini(&from);
	kv_buf_fini(&to);
	kv_buf_fini(&buf);
	return got;
}

/* Hand the spooled records out. Returns 0 or -1 with ERR. */
static int spool_drain(struct spool *spool, int (*fn)(void *, const struct kv_record *), void *arg,
		       struct err *err)
{
	struct kv_buf buf = { NULL, 0, 0 };
	struct spool_head head;
	int ret = 0;

	rewind(spool->file);
	while (ret == 0 && fread(&head, sizeof(head), 1, spool->file) == 1) {
		size_t n = (size_t)head.name_bytes + head.value_bytes;
		struct kv_record record;

		buf.n = 0;
		if (kv_buf_reserve(&buf, n) < 0) {
			ret = err_set(err, ERR_NOMEM, "no memory for the export");
			break;
		}
		if (fread(buf.p, 1, n, spool->file) != n) {
			ret = err_set(err, ERR_IO, "the export's temporary file cannot be read");
			break;
		}
		record.name = strv_mem(buf.p, head.name_bytes);
		record.value = strv_mem(buf.p + head.name_bytes, head.value_bytes);
		record.version = head.version;
		if (fn(arg, &record) != 0)
			ret = err_set(err, ERR_STOPPING, "export cancelled");
	}
	kv_buf_fini(&buf);
	return ret;
}

int kv_local_export(struct kv_engine *engine, struct strv owner, int exclusive,
		    int (*fn)(void *arg, const struct kv_record *record), void *arg,
		    uint64_t *version_out, struct err *err)
{
	struct kv_local *local = (struct kv_local *)engine;
	struct spool spool = { spool_open(engine->options), owner.n, 0, 0 };
	uint64_t version = 0, after = 1;
	int got = 0, ret;

	if (!spool.file)
		return err_set(err, ERR_IO, "no temporary file for the export");
	for (unsigned tries = 0; got == 0 && version != after && tries < 4; tries++) {
		if (tries)
			engine->retries++;
		got = spool_fill(local, owner, &spool, &version, &after);
		if (exclusive)
			break;
	}
	if (got < 0) {
		ret = kv_local_fault(got, "export", err);
	} else if (version != after) {
		ret = KV_MOVED;
	} else {
		*version_out = version;
		ret = spool_drain(&spool, fn, arg, err);
	}
	fclose(spool.file);
	return ret;
}
