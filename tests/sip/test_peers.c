/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests of sip/core/peers.c: who is a peer, by network, proof and domain; its rate
 */
#include "sip/core/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static const struct peer_options options[] = {
	{ .name = "core", .networks = "192.0.2.0/24, 2001:db8::/32", .trusted = 1, .is_core = 1 },
	{ .name = "inner", .networks = "192.0.2.128/25\t192.0.2.7", .strip_in = "X-Secret,X-Two" },
	{ .name = "north",
	  .networks = "198.51.100.1",
	  .tls_names = "sip.north.example",
	  .domains = "North.Example south.example",
	  .uri = "sip:198.51.100.1;transport=tls" },
	{ .name = "roaming", .tls_names = "gw.roam.example", .domains = "roam.example" },
	{ .name = "slow", .networks = "203.0.113.9", .requests_per_s = 10, .burst = 3 },
};

static struct peers *make(void)
{
	struct peers *peers;
	struct err err;

	assert_int_equal(peers_new(options, 5, &peers, &err), 0);
	return peers;
}

static void sources_are_told_apart(void **state)
{
	static const struct {
		const char *why, *source, *tls_name, *peer;
	} rows[] = {
		{ "inside a network", "192.0.2.1", NULL, "core" },
		{ "the longer network wins", "192.0.2.200", NULL, "inner" },
		{ "one address in another's network", "192.0.2.7", NULL, "inner" },
		{ "beside it", "192.0.2.8", NULL, "core" },
		{ "IPv6", "2001:db8:1::5", NULL, "core" },
		{ "IPv4 mapped is IPv4", "::ffff:192.0.2.1", NULL, "core" },
		{ "a stranger", "192.0.3.1", NULL, NULL },
		{ "an IPv6 stranger", "2001:db9::1", NULL, NULL },
		{ "the right place without the proof", "198.51.100.1", NULL, NULL },
		{ "with another's proof", "198.51.100.1", "gw.roam.example", NULL },
		{ "with the proof", "198.51.100.1", "SIP.north.example", "north" },
		{ "the proof at another place is none", "198.51.100.2", "sip.north.example", NULL },
		{ "known by its name alone", "203.0.113.77", "gw.roam.example", "roaming" },
		{ "a longer name is another", "203.0.113.77", "xgw.roam.example", NULL },
	};
	struct peers *peers = make();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sip_addr addr;
		const struct peer *peer;

		assert_int_equal(sip_addr_parse(strv_of(rows[i].source), 5060, &addr), 0);
		peer = peers_find(peers, &addr, rows[i].tls_name);
		if (!peer != !rows[i].peer || (peer && strcmp(peer->name, rows[i].peer) != 0))
			fail_msg("%s: %s is %s", rows[i].why, rows[i].source,
				 peer ? peer->name : "nobody");
	}
	peers_free(&peers);
	assert_null(peers);
}

static void domains_find_their_peer(void **state)
{
	struct peers *peers = make();

	(void)state;
	assert_string_equal(peers_for_domain(peers, STRV("NORTH.example"))->name, "north");
	assert_string_equal(peers_for_domain(peers, STRV("south.example"))->uri,
			    "sip:198.51.100.1;transport=tls");
	assert_null(peers_for_domain(peers, STRV("roam.example"))->uri);
	assert_null(peers_for_domain(peers, STRV("example")));
	assert_null(peers_for_domain(peers, STRV("")));
	peers_free(&peers);
}

static void rules_are_words(void **state)
{
	struct peers *peers = make();
	const struct peer *inner = peers_at(peers, 1);

	(void)state;
	assert_int_equal(peers_count(peers), 5);
	assert_int_equal(inner->n_strip_in, 2);
	assert_true(strv_eq(inner->strip_in[1], STRV("X-Two")));
	assert_int_equal(inner->n_strip_out, 0);
	assert_true(peers_at(peers, 0)->trusted);
	peers_free(&peers);
}

static void a_peer_has_its_rate(void **state)
{
	struct peers *peers = make();
	const struct peer *slow = peers_at(peers, 4), *core = peers_at(peers, 0);
	int passed = 0;

	(void)state;
	for (int i = 0; i < 10; i++)
		passed += peer_admit(peers, slow, 1000);
	assert_int_equal(passed, 3); /* the burst */
	assert_false(peer_admit(peers, slow, 1099));
	assert_true(peer_admit(peers, slow, 1100)); /* a tenth of a second later */
	assert_false(peer_admit(peers, slow, 1100));
	for (int i = 0; i < 10; i++) /* a long pause fills no more than the burst */
		passed += peer_admit(peers, slow, 100000000);
	assert_int_equal(passed, 6);
	for (int i = 0; i < 1000; i++)
		assert_true(peer_admit(peers, core, 1000));
	peers_free(&peers);
}

static void what_cannot_be_is_said(void **state)
{
	static const struct {
		const char *why;
		struct peer_options options[2];
		unsigned n;
		const char *text;
	} rows[] = {
		{ "no name", { { .networks = "192.0.2.1" } }, 1, "a peer's name has letters" },
		{ "a name that would break a metric",
		  { { .name = "a\"b", .networks = "192.0.2.1" } },
		  1,
		  "a peer's name has letters" },
		{ "nothing to know it by",
		  { { .name = "a" } },
		  1,
		  "peer a has no network, no TLS name and no domain; give one" },
		{ "not an address",
		  { { .name = "a", .networks = "192.0.2.300" } },
		  1,
		  "\"192.0.2.300\" of peer a is no address or network" },
		{ "a prefix that is too long",
		  { { .name = "a", .networks = "192.0.2.0/33" } },
		  1,
		  "\"192.0.2.0/33\" of peer a is no address or network" },
		{ "the same network twice",
		  { { .name = "a", .networks = "192.0.2.1/24" },
		    { .name = "b", .networks = "192.0.2.0/24" } },
		  2,
		  "network 192.0.2.0/24 is of peer a and of peer b" },
		{ "the same domain twice",
		  { { .name = "a", .domains = "x.test" }, { .name = "b", .domains = "X.test" } },
		  2,
		  "domain x.test is of peer " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct peers *peers;
		struct err err = { 0 };

		if (peers_new(rows[i].options, rows[i].n, &peers, &err) == 0 || peers)
			fail_msg("%s: taken", rows[i].why);
		if (strncmp(err.text, rows[i].text, strlen(rows[i].text)) != 0)
			fail_msg("%s: %s", rows[i].why, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sources_are_told_apart), cmocka_unit_test(domains_find_their_peer),
		cmocka_unit_test(rules_are_words),	  cmocka_unit_test(a_peer_has_its_rate),
		cmocka_unit_test(what_cannot_be_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
