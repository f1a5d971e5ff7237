/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/admin/test_rest.c - what the surface answers when the server is not well
 *
 * A whole edge in this process, with two workers and the engine in memory: a stuck worker, a full
 * job pool, a server that goes down, a daemon that cannot reload.
 */
#include "admin/admin.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "admin/users.h"
#include "base/conf.h"
#include "base/log.h"
#include "http/http.h"
#include "tests/gate.h"

enum { PATIENCE_MS = 60000 };

static struct gate blocked = GATE_INIT, hold = GATE_INIT, drained = GATE_INIT;
static char dir[] = "/tmp/test-rest-XXXXXX", path[64];
static struct workers *workers;
static struct limits *limits;
static struct jobs *jobs;
static struct kv *kv;
static struct users *users;
static struct http *http;
static struct admin *admin;
static struct http_route *routes;
static _Atomic int going_down, reload_fails;

/* ---- the daemon's part ---- */

static int is_draining(void *arg)
{
	(void)arg;
	return going_down;
}

static int on_reload(void *arg, struct admin_reload *out, struct err *err)
{
	struct conf_fault fault = {
		.file = "/etc/x.yaml", .line = 3, .column = 7, .text = "unknown setting"
	};
	struct conf_fault warning = { .file = "/etc/x.yaml",
				      .is_warning = 1,
				      .text = "an odd setting" };

	(void)arg;
	if (reload_fails) {
		admin_reload_add_fault(out, &fault);
		return err_set(err, ERR_SYNTAX, "it has faults");
	}
	admin_reload_add_fault(out, &warning);
	admin_reload_add_change(out, "a.b", "1", "2", 0);
	admin_reload_add_change(out, "c.d", "3", "\xff", 1);
	return 0;
}

static const struct admin_ops ops = { .version = "1.2.3-test",
				      .reload = on_reload,
				      .draining = is_draining };

static void handle_block(struct http_req *req, void *arg)
{
	(void)arg;
	gate_raise(&blocked);
	gate_wait(&hold, 1);
	http_answer_text(req, 200, "released");
}

static void on_drained(void *arg)
{
	(void)arg;
	gate_raise(&drained);
}

static void open_edge(const struct admin_options *options)
{
	struct limit_options limit = { .max_sources = 100 };
	struct http_listen listens[2] = { { .address = "127.0.0.1" }, { .path = path } };
	struct http_options edge;
	const struct http_route *theirs;
	unsigned n;

	admin = admin_new(options);
	assert_non_null(admin);
	theirs = admin_routes(admin, &n);
	routes = calloc(n + 1, sizeof(*routes));
	memcpy(routes, theirs, n * sizeof(*routes));
	routes[n] = (struct http_route){ .prefix = "/block", .handle = handle_block };
	limits = limits_new(&limit);
	http_options_init(&edge);
	edge.listens = listens;
	edge.n_listens = 2;
	edge.routes = routes;
	edge.n_routes = n + 1;
	edge.limits = limits;
	assert_int_equal(http_new(&edge, workers, &http, NULL), 0);
}

static void start(const struct admin_options *options)
{
	struct strv name = STRV("example.com");
	const struct auth_domains domains = { &name, 1 };
	struct kv_options store;

	blocked.count = hold.count = drained.count = 0;
	going_down = reload_fails = 0;
	assert_int_equal(workers_new(2, &workers, NULL), 0);
	open_edge(options);
	assert_int_equal(jobs_new(1, 1, &jobs, NULL), 0);
	kv_options_init(&store, NULL);
	store.engine = "mem";
	assert_int_equal(kv_open(&store, jobs, &kv, NULL), 0);
	assert_int_equal(users_new(kv, 1 << 20, &domains, &users, NULL), 0);
	assert_int_equal(admin_start(admin, workers, jobs, kv, users, NULL, NULL), 0);
	assert_int_equal(workers_start(workers, NULL), 0);
}

static int setup(void **state)
{
	struct admin_options options;

	(void)state;
	admin_options_init(&options);
	options.ops = &ops;
	options.store_engine = "mem";
	options.live_ms = 1500;
	start(&options);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	http_drain(http, 5000, on_drained, NULL);
	gate_wait(&drained, 1);
	admin_stop(admin);
	kv_close(&kv);
	jobs_free(&jobs);
	workers_stop(workers);
	http_free(&http);
	admin_free(&admin);
	workers_free(&workers);
	users_free(&users);
	limits_free(&limits);
	free(routes);
	return 0;
}

/* ---- a client ---- */

static int connect_tcp(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(http_port(http, 0)) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static int connect_unix(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(to.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void send_request(int fd, const char *request, const char *body)
{
	char text[1024];
	int n = snprintf(text, sizeof(text),
			 "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n"
			 "\r\n%s",
			 request, strlen(body), body);

	assert_int_equal(write(fd, text, (size_t)n), n);
}

/* The whole answer; NULL when nothing has come within WAIT_MS. */
static const char *receive(int fd, int wait_ms)
{
	static char answer[65536];
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	size_t n = 0;
	ssize_t got;

	while (poll(&ready, 1, wait_ms) == 1) {
		got = read(fd, answer + n, sizeof(answer) - 1 - n);
		if (got <= 0)
			break;
		n += (size_t)got;
		wait_ms = PATIENCE_MS;
	}
	answer[n] = '\0';
	return n ? answer : NULL;
}

static const char *ask(const char *request, const char *body)
{
	int fd = connect_unix();
	const char *answer;

	send_request(fd, request, body);
	answer = receive(fd, PATIENCE_MS);
	close(fd);
	assert_non_null(answer);
	return answer;
}

static void assert_answer(const char *request, const char *body, const char *status,
			  const char *text)
{
	const char *answer = ask(request, body);

	if (strncmp(answer, "HTTP/1.1 ", 9) || strncmp(answer + 9, status, strlen(status)) ||
	    !strstr(answer, text))
		fail_msg("%s: expected %s and \"%s\", got: %s", request, status, text, answer);
}

/* ---- tests ---- */

static void test_well(void **state)
{
	(void)state;
	assert_answer("GET /livez", "", "200", "live\n");
	assert_answer("GET /readyz", "", "200", "ready\n");
	assert_answer("GET /metrics", "", "200", "opencpm_build_info{version=\"1.2.3-test\"} 1\n");
	assert_answer("GET /v1/status", "", "200", "\"draining\":false");
}

static void test_going_down(void **state)
{
	(void)state;
	going_down = 1;
	assert_answer("GET /readyz", "", "503", "not ready: the server is going down\n");
	assert_answer("GET /livez", "", "200", "live\n");
	assert_answer("GET /v1/status", "", "200", "\"draining\":true");
}

/* With one worker stuck the other one says so. */
static void test_stuck_worker(void **state)
{
	int stuck = connect_tcp();
	const char *answer = NULL;

	(void)state;
	send_request(stuck, "GET /block", "");
	assert_true(gate_wait(&blocked, 1));
	for (unsigned i = 0; i < 600 && (!answer || !strstr(answer, " 503 ")); i++) {
		int fd = connect_tcp(); /* some of them go to the stuck one */

		send_request(fd, "GET /livez", "");
		answer = receive(fd, 100);
		close(fd);
	}
	assert_non_null(answer);
	assert_non_null(strstr(answer, "has not turned for "));
	gate_raise(&hold);
	assert_non_null(strstr(receive(stuck, PATIENCE_MS), "released"));
	close(stuck);
	/* It is live again when it has finished that turn. */
	for (unsigned i = 0; i < 600 && !strstr(ask("GET /livez", ""), " 200 "); i++)
		usleep(10000);
	assert_answer("GET /livez", "", "200", "live\n");
}

static void hold_thread(struct job *job)
{
	(void)job;
	gate_raise(&blocked);
	gate_wait(&hold, 1);
}

static void ignore(struct job *job)
{
	(void)job;
}

static void test_full_pool(void **state)
{
	struct job busy = { .run = hold_thread, .done = ignore };
	struct job waiting = { .run = ignore, .done = ignore };

	(void)state;
	assert_int_equal(jobs_submit(jobs, &busy), 0);
	assert_true(gate_wait(&blocked, 1));
	assert_int_equal(jobs_submit(jobs, &waiting), 0);
	assert_answer("GET /v1/status", "", "503", "the job pool is full");
	assert_answer("GET /v1/owners", "", "503", "the job pool is full");
	assert_answer("GET /v1/export/a", "", "503", "the job pool is full");
	assert_answer("GET /v1/users", "", "503", "the job pool is full");
	assert_answer("PUT /v1/users/alice", "{}", "503", "the job pool is full");
	assert_answer("POST /v1/reload", "", "503", "the job pool is full");
	assert_answer("GET /metrics", "", "503", "too busy");
	/* What needs no pool goes on. */
	assert_answer("GET /v1/jobs", "", "200", "{\"jobs\":[]}");
	assert_answer("GET /livez", "", "200", "live\n");
	gate_raise(&hold);
	for (unsigned i = 0; jobs_queued(jobs) && i < PATIENCE_MS; i++)
		usleep(1000);
	assert_answer("GET /v1/status", "", "200", "\"engine\":\"mem\"");
}

static void test_reload(void **state)
{
	(void)state;
	assert_answer("POST /v1/reload", "", "200",
		      "{\"changed\":[{\"name\":\"a.b\",\"old\":\"1\",\"new\":\"2\"}],"
		      "\"restart\":[{\"name\":\"c.d\",\"old\":\"3\",\"new64\":\"/w==\"}],"
		      "\"warnings\":[{\"file\":\"/etc/x.yaml\",\"line\":0,\"column\":0,"
		      "\"text\":\"an odd setting\"}]}\n");
	reload_fails = 1;
	assert_answer("POST /v1/reload", "", "422",
		      "\"faults\":[{\"file\":\"/etc/x.yaml\",\"line\":3,\"column\":7,"
		      "\"text\":\"unknown setting\"}]");
	assert_answer("POST /v1/reload", "", "422", "\"message\":\"it has faults\"");
}

static void test_no_folder_for_backups(void **state)
{
	(void)state;
	assert_answer("POST /v1/backup", "{\"dir\":\"x\"}", "400", "admin.backup-dir is not set");
	assert_answer("POST /v1/backup", "", "400", "admin.backup-dir is not set");
}

static void test_stopped(void **state)
{
	(void)state;
	admin_stop(admin);
	assert_answer("POST /v1/verify", "", "503", "\"error\":\"stopping\"");
	assert_answer("POST /v1/erase/a", "", "503", "\"error\":\"stopping\"");
	assert_answer("GET /v1/status", "", "503", "\"error\":\"stopping\"");
	assert_answer("GET /v1/export/a", "", "503", "\"error\":\"stopping\"");
	assert_answer("GET /readyz", "", "503", "going down");
	assert_answer("GET /v1/jobs", "", "200", "{\"jobs\":[]}");
}

static int setup_closed(void **state)
{
	struct admin_options options;

	(void)state;
	admin_options_init(&options);
	options.ops = &ops;
	options.store_engine = "mem";
	options.metrics = ADMIN_OFF;
	options.health = ADMIN_SOCKET;
	start(&options);
	return 0;
}

static void test_closed_endpoints(void **state)
{
	const char *answer;
	int fd = connect_tcp();

	(void)state;
	assert_answer("GET /metrics", "", "404", "");
	assert_answer("GET /livez", "", "200", "live\n");
	send_request(fd, "GET /livez", "");
	answer = receive(fd, PATIENCE_MS);
	assert_non_null(answer);
	assert_non_null(strstr(answer, " 404 "));
	close(fd);
}

static void test_never_started(void **state)
{
	struct admin_options options;
	struct admin *idle;

	(void)state;
	admin_options_init(&options);
	options.ops = &ops;
	idle = admin_new(&options);
	assert_non_null(idle);
	admin_stop(idle);
	admin_free(&idle);
	assert_null(idle);
	admin_free(&idle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_well, setup, teardown),
		cmocka_unit_test_setup_teardown(test_going_down, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stuck_worker, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_pool, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reload, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_folder_for_backups, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stopped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closed_endpoints, setup_closed, teardown),
		cmocka_unit_test(test_never_started),
	};
	int failed;

	log_output(open("/dev/null", O_WRONLY), LOG_TEXT);
	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/admin.sock", dir);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(dir);
	return failed;
}
