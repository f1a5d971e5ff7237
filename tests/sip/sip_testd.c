/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/sip_testd.c - the transport alone, for the flow tests
 *
 *     sip_testd [--workers N] [--udp|--tcp|--tls|--ws|--wss ADDRESS]... [--cert CERT KEY]
 *               [--client-ca FILE] [--ca FILE] [--idle MS] [--message MS] [--connect MS]
 *               [--write-max N] [--max-conns N] [--source-conns N] [--nofile N] [--log LEVEL]
 *
 * Prints "port=N" for each listener in order, then "ready". What a message's start line begins with
 * says what is done with it:
 *
 *     ECHO ...                        it goes back
 *     WHO ...                         what transport says of it goes back
 *     SEND proto/address/port/name    it goes there, with a cookie: "failed N" when it cannot
 *     FLOW number                     it goes to that flow and nowhere else
 *     CLOSE, KEEP ms, ALIAS port      of its own flow
 *     COUNTS                          the metrics go back
 *     RELOAD                          certificates are read again
 *
 * A message that cannot be cut is answered by its status. SIGTERM drains and ends it.
 */
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/metrics.h"
#include "sip/sip_tp.h"

enum { LISTENS = 16 };

static struct sip_tp *tp;
static struct sip_listen listens[LISTENS];
static struct sip_tp_options options;
static struct workers *workers;
static sem_t drained;
static _Atomic uint64_t cookies;

static void answer(const struct sip_rx *rx, struct strv bytes)
{
	struct sip_dest dest = { .proto = rx->proto,
				 .addr = rx->source,
				 .flow = rx->flow,
				 .flow_only = rx->flow != 0,
				 .home = rx->home };
	struct sip_buf *buf = sip_buf_copy(bytes);

	sip_tp_send(tp, &dest, buf, 0);
	sip_buf_drop(&buf);
}

/* A response with BODY; for UDP and streams alike. */
static void answer_text(const struct sip_rx *rx, unsigned status, struct strv body)
{
	char *text;
	int n = asprintf(&text, "SIP/2.0 %u X\r\nContent-Length: %zu\r\n\r\n%.*s", status, body.n,
			 STRV_ARG(body));

	if (n > 0)
		answer(rx, strv_mem(text, (size_t)n));
	free(text);
}

static void do_who(const struct sip_rx *rx)
{
	char text[512], source[SIP_ADDR_TEXT], local[SIP_ADDR_TEXT];

	snprintf(text, sizeof(text), "proto=%s source=%s local=%s flow=%llu worker=%u names=%s",
		 sip_proto_name(rx->proto), sip_addr_print(&rx->source, source),
		 sip_addr_print(&rx->local, local), (unsigned long long)rx->flow,
		 worker_index(worker_self()), rx->tls_name ? rx->tls_name : "-");
	answer_text(rx, 200, strv_of(text));
}

static void do_send(const struct sip_rx *rx, struct strv where)
{
	struct sip_dest dest = { .flow = 0 };
	struct strv proto, host, port;
	struct sip_buf *buf = sip_buf_copy(rx->bytes);
	uint64_t number = 0;

	strv_cut(&where, '/', &proto);
	strv_cut(&where, '/', &host);
	strv_cut(&where, '/', &port);
	strv_u64(port, 65535, &number);
	if (sip_proto_find(proto, &dest.proto) < 0 ||
	    sip_addr_parse(host, (unsigned)number, &dest.addr) < 0 || where.n > SIP_NAME_MAX) {
		answer_text(rx, 400, STRV("SEND"));
	} else {
		memcpy(dest.name, where.p, where.n);
		sip_tp_send(tp, &dest, buf, ++cookies);
	}
	sip_buf_drop(&buf);
}

static void do_flow(const struct sip_rx *rx, uint64_t flow)
{
	struct sip_dest dest = { .proto = SIP_TCP, .flow = flow, .flow_only = 1 };
	struct sip_buf *buf = sip_buf_copy(rx->bytes);

	sip_tp_send(tp, &dest, buf, ++cookies);
	sip_buf_drop(&buf);
}

static void do_counts(const struct sip_rx *rx)
{
	size_t n;
	char *text = metrics_print(&n);

	answer_text(rx, 200, strv_mem(text, n));
	free(text);
}

static void do_reload(const struct sip_rx *rx)
{
	struct err err = { .text = "reloaded" };

	if (sip_tp_reload_tls(tp, &err) < 0)
		answer_text(rx, 500, strv_of(err.text));
	else
		answer_text(rx, 200, STRV("reloaded"));
}

static void on_received(void *arg, const struct sip_rx *rx)
{
	struct strv rest = rx->bytes, verb, what;
	uint64_t number = 0;

	(void)arg;
	if (rx->broken) {
		answer_text(rx, rx->broken, strv_of(rx->broken_why));
		return;
	}
	strv_cut(&rest, ' ', &verb);
	if (!strv_cut(&rest, ' ', &what))
		what = rest;
	strv_u64(what, UINT64_MAX, &number);
	if (strv_eq(verb, STRV("ECHO")))
		answer(rx, rx->bytes);
	else if (strv_eq(verb, STRV("WHO")))
		do_who(rx);
	else if (strv_eq(verb, STRV("SEND")))
		do_send(rx, what);
	else if (strv_eq(verb, STRV("FLOW")))
		do_flow(rx, number);
	else if (strv_eq(verb, STRV("CLOSE")))
		sip_tp_close(tp, rx->flow);
	else if (strv_eq(verb, STRV("KEEP")))
		sip_tp_keep(tp, rx->flow, (unsigned)number);
	else if (strv_eq(verb, STRV("ALIAS")))
		answer_text(rx, sip_tp_alias(tp, rx->flow, (unsigned)number) < 0 ? 400 : 200,
			    STRV(""));
	else if (strv_eq(verb, STRV("COUNTS")))
		do_counts(rx);
	else if (strv_eq(verb, STRV("RELOAD")))
		do_reload(rx);
}

static void on_failed(void *arg, uint64_t cookie)
{
	(void)arg;
	printf("failed %llu\n", (unsigned long long)cookie);
	fflush(stdout);
}

static void on_flow_closed(void *arg, uint64_t flow)
{
	(void)arg;
	printf("closed %llu\n", (unsigned long long)flow);
	fflush(stdout);
}

static void on_drained(void *arg)
{
	(void)arg;
	sem_post(&drained);
}

static void die(const char *what)
{
	fprintf(stderr, "sip_testd: %s\n", what);
	exit(2);
}

static unsigned long number(const char *text)
{
	uint64_t value;

	if (!text || strv_u64(strv_of(text), UINT32_MAX, &value) < 0)
		die("a number is wanted");
	return (unsigned long)value;
}

static void set_nofile(unsigned long n)
{
	struct rlimit limit = { n, n };

	setrlimit(RLIMIT_NOFILE, &limit);
}

/* The value of option I, when there is one. */
static unsigned n_workers = 1, source_conns;

static int take_number(const char *name, const char *value)
{
	if (strcmp(name, "--workers") == 0)
		n_workers = (unsigned)number(value);
	else if (strcmp(name, "--source-conns") == 0)
		source_conns = (unsigned)number(value);
	else if (strcmp(name, "--idle") == 0)
		options.idle_ms = (unsigned)number(value);
	else if (strcmp(name, "--message") == 0)
		options.message_ms = (unsigned)number(value);
	else if (strcmp(name, "--connect") == 0)
		options.connect_ms = (unsigned)number(value);
	else if (strcmp(name, "--write-max") == 0)
		options.write_max = number(value);
	else if (strcmp(name, "--max-conns") == 0)
		options.max_conns = (unsigned)number(value);
	else if (strcmp(name, "--nofile") == 0)
		set_nofile(number(value));
	else
		return 0;
	return 1;
}

static const char *cert, *key, *client_ca;

static void take_options(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;
		enum sip_proto proto;
		enum log_level level;

		if (take_number(argv[i], value)) {
			i++;
		} else if (strcmp(argv[i], "--cert") == 0 && i + 2 < argc) {
			cert = argv[++i];
			key = argv[++i];
		} else if (strcmp(argv[i], "--client-ca") == 0 && value) {
			client_ca = argv[++i];
		} else if (strcmp(argv[i], "--ca") == 0 && value) {
			options.ca_file = argv[++i];
		} else if (strcmp(argv[i], "--log") == 0 && value &&
			   log_level_find(strv_of(value), &level) == 0) {
			log_set_levels(level);
			i++;
		} else if (value && sip_proto_find(strv_of(argv[i] + 2), &proto) == 0) {
			listens[options.n_listens++] =
				(struct sip_listen){ .proto = proto, .address = value };
			i++;
		} else {
			die(argv[i]);
		}
		if (options.n_listens == LISTENS)
			die("too many listeners");
	}
	for (unsigned i = 0; i < options.n_listens; i++)
		if (sip_proto_is_secure(listens[i].proto)) {
			listens[i].cert_file = cert;
			listens[i].key_file = key;
			listens[i].client_ca_file = client_ca;
		}
}

int main(int argc, char **argv)
{
	struct limit_options limit = { .max_sources = 1000 };
	sigset_t signals;
	struct err err;
	int which;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_DFL); /* nothing of ours may raise it */
	sem_init(&drained, 0, 0);
	sip_tp_options_init(&options);
	options.listens = listens;
	take_options(argc, argv);
	limit.conns = source_conns;
	options.limits = limits_new(&limit);
	options.ops = (struct sip_tp_ops){ .received = on_received,
					   .failed = on_failed,
					   .flow_closed = on_flow_closed };
	if (workers_new(n_workers, &workers, &err) < 0 ||
	    sip_tp_new(&options, workers, &tp, &err) < 0 || sip_tp_start(tp, &err) < 0 ||
	    workers_start(workers, &err) < 0)
		die(err.text);
	for (unsigned i = 0; i < options.n_listens; i++)
		printf("port=%u\n", sip_tp_port(tp, i));
	printf("ready\n");
	fflush(stdout);
	sigwait(&signals, &which);
	sip_tp_drain(tp, 2000, on_drained, NULL);
	sem_wait(&drained);
	printf("drained\n");
	workers_stop(workers);
	sip_tp_free(&tp);
	workers_free(&workers);
	limits_free(&options.limits);
	return 0;
}
