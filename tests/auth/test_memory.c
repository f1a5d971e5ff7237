/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/auth/test_memory.c - memory that runs out at every single allocation, and checks without
 * any
 *
 * This program replaces malloc, for GnuTLS too, so no sanitizer can look on.
 */
#include "auth/auth_check.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/auth/check_world.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static long until_failure = -1; /* allocations; -1: no failure */
static unsigned long allocations;

static int fails(void)
{
	allocations++;
	if (until_failure < 0 || until_failure-- > 0)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return fails() ? NULL : __libc_realloc(p, size);
}

/* ---- out of memory ---- */

static int new_nonces(struct err *err)
{
	static const struct auth_nonce_options options = { 64, LIFETIME };
	static const unsigned char secret[AUTH_SECRET_BYTES];
	struct auth_nonces *nonces = (struct auth_nonces *)-1;
	int ret = auth_nonces_new(&options, secret, &nonces, err);

	assert_int_equal(ret == 0, nonces != NULL);
	auth_nonces_free(&nonces);
	return ret;
}

static int new_throttle(struct err *err)
{
	static const struct auth_throttle_options options = { 64, 10, 1, 1, 1 };
	struct auth_throttle *throttle = (struct auth_throttle *)-1;
	int ret = auth_throttle_new(&options, &throttle, err);

	assert_int_equal(ret == 0, throttle != NULL);
	auth_throttle_free(&throttle);
	return ret;
}

static int new_stand_in(struct err *err)
{
	struct arena *arena = arena_new(0);
	struct strv record;
	int ret;

	if (!arena)
		return err_set(err, ERR_NOMEM, "no arena");
	ret = auth_stand_in_make(&domains, arena, &record, err);
	arena_free(&arena);
	return ret;
}

static void test_out_of_memory(void **state)
{
	static int (*const makers[])(struct err *) = { new_nonces, new_throttle, new_stand_in };

	(void)state;
	for (size_t i = 0; i < COUNT(makers); i++) {
		long failed = 0;
		int ret;

		do {
			struct err err = { ERR_NONE, "" };

			until_failure = failed;
			ret = makers[i](&err);
			until_failure = -1;
			/* IO: GnuTLS had no memory for its first random octets. */
			if (ret < 0)
				assert_true(err.code == ERR_NOMEM || err.code == ERR_IO);
			failed += ret < 0;
		} while (ret < 0 && failed < 1000);
		assert_in_range(failed, 1, 999);
	}
}

/* ---- no memory needed ---- */

static unsigned long allocations_of(const struct call *call, unsigned status)
{
	static struct auth_check check;
	unsigned long before = allocations;

	if (!auth_check_begin(&policy, &call->req, &check))
		auth_check_finish_record(&check, check.need.identity.n ? records[0]
								       : (struct strv){ NULL, 0 });
	before = allocations - before;
	assert_int_equal(check.verdict.status, status);
	return before;
}

static void test_checks_allocate_nothing(void **state)
{
	struct client wrong = alice, md5 = alice;
	struct strv asserted = STRV("\"sip:alice@example.com\", \"tel:+4930123\"");
	struct call call;

	(void)state;
	wrong.password = "wrong";
	md5.algorithm = AUTH_MD5;
	policy.basic = 1;
	for (int edge = AUTH_HTTP; edge <= AUTH_SIP; edge++) {
		call_init(&call, (enum auth_edge)edge, "192.0.2.1");
		assert_int_equal(allocations_of(&call, 401), 0);
		log_in(&call, &alice);
		assert_int_equal(allocations_of(&call, 0), 0);
		assert_int_equal(allocations_of(&call, 401), 0); /* replayed */
		log_in(&call, &md5);
		assert_int_equal(allocations_of(&call, 0), 0);
		for (int i = 0; i < 10; i++) {
			log_in(&call, &wrong);
			assert_int_equal(allocations_of(&call, 401), 0);
		}
		assert_int_equal(allocations_of(&call, edge == AUTH_HTTP ? 429 : 503), 0);
		call.req.now_ms += 1000000;
		auth_throttle_passed(policy.throttle,
				     &(struct auth_attempt){
					     .user = STRV("sip:alice@example.com"),
					     .source = { { 0xffff, call.from.sin_addr.s_addr } } },
				     call.req.now_ms);
	}
	call_init(&call, AUTH_HTTP, "192.0.2.1");
	call.req.is_tls = 1;
	call.credentials = STRV("Basic YWxpY2U6Q2lyY2xlIG9mIExpZmU=");
	call.req.n_credentials = 1;
	assert_int_equal(allocations_of(&call, 0), 0);
	call.req.is_trusted = 1;
	call.req.asserted = &asserted;
	call.req.n_asserted = 1;
	assert_int_equal(allocations_of(&call, 0), 0);
	assert_true(allocations > 0); /* the counter counts */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_out_of_memory),
		TEST(test_checks_allocate_nothing),
	};

	return cmocka_run_group_tests(tests, make_records, free_records);
}
