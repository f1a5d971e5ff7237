/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/test_event.c - presence over sockets and several workers, and after a restart
 *
 *	watcher			cpmd			publisher
 *	   | SUBSCRIBE            |                         |
 *	   |--------------------->|                         |
 *	   |        200, NOTIFY   |                         |
 *	   |<---------------------|           PUBLISH       |
 *	   |        NOTIFY        |<------------------------|
 *	   |<---------------------|           200           |
 *	   |                   restart                      |
 *	   |        NOTIFY        |                         |
 *	   |<---------------------|                         |
 *	   | SUBSCRIBE (refresh)  |                         |
 *	   |--------------------->|                         |
 */
#include "sip/sip_event.h"

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
#include "base/xml.h"
#include "sip/sip_presence.h"
#include "tests/gate.h"

enum { WORKERS = 4, WATCHERS = 8, ANSWER_MS = 30000 };

static struct workers *workers;
static struct sip *sip;
static struct sip_events *events;
static struct sip_pubs *pubs;
static struct kv *kv;
static struct gate drained = GATE_INIT;
static unsigned port;

static struct sip_event_ops presence; /* without its throttle */
static struct sip_event packages[] = { { &presence, NULL } };
static const struct sip_publish_ops *const publish_ops[] = { &sip_presence_publish };

/* What the core does once it knows who asks. */
static int take(void *arg, struct sip_worker *w, struct sip_stx *stx, struct sip_msg *msg)
{
	(void)arg;
	if (!stx || msg->to_tag.p)
		return 0;
	if (msg->method == SIP_SUBSCRIBE)
		sip_subs_subscribe(sip_events_subs(events, w), stx, msg->uri.text,
				   msg->from.uri.text);
	else if (msg->method == SIP_PUBLISH)
		sip_pubs_publish(pubs, stx, msg->uri.text);
	else
		return 0;
	return 1;
}

static struct sip_service services[] = {
	{ .name = "events", .request = sip_events_request },
	{ .name = "core", .request = take },
};

static void on_drained(void *arg)
{
	gate_raise(arg);
}

static void start(void)
{
	struct sip_listen listen = { .proto = SIP_UDP,
				     .address = "127.0.0.1",
				     .port = (uint16_t)port };
	struct sip_events_options events_options = { .events = packages, .n_events = 1, .kv = kv };
	struct sip_pubs_options pubs_options;
	struct sip_options options;
	struct err err = { ERR_NONE, "" };

	sip_options_init(&options);
	options.tp.listens = &listen;
	options.tp.n_listens = 1;
	options.services = services;
	options.n_services = 2;
	sip_pubs_options_init(&pubs_options);
	pubs_options.ops = publish_ops;
	pubs_options.n_ops = 1;
	assert_int_equal(workers_new(WORKERS, &workers, &err), 0);
	assert_int_equal(sip_pubs_new(&pubs_options, &pubs, &err), 0);
	packages[0].arg = pubs;
	if (sip_new(&options, workers, &sip, &err) < 0 ||
	    sip_events_new(&events_options, sip, workers, &events, &err) < 0 ||
	    sip_pubs_start(pubs, events, workers, &err) < 0 || sip_start(sip, &err) < 0)
		fail_msg("%s", err.text);
	services[0].arg = events;
	port = sip_port(sip, 0);
	assert_int_equal(workers_start(workers, &err), 0);
}

static void stop(void)
{
	unsigned long before = gate_count(&drained);

	sip_drain(sip, 50, on_drained, &drained);
	assert_true(gate_wait(&drained, before + 1));
	workers_stop(workers);
	sip_pubs_stop(pubs);
	sip_events_free(&events);
	sip_free(&sip);
	workers_free(&workers);
	sip_pubs_free(&pubs);
}

/* ---- clients ---- */

struct client {
	int fd;
	unsigned port, cseq, index;
	char tag[64];	 /* of the other end */
	char said[8192]; /* the last message */
};

static void client_open(struct client *client, unsigned index)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t n = sizeof(addr);

	memset(client, 0, sizeof(*client));
	client->index = index;
	client->fd = socket(AF_INET, SOCK_DGRAM, 0);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(client->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(getsockname(client->fd, (struct sockaddr *)&addr, &n), 0);
	client->port = ntohs(addr.sin_port);
}

static void client_say(struct client *client, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void client_say(struct client *client, const char *fmt, ...)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	char text[8192];
	va_list args;
	int n;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	assert_int_equal(sendto(client->fd, text, (size_t)n, 0, (struct sockaddr *)&addr,
				sizeof(addr)),
			 n);
}

static void client_request(struct client *client, const char *method, const char *lines,
			   const char *body)
{
	client->cseq++;
	client_say(client,
		   "%s sip:bob@example.com SIP/2.0\r\n"
		   "Via: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bK%u-%u;rport\r\n"
		   "From: <sip:c%u@example.com>;tag=c%u\r\nTo: <sip:bob@example.com>%s%s\r\n"
		   "Call-ID: c%u\r\nCSeq: %u %s\r\nMax-Forwards: 70\r\n"
		   "Contact: <sip:c%u@127.0.0.1:%u>\r\nEvent: presence\r\n%s"
		   "Content-Length: %zu\r\n\r\n%s",
		   method, client->port, client->index, client->cseq, client->index, client->index,
		   client->tag[0] ? ";tag=" : "", client->tag, client->index, client->cseq, method,
		   client->index, client->port, lines, strlen(body), body);
}

static void field(const char *text, const char *name, char *out, size_t max)
{
	const char *at = strstr(text, name);

	assert_non_null(at);
	at += strlen(name);
	snprintf(out, max, "%.*s", (int)strcspn(at, "\r"), at);
}

static void client_hear(struct client *client)
{
	struct pollfd pfd = { .fd = client->fd, .events = POLLIN };
	ssize_t n;

	assert_int_equal(poll(&pfd, 1, ANSWER_MS), 1);
	n = recv(client->fd, client->said, sizeof(client->said) - 1, 0);
	assert_true(n > 0);
	client->said[n] = '\0';
}

/* Hear until a NOTIFY that holds WHAT (others are answered as well), or an answer of that form. */
static void client_expect(struct client *client, const char *start_line, const char *what)
{
	char via[256], from[256], to[256], call_id[128], cseq[64];

	for (;;) {
		client_hear(client);
		if (strncmp(client->said, "NOTIFY ", 7) == 0) {
			field(client->said, "\r\nVia: ", via, sizeof(via));
			field(client->said, "\r\nFrom: ", from, sizeof(from));
			field(client->said, "\r\nTo: ", to, sizeof(to));
			field(client->said, "\r\nCall-ID: ", call_id, sizeof(call_id));
			field(client->said, "\r\nCSeq: ", cseq, sizeof(cseq));
			client_say(client,
				   "SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\n"
				   "Call-ID: %s\r\nCSeq: %s\r\nContent-Length: 0\r\n\r\n",
				   via, from, to, call_id, cseq);
		}
		if (strncmp(client->said, start_line, strlen(start_line)) == 0 &&
		    strstr(client->said, what))
			return;
	}
}

static void test_presence_through_workers_and_a_restart(void **state)
{
	static const char body[] = "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='x'>"
				   "<tuple id='a'><status><basic>open</basic></status></tuple>"
				   "</presence>";
	struct client watcher[WATCHERS], publisher;
	struct kv_options kv_options;
	struct err err;
	char to[128];

	(void)state;
	kv_options_init(&kv_options, "");
	kv_options.engine = "mem";
	assert_int_equal(kv_open(&kv_options, NULL, &kv, &err), 0);
	start();
	for (unsigned i = 0; i < WATCHERS; i++) {
		client_open(&watcher[i], i);
		client_request(&watcher[i], "SUBSCRIBE", "Expires: 600\r\n", "");
		client_expect(&watcher[i], "SIP/2.0 200", "Expires: 600");
		field(watcher[i].said, "\r\nTo: ", to, sizeof(to));
		snprintf(watcher[i].tag, sizeof(watcher[i].tag), "%s", strstr(to, ";tag=") + 5);
		client_expect(&watcher[i], "NOTIFY ", "Subscription-State: active");
	}
	client_open(&publisher, 100);
	client_request(&publisher, "PUBLISH", "Content-Type: application/pidf+xml\r\n", body);
	client_expect(&publisher, "SIP/2.0 200", "SIP-ETag: ");
	for (unsigned i = 0; i < WATCHERS; i++)
		client_expect(&watcher[i], "NOTIFY ", "<basic>open</basic>");
	stop();
	start();
	for (unsigned i = 0; i < WATCHERS; i++) {
		/* What was published has gone with the process; its client will publish again. */
		client_expect(&watcher[i], "NOTIFY ", "\"></presence>");
		client_request(&watcher[i], "SUBSCRIBE", "Expires: 300\r\n", "");
		client_expect(&watcher[i], "SIP/2.0 200", "Expires: 300");
		client_request(&watcher[i], "SUBSCRIBE", "Expires: 0\r\n", "");
		client_expect(&watcher[i], "NOTIFY ", "terminated;reason=timeout");
		close(watcher[i].fd);
	}
	close(publisher.fd);
	stop();
	/* Nothing is kept of what has ended. */
	start();
	for (unsigned i = 0; i < WORKERS; i++)
		assert_int_equal(sip_subs_count(sip_events_subs(events, sip_worker_at(sip, i))), 0);
	stop();
	kv_close(&kv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_presence_through_workers_and_a_restart),
	};
	struct err err;

	if (sip_msg_init(NULL) < 0 || xml_init(NULL, &err) < 0)
		return 1;
	log_set_levels(LOG_ERROR);
	presence = sip_presence_event;
	presence.throttle_ms = 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
