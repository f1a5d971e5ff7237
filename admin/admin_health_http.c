/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin_health_http.c - /metrics, /livez and /readyz, open on every listener
 *
 * Live: every worker turns its loop. Ready: the store takes a commit and gives it back, and the
 * server is not going down. They say what is wrong in one line of text.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "admin/admin_priv.h"
#include "base/metrics.h"
#include "http/http.h"

/* 1 when the request is GET or HEAD; else it has been answered. */
static int is_get(struct http_req *req)
{
	static const struct http_header allow = { "Allow", { "GET, HEAD", 9 } };
	struct strv method = http_req_method(req);
	struct http_answer answer = { .status = 405,
				      .headers = &allow,
				      .n_headers = 1,
				      .body = STRV("only GET and HEAD are served here\n") };

	if (strv_eq(method, STRV("GET")) || strv_eq(method, STRV("HEAD")))
		return 1;
	http_answer(req, &answer);
	return 0;
}

static void answer_state(struct http_req *req, unsigned status, struct strv line)
{
	static const struct http_header headers[] = {
		{ "Content-Type", { "text/plain; charset=utf-8", 25 } },
		{ "Cache-Control", { "no-store", 8 } },
		{ "Retry-After", { "1", 1 } },
	};
	struct http_answer answer = { .status = status,
				      .headers = headers,
				      .n_headers = status == 200 ? 2 : 3,
				      .body = line };

	http_answer(req, &answer);
}

/* ---- metrics: some look at the disk when they are read, so not on a worker ---- */

struct metrics_call {
	struct job job; /* first: the pool's callbacks cast */
	struct http_req *req;
	char *text;
	size_t bytes;
};

static void run_metrics(struct job *job)
{
	struct metrics_call *call = (struct metrics_call *)(void *)job;

	call->text = metrics_print(&call->bytes);
}

static void metrics_done(struct job *job)
{
	static const struct http_header type = {
		"Content-Type", { "text/plain; version=0.0.4; charset=utf-8", 40 }
	};
	struct metrics_call *call = (struct metrics_call *)(void *)job;
	struct http_piece piece = { strv_mem(call->text, call->bytes) };
	struct http_answer answer = { .status = 200,
				      .headers = &type,
				      .n_headers = 1,
				      .pieces = &piece,
				      .n_pieces = 1,
				      .release = free,
				      .release_arg = call->text };

	if (call->text)
		http_answer(call->req, &answer);
	else
		http_answer_text(call->req, 503, "no memory for the metrics");
}

void admin_metrics_handle(struct http_req *req, void *arg)
{
	const struct admin *admin = arg;
	struct metrics_call *call;

	if (!is_get(req))
		return;
	call = arena_zalloc(http_req_arena(req), 1, sizeof(*call));
	if (call) {
		call->req = req;
		call->job.run = run_metrics;
		call->job.done = metrics_done;
	}
	if (!call || jobs_submit(admin->pool, &call->job) < 0)
		answer_state(req, 503, STRV("too busy for the metrics\n"));
}

/* ---- live ---- */

void admin_livez_handle(struct http_req *req, void *arg)
{
	const struct admin *admin = arg;
	uint64_t now_ms = admin_now_ms();
	char line[96];

	if (!is_get(req))
		return;
	for (unsigned i = 0; i < workers_count(admin->workers); i++) {
		uint64_t beat_ms = worker_heartbeat_ms(workers_at(admin->workers, i));

		if (now_ms > beat_ms && now_ms - beat_ms > admin->live_ms) {
			snprintf(line, sizeof(line),
				 "worker %u has not turned for %" PRIu64 " ms\n", i,
				 now_ms - beat_ms);
			answer_state(req, 503, strv_of(line));
			return;
		}
	}
	answer_state(req, 200, STRV("live\n"));
}

/* ---- ready ---- */

struct ready_call {
	struct admin_waiter waiter; /* first: the callback casts */
	struct http_req *req;
};

static void on_verdict(struct admin_waiter *waiter, const struct err *err)
{
	struct http_req *req = ((struct ready_call *)waiter)->req;
	char line[ERR_TEXT_BYTES + 16];

	if (err->code == ERR_NONE) {
		answer_state(req, 200, STRV("ready\n"));
		return;
	}
	snprintf(line, sizeof(line), "not ready: %s\n", err->text);
	http_req_note(req, "cause", strv_of(err_code_name(err->code)));
	answer_state(req, 503, strv_of(line));
}

void admin_readyz_handle(struct http_req *req, void *arg)
{
	struct admin *admin = arg;
	struct ready_call *call;

	if (!is_get(req))
		return;
	call = arena_zalloc(http_req_arena(req), 1, sizeof(*call));
	if (!call) {
		answer_state(req, 503, STRV("not ready: no memory\n"));
		return;
	}
	call->req = req;
	call->waiter.fn = on_verdict;
	admin_ready_ask(admin->ready, &call->waiter);
}
