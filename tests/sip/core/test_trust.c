/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/core/test_trust.c - the trust domain: who may be called what, who is told; and loops
 *
 * Alice is alice@example.com and +49301; the messages are read and edited like real ones.
 */
#include "sip/core/core_relay_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sip/sip_edit.h"

static struct strv domain_name[] = { { "example.com", 11 } };
static struct core core = { .policy.domains = { domain_name, 1 } };
static const struct peer trusted_peer = { .name = "core", .trusted = 1 },
			 other_peer = { .name = "other" };

static struct sip_msg *parse(struct arena *arena, const char *from, const char *head)
{
	struct sip_fence fence;
	struct err err = { ERR_NONE, "" };
	struct sip_msg *msg;
	char text[4096];

	snprintf(text, sizeof(text),
		 "MESSAGE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP "
		 "192.0.2.1;branch=z9hG4bK1\r\nFrom: %s;tag=1\r\n"
		 "To: <sip:bob@example.com>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\n%s\r\n",
		 from, head);
	assert_int_equal(sip_fence_check(strv_of(text), 0, &fence), SIP_FENCE_PASS);
	if (sip_msg_parse(arena, strv_of(text), &fence, &msg, &err) < 0)
		fail_msg("%s: %s", err.text, text);
	msg->trace.hex[0] = '\0';
	memset(&msg->local, 0, sizeof(msg->local));
	return msg;
}

static void set_identity(struct auth_identity *identity, const char *text)
{
	assert_int_equal(auth_identity_parse(strv_of(text), NULL, identity, NULL), 0);
}

static void make_alice(struct core_who *who)
{
	memset(who, 0, sizeof(*who));
	set_identity(&who->home, "sip:alice@example.com");
	who->identity[0] = who->self = who->home;
	set_identity(&who->identity[1], "tel:+49301");
	who->n_identities = 2;
	who->means = AUTH_BY_DIGEST;
	who->known = 1;
}

/* ---- what she says of herself ---- */

#define PPI "P-Preferred-Identity: "

static const struct {
	const char *why, *from, *head;
	unsigned status;
	const char *self;
} said[] = {
	{ "her own name", "<sip:alice@example.com>", "", 0, "sip:alice@example.com" },
	{ "in another spelling", "\"A\" <sip:%61lice@EXAMPLE.com:5060;x=y>", "", 0,
	  "sip:alice@example.com" },
	{ "her number", "<tel:+49-301>", "", 0, "tel:+49301" },
	{ "her number at home", "<sip:+49301@example.com;user=phone>", "", 0, "tel:+49301" },
	{ "another's name", "<sip:bob@example.com>", "", 403, NULL },
	{ "hers at another domain", "<sip:alice@example.net>", "", 403, NULL },
	{ "hers with another case", "<sip:Alice@example.com>", "", 403, NULL },
	{ "no name at all", "<sip:example.com>", "", 403, NULL },
	{ "anonymous", "\"Anonymous\" <sip:anonymous@anonymous.invalid>", "", 0,
	  "sip:alice@example.com" },
	{ "anonymous with a preference", "<sip:anonymous@anonymous.invalid>",
	  PPI "<tel:+49301>\r\n", 0, "tel:+49301" },
	{ "a preference of hers", "<sip:alice@example.com>", PPI "<tel:+49301>\r\n", 0,
	  "tel:+49301" },
	{ "two preferences of hers", "<sip:alice@example.com>",
	  PPI "<tel:+49301>, <sip:alice@example.com>\r\n", 0, "tel:+49301" },
	{ "another's name preferred", "<sip:alice@example.com>", PPI "<sip:bob@example.com>\r\n",
	  403, NULL },
	{ "another's name behind her own", "<sip:alice@example.com>",
	  PPI "<sip:alice@example.com>\r\n" PPI "<sip:bob@example.com>\r\n", 403, NULL },
	{ "a preference that is none", "<sip:alice@example.com>", PPI "<<\r\n", 403, NULL },
};

static void nobody_speaks_in_anothers_name(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		struct arena *arena = arena_new(0);
		struct sip_msg *msg = parse(arena, said[i].from, said[i].head);
		struct core_who who;
		const char *why;

		make_alice(&who);
		if (core_trust_check(&core, msg, &who, &why) != said[i].status)
			fail_msg("%s", said[i].why);
		if (said[i].self)
			assert_string_equal(who.self.text, said[i].self);
		arena_free(&arena);
	}
}

/* ---- what goes on ---- */

enum sender { ALICE, TRUSTED, OTHER };

#define PAI    "P-Asserted-Identity: <sip:alice@example.com>\r\n"
#define FALSE_ "P-Asserted-Identity: <sip:bob@example.com>\r\n"
#define INNER                                                             \
	"P-Served-User: <sip:a@b>\r\nP-Charging-Vector: icid-value=1\r\n" \
	"P-Charging-Function-Addresses: ccf=1\r\nP-Access-Network-Info: IEEE\r\n"

static const struct {
	const char *why;
	enum sender from;
	const char *in;
	enum core_next next;
	const char *out;
} passed[] = {
	{ "a client is told who she is", ALICE, "", CORE_TO_CLIENT, PAI },
	{ "what she asserts of herself is not believed", ALICE, FALSE_, CORE_TO_CLIENT, PAI },
	{ "written otherwise, it is not either", ALICE,
	  "p-asserted-identity:\r\n <sip:bob@example.com>\r\n" FALSE_, CORE_TO_FOREIGN, PAI },
	{ "a preference ends here", ALICE, PPI "<sip:alice@example.com>\r\n", CORE_TO_TRUSTED,
	  PAI },
	{ "with privacy nobody outside is told", ALICE, "Privacy: id\r\n", CORE_TO_CLIENT,
	  "Privacy: id\r\n" },
	{ "among others", ALICE, "Privacy: header;id\r\n", CORE_TO_FOREIGN,
	  "Privacy: header;id\r\n" },
	{ "a trusted peer is told, and that it is secret", ALICE, "Privacy: id\r\n",
	  CORE_TO_TRUSTED, "Privacy: id\r\n" PAI },
	{ "no privacy is wanted", ALICE, "Privacy: none\r\n", CORE_TO_CLIENT,
	  "Privacy: none\r\n" PAI },
	{ "a trusted peer is believed", TRUSTED, PAI, CORE_TO_CLIENT, PAI },
	{ "and what it keeps secret is kept", TRUSTED, PAI "Privacy: id\r\n", CORE_TO_CLIENT,
	  "Privacy: id\r\n" },
	{ "within the domain all stays", TRUSTED, PAI INNER "Privacy: id\r\n", CORE_TO_TRUSTED,
	  PAI INNER "Privacy: id\r\n" },
	{ "what is for servers stays with them", TRUSTED, PAI INNER, CORE_TO_CLIENT, PAI },
	{ "another peer is not believed", OTHER, FALSE_ INNER, CORE_TO_CLIENT, "" },
	{ "a preferred service is asserted within", ALICE, "P-Preferred-Service: urn:urn-7:x\r\n",
	  CORE_TO_TRUSTED, PAI "P-Asserted-Service: urn:urn-7:x\r\n" },
	{ "and nowhere else", ALICE, "P-Preferred-Service: urn:urn-7:x\r\n", CORE_TO_CLIENT, PAI },
	{ "an asserted one is not taken from her", ALICE, "P-Asserted-Service: urn:urn-7:x\r\n",
	  CORE_TO_TRUSTED, PAI },
	{ "nor told outside", TRUSTED, PAI "P-Asserted-Service: urn:urn-7:x\r\n", CORE_TO_FOREIGN,
	  PAI },
	{ "her credentials end here", ALICE, "Proxy-Authorization: Digest username=\"a\"\r\n",
	  CORE_TO_FOREIGN, PAI },
};

/* One that was made here is another test's. */
static void cut_new_vector(char *text)
{
	char *line = strstr(text, "P-Charging-Vector: icid-value=;");
	char *end = line ? strstr(line, "\r\n") + 2 : NULL;

	if (line)
		memmove(line, end, strlen(end) + 1);
}

static void identities_are_told_to_whom_they_may_be(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
		struct arena *arena = arena_new(0);
		struct sip_msg *msg = parse(arena, "<sip:alice@example.com>", passed[i].in);
		struct sip_edit *edit = sip_edit_new(msg);
		struct core_who who;
		struct sip_buf *buf;
		const char *head;
		char got[2048];

		make_alice(&who);
		who.peer = passed[i].from == TRUSTED ? &trusted_peer
			   : passed[i].from == OTHER ? &other_peer
						     : NULL;
		who.means = passed[i].from == TRUSTED ? AUTH_BY_ASSERTION
			    : passed[i].from == OTHER ? AUTH_BY_NOTHING
						      : AUTH_BY_DIGEST;
		core_trust_edit(&core, msg, &who, passed[i].next, NULL, edit);
		buf = sip_edit_buf(edit);
		assert_non_null(buf);
		snprintf(got, sizeof(got), "%.*s", STRV_ARG(sip_buf_bytes(buf)));
		head = strstr(got, "CSeq: 1 MESSAGE\r\n") + 17;
		*(strstr(head - 2, "\r\n\r\n") + 2) = '\0';
		cut_new_vector(got);
		if (strcmp(head, passed[i].out) != 0)
			fail_msg("%s:\n%s", passed[i].why, head);
		sip_buf_drop(&buf);
		arena_free(&arena);
	}
}

static void privacy_that_nobody_gives_is_refused_when_it_is_critical(void **state)
{
	static const struct {
		const char *head;
		unsigned status;
	} rows[] = { { "", 0 },
		     { "Privacy: id;critical\r\n", 0 },
		     { "Privacy: header\r\n", 0 },
		     { "Privacy: header;critical\r\n", 500 },
		     { "Privacy: user ; id ; critical\r\n", 500 },
		     { "Privacy: session\r\nPrivacy: critical\r\n", 500 } };
	const char *why;

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);

		assert_int_equal(core_trust_privacy(parse(arena, "<sip:alice@example.com>",
							  rows[i].head),
						    &why),
				 rows[i].status);
		arena_free(&arena);
	}
}

/* ---- charging (RFC 7315) ---- */

static void a_vector_is_made_carried_and_ended(void **state)
{
	static const char given[] = "P-Charging-Vector: icid-value=9;orig-ioi=a\r\n";
	static const struct {
		const char *in;
		int from_trusted;
		enum core_next next;
		const char *has, *lacks;
	} rows[] = {
		{ "", 0, CORE_TO_TRUSTED,
		  "icid-value=0123;icid-generated-at=192.0.2.9;orig-ioi=example.com\r\n",
		  "icid-value=9" },
		{ given, 1, CORE_TO_TRUSTED, given, "0123" },
		{ given, 0, CORE_TO_TRUSTED, "icid-value=0123", "icid-value=9" },
		{ given, 1, CORE_TO_CLIENT, "MESSAGE", "icid" },
		{ "", 0, CORE_TO_FOREIGN, "MESSAGE", "icid" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);
		struct sip_msg *msg = parse(arena, "<sip:alice@example.com>", rows[i].in);
		struct sip_edit *edit = sip_edit_new(msg);
		struct core_who who;
		struct sip_buf *buf;
		char got[2048];

		strcpy(msg->trace.hex, "0123");
		sip_addr_parse(STRV("192.0.2.9"), 5060, &msg->local);
		make_alice(&who);
		who.peer = rows[i].from_trusted ? &trusted_peer : NULL;
		core_trust_edit(&core, msg, &who, rows[i].next, NULL, edit);
		buf = sip_edit_buf(edit);
		snprintf(got, sizeof(got), "%.*s", STRV_ARG(sip_buf_bytes(buf)));
		if (!strstr(got, rows[i].has) || strstr(got, rows[i].lacks))
			fail_msg("row %u: %s", i, got);
		sip_buf_drop(&buf);
		arena_free(&arena);
	}
}

/* ---- whose request is it? ---- */

static const struct {
	const char *why, *head;
	int ret, is_orig, is_unregistered;
	const char *user;
} served[] = {
	{ "nothing is said: it is for whom it is to", "", 0, 0, 0, "sip:bob@example.com" },
	{ "the header says all",
	  "P-Served-User: <sip:carol@example.com>;sescase=orig;regstate=unreg\r\n", 0, 1, 1,
	  "sip:carol@example.com" },
	{ "it goes before the Route",
	  "P-Served-User: <sip:carol@example.com>;sescase=term\r\nRoute: <sip:as;lr;orig>\r\n", 0,
	  0, 0, "sip:carol@example.com" },
	{ "without its case the Route says it",
	  "P-Served-User: <sip:carol@example.com>\r\nRoute: <sip:as;lr;orig>\r\n", 0, 1, 0,
	  "sip:carol@example.com" },
	{ "the Route alone: whoever is asserted",
	  "Route: <sip:as;lr;orig>\r\nP-Asserted-Identity: <tel:+49301>\r\n", 0, 1, 0,
	  "tel:+49301" },
	{ "a Route without it", "Route: <sip:as;lr>, <sip:s;lr;orig>\r\n", 0, 0, 0,
	  "sip:bob@example.com" },
	{ "nobody is asserted", "Route: <sip:as;lr;orig>\r\n", -1, 0, 0, NULL },
	{ "a case that is none", "P-Served-User: <sip:a@b>;sescase=both\r\n", -1, 0, 0, NULL },
	{ "a user that is none", "P-Served-User: <sip:example.com>\r\n", -1, 0, 0, NULL },
};

static void the_served_user_is_found(void **state)
{
	struct core_served got;

	(void)state;
	for (unsigned i = 0; i < sizeof(served) / sizeof(served[0]); i++) {
		struct arena *arena = arena_new(0);
		struct sip_msg *msg = parse(arena, "<sip:alice@example.com>", served[i].head);

		if (core_served_user(&core, msg, &got) != served[i].ret)
			fail_msg("%s", served[i].why);
		if (served[i].user && (strcmp(got.user.text, served[i].user) != 0 ||
				       got.is_orig != served[i].is_orig ||
				       got.is_unregistered != served[i].is_unregistered))
			fail_msg("%s: %s", served[i].why, got.user.text);
		arena_free(&arena);
	}
}

/* ---- loops ---- */

static void what_comes_back_unchanged_is_a_loop(void **state)
{
	struct arena *arena = arena_new(0);
	uint64_t mark, other;
	char via[256];

	(void)state;
	assert_int_equal(core_loop_find(&core, parse(arena, "<sip:a@h>", ""), &mark), 0);
	snprintf(via, sizeof(via), "Via: SIP/2.0/UDP h;branch=z9hG4bKw00abc-%016llx\r\n",
		 (unsigned long long)mark);
	/* The test's own Via is on top: ours came below it. */
	assert_int_equal(core_loop_find(&core, parse(arena, "<sip:a@h>", via), &other), 1);
	assert_true(other == mark);
	/* Another Route leads elsewhere: a spiral. */
	strcat(via, "Route: <sip:x;lr>\r\n");
	assert_int_equal(core_loop_find(&core, parse(arena, "<sip:a@h>", via), &other), 0);
	assert_true(other != mark);
	snprintf(via, sizeof(via), "Via: SIP/2.0/UDP h;branch=z9hG4bKw00abc-%015llxg\r\n",
		 (unsigned long long)mark >> 4);
	assert_int_equal(core_loop_find(&core, parse(arena, "<sip:a@h>", via), &other), 0);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_speaks_in_anothers_name),
		cmocka_unit_test(identities_are_told_to_whom_they_may_be),
		cmocka_unit_test(privacy_that_nobody_gives_is_refused_when_it_is_critical),
		cmocka_unit_test(a_vector_is_made_carried_and_ended),
		cmocka_unit_test(the_served_user_is_found),
		cmocka_unit_test(what_comes_back_unchanged_is_a_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
