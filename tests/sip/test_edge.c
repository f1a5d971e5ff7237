/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/test_edge.c - the edge over real sockets: what is refused, what is nobody's, what is
 * given to a service, with one worker and with several
 */
#include "sip/sip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/log.h"
#include "tests/gate.h"

enum { ANSWER_MS = 20000, QUIET_ROUNDS = 1 };

static struct workers *workers;
static struct sip *sip;
static struct gate drained = GATE_INIT;
static int udp, tcp;
static unsigned ports[2];

/* ---- a service: takes MESSAGE to "echo", answers; relays "fork" to itself over UDP ---- */

static void on_answered(void *arg, unsigned status, struct sip_msg *response)
{
	struct sip_worker *w = sip_self(sip);
	struct sip_stx *stx = sip_stx_find(w->txns, (uint64_t)(uintptr_t)arg);

	(void)response;
	if (stx)
		sip_stx_reply_status(stx, status == 200 ? 202 : 500, NULL);
}

/* A MESSAGE to "echo" at our own port: its answer may reach any worker's socket. */
static void send_on(struct sip_worker *w, struct sip_stx *stx)
{
	struct sip_send send = { .method = SIP_MESSAGE, .answered = on_answered };
	char text[512];
	int n;

	sip_branch_make(w->txns, send.branch);
	n = snprintf(
		text, sizeof(text),
		"MESSAGE sip:echo@127.0.0.1 SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 127.0.0.1:%u;branch=%s\r\n"
		"From: <sip:a@example.com>;tag=f\r\nTo: <sip:b@example.com>\r\nCall-ID: x%s\r\n"
		"CSeq: 1 MESSAGE\r\nMax-Forwards: 69\r\nContent-Length: 0\r\n\r\n",
		ports[0], send.branch, send.branch);
	send.buf = sip_buf_copy(strv_mem(text, (size_t)n));
	send.dest.proto = SIP_UDP;
	sip_addr_parse(STRV("127.0.0.1"), ports[0], &send.dest.addr);
	send.arg = (void *)(uintptr_t)sip_stx_id(stx);
	if (!sip_ctx_send(w->txns, &send))
		sip_stx_reply_status(stx, 500, NULL);
	sip_buf_drop(&send.buf);
}

static int take(void *arg, struct sip_worker *w, struct sip_stx *stx, struct sip_msg *msg)
{
	(void)arg;
	if (!stx || msg->method != SIP_MESSAGE)
		return 0;
	if (strv_eq(msg->uri.user, STRV("echo")))
		sip_stx_reply_status(stx, 200, NULL);
	else if (strv_eq(msg->uri.user, STRV("fork")))
		send_on(w, stx);
	else
		return 0;
	return 1;
}

static const struct sip_service services[] = { { .name = "test", .request = take } };

static int is_us(void *arg, const struct sip_uri *uri)
{
	(void)arg;
	return strv_eq(uri->host, STRV("example.com"));
}

/* ---- start, stop ---- */

static void on_drained(void *arg)
{
	gate_raise(arg);
}

static int connect_to(int type, unsigned port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, type, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void start(unsigned n)
{
	static const struct sip_listen listens[] = {
		{ .proto = SIP_UDP, .address = "127.0.0.1" },
		{ .proto = SIP_TCP, .address = "127.0.0.1" },
	};
	struct sip_options options;
	struct err err = { ERR_NONE, "" };

	sip_options_init(&options);
	options.tp.listens = listens;
	options.tp.n_listens = 2;
	options.services = services;
	options.n_services = 1;
	options.hooks.is_us = is_us;
	assert_int_equal(workers_new(n, &workers, &err), 0);
	if (sip_new(&options, workers, &sip, &err) < 0 || sip_start(sip, &err) < 0)
		fail_msg("%s", err.text);
	ports[0] = sip_port(sip, 0);
	ports[1] = sip_port(sip, 1);
	assert_int_equal(workers_start(workers, &err), 0);
	udp = connect_to(SOCK_DGRAM, ports[0]);
	tcp = connect_to(SOCK_STREAM, ports[1]);
}

static void stop(void)
{
	unsigned long before = gate_count(&drained);

	close(udp);
	close(tcp);
	sip_drain(sip, 100, on_drained, &drained);
	assert_true(gate_wait(&drained, before + 1));
	workers_stop(workers);
	sip_free(&sip);
	workers_free(&workers);
}

/* ---- questions and answers ---- */

struct ask {
	const char *why, *method, *uri, *more;
	unsigned status;
	const char *holds;
};

static const struct ask asks[] = {
	{ "OPTIONS to our address", "OPTIONS", "sip:127.0.0.1:PORT", "", 200, "Allow: INVITE" },
	{ "OPTIONS to our domain", "OPTIONS", "sip:example.com", "", 200, "Supported: " },
	{ "OPTIONS with Max-Forwards used up is answered", "OPTIONS", "sip:example.com",
	  "Max-Forwards: 0\r\n", 200, "Accept: " },
	{ "a user that nobody serves", "OPTIONS", "sip:nobody@example.com", "", 404, "" },
	{ "the same with no forward left", "OPTIONS", "sip:nobody@example.net",
	  "Max-Forwards: 0\r\n", 483, "" },
	{ "a method nobody knows", "FROB", "sip:example.com", "", 501, "Allow: " },
	{ "a method that is not for the server itself", "MESSAGE", "sip:example.com", "", 405,
	  "Allow: " },
	{ "a scheme nobody knows", "MESSAGE", "nobody:1234", "", 416, "" },
	{ "an extension nobody knows", "OPTIONS", "sip:example.com",
	  "Require: path, frob, nicate\r\n", 420, "Unsupported: frob, nicate" },
	{ "an unknown dialog", "BYE", "sip:x@example.com", "TAG", 481, "" },
	{ "a service's", "MESSAGE", "sip:echo@example.com", "", 200, "" },
	{ "a service's, by way of our own sockets", "MESSAGE", "sip:fork@example.com", "", 202,
	  "" },
	{ "a request that cannot be parsed", "OPTIONS", "sip:example.com", "Contact: <<<\r\n", 400,
	  "" },
	{ "a request that the fence refuses", "OPTIONS", "sip:example.com", "Via X\r\n", 400, "" },
};
enum { ASKS = sizeof(asks) / sizeof(asks[0]) };

static size_t print_ask(const struct ask *ask, unsigned i, const char *proto, char *text,
			size_t max)
{
	char uri[128];
	const char *port = strstr(ask->uri, "PORT");
	int is_tag = strcmp(ask->more, "TAG") == 0;

	if (port)
		snprintf(uri, sizeof(uri), "%.*s%u", (int)(port - ask->uri), ask->uri,
			 ports[strcmp(proto, "TCP") == 0]);
	else
		snprintf(uri, sizeof(uri), "%s", ask->uri);
	return (size_t)snprintf(
		text, max,
		"%s %s SIP/2.0\r\nVia: SIP/2.0/%s 127.0.0.1:9;branch=z9hG4bK%s%u;rport\r\n"
		"From: <sip:a@example.com>;tag=f\r\nTo: <sip:b@example.com>%s\r\nCall-ID: %s%u\r\n"
		"CSeq: 1 %s\r\n%s%sContent-Length: 0\r\n\r\n",
		ask->method, uri, proto, proto, i, is_tag ? ";tag=zz" : "", proto, i, ask->method,
		strstr(ask->more, "Max-Forwards") ? "" : "Max-Forwards: 70\r\n",
		is_tag ? "" : ask->more);
}

/* One answer's octets; 0: none came. Our answers have no body. */
static size_t receive(int fd, char *text, size_t max)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	size_t n = 0;

	while (poll(&pfd, 1, ANSWER_MS) == 1) {
		ssize_t got = recv(fd, text + n, max - 1 - n, 0);

		if (got <= 0)
			break;
		n += (size_t)got;
		text[n] = '\0';
		if (n >= 4 && strcmp(text + n - 4, "\r\n\r\n") == 0)
			return n;
	}
	text[n] = '\0';
	return n;
}

static void ask_one(const struct ask *ask, unsigned i, const char *proto, int fd)
{
	char text[4096], want[32];
	size_t n = print_ask(ask, i, proto, text, sizeof(text));

	assert_int_equal(send(fd, text, n, 0), (ssize_t)n);
	if (!receive(fd, text, sizeof(text)))
		fail_msg("%s (%s): no answer", ask->why, proto);
	snprintf(want, sizeof(want), "SIP/2.0 %u ", ask->status);
	if (strncmp(text, want, strlen(want)) != 0 || !strstr(text, ask->holds))
		fail_msg("%s (%s): %s", ask->why, proto, text);
	/* RFC 3581 s4 */
	assert_non_null(strstr(text, ";rport="));
	snprintf(want, sizeof(want), "Call-ID: %s%u\r\n", proto, i);
	assert_non_null(strstr(text, want));
}

static void ask_all(void)
{
	for (unsigned i = 0; i < ASKS; i++)
		ask_one(&asks[i], i, "UDP", udp);
	for (unsigned i = 0; i < ASKS; i++) {
		/* What breaks a stream's framing may end the connection. */
		int last = asks[i].status == 400;
		int fd = last ? connect_to(SOCK_STREAM, ports[1]) : tcp;

		ask_one(&asks[i], i, "TCP", fd);
		if (last)
			close(fd);
	}
}

static void test_one_worker(void **state)
{
	(void)state;
	start(1);
	ask_all();
	stop();
}

/* Many sources, so that the kernel spreads them over the workers' sockets. */
static void test_four_workers(void **state)
{
	static const struct ask fork = {
		"by way of another worker's socket", "MESSAGE", "sip:fork@example.com", "", 202, ""
	};

	(void)state;
	start(4);
	ask_all();
	for (unsigned i = 0; i < 40; i++) {
		int fd = connect_to(SOCK_DGRAM, ports[0]);

		ask_one(&fork, 1000 + i, "UDP", fd);
		close(fd);
	}
	stop();
}

static void test_a_repeated_request_gets_the_same_answer(void **state)
{
	char text[4096], first[4096], again[4096];
	size_t n;

	(void)state;
	start(2);
	n = print_ask(&asks[1], 1, "UDP", text, sizeof(text));
	assert_int_equal(send(udp, text, n, 0), (ssize_t)n);
	assert_true(receive(udp, first, sizeof(first)) > 0);
	assert_int_equal(send(udp, text, n, 0), (ssize_t)n);
	assert_true(receive(udp, again, sizeof(again)) > 0);
	assert_string_equal(first, again);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_worker),
		cmocka_unit_test(test_four_workers),
		cmocka_unit_test(test_a_repeated_request_gets_the_same_answer),
	};

	if (sip_msg_init(NULL) < 0)
		return 1;
	log_set_levels(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
