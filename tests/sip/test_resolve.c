/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests of sip/sip_resolve.c and sip/sip_dns.c: from URIs to targets, with a name server that is
 * honest, dead or wild
 */
#include "sip/sip_resolve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/gate.h"
#include "tests/sip/dns_server.h"

enum { A = 1, CNAME = 5, AAAA = 28, SRV = 33, NAPTR = 35 };

#define ADDR(name, type, text)                                  \
	{                                                       \
		name, type, 60, 0, 0, 0, text, NULL, NULL, NULL \
	}
#define SERVICE(name, pri, w, port, to)                           \
	{                                                         \
		name, SRV, 60, pri, w, port, to, NULL, NULL, NULL \
	}
#define POINTER(name, order, pref, flags, service, to)                  \
	{                                                               \
		name, NAPTR, 60, order, pref, 0, to, flags, service, "" \
	}

static const struct dns_row zone[] = {
	/* RFC 3263 s4.1: NAPTR prefers TLS, then TCP, then UDP. */
	POINTER("full.test", 50, 50, "s", "SIPS+D2T", "_sips._tcp.full.test"),
	POINTER("full.test", 100, 50, "s", "SIP+D2U", "_sip._udp.full.test"),
	POINTER("full.test", 90, 50, "S", "sip+d2t", "_sip._tcp.full.test"),
	POINTER("full.test", 10, 50, "s", "SIP+D2S", "_sip._sctp.full.test"),
	SERVICE("_sips._tcp.full.test", 0, 1, 5061, "tls.full.test"),
	SERVICE("_sip._tcp.full.test", 0, 1, 5070, "tcp.full.test"),
	SERVICE("_sip._udp.full.test", 0, 1, 5080, "udp.full.test"),
	ADDR("tls.full.test", A, "192.0.2.1"),
	ADDR("tcp.full.test", A, "192.0.2.2"),
	ADDR("udp.full.test", A, "192.0.2.3"),
	ADDR("udp.full.test", AAAA, "2001:db8::3"),
	ADDR("full.test", A, "192.0.2.99"),
	/* No NAPTR: SRV by our own transports; priorities in order. */
	SERVICE("_sip._udp.srv.test", 20, 0, 5063, "c.srv.test"),
	SERVICE("_sip._udp.srv.test", 10, 0, 5062, "b.srv.test"),
	SERVICE("_sip._udp.srv.test", 5, 0, 0, "a.srv.test"),
	ADDR("a.srv.test", A, "192.0.2.11"),
	ADDR("b.srv.test", A, "192.0.2.12"),
	ADDR("b.srv.test", A, "192.0.2.13"),
	/* c.srv.test has no address. */
	ADDR("plain.test", A, "192.0.2.20"),
	{ "alias.test", CNAME, 60, 0, 0, 0, "plain.test", NULL, NULL, NULL },
	{ "loop.test", CNAME, 60, 0, 0, 0, "loop2.test", NULL, NULL, NULL },
	{ "loop2.test", CNAME, 60, 0, 0, 0, "loop.test", NULL, NULL, NULL },
	SERVICE("_sip._udp.none.test", 0, 0, 0, ""),
	ADDR("none.test", A, "192.0.2.30"),
	POINTER("direct.test", 1, 1, "a", "SIP+D2T", "plain.test"),
	POINTER("odd.test", 1, 1, "u", "E2U+sip", ""),
	ADDR("odd.test", A, "192.0.2.40"),
	{ 0 },
};

static const struct sip_static_target table[] = {
	{ "fixed.test", "sip:192.0.2.50:5099;transport=tcp" },
	{ "fixed.test", "sip:plain.test" },
};

/* ---- one worker that resolves what it is told ---- */

struct world {
	struct dns_server *server;
	struct workers *workers;
	struct sip_dns *dns;
	struct sip_dns_worker *dns_worker;
	struct sip_resolver *resolver;
};

struct errand {
	struct post post;
	struct world *world;
	const char *uri;
	const char *dead; /* mark its first target dead before */
	int cancel;
	unsigned status;
	char text[1024];
	struct gate gate;
};

static void on_done(void *arg, unsigned status, const struct sip_targets *targets)
{
	struct errand *errand = arg;
	size_t n = 0;

	errand->status = status;
	for (unsigned i = 0; i < targets->n; i++) {
		char addr[SIP_ADDR_TEXT];

		n += (size_t)snprintf(errand->text + n, sizeof(errand->text) - n, "%s%s %s",
				      i ? ", " : "", sip_proto_name(targets->dest[i].proto),
				      sip_addr_print(&targets->dest[i].addr, addr));
	}
	gate_raise(&errand->gate);
}

static void run_errand(struct post *post)
{
	struct errand *errand = (struct errand *)post;
	struct sip_uri uri;
	uint64_t id;

	if (errand->dead) {
		struct sip_dest dest = { .proto = SIP_UDP };

		assert_int_equal(sip_addr_parse(strv_of(errand->dead), 5062, &dest.addr), 0);
		sip_resolve_mark_dead(errand->world->resolver, &dest);
	}
	assert_int_equal(sip_uri_parse(strv_of(errand->uri), &uri), 0);
	id = sip_resolve(errand->world->resolver, &uri, on_done, errand);
	if (errand->cancel) {
		sip_resolve_cancel(errand->world->resolver, id);
		sip_resolve_cancel(errand->world->resolver, id);
	}
	gate_raise(&errand->gate); /* nothing of it is touched from here on */
}

static void resolve(struct world *world, struct errand *errand)
{
	errand->world = world;
	errand->gate = (struct gate)GATE_INIT;
	errand->post.run = run_errand;
	worker_post(workers_at(world->workers, 0), &errand->post);
	assert_true(gate_wait(&errand->gate, errand->cancel ? 1 : 2));
}

static void open_world(struct world *world, enum dns_manner manner, int ipv6)
{
	struct sip_dns_options dns;
	struct sip_resolver_options options;
	char servers[32];
	struct err err;

	world->server = dns_server_start(zone, manner);
	snprintf(servers, sizeof(servers), "127.0.0.1:%u", dns_server_port(world->server));
	sip_dns_options_init(&dns);
	dns.servers = servers;
	dns.timeout_ms = 100;
	dns.tries = 1;
	sip_resolver_options_init(&options);
	options.targets = table;
	options.n_targets = 2;
	options.ipv6 = ipv6;
	options.protos |= 1U << SIP_WSS;
	assert_int_equal(workers_new(1, &world->workers, &err), 0);
	assert_int_equal(sip_dns_new(&dns, &world->dns, &err), 0);
	assert_int_equal(sip_dns_worker_new(world->dns, workers_at(world->workers, 0),
					    &world->dns_worker, &err),
			 0);
	assert_int_equal(sip_resolver_new(&options, world->dns_worker,
					  workers_at(world->workers, 0), &world->resolver, &err),
			 0);
	assert_int_equal(workers_start(world->workers, &err), 0);
}

static void close_world(struct world *world)
{
	workers_stop(world->workers);
	sip_resolver_free(&world->resolver);
	sip_dns_worker_free(&world->dns_worker);
	sip_dns_free(&world->dns);
	workers_free(&world->workers);
	dns_server_stop(world->server);
}

/* ---- the tests ---- */

static const struct {
	const char *why, *uri;
	unsigned status;
	const char *targets;
} rows[] = {
	{ "a numeric host needs no DNS: UDP", "sip:bob@192.0.2.7", 0, "UDP 192.0.2.7:5060" },
	{ "a numeric host of sips: is TLS", "sips:bob@192.0.2.7", 0, "TLS 192.0.2.7:5061" },
	{ "IPv6 in brackets", "sip:[2001:db8::7]:5066;transport=tcp", 0, "TCP [2001:db8::7]:5066" },
	{ "sips over tcp is TLS", "sips:192.0.2.7;transport=tcp", 0, "TLS 192.0.2.7:5061" },
	{ "sips over ws is wss", "sips:192.0.2.7;transport=ws", 0, "WSS 192.0.2.7:443" },
	{ "maddr is where it goes", "sip:bob@full.test;maddr=192.0.2.8", 0, "UDP 192.0.2.8:5060" },
	{ "a port means addresses only (s4.2)", "sip:full.test:5077", 0, "UDP 192.0.2.99:5077" },
	{ "a port and sips", "sips:full.test:5077", 0, "TLS 192.0.2.99:5077" },
	{ "NAPTR says in which order (s4.1)", "sip:full.test", 0,
	  "TLS 192.0.2.1:5061, TCP 192.0.2.2:5070, UDP [2001:db8::3]:5080, UDP 192.0.2.3:5080" },
	{ "sips takes the secure ones only", "sips:full.test", 0, "TLS 192.0.2.1:5061" },
	{ "a transport asks its SRV only", "sip:full.test;transport=tcp", 0, "TCP 192.0.2.2:5070" },
	{ "no NAPTR: SRV by priority; a name without address is passed over", "sip:SRV.test.", 0,
	  "UDP 192.0.2.11:5060, UDP 192.0.2.12:5062, UDP 192.0.2.13:5062" },
	{ "no SRV: the domain itself", "sip:plain.test", 0, "UDP 192.0.2.20:5060" },
	{ "no SRV, sips", "sips:plain.test", 0, "TLS 192.0.2.20:5061" },
	{ "no SRV, transport given", "sip:plain.test;transport=TCP", 0, "TCP 192.0.2.20:5060" },
	{ "an alias is followed", "sip:alias.test:5060", 0, "UDP 192.0.2.20:5060" },
	{ "aliases in a circle end", "sip:loop.test:5060", 404, "" },
	{ "SRV \".\": decidedly no service (RFC 2782)", "sip:none.test", 404, "" },
	{ "NAPTR with flag a names a host", "sip:direct.test", 0, "TCP 192.0.2.20:5060" },
	{ "NAPTR of other services is none", "sip:odd.test", 0, "UDP 192.0.2.40:5060" },
	{ "the static table goes before DNS", "sip:fixed.test", 0,
	  "TCP 192.0.2.50:5099, UDP 192.0.2.20:5060" },
	{ "but not where a port is given", "sip:fixed.test:5060", 404, "" },
	{ "no such domain", "sip:nowhere.test", 404, "" },
	{ "no host", "sip:bob@", 400, "" },
	{ "not a SIP URI", "tel:+4930123", 416, "" },
	{ "an unknown transport", "sip:plain.test;transport=sctp", 416, "" },
	{ "one that we do not send by", "sip:plain.test;transport=ws", 503, "" },
};

static void targets_are_those_of_the_rfc(void **state)
{
	struct world world = { 0 };

	(void)state;
	open_world(&world, DNS_HONEST, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct errand errand = { .uri = rows[i].uri };
		struct sip_uri uri;

		if (sip_uri_parse(strv_of(rows[i].uri), &uri) < 0)
			continue; /* the parser's to refuse */
		resolve(&world, &errand);
		if (errand.status != rows[i].status || strcmp(errand.text, rows[i].targets) != 0)
			fail_msg("%s: %s gives %u %s, not %u %s", rows[i].why, rows[i].uri,
				 errand.status, errand.text, rows[i].status, rows[i].targets);
	}
	close_world(&world);
}

static void addresses_of_a_family_that_we_lack_are_left_out(void **state)
{
	struct world world = { 0 };
	struct errand errand = { .uri = "sip:udp.full.test:5060" };

	(void)state;
	open_world(&world, DNS_HONEST, 0);
	resolve(&world, &errand);
	assert_string_equal(errand.text, "UDP 192.0.2.3:5060");
	close_world(&world);
}

static void an_answer_is_asked_for_once(void **state)
{
	struct world world = { 0 };
	unsigned asked;

	(void)state;
	open_world(&world, DNS_HONEST, 1);
	for (int i = 0; i < 3; i++) {
		struct errand errand = { .uri = "sip:nowhere.test" };

		resolve(&world, &errand);
		assert_int_equal(errand.status, 404);
		if (i == 0)
			asked = dns_server_asked(world.server);
	}
	assert_int_equal(dns_server_asked(world.server), asked);
	close_world(&world);
}

static void dead_targets_are_tried_last(void **state)
{
	struct world world = { 0 };
	struct errand errand = { .uri = "sip:b.srv.test:5062", .dead = "192.0.2.12" };

	(void)state;
	open_world(&world, DNS_HONEST, 1);
	resolve(&world, &errand);
	assert_string_equal(errand.text, "UDP 192.0.2.13:5062, UDP 192.0.2.12:5062");
	close_world(&world);
}

static void cancelled_ones_are_not_called(void **state)
{
	struct world world = { 0 };
	struct errand cancelled = { .uri = "sip:full.test", .cancel = 1 };
	struct errand errand = { .uri = "sip:full.test" };

	(void)state;
	open_world(&world, DNS_HONEST, 1);
	resolve(&world, &cancelled);
	resolve(&world, &errand); /* whoever asks the same after it gets its answer */
	assert_int_equal(errand.status, 0);
	assert_int_equal(gate_count(&cancelled.gate), 1);
	close_world(&world);
}

static void who_waits_at_the_end_is_not_called(void **state)
{
	struct world world = { 0 };
	struct errand errand = { .uri = "sip:full.test" };

	(void)state;
	open_world(&world, DNS_SILENT, 1);
	errand.world = &world;
	errand.gate = (struct gate)GATE_INIT;
	errand.post.run = run_errand;
	worker_post(workers_at(world.workers, 0), &errand.post);
	close_world(&world);
	assert_int_equal(gate_count(&errand.gate), 1); /* it was asked, and not called */
}

static void dns_that_fails_is_503(void **state)
{
	static const struct {
		const char *why;
		enum dns_manner manner;
	} manners[] = {
		{ "nobody answers", DNS_SILENT }, { "noise", DNS_WILD },
		{ "cut answers", DNS_CUT },	  { "answers to another question", DNS_OTHER },
		{ "refused", DNS_REFUSED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(manners) / sizeof(manners[0]); i++) {
		struct world world = { 0 };
		struct errand errand = { .uri = "sip:full.test" };
		struct errand numeric = { .uri = "sip:192.0.2.7" };

		open_world(&world, manners[i].manner, 1);
		resolve(&world, &errand);
		if (errand.status != 503)
			fail_msg("%s: %u %s", manners[i].why, errand.status, errand.text);
		resolve(&world, &numeric); /* others are not held up */
		assert_int_equal(numeric.status, 0);
		close_world(&world);
	}
}

static void truncated_answers_are_asked_for_over_tcp(void **state)
{
	struct world world = { 0 };
	struct errand errand = { .uri = "sip:full.test;transport=tcp" };

	(void)state;
	open_world(&world, DNS_TRUNCATED, 1);
	resolve(&world, &errand);
	assert_string_equal(errand.text, "TCP 192.0.2.2:5070");
	close_world(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_are_those_of_the_rfc),
		cmocka_unit_test(addresses_of_a_family_that_we_lack_are_left_out),
		cmocka_unit_test(an_answer_is_asked_for_once),
		cmocka_unit_test(dead_targets_are_tried_last),
		cmocka_unit_test(cancelled_ones_are_not_called),
		cmocka_unit_test(who_waits_at_the_end_is_not_called),
		cmocka_unit_test(dns_that_fails_is_503),
		cmocka_unit_test(truncated_answers_are_asked_for_over_tcp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
