/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sip/core/test_loc_record.c - values of locations, and what is read back of them */
#include "sip/core/loc_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { NOW_S = 1000000 };
static const int64_t now_us = NOW_S * INT64_C(1000000), max_us = 7200 * INT64_C(1000000);

#define ALICE STRV("sip:alice@example.com")

static struct loc_binding sample(void)
{
	struct loc_binding b = {
		.uri = STRV("sip:alice@192.0.2.1:5070;transport=tcp"),
		.params = STRV(";+sip.instance=\"<urn:uuid:1>\";reg-id=1;+g.oma.sip-im"),
		.instance = STRV("urn:uuid:1"),
		.call_id = STRV("1@a"),
		.path = STRV("<sip:edge@192.0.2.9;lr;ob>"),
		.user_agent = STRV("test/1"),
		.gruu = STRV("urn:uuid:1"),
		.expires_us = now_us + 3600 * INT64_C(1000000),
		.since_us = now_us - 5,
		.refreshed_us = now_us - 3,
		.temp_first = 7,
		.temp_next = 9,
		.cseq = 4294967295,
		.reg_id = 1,
		.q = 700,
		.proto = SIP_TCP,
		.nat = 1,
		.flow = 77,
	};

	b.source.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = 0x1234 };
	b.source.v6.sin6_addr.s6_addr[15] = 1;
	return b;
}

static struct strv encode(const struct loc_user *user, struct arena *arena)
{
	return loc_record_encode(user, now_us, 0, arena);
}

static void a_value_is_stored_and_read_back(void **state)
{
	struct arena *arena = arena_new(0);
	struct loc_binding b[2] = { sample(), sample() };
	struct strv ids[2] = { ALICE, STRV("tel:+4930123") };
	struct loc_user draft = { 9, ALICE, ids, b, 2, 2 };
	const struct loc_user *user, *back;

	(void)state;
	b[1].uri = STRV("sip:other");
	b[1].expires_us = now_us; /* has ended */
	user = loc_user_new(&draft);
	assert_non_null(user);
	assert_int_equal(loc_record_decode(encode(user, arena), ALICE, now_us, max_us, &back, NULL),
			 0);
	assert_int_equal(back->n_bindings, 1);
	assert_int_equal(back->n_identities, 2);
	assert_int_equal(back->version, 9);
	assert_true(strv_eq(back->aor, ALICE));
	assert_true(strv_eq(back->identities[1], ids[1]));
	assert_true(strv_eq(back->bindings[0].uri, b[0].uri));
	assert_true(strv_eq(back->bindings[0].params, b[0].params));
	assert_true(strv_eq(back->bindings[0].path, b[0].path));
	assert_true(strv_eq(back->bindings[0].gruu, b[0].gruu));
	assert_int_equal(back->bindings[0].expires_us, b[0].expires_us);
	assert_int_equal(back->bindings[0].cseq, b[0].cseq);
	assert_int_equal(back->bindings[0].temp_next, 9);
	assert_int_equal(back->bindings[0].q, 700);
	assert_int_equal(back->bindings[0].nat, 1);
	assert_memory_equal(&back->bindings[0].source.v6.sin6_addr, &b[0].source.v6.sin6_addr, 16);
	/* The connection is another process's. */
	assert_int_equal(back->bindings[0].flow, 0);
	assert_int_equal(back->bindings[0].flow_lost, 1);
	loc_user_drop(&back);
	loc_user_drop(&user);
	assert_null(user);
	arena_free(&arena);
}

static void times_are_kept_within_bounds(void **state)
{
	struct arena *arena = arena_new(0);
	struct loc_binding b = sample();
	struct loc_user draft = { 1, ALICE, NULL, &b, 0, 1 };
	const struct loc_user *user, *back;

	(void)state;
	/* Written when the clock stood ten years ahead. */
	b.expires_us += INT64_C(10) * 365 * 86400 * 1000000;
	user = loc_user_new(&draft);
	assert_int_equal(loc_record_decode(encode(user, arena), ALICE, now_us, max_us, &back, NULL),
			 0);
	assert_int_equal(back->bindings[0].expires_us, now_us + max_us);
	loc_user_drop(&back);
	/* Moved to the time of day of the system. */
	arena_reset(arena);
	assert_int_equal(loc_record_decode(loc_record_encode(user, now_us, 1000, arena), ALICE,
					   b.expires_us, max_us, &back, NULL),
			 0);
	assert_int_equal(back->bindings[0].expires_us, b.expires_us + 1000);
	loc_user_drop(&back);
	/* Nothing that lives: nobody. */
	assert_int_equal(loc_record_decode(encode(user, arena), ALICE, b.expires_us, max_us, &back,
					   NULL),
			 0);
	assert_null(back);
	loc_user_drop(&user);
	arena_free(&arena);
}

/* Whatever an octet is changed to and wherever it is cut, it is refused or read, never worse. */
static void damage_is_refused(void **state)
{
	struct arena *arena = arena_new(0);
	struct loc_binding b = sample();
	struct strv ids[1] = { ALICE };
	struct loc_user draft = { 1, ALICE, ids, &b, 1, 1 };
	const struct loc_user *user = loc_user_new(&draft), *back;
	struct strv bytes = encode(user, arena);
	struct err err;

	(void)state;
	for (size_t n = 0; n < bytes.n; n++) {
		char *cut = malloc(n + 1);

		memcpy(cut, bytes.p, n);
		assert_int_equal(loc_record_decode(strv_mem(cut, n), ALICE, now_us, max_us, &back,
						   &err),
				 -1);
		assert_int_equal(err.code, ERR_CORRUPT);
		free(cut);
	}
	for (size_t i = 0; i < bytes.n; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			char *changed = malloc(bytes.n);

			memcpy(changed, bytes.p, bytes.n);
			changed[i] ^= (char)(1 << bit);
			if (loc_record_decode(strv_mem(changed, bytes.n), ALICE, now_us, max_us,
					      &back, &err) == 0)
				loc_user_drop(&back);
			free(changed);
		}
	loc_user_drop(&user);
	arena_free(&arena);
}

static void what_is_too_large_is_no_value(void **state)
{
	struct loc_binding b[LOC_BINDINGS_MAX + 1];
	struct loc_user draft = { 1, ALICE, NULL, b, 0, LOC_BINDINGS_MAX + 1 };
	const struct loc_user *user;
	static char text[LOC_TEXT_MAX + 1];

	(void)state;
	for (unsigned i = 0; i < LOC_BINDINGS_MAX + 1; i++)
		b[i] = sample();
	assert_null(loc_user_new(&draft));
	draft.n_bindings = LOC_BINDINGS_MAX;
	user = loc_user_new(&draft);
	assert_non_null(user);
	loc_user_drop(&user);
	b[3].path = strv_mem(text, sizeof(text));
	assert_null(loc_user_new(&draft));
	draft.aor = STRV("");
	assert_null(loc_user_new(&draft));
}

/* The bar is 1.5 kB a device; the table's entry comes on top. */
static void a_device_is_small(void **state)
{
	struct loc_binding b = sample();
	struct strv ids[2] = { ALICE, STRV("tel:+4930123") };
	struct loc_user draft = { 1, ALICE, ids, &b, 2, 1 };
	const struct loc_user *user;

	(void)state;
	b.params = STRV(";+sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\";"
			"+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg,"
			"urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.largemsg,"
			"urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.session\"");
	b.instance = b.gruu = STRV("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
	user = loc_user_new(&draft);
	assert_true(loc_user_bytes(user) + sizeof(struct loc_entry) + 2 * 16 + 8 + ALICE.n < 1200);
	loc_user_drop(&user);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_is_stored_and_read_back),
		cmocka_unit_test(times_are_kept_within_bounds),
		cmocka_unit_test(damage_is_refused),
		cmocka_unit_test(what_is_too_large_is_no_value),
		cmocka_unit_test(a_device_is_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
