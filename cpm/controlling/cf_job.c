/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/controlling/cf_job.c - a message in work: on disk before its 202, gone when all is told
 *
 *	STORING --on disk--> SENDING --all copies ended--> GATHERING --all told--> ENDING
 *
 * A message of which no reports are to be gathered goes from SENDING to ENDING. cf_job_settle is
 * the one place where states change; every event calls it last.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cpm/controlling/cf_work_priv.h"

enum { AGAIN_MS = 1000, LOAD_CHUNK = 32, TIMER_MAX_MS = 1 << 30 };

/* ---- the tables of a shard ---- */

static struct cf_job **bucket_of(struct cf_shard *shard, struct strv id)
{
	return &shard->bucket[cf_hash(shard->cf, id, 2) % CF_BUCKETS];
}

struct cf_job *cf_job_find(struct cf_shard *shard, struct strv focus, struct strv id,
			   const struct cf_job *after)
{
	struct cf_job *job = after ? after->chain : *bucket_of(shard, id);

	while (job && (!strv_eq(job->head.id, id) || !strv_eq(job->head.focus, focus)))
		job = job->chain;
	return job;
}

static void enter(struct cf_job *job)
{
	struct cf_shard *shard = job->shard;
	struct cf_job **bucket = bucket_of(shard, job->head.id);

	job->chain = *bucket;
	*bucket = job;
	job->older = shard->newest;
	if (job->older)
		job->older->newer = job;
	else
		shard->oldest = job;
	shard->newest = job;
	shard->bytes += job->bytes;
	metric_move(shard->cf->waiting, 1);
}

static void leave(struct cf_job *job)
{
	struct cf_shard *shard = job->shard;
	struct cf_job **at = bucket_of(shard, job->head.id);

	while (*at && *at != job)
		at = &(*at)->chain;
	if (!*at)
		return;
	*at = job->chain;
	*(job->older ? &job->older->newer : &shard->oldest) = job->newer;
	*(job->newer ? &job->newer->older : &shard->newest) = job->older;
	shard->bytes -= job->bytes;
	metric_move(shard->cf->waiting, -1);
}

/* What a message is known by once it has ended: who sent what to whom. */
static uint64_t mark_of(const struct cf_shard *shard, const struct cf_head *head)
{
	uint64_t hash = cf_hash(shard->cf, head->focus, 3);

	return cf_hash(shard->cf, head->id, cf_hash(shard->cf, head->sender, hash));
}

/* Has it been here? Copies that came round, and what was sent again because our 202 was lost. */
static int is_known(struct cf_shard *shard, const struct cf_head *head)
{
	uint64_t mark = mark_of(shard, head);
	const struct cf_job *job = NULL;

	while ((job = cf_job_find(shard, head->focus, head->id, job)) != NULL)
		if (strv_eq(job->head.sender, head->sender))
			return 1;
	for (unsigned i = 0; i < CF_RECENT; i++)
		if (shard->recent[i] == mark)
			return 1;
	return 0;
}

/* ---- a job ---- */

static int dup_text(struct arena *arena, struct strv *text)
{
	char *copy;

	if (!text->n)
		return 0;
	copy = arena_strdup(arena, *text);
	if (!copy)
		return -1;
	text->p = copy;
	return 0;
}

static int dup_head(struct cf_job *job, const struct cf_head *head)
{
	struct cf_head *h = &job->head;
	struct strv *const texts[] = { &h->focus,  &h->sender,		&h->reply_to,
				       &h->id,	   &h->datetime,	&h->original_to,
				       &h->routes, &h->conversation_id, &h->contribution_id };
	struct strv *member = arena_zalloc(job->arena, (size_t)head->n + 1, sizeof(*member));

	*h = *head;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (dup_text(job->arena, texts[i]) < 0)
			return -1;
	for (unsigned i = 0; member && i < head->n; i++) {
		member[i] = head->member[i];
		if (dup_text(job->arena, &member[i]) < 0)
			return -1;
	}
	h->member = member;
	return member ? 0 : -1;
}

/* COPY goes over in every case. */
static struct cf_job *job_new(struct cf *cf, const struct cf_head *head, struct cpm_message *copy)
{
	struct cf_job *job = calloc(1, sizeof(*job));

	if (!job) {
		cpm_message_drop(&copy);
		return NULL;
	}
	job->copy = copy;
	job->arena = arena_new(0);
	if (job->arena)
		job->state = arena_zalloc(job->arena, (size_t)head->n + 1, sizeof(*job->state));
	if (!job->state || dup_head(job, head) < 0) {
		cf_job_free(&job);
		return NULL;
	}
	job->waiting = head->n;
	job->shard = cf_shard_of(cf, job->head.id);
	for (unsigned i = 0; i < head->n; i++)
		job->open += (unsigned)cf_report_is_open(job, i);
	job->bytes = sizeof(*job) + arena_used(job->arena) + (copy ? cpm_message_bytes(copy) : 0);
	snprintf(job->name, sizeof(job->name), "%016llx-%08x", (unsigned long long)head->arrival_us,
		 (unsigned)trace_random());
	return job;
}

void cf_job_free(struct cf_job **job_at)
{
	struct cf_job *job = *job_at;

	*job_at = NULL;
	if (!job)
		return;
	if (job->shard)
		leave(job);
	cf_calls_free(&job->waiters);
	cf_calls_free(&job->saving);
	cf_calls_free(&job->begun);
	cpm_message_drop(&job->copy);
	arena_free(&job->arena);
	free(job);
}

static void end(struct cf_job *job)
{
	struct cf_shard *shard = job->shard;

	shard->recent[shard->recent_at++ % CF_RECENT] = mark_of(shard, &job->head);
	cf_fanout_leave(job);
	worker_timer_clear(shard->worker, &job->retry);
	worker_timer_clear(shard->worker, &job->window);
	worker_timer_clear(shard->worker, &job->expiry);
	worker_timer_clear(shard->worker, &job->again);
	cf_job_free(&job);
}

/* ---- the store ---- */

static int put(struct kv_batch *batch, const struct cf_job *job, char kind, struct strv value)
{
	char name[CF_NAME_BYTES + 2];
	int n = snprintf(name, sizeof(name), "%c/%s", kind, job->name);

	return value.p ? kv_batch_put(batch, strv_mem(name, (size_t)n), value) : -1;
}

static int del(struct kv_batch *batch, const struct cf_job *job, char kind)
{
	char name[CF_NAME_BYTES + 2];
	int n = snprintf(name, sizeof(name), "%c/%s", kind, job->name);

	return kv_batch_del(batch, strv_mem(name, (size_t)n));
}

static void on_again(struct wheel_timer *timer)
{
	cf_job_settle((struct cf_job *)(void *)((char *)timer - offsetof(struct cf_job, again)));
}

static void answer_calls(struct cf_call **first, unsigned status)
{
	while (*first) {
		struct cf_call *call = *first;

		*first = call->next;
		cf_call_done(call, status, status == 503 ? "it cannot be stored now" : NULL);
	}
}

static void on_saved(void *arg, const struct kv_commit_result *result)
{
	struct cf_job *job = arg;

	job->writing = 0;
	answer_calls(&job->saving, result->status == KV_DONE ? 200 : 503);
	if (result->status == KV_DONE && job->deletes_all) {
		end(job);
		return;
	}
	if (result->status == KV_DONE) {
		job->body_gone = job->deletes_body;
	} else {
		job->urgent = 1;
		job->unsaved++;
		worker_timer_set(job->shard->worker, &job->again, AGAIN_MS, on_again);
	}
	cf_job_settle(job);
}

static void commit(struct cf_job *job, struct kv_batch *batch, int is_filled, kv_commit_fn *done)
{
	struct kv_commit_result busy = { .status = KV_BUSY };

	job->writing = 1;
	if (is_filled) {
		kv_commit(job->shard->cf->options.kv, batch, done, job);
		return;
	}
	kv_batch_free(&batch);
	done(job, &busy);
}

/* What has become of the copies, or that there is nothing more to know. */
static void save(struct cf_job *job)
{
	struct kv_batch *batch = kv_batch_new(CF_OWNER);
	struct arena *arena = arena_new(0);
	int is_filled = batch && arena;

	job->saving = job->waiters;
	job->waiters = NULL;
	job->unsaved = job->urgent = 0;
	job->deletes_all = job->phase == CF_ENDING;
	job->deletes_body = !job->copy;
	if (is_filled && job->deletes_all)
		is_filled = del(batch, job, 'm') == 0 && del(batch, job, 's') == 0 &&
			    del(batch, job, 'b') == 0;
	else if (is_filled)
		is_filled = put(batch, job, 's',
				cf_states_encode(job->state, job->head.n, arena)) == 0 &&
			    (job->copy || job->body_gone || del(batch, job, 'b') == 0);
	arena_free(&arena);
	commit(job, batch, is_filled, on_saved);
}

/* ---- states ---- */

static void on_expiry(struct wheel_timer *timer)
{
	struct cf_job *job =
		(struct cf_job *)(void *)((char *)timer - offsetof(struct cf_job, expiry));
	int64_t left_ms = (job->head.expires_us - cf_now_us(job->shard->cf)) / 1000;

	if (left_ms > 0) /* further away than a timer reaches */
		worker_timer_set(job->shard->worker, timer,
				 left_ms < TIMER_MAX_MS ? (uint64_t)left_ms : TIMER_MAX_MS,
				 on_expiry);
	else
		cf_job_expire(job);
}

void cf_job_expire(struct cf_job *job)
{
	if (job->phase != CF_SENDING && job->phase != CF_GATHERING)
		return;
	job->expired = 1;
	for (unsigned i = 0; i < job->head.n && job->waiting; i++)
		if (job->state[i].outcome == CF_WAITS)
			cf_member_ended(job, i, CF_FAILED);
	cf_job_settle(job);
}

static void begin_sending(struct cf_job *job)
{
	struct wheel_timer *timer = &job->expiry;

	job->phase = CF_SENDING;
	worker_timer_set(job->shard->worker, timer, 1, on_expiry);
	cf_fanout_begin(job);
}

void cf_job_settle(struct cf_job *job)
{
	if (job->busy || atomic_load_explicit(&job->shard->cf->stopping, memory_order_relaxed))
		return;
	job->busy = 1;
	cf_fanout_settle(job);
	if (job->phase == CF_SENDING && !job->waiting && !job->in_flight) {
		job->phase = CF_GATHERING;
		cf_fanout_leave(job);
		cpm_message_drop(&job->copy);
		job->urgent = 1;
	}
	if (job->phase == CF_GATHERING && job->to_tell && (!job->open || job->expired))
		job->due = 1;
	do
		cf_report_tell(job);
	while (job->due && !job->telling && job->to_tell);
	if (job->phase == CF_GATHERING && (!job->open || job->expired) && !job->to_tell &&
	    !job->telling)
		job->phase = CF_ENDING;
	job->busy = 0;
	if (job->writing || job->phase == CF_STORING || wheel_timer_is_set(&job->again))
		return;
	if (job->phase == CF_ENDING || job->urgent || job->unsaved >= CF_SAVE_EVERY)
		save(job); /* JOB may be gone */
}

/* ---- begin ---- */

static void on_stored(void *arg, const struct kv_commit_result *result)
{
	struct cf_job *job = arg;
	struct cf *cf = job->shard->cf;

	job->writing = 0;
	if (result->status != KV_DONE) {
		metric_add(cf->refused, 1);
		answer_calls(&job->begun, 503);
		cf_job_free(&job);
		return;
	}
	metric_add(cf->accepted, 1);
	answer_calls(&job->begun, 202);
	if (!atomic_load_explicit(&cf->stopping, memory_order_relaxed))
		begin_sending(job);
}

/* Messages that wait for reports alone are told of early when others need their room. */
static void expire_early(struct cf_job *job)
{
	if (job->phase == CF_GATHERING && !job->expired)
		cf_job_expire(job);
}

static int make_room(struct cf_shard *shard, size_t bytes)
{
	size_t most = shard->cf->options.max_bytes, freed = 0;
	struct cf_job *job = shard->oldest;

	while (job && shard->bytes + bytes > most + freed) {
		struct cf_job *newer = job->newer;
		size_t before = shard->bytes, own = job->bytes;
		int goes = job->phase == CF_ENDING || job->expired || job->phase == CF_GATHERING;

		expire_early(job); /* it may be gone */
		if (goes && shard->bytes == before)
			freed += own; /* as soon as that is on disk */
		job = newer;
	}
	return shard->bytes + bytes <= most + freed ? 0 : -1;
}

static void run_begin(struct cf_call *call)
{
	struct cf_job *job = call->job;
	struct cf_shard *shard = call->shard;
	struct kv_batch *batch;
	struct arena *arena;
	int is_filled;

	call->job = NULL;
	if (is_known(shard, &job->head)) {
		metric_add(call->cf->repeated, 1);
		job->shard = NULL;
		cf_job_free(&job);
		cf_call_done(call, 202, NULL);
		return;
	}
	if (atomic_load_explicit(&call->cf->stopping, memory_order_relaxed) ||
	    make_room(shard, job->bytes) < 0) {
		metric_add(call->cf->refused, 1);
		job->shard = NULL;
		cf_job_free(&job);
		cf_call_done(call, 503, "too many messages to groups are in work");
		return;
	}
	enter(job);
	job->begun = call;
	batch = kv_batch_new(CF_OWNER);
	arena = arena_new(0);
	is_filled = batch && arena &&
		    put(batch, job, 'm', cf_head_encode(&job->head, arena)) == 0 &&
		    put(batch, job, 'b', cpm_message_encode(job->copy, arena)) == 0;
	arena_free(&arena);
	commit(job, batch, is_filled, on_stored);
}

void cf_job_begin(struct cf *cf, const struct cf_head *head, struct cpm_message *copy,
		  pf_done_fn *done, void *arg)
{
	struct cf_call *call = cf_call_new(cf, head->id, 0, run_begin, done, arg);

	if (call)
		call->job = job_new(cf, head, copy);
	else
		cpm_message_drop(&copy);
	if (call && call->job) {
		cf_call_go(call);
		return;
	}
	free(call);
	cf_refuse(done, arg, 503, NULL, STRV(""));
}

/* ---- after a restart ---- */

static void resume(struct post *post)
{
	struct cf_job *job = (struct cf_job *)(void *)post;

	enter(job);
	if (atomic_load_explicit(&job->shard->cf->stopping, memory_order_relaxed))
		return;
	if (job->copy) {
		begin_sending(job);
		return;
	}
	job->phase = CF_GATHERING;
	worker_timer_set(job->shard->worker, &job->expiry, 1, on_expiry);
	job->due = job->to_tell > 0;
	cf_job_settle(job);
}

static struct strv value_of(const struct kv_item *item)
{
	return item->n_records ? item->records[0].value : (struct strv){ NULL, 0 };
}

static int take_states(struct cf_job *job, struct strv record, struct err *err)
{
	if (record.p && cf_states_decode(record, job->state, job->head.n, err) < 0)
		return -1;
	job->waiting = job->open = 0;
	for (unsigned i = 0; i < job->head.n; i++) {
		job->waiting += job->state[i].outcome == CF_WAITS;
		job->open += (unsigned)cf_report_is_open(job, i);
		for (unsigned kind = 1; kind < IMDN_KINDS; kind++)
			job->to_tell += job->state[i].status[kind - 1] &&
					!(job->state[i].told >> (kind - 1) & 1);
	}
	return 0;
}

/* One message, from its three records. */
static int read_one(struct cf *cf, struct strv name, struct strv record, struct arena *arena,
		    struct err *err)
{
	char b[KV_NAME_MAX], s[KV_NAME_MAX];
	struct kv_item items[2] = { { .kind = KV_GET }, { .kind = KV_GET } };
	struct kv_read read = { .owner = CF_OWNER, .items = items, .n_items = 2, .arena = arena };
	struct cpm_message *copy = NULL;
	struct cf_head head;
	struct cf_job *job;

	if (name.n != CF_NAME_BYTES + 1)
		return err_set(err, ERR_CORRUPT, "a stored message to a group has no name");
	memcpy(b, name.p, name.n);
	memcpy(s, name.p, name.n);
	b[0] = 'b';
	s[0] = 's';
	items[0].from = strv_mem(b, name.n);
	items[1].from = strv_mem(s, name.n);
	if (kv_read_sync(cf->options.kv, &read) != KV_DONE)
		return err_set(err, ERR_IO, "a stored message to a group cannot be read");
	if (cf_head_decode(record, arena, &head, err) < 0 ||
	    (items[0].n_records && cpm_message_decode(value_of(&items[0]), &copy, err) < 0))
		return -1;
	job = job_new(cf, &head, copy);
	if (!job)
		return err_set(err, ERR_NOMEM, "no memory for a stored message to a group");
	snprintf(job->name, sizeof(job->name), "%.*s", (int)name.n - 2, name.p + 2);
	job->post.run = resume;
	if (take_states(job, value_of(&items[1]), err) < 0) {
		job->shard = NULL;
		cf_job_free(&job);
		return -1;
	}
	worker_post(job->shard->worker, &job->post);
	return 0;
}

int cf_job_load(struct cf *cf, struct err *err)
{
	char from[KV_NAME_MAX + 1] = "m/";
	size_t from_n = 2;
	unsigned n = 0, damaged = 0;
	int more = 1;

	while (more) {
		struct arena *arena = arena_new(0), *own = arena_new(0);
		struct kv_item item = { .kind = KV_RANGE,
					.from = strv_mem(from, from_n),
					.to = STRV("m0"),
					.limit = LOAD_CHUNK };
		struct kv_read read = {
			.owner = CF_OWNER, .items = &item, .n_items = 1, .arena = arena
		};

		if (!arena || !own || kv_read_sync(cf->options.kv, &read) != KV_DONE) {
			arena_free(&arena);
			arena_free(&own);
			return err_set(err, ERR_IO, "messages to groups cannot be read back");
		}
		for (unsigned i = 0; i < item.n_records; i++) {
			const struct kv_record *record = &item.records[i];

			arena_reset(own);
			n++;
			if (read_one(cf, record->name, record->value, own, err) < 0) {
				damaged++;
				log_error(LOG_CPM, "a stored message to a group is passed over",
					  L_SV("name", record->name), L_ERR(err));
			}
			from_n = record->name.n;
			memcpy(from, record->name.p, from_n);
			from[from_n++] = 0; /* behind it */
		}
		more = item.more;
		arena_free(&arena);
		arena_free(&own);
	}
	if (n)
		log_info(LOG_CPM, "messages to groups read back", L_INT("messages", n),
			 L_INT("damaged", damaged));
	return 0;
}
