/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/controlling/cf.c - the controlling function put together: workers' shares and calls between
 * them
 */
#include "cpm/controlling/cf.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cpm/controlling/cf_work_priv.h"

void cf_options_init(struct cf_options *options)
{
	*options = (struct cf_options){ .factory = "",
					.max_list = 100,
					.max_members = 1000,
					.max_body = 8 << 10,
					.window_ms = 10000,
					.again_ms = 60000,
					.report_s = 86400,
					.max_bytes = 64 << 20 };
}

int64_t cf_now_us(const struct cf *cf)
{
	struct timespec now;

	if (cf->options.now_us)
		return cf->options.now_us();
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The salt is the process's own: nobody outside can choose ids that meet in one bucket. */
uint64_t cf_hash(const struct cf *cf, struct strv s, uint64_t seed)
{
	uint64_t hash = cf->salt ^ seed;

	for (size_t i = 0; i < s.n; i++)
		hash = (hash ^ (unsigned char)s.p[i]) * 0x9e3779b97f4a7c15ULL;
	hash ^= hash >> 29;
	return hash * 0xbf58476d1ce4e5b9ULL ^ hash >> 32;
}

struct cf_shard *cf_shard_of(struct cf *cf, struct strv id)
{
	return &cf->shard[cf_hash(cf, id, 1) % cf->n_shards];
}

/* ---- calls ---- */

static void run_call(struct post *post)
{
	struct cf_call *call = (struct cf_call *)(void *)post;

	call->run(call);
}

struct cf_call *cf_call_new(struct cf *cf, struct strv id, size_t text_bytes,
			    void (*run)(struct cf_call *call), pf_done_fn *done, void *arg)
{
	struct cf_call *call = calloc(1, sizeof(*call) + text_bytes);

	if (!call)
		return NULL;
	call->cf = cf;
	call->shard = cf_shard_of(cf, id);
	call->home = worker_self();
	call->run = run;
	call->done = done;
	call->arg = arg;
	return call;
}

void cf_call_go(struct cf_call *call)
{
	if (call->home == call->shard->worker) {
		call->run(call);
		return;
	}
	call->post.run = run_call;
	worker_post(call->shard->worker, &call->post);
}

static void call_free(struct cf_call *call)
{
	cpm_message_drop(&call->message);
	free(call);
}

static void answer(struct post *post)
{
	struct cf_call *call = (struct cf_call *)(void *)post;
	struct pf_result result = { .status = call->status, .why = call->why };

	call->done(call->arg, &result);
	call_free(call);
}

void cf_call_done(struct cf_call *call, unsigned status, const char *why)
{
	call->status = status;
	call->why = why;
	if (!call->home || call->home == worker_self()) {
		answer(&call->post);
		return;
	}
	call->post.run = answer;
	worker_post(call->home, &call->post);
}

void cf_calls_free(struct cf_call **first)
{
	while (*first) {
		struct cf_call *call = *first;

		*first = call->next;
		call_free(call);
	}
}

void cf_refuse(pf_done_fn *done, void *arg, unsigned status, const char *why,
	       struct strv unsupported)
{
	struct pf_result result = { .status = status, .why = why, .unsupported = unsupported };

	done(arg, &result);
}

/* ---- open and close ---- */

static int copy_options(struct cf *cf, const struct cf_options *options, struct err *err)
{
	const struct auth_domains *domains = &options->domains;

	cf->options = *options;
	cf->factory = strv_of(strv_dup(strv_of(options->factory)));
	cf->domain = calloc(domains->n + 1, sizeof(*cf->domain));
	if (!cf->factory.p || !cf->domain)
		return err_set(err, ERR_NOMEM, "no memory for the controlling function");
	for (unsigned i = 0; i < domains->n; i++) {
		cf->domain[i] = strv_of(strv_dup(domains->name[i]));
		if (!cf->domain[i].p)
			return err_set(err, ERR_NOMEM, "no memory for the controlling function");
	}
	cf->options.domains = (struct auth_domains){ cf->domain, domains->n };
	cf->options.factory = cf->factory.p;
	return 0;
}

static void make_metrics(struct cf *cf)
{
	static const char messages[] = "opencpm_cpm_group_messages_total";
	static const char help[] = "Messages to groups and lists, by what became of them";

	cf->accepted = metric_counter(messages, help, "result=\"accepted\"");
	cf->refused = metric_counter(messages, help, "result=\"refused\"");
	cf->repeated = metric_counter(messages, help, "result=\"repeated\"");
	cf->copies = metric_counter("opencpm_cpm_group_copies_total",
				    "Copies handed over for members of groups", "");
	cf->failed = metric_counter("opencpm_cpm_group_copies_failed_total",
				    "Copies that members of groups could not be given", "");
	cf->retries = metric_counter("opencpm_cpm_group_retries_total",
				     "Copies to be tried again later", "");
	cf->reports = metric_counter("opencpm_cpm_group_reports_total",
				     "Reports of members taken in", "");
	cf->late = metric_counter("opencpm_cpm_group_reports_late_total",
				  "Reports about messages that nobody waits for", "");
	cf->gathered = metric_counter("opencpm_cpm_group_gathered_total",
				      "Messages with gathered reports sent to senders", "");
	cf->waiting = metric_gauge("opencpm_cpm_group_waiting",
				   "Messages to groups in work or waiting for reports", "");
}

static void shard_init(struct cf *cf, unsigned i)
{
	struct cf_shard *shard = &cf->shard[i];

	shard->cf = cf;
	shard->worker = workers_at(cf->options.workers, i);
	shard->turn.run = cf_fanout_turn;
	for (unsigned k = 0; k < CF_IN_FLIGHT; k++) {
		shard->kicks[k].next = shard->idle;
		shard->idle = &shard->kicks[k];
	}
}

int cf_new(const struct cf_options *options, struct cf **cf_out, struct err *err)
{
	struct cf *cf = *cf_out = calloc(1, sizeof(*cf));

	if (!cf || copy_options(cf, options, err) < 0)
		goto fail;
	cf->n_shards = workers_count(options->workers);
	cf->shard = calloc(cf->n_shards, sizeof(*cf->shard));
	if (!cf->shard)
		goto fail;
	cf->salt = trace_random();
	for (unsigned i = 0; i < cf->n_shards; i++)
		shard_init(cf, i);
	make_metrics(cf);
	return 0;
fail:
	cf_free(cf_out);
	return err_set(err, ERR_NOMEM, "no memory for the controlling function");
}

int cf_start(struct cf *cf, struct err *err)
{
	return cf_job_load(cf, err);
}

/* A post to each worker that it has seen the flag: what it began before is begun, nothing else is.
 */
struct barrier {
	struct post post;
	pthread_mutex_t *lock;
	pthread_cond_t *moved;
	unsigned *left;
};

static void pass_barrier(struct post *post)
{
	struct barrier *barrier = (struct barrier *)(void *)post;

	pthread_mutex_lock(barrier->lock);
	--*barrier->left;
	pthread_cond_signal(barrier->moved);
	pthread_mutex_unlock(barrier->lock);
}

void cf_stop(struct cf *cf, int running)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
	struct barrier barrier[64];
	unsigned left = cf->n_shards;

	atomic_store(&cf->stopping, 1);
	if (!running)
		return;
	for (unsigned i = 0; i < cf->n_shards; i++) {
		barrier[i] = (struct barrier){ { NULL, pass_barrier }, &lock, &moved, &left };
		worker_post(cf->shard[i].worker, &barrier[i].post);
	}
	pthread_mutex_lock(&lock);
	while (left)
		pthread_cond_wait(&moved, &lock);
	pthread_mutex_unlock(&lock);
}

void cf_free(struct cf **cf_at)
{
	struct cf *cf = *cf_at;

	*cf_at = NULL;
	if (!cf)
		return;
	for (unsigned i = 0; cf->shard && i < cf->n_shards; i++)
		while (cf->shard[i].oldest) {
			struct cf_job *job = cf->shard[i].oldest;

			cf_job_free(&job);
		}
	free(cf->shard);
	for (unsigned i = 0; cf->domain && i < cf->options.domains.n; i++)
		free((char *)cf->domain[i].p);
	free(cf->domain);
	free((char *)cf->factory.p);
	free(cf);
}

/* ---- faces ---- */

static int is_factory(void *arg, struct strv recipient)
{
	const struct cf *cf = arg;

	return cf->factory.n && strv_eq(recipient, cf->factory);
}

void cf_focus(struct cf *cf, struct pf_focus *focus_out)
{
	*focus_out = (struct pf_focus){ is_factory, cf_message, cf };
}

static uint64_t count(const struct metric *metric)
{
	return metric ? (uint64_t)metric_value(metric) : 0;
}

void cf_stats(struct cf *cf, struct cf_stats *stats)
{
	*stats = (struct cf_stats){ .accepted = count(cf->accepted),
				    .refused = count(cf->refused),
				    .repeated = count(cf->repeated),
				    .copies = count(cf->copies),
				    .failed = count(cf->failed),
				    .retries = count(cf->retries),
				    .reports = count(cf->reports),
				    .late = count(cf->late),
				    .gathered = count(cf->gathered),
				    .waiting = count(cf->waiting) };
}
