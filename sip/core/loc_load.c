/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/loc_load.c - the table of locations is read back after a start
 *
 * In the background, so many owners a job that others get their turn. Until all are read, a find
 * that misses reads its own record (loc.c), and no entry is forgotten.
 */
#include <stdlib.h>

#include "base/log.h"
#include "sip/core/loc_priv.h"

enum { OWNERS_A_JOB = 256, ARENA_BYTES = 8 << 20 };

struct loc_load {
	struct job job; /* first: the callbacks cast */
	struct loc *loc;
	char after[KV_OWNER_MAX];
	size_t after_n;
	int is_done;
	uint64_t users, damaged;
};

static void take(struct loc_load *load, struct strv owner, const struct kv_record *record)
{
	struct loc *loc = load->loc;
	const struct loc_user *user;
	struct err err;
	int failed;

	if (loc_record_decode(record->value, owner, loc_now_us(loc),
			      loc->options.expires_max_s * 1000000, &user, &err) < 0) {
		load->damaged++;
		log_error(LOG_SIP, "a stored location cannot be read", L_SV("aor", owner),
			  L_ERR(&err));
		return;
	}
	if (!user)
		return;
	user = loc_fill(loc, owner, user, &failed);
	load->users += user != NULL;
	loc_user_drop(&user);
}

static void read_one(struct loc_load *load, struct strv owner)
{
	struct kv_item item = { .kind = KV_GET, .from = LOC_NAME };
	struct kv_read read = { .owner = owner, .items = &item, .n_items = 1 };

	read.arena = arena_new(ARENA_BYTES);
	if (!read.arena)
		return;
	if (kv_read_sync(load->loc->kv, &read) != KV_DONE)
		log_error(LOG_SIP, "a stored location cannot be read", L_SV("aor", owner));
	else if (item.n_records)
		take(load, owner, &item.records[0]);
	arena_free(&read.arena);
}

static void run(struct job *job)
{
	struct loc_load *load = (struct loc_load *)(void *)job;
	struct arena *arena = arena_new(0);
	struct strv *owners;
	unsigned n = 0;
	struct err err;

	if (atomic_load(&load->loc->stopping) || !arena ||
	    kv_owners_sync(load->loc->kv, strv_mem(load->after, load->after_n), OWNERS_A_JOB, arena,
			   &owners, &n, &err) < 0) {
		if (!atomic_load(&load->loc->stopping))
			log_error(LOG_SIP, "registrations cannot be read back",
				  L_STR("error", arena ? err.text : "no memory"));
		load->is_done = -1;
		arena_free(&arena);
		return;
	}
	for (unsigned i = 0; i < n && !atomic_load(&load->loc->stopping); i++)
		read_one(load, owners[i]);
	if (n) {
		load->after_n = owners[n - 1].n;
		memcpy(load->after, owners[n - 1].p, owners[n - 1].n);
	}
	load->is_done = n == 0;
	arena_free(&arena);
}

/* On a thread of the pool, since none of the workers submitted it. */
static void done(struct job *job)
{
	struct loc_load *load = (struct loc_load *)(void *)job;

	while (!load->is_done) {
		if (jobs_submit(load->loc->jobs, job) == 0)
			return;
		/* The queue is full, or the pool is closing: go on here. */
		run(job);
	}
	if (load->is_done < 0)
		return; /* finds go on reading what they miss */
	atomic_store_explicit(&load->loc->loaded, 1, memory_order_release);
	log_info(LOG_SIP, "registrations read back", L_INT("users", (int64_t)load->users),
		 L_INT("damaged", (int64_t)load->damaged));
}

int loc_load_start(struct loc *loc, struct err *err)
{
	loc->load = calloc(1, sizeof(*loc->load));
	if (!loc->load)
		return err_set(err, ERR_NOMEM, "no memory for the table of locations");
	loc->load->loc = loc;
	loc->load->job.run = run;
	loc->load->job.done = done;
	if (jobs_submit(loc->jobs, &loc->load->job) < 0)
		return err_set(err, ERR_BUSY, "too many jobs wait to read the registrations back");
	return 0;
}

void loc_load_free(struct loc *loc)
{
	free(loc->load);
}
