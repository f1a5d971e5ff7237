/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/http/test_edge.c - the edge's life without a drain, and openings that must fail
 *
 * What clients see is in tests/flow/test_a0*_http*.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "http/http.h"

static sem_t handled;

/* Never answers. */
static void handle(struct http_req *req, void *arg)
{
	(void)req;
	(void)arg;
	sem_post(&handled);
}

static const struct http_route route = { "/", 0, 0, handle, NULL };

struct setting {
	struct workers *workers;
	struct limits *limits;
	struct http_options options;
};

static void set_up(struct setting *setting, unsigned workers)
{
	const struct limit_options limits = { .max_sources = 10 };
	struct err err;

	sem_init(&handled, 0, 0);
	log_set_levels(LOG_ERROR);
	setting->limits = limits_new(&limits);
	assert_non_null(setting->limits);
	assert_int_equal(workers_new(workers, &setting->workers, &err), 0);
	http_options_init(&setting->options);
	setting->options.limits = setting->limits;
	setting->options.routes = &route;
	setting->options.n_routes = 1;
}

static void tear_down(struct setting *setting)
{
	workers_free(&setting->workers);
	limits_free(&setting->limits);
	sem_destroy(&handled);
}

static int connect_to(uint16_t port)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	const struct sockaddr_in address = { .sin_family = AF_INET,
					     .sin_port = htons(port),
					     .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL), sizeof(text) - 1);
	return fd;
}

static void test_freed_before_the_workers_run(void **state)
{
	const struct http_listen listens[] = { { .address = "127.0.0.1" }, { .address = "::1" } };
	struct setting setting;
	struct http *http;
	struct err err;
	int fd;

	(void)state;
	set_up(&setting, 3);
	setting.options.listens = listens;
	setting.options.n_listens = 2;
	assert_int_equal(http_new(&setting.options, setting.workers, &http, &err), 0);
	assert_int_not_equal(http_port(http, 0), 0);
	assert_int_not_equal(http_port(http, 1), 0);
	assert_int_equal(http_port(http, 2), 0);
	fd = connect_to(http_port(http, 0));
	http_free(&http);
	assert_null(http);
	http_free(&http);
	close(fd);
	tear_down(&setting);
}

/* Requests whose handler has not answered, on workers that have ended: nothing leaks, nothing is
 * touched afterwards (the sanitizers tell). */
static void test_freed_without_a_drain(void **state)
{
	const struct http_listen listen = { .address = "127.0.0.1" };
	struct setting setting;
	struct http *http;
	struct err err;
	int fds[20];

	(void)state;
	set_up(&setting, 2);
	setting.options.listens = &listen;
	setting.options.n_listens = 1;
	assert_int_equal(http_new(&setting.options, setting.workers, &http, &err), 0);
	assert_int_equal(workers_start(setting.workers, &err), 0);
	for (int i = 0; i < 20; i++)
		fds[i] = connect_to(http_port(http, 0));
	for (int i = 0; i < 20; i++)
		sem_wait(&handled);
	workers_stop(setting.workers);
	http_free(&http);
	for (int i = 0; i < 20; i++) {
		char octet;

		assert_true(recv(fds[i], &octet, 1, 0) <= 0);
		close(fds[i]);
	}
	tear_down(&setting);
}

static void test_openings_that_fail(void **state)
{
	struct http_listen listens[17] = { { .address = "127.0.0.1" } };
	const struct {
		const char *why;
		unsigned n;
		struct http_listen second;
		enum err_code code;
		const char *says;
	} rows[] = {
		{ "no listener", 0, { 0 }, ERR_RANGE, "0 HTTP listeners" },
		{ "too many", 17, { 0 }, ERR_RANGE, "17 HTTP listeners" },
		{ "a name for an address", 2, { .address = "localhost" }, ERR_SYNTAX, "localhost" },
		{ "no address", 2, { .address = NULL }, ERR_SYNTAX, "not a numeric" },
		{ "certificate without key",
		  2,
		  { .address = "127.0.0.1", .cert_file = "/nowhere.crt" },
		  ERR_RANGE,
		  "has no key" },
		{ "certificate that is not there",
		  2,
		  { .address = "127.0.0.1", .cert_file = "/nowhere.crt", .key_file = "/no.key" },
		  ERR_SYNTAX,
		  "/nowhere.crt" },
		{ "socket in a folder that is not there",
		  2,
		  { .path = "/nowhere/http.sock" },
		  ERR_IO,
		  "/nowhere/http.sock" },
		{ "socket path too long",
		  2,
		  { .path = "/12345678901234567890123456789012345678901234567890123456789012345678"
			    "9012345678901234567890123456789012345678901234567890" },
		  ERR_RANGE,
		  "longer than" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct setting setting;
		struct http *http = NULL;
		struct err err = { 0 };

		set_up(&setting, 2);
		listens[1] = rows[i].second;
		setting.options.listens = listens;
		setting.options.n_listens = rows[i].n;
		if (http_new(&setting.options, setting.workers, &http, &err) == 0)
			fail_msg("%s: was opened", rows[i].why);
		assert_null(http);
		if (err.code != rows[i].code || !strstr(err.text, rows[i].says))
			fail_msg("%s: %s", rows[i].why, err.text);
		tear_down(&setting);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_freed_before_the_workers_run),
		cmocka_unit_test(test_freed_without_a_drain),
		cmocka_unit_test(test_openings_that_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
