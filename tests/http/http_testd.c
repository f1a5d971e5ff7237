/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/http/http_testd.c - a server with every kind of handler, for the flow tests
 *
 *     http_testd [--workers N] [--port N] [--address A] [--tls CERT KEY] [--unix PATH] [--idle S]
 *                [--deadline MS] [--drain MS] [--max-conns N] [--source-conns N] [--rate N]
 *                [--nofile N] [--log LEVEL]
 *
 * Prints "port=N", with TLS also "tls=N", then "ready"; logs on the standard error. SIGTERM drains
 * and ends it, and "drained" is printed once no connection is left.
 */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/jobs.h"
#include "base/log.h"
#include "base/metrics.h"
#include "http/http.h"

static struct http *http;
static struct jobs *jobs;
static struct http_options options;
static _Atomic int releases, late_answers;

static unsigned query_number(struct http_req *req, const char *key, unsigned preset)
{
	struct strv rest = http_req_query(req), item, name;
	uint64_t value;

	while (rest.n) {
		strv_cut(&rest, '&', &item);
		if (strv_cut(&item, '=', &name) && strv_eq(name, strv_of(key)) &&
		    strv_u64(item, UINT32_MAX, &value) == 0)
			return (unsigned)value;
	}
	return preset;
}

/* ---- handlers that answer at once ---- */

static void handle_hello(struct http_req *req, void *arg)
{
	static char body[2048];

	(void)arg;
	if (!body[0])
		memset(body, 'h', sizeof(body));
	http_answer_body(req, 200, "text/plain", strv_mem(body, sizeof(body)));
}

static void handle_echo(struct http_req *req, void *arg)
{
	(void)arg;
	http_answer_body(req, 200, "application/octet-stream", http_req_body(req));
}

/* What the handler was told, one "key=value" a line. */
static void handle_show(struct http_req *req, void *arg)
{
	struct strv query = http_req_query(req), value;
	unsigned iter = 0, n = 0;
	char *text;

	(void)arg;
	while (http_req_header_next(req, "x-test", &iter, &value))
		n++;
	value = http_req_header(req, "X-TEST");
	text = arena_printf(http_req_arena(req),
			    "method=%.*s\ntarget=%.*s\npath=%.*s\nquery=%s%.*s\nx-test=%.*s\n"
			    "n=%u\nabsent=%d\nbody=%zu\ntls=%d\nlocal=%d\nid=%s\n",
			    STRV_ARG(http_req_method(req)), STRV_ARG(http_req_target(req)),
			    STRV_ARG(http_req_path(req)), query.p ? "" : "(none)", STRV_ARG(query),
			    STRV_ARG(value), n, http_req_header(req, "X-Absent").p == NULL,
			    http_req_body(req).n, http_req_is_tls(req), http_req_is_local(req),
			    http_req_trace(req)->hex);
	http_req_note(req, "note", STRV("shown"));
	http_answer_body(req, 200, "text/plain", strv_of(text));
}

static void handle_status(struct http_req *req, void *arg)
{
	(void)arg;
	http_answer(req, &(struct http_answer){ .status = query_number(req, "code", 200),
						.close = (int)query_number(req, "close", 0) });
}

static void handle_err(struct http_req *req, void *arg)
{
	struct err err;

	(void)arg;
	err_set(&err, (enum err_code)query_number(req, "code", ERR_IO), "no such thing");
	http_answer_err(req, &err);
}

/* A handler that tries to break out of its header fields. */
static void handle_inject(struct http_req *req, void *arg)
{
	const struct http_header headers[] = {
		{ "X-Good", STRV("good") },
		{ "X-Bad", STRV("a\r\nX-Injected: 1") },
		{ "X-Nul", STRV("a\0b") },
		{ "Content-Length", STRV("1") },
		{ "Transfer-Encoding", STRV("chunked") },
	};

	(void)arg;
	http_answer(req, &(struct http_answer){ .status = 200,
						.headers = headers,
						.n_headers = 5,
						.body = STRV("inject\n") });
}

static void handle_metrics(struct http_req *req, void *arg)
{
	size_t bytes;
	char *text = metrics_print(&bytes);

	(void)arg;
	http_answer_body(req, 200, "text/plain; version=0.0.4", strv_mem(text, bytes));
	free(text);
}

static void handle_counts(struct http_req *req, void *arg)
{
	(void)arg;
	http_answer_text(req, 200, "releases=%d late=%d", releases, late_answers);
}

static void handle_reload_tls(struct http_req *req, void *arg)
{
	struct err err;

	(void)arg;
	if (http_reload_tls(http, &err) < 0)
		http_answer_text(req, 500, "%s", err.text);
	else
		http_answer_text(req, 200, "reloaded");
}

static void handle_reload(struct http_req *req, void *arg)
{
	(void)arg;
	options.idle_s = query_number(req, "idle", options.idle_s);
	options.header_fields = query_number(req, "fields", options.header_fields);
	http_reload(http, &options);
	http_answer_text(req, 200, "reloaded");
}

/* ---- pieces ---- */

static void release_piece(void *arg)
{
	free(arg);
	releases++;
}

static void handle_pieces(struct http_req *req, void *arg)
{
	unsigned n = query_number(req, "n", 3), bytes = query_number(req, "bytes", 1000);
	struct http_piece *pieces = arena_zalloc(http_req_arena(req), n, sizeof(*pieces));
	char *block = malloc((size_t)bytes + 1);

	(void)arg;
	memset(block, 'p', (size_t)bytes + 1);
	for (unsigned i = 0; i < n; i++)
		pieces[i].bytes = strv_mem(block, bytes);
	http_answer(req, &(struct http_answer){ .status = 200,
						.pieces = pieces,
						.n_pieces = n,
						.release = release_piece,
						.release_arg = block });
}

/* ---- handlers that answer later ---- */

struct later {
	struct wheel_timer timer;
	struct job job;
	struct http_req *req;
	struct later *next, **link; /* of those under way, to be freed at the end */
};

static struct later *under_way;
static pthread_mutex_t under_way_lock = PTHREAD_MUTEX_INITIALIZER;

static struct later *later_new(struct http_req *req)
{
	struct later *later = calloc(1, sizeof(*later));

	later->req = req;
	pthread_mutex_lock(&under_way_lock);
	later->next = under_way;
	later->link = &under_way;
	if (under_way)
		under_way->link = &later->next;
	under_way = later;
	pthread_mutex_unlock(&under_way_lock);
	return later;
}

static void later_free(struct later *later)
{
	pthread_mutex_lock(&under_way_lock);
	*later->link = later->next;
	if (later->next)
		later->next->link = later->link;
	pthread_mutex_unlock(&under_way_lock);
	free(later);
}

static void on_later(struct wheel_timer *timer)
{
	struct later *later = (struct later *)(void *)timer;

	http_answer_body(later->req, 200, "text/plain", http_req_target(later->req));
	later_free(later);
}

static void handle_slow(struct http_req *req, void *arg)
{
	struct later *later = later_new(req);

	(void)arg;
	worker_timer_set(http_req_worker(req), &later->timer, query_number(req, "ms", 10),
			 on_later);
}

static void on_late(struct wheel_timer *timer)
{
	struct later *later = (struct later *)(void *)timer;
	char *block = malloc(8);
	struct http_piece piece = { strv_mem(block, 8) };

	memset(block, 'l', 8);
	/* What the request holds must still be there. */
	late_answers += strv_starts(http_req_target(later->req), STRV("/late"));
	http_answer(later->req, &(struct http_answer){ .status = 200,
						       .pieces = &piece,
						       .n_pieces = 1,
						       .release = release_piece,
						       .release_arg = block });
	later_free(later);
}

static void handle_late(struct http_req *req, void *arg)
{
	struct later *later = later_new(req);

	(void)arg;
	worker_timer_set(http_req_worker(req), &later->timer, query_number(req, "ms", 10), on_late);
}

static struct later *later_of(struct job *job)
{
	return (struct later *)(void *)((char *)job - offsetof(struct later, job));
}

static void run_job(struct job *job)
{
	(void)job;
}

static void job_done(struct job *job)
{
	struct later *later = later_of(job);

	http_answer_body(later->req, 200, "text/plain", STRV("from another thread\n"));
	later_free(later);
}

static void handle_job(struct http_req *req, void *arg)
{
	struct later *later = later_new(req);

	(void)arg;
	later->job.run = run_job;
	later->job.done = job_done;
	if (jobs_submit(jobs, &later->job) < 0)
		job_done(&later->job);
}

static const struct http_route routes[] = {
	{ "/hello", HTTP_QUIET, 0, handle_hello, NULL },
	{ "/echo", 0, 8 << 20, handle_echo, NULL },
	{ "/small", 0, 1024, handle_echo, NULL },
	{ "/show", 0, 65536, handle_show, NULL },
	{ "/show/deeper", 0, 0, handle_hello, NULL },
	{ "/status", 0, 0, handle_status, NULL },
	{ "/err", 0, 0, handle_err, NULL },
	{ "/inject", 0, 0, handle_inject, NULL },
	{ "/metrics", HTTP_QUIET, 0, handle_metrics, NULL },
	{ "/counts", HTTP_QUIET, 0, handle_counts, NULL },
	{ "/reload-tls", 0, 0, handle_reload_tls, NULL },
	{ "/reload", 0, 0, handle_reload, NULL },
	{ "/pieces", 0, 0, handle_pieces, NULL },
	{ "/slow", 0, 65536, handle_slow, NULL },
	{ "/late", 0, 0, handle_late, NULL },
	{ "/job", 0, 0, handle_job, NULL },
	{ "/local", HTTP_LOCAL, 0, handle_show, NULL },
};

/* ---- main ---- */

static sem_t drained;

static void on_drained(void *arg)
{
	(void)arg;
	sem_post(&drained);
}

static void usage(void)
{
	fprintf(stderr, "http_testd: see the top of its source for its options\n");
	exit(2);
}

static void fail(const char *who, const struct err *err)
{
	fprintf(stderr, "http_testd: %s: %s\n", who, err->text);
	exit(1);
}

static unsigned number(const char *text)
{
	return (unsigned)strtoul(text, NULL, 10);
}

static void limit_descriptors(unsigned n)
{
	const struct rlimit limit = { n, n };

	setrlimit(RLIMIT_NOFILE, &limit);
}

struct command {
	unsigned workers, drain_ms, nofile;
	unsigned n_listens, tls; /* index of the TLS listener; 0: none */
	struct http_listen listens[3];
	struct limit_options limits;
	enum log_level level;
};

/* "--source-conns N" and the like. Returns 0 when NAME is none of them. */
static int set_number(struct command *command, const char *name, const char *text)
{
	const struct {
		const char *name;
		unsigned *value;
	} known[] = {
		{ "--workers", &command->workers },
		{ "--drain", &command->drain_ms },
		{ "--nofile", &command->nofile },
		{ "--source-conns", &command->limits.conns },
		{ "--rate", &command->limits.requests_per_s },
		{ "--max-conns", &options.max_conns },
		{ "--idle", &options.idle_s },
		{ "--deadline", &options.deadline_ms },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(name, known[i].name) == 0) {
			*known[i].value = number(text);
			return 1;
		}
	return 0;
}

static int set_listener(struct command *command, const char *name, char **values)
{
	if (strcmp(name, "--port") == 0) {
		command->listens[0].port = (uint16_t)number(values[0]);
	} else if (strcmp(name, "--address") == 0) {
		command->listens[0].address = values[0];
	} else if (strcmp(name, "--unix") == 0) {
		command->listens[command->n_listens++] = (struct http_listen){ .path = values[0] };
	} else if (strcmp(name, "--tls") == 0 && values[1]) {
		command->tls = command->n_listens++;
		command->listens[command->tls] = (struct http_listen){ .address = "127.0.0.1",
								       .cert_file = values[0],
								       .key_file = values[1] };
	} else {
		return 0;
	}
	return 1;
}

static void parse(struct command *command, char **argv)
{
	while (*argv) {
		char **values = argv + 1;

		if (!values[0])
			usage();
		if (strcmp(*argv, "--log") == 0) {
			if (log_level_find(strv_of(values[0]), &command->level) < 0)
				usage();
		} else if (!set_number(command, *argv, values[0]) &&
			   !set_listener(command, *argv, values)) {
			usage();
		}
		argv = values + (strcmp(*argv, "--tls") == 0 ? 2 : 1);
	}
}

static void block_signals(sigset_t *signals)
{
	signal(SIGPIPE, SIG_DFL); /* nothing may depend on its being ignored */
	sigemptyset(signals);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, signals, NULL);
}

static void say_ready(const struct command *command)
{
	printf("port=%u\n", http_port(http, 0));
	if (command->tls)
		printf("tls=%u\n", http_port(http, command->tls));
	printf("ready\n");
	fflush(stdout);
}

static void start(struct command *command, struct limits *limits, struct workers **workers_out)
{
	struct err err;

	options.limits = limits;
	options.listens = command->listens;
	options.n_listens = command->n_listens;
	options.routes = routes;
	options.n_routes = sizeof(routes) / sizeof(routes[0]);
	if (workers_new(command->workers, workers_out, &err) < 0 || jobs_new(1, 0, &jobs, &err) < 0)
		fail("workers", &err);
	if (http_new(&options, *workers_out, &http, &err) < 0)
		fail("http", &err);
	if (workers_start(*workers_out, &err) < 0)
		fail("start", &err);
	if (command->nofile)
		limit_descriptors(command->nofile);
}

static void end(const struct command *command, struct limits *limits, struct workers *workers)
{
	http_drain(http, command->drain_ms, on_drained, NULL);
	sem_wait(&drained);
	printf("drained\n");
	fflush(stdout);
	jobs_free(&jobs);
	workers_stop(workers);
	http_free(&http);
	workers_free(&workers);
	limits_free(&limits);
	while (under_way)
		later_free(under_way);
}

int main(int argc, char **argv)
{
	struct command command = { .workers = 1,
				   .drain_ms = 5000,
				   .n_listens = 1,
				   .listens = { { .address = "127.0.0.1" } },
				   .limits = { .max_sources = 1000, .requests_burst = 5 },
				   .level = LOG_INFO };
	struct workers *workers;
	struct limits *limits;
	sigset_t signals;
	int got;

	(void)argc;
	http_options_init(&options);
	parse(&command, argv + 1);
	block_signals(&signals);
	sem_init(&drained, 0, 0);
	log_set_levels(command.level);
	limits = limits_new(&command.limits);
	start(&command, limits, &workers);
	say_ready(&command);
	sigwait(&signals, &got);
	end(&command, limits, workers);
	return 0;
}
