/* SPDX-License-Identifier: Apache-2.0 */
/* tests/auth/test_nonce.c - nonces: whose they are, how long they serve, each count once */
#include "auth/auth_nonce.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <cmocka.h>

#include "auth/auth_source.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { LIFETIME = 300000, T0 = 1000000 };

static const unsigned char secret_a[AUTH_SECRET_BYTES] = "secret a";
static const unsigned char secret_b[AUTH_SECRET_BYTES] = "secret b";
static const unsigned char secret_c[AUTH_SECRET_BYTES] = "secret c";
static const struct strv realm = STRV("example.com");

static struct auth_nonces *nonces_of(unsigned max, const unsigned char *secret)
{
	const struct auth_nonce_options options = { max, LIFETIME };
	struct auth_nonces *nonces;

	assert_int_equal(auth_nonces_new(&options, secret, &nonces, NULL), 0);
	return nonces;
}

static enum auth_nonce_state check(struct auth_nonces *nonces, const char *text, uint64_t now_ms)
{
	struct auth_nonce nonce;

	return auth_nonce_check(nonces, strv_of(text), realm, NULL, now_ms, &nonce);
}

/* A good nonce, issued at NOW_MS. */
static struct auth_nonce fresh(struct auth_nonces *nonces, uint64_t now_ms)
{
	char text[AUTH_NONCE_TEXT];
	struct auth_nonce nonce;

	assert_int_equal(auth_nonce_issue(nonces, realm, NULL, now_ms, text), 0);
	assert_int_equal(auth_nonce_check(nonces, strv_of(text), realm, NULL, now_ms, &nonce),
			 AUTH_NONCE_GOOD);
	return nonce;
}

static void test_whose(void **state)
{
	struct auth_nonces *nonces = nonces_of(64, secret_a), *other = nonces_of(64, secret_b);
	char text[AUTH_NONCE_TEXT], again[AUTH_NONCE_TEXT];
	struct auth_nonce nonce;

	(void)state;
	assert_int_equal(auth_nonce_issue(nonces, realm, NULL, T0, text), 0);
	assert_int_equal(strlen(text), AUTH_NONCE_TEXT - 1);
	assert_int_equal(check(nonces, text, T0), AUTH_NONCE_GOOD);
	assert_int_equal(auth_nonce_issue(nonces, realm, NULL, T0, again), 0);
	assert_string_not_equal(text, again);
	assert_int_equal(check(other, text, T0), AUTH_NONCE_FOREIGN);
	assert_int_equal(auth_nonce_check(nonces, strv_of(text), STRV("example.org"), NULL, T0,
					  &nonce),
			 AUTH_NONCE_FOREIGN);
	assert_int_equal(check(nonces, "dcd98b7102dd2f0e8b11d0f600bfb0c093", T0),
			 AUTH_NONCE_FOREIGN);
	assert_int_equal(check(nonces, "", T0), AUTH_NONCE_FOREIGN);
	auth_nonces_free(&nonces);
	assert_null(nonces);
	auth_nonces_free(&nonces);
	auth_nonces_free(&other);
}

static void test_lifetime(void **state)
{
	struct auth_nonces *nonces = nonces_of(64, secret_a);
	char text[AUTH_NONCE_TEXT];
	struct auth_nonce nonce = fresh(nonces, T0);

	(void)state;
	assert_int_equal(auth_nonce_issue(nonces, realm, NULL, T0, text), 0);
	assert_int_equal(check(nonces, text, T0 - 5), AUTH_NONCE_GOOD); /* another clock */
	assert_int_equal(check(nonces, text, T0 + LIFETIME - 1), AUTH_NONCE_GOOD);
	assert_int_equal(check(nonces, text, T0 + LIFETIME), AUTH_NONCE_STALE);
	assert_int_equal(check(nonces, text, UINT64_MAX), AUTH_NONCE_STALE);
	/* It may end between the look and the use. */
	assert_int_equal(auth_nonce_use(nonces, &nonce, 1, T0 + LIFETIME), AUTH_NONCE_RETIRED);
	assert_int_equal(auth_nonce_use(nonces, &nonce, 1, T0 + LIFETIME - 1), AUTH_NONCE_FRESH);
	auth_nonces_set_lifetime(nonces, 10);
	assert_int_equal(check(nonces, text, T0 + 9), AUTH_NONCE_GOOD);
	assert_int_equal(check(nonces, text, T0 + 10), AUTH_NONCE_STALE);
	auth_nonces_free(&nonces);
}

static void test_restart_and_rotation(void **state)
{
	struct auth_nonces *nonces = nonces_of(64, secret_a), *after;
	char text[AUTH_NONCE_TEXT];

	(void)state;
	assert_int_equal(auth_nonce_issue(nonces, realm, NULL, T0, text), 0);
	/* A process of the same secret knows it, but not what it was used for. */
	after = nonces_of(64, secret_a);
	assert_int_equal(check(after, text, T0), AUTH_NONCE_STALE);
	assert_int_equal(check(after, text, 0), AUTH_NONCE_STALE);
	auth_nonces_free(&after);

	auth_nonces_rotate(nonces, secret_b);
	assert_int_equal(check(nonces, text, T0), AUTH_NONCE_GOOD);
	auth_nonces_rotate(nonces, secret_c);
	assert_int_equal(check(nonces, text, T0), AUTH_NONCE_FOREIGN);
	assert_int_equal(auth_nonce_issue(nonces, realm, NULL, T0, text), 0);
	assert_int_equal(check(nonces, text, T0), AUTH_NONCE_GOOD);
	auth_nonces_free(&nonces);
}

union addr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static union addr addr_of(const char *text)
{
	union addr a;

	memset(&a, 0, sizeof(a));
	if (strchr(text, ':')) {
		a.in6.sin6_family = AF_INET6;
		assert_int_equal(inet_pton(AF_INET6, text, &a.in6.sin6_addr), 1);
	} else {
		a.in.sin_family = AF_INET;
		assert_int_equal(inet_pton(AF_INET, text, &a.in.sin_addr), 1);
	}
	return a;
}

static void test_source(void **state)
{
	static const struct {
		const char *why, *issued, *used;
		enum auth_nonce_state state;
	} rows[] = {
		{ "the same address", "192.0.2.1", "192.0.2.1", AUTH_NONCE_GOOD },
		{ "mapped into IPv6", "192.0.2.1", "::ffff:192.0.2.1", AUTH_NONCE_GOOD },
		{ "another address", "192.0.2.1", "192.0.2.2", AUTH_NONCE_STALE },
		{ "the same /64", "2001:db8::1", "2001:db8::2", AUTH_NONCE_GOOD },
		{ "another /64", "2001:db8::1", "2001:db8:0:1::1", AUTH_NONCE_STALE },
		{ "used where addresses are proved", "192.0.2.1", NULL, AUTH_NONCE_GOOD },
		{ "handed out without address", NULL, "192.0.2.1", AUTH_NONCE_STALE },
	};
	struct auth_nonces *nonces = nonces_of(64, secret_a);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		union addr issued = addr_of(rows[i].issued ? rows[i].issued : "0.0.0.0");
		union addr used = addr_of(rows[i].used ? rows[i].used : "0.0.0.0");
		char text[AUTH_NONCE_TEXT];
		struct auth_nonce nonce;

		assert_int_equal(auth_nonce_issue(nonces, realm, rows[i].issued ? &issued.sa : NULL,
						  T0, text),
				 0);
		if (auth_nonce_check(nonces, strv_of(text), realm, rows[i].used ? &used.sa : NULL,
				     T0, &nonce) != rows[i].state)
			fail_msg("%s", rows[i].why);
	}
	auth_nonces_free(&nonces);
}

static void test_sources(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct auth_source source;

	(void)state;
	assert_int_equal(auth_source_of(NULL, &source), 0);
	assert_int_equal(auth_source_of((const struct sockaddr *)&un, &source), 0);
	assert_int_equal(source.half[0] | source.half[1], 0);
}

/* Each octet of a nonce counts: another one makes it foreign. */
static void test_forged_octets(void **state)
{
	static const char alphabet[] = "ABab01-_+/= \"";
	struct auth_nonces *nonces = nonces_of(64, secret_a);
	char text[AUTH_NONCE_TEXT], forged[AUTH_NONCE_TEXT + 1];

	(void)state;
	assert_int_equal(auth_nonce_issue(nonces, realm, NULL, T0, text), 0);
	for (size_t at = 0; at < AUTH_NONCE_TEXT - 1; at++)
		for (size_t c = 0; c < sizeof(alphabet); c++) {
			memcpy(forged, text, sizeof(text));
			forged[at] = alphabet[c];
			if (alphabet[c] != text[at])
				assert_int_equal(check(nonces, forged, T0), AUTH_NONCE_FOREIGN);
		}
	memcpy(forged, text, sizeof(text));
	strcpy(forged + AUTH_NONCE_TEXT - 1, "A");
	assert_int_equal(check(nonces, forged, T0), AUTH_NONCE_FOREIGN);
	forged[AUTH_NONCE_TEXT - 2] = '\0';
	assert_int_equal(check(nonces, forged, T0), AUTH_NONCE_FOREIGN);
	auth_nonces_free(&nonces);
}

/* A million forgeries that need a MAC to be told, and as many challenges: no memory is taken, and
 * who had a nonce keeps it. */
static void test_a_million_forgeries(void **state)
{
	enum { FORGED = 1000000 };
	struct auth_nonces *nonces = nonces_of(64, secret_a);
	struct auth_nonce mine = fresh(nonces, T0);
	size_t bytes = auth_nonces_bytes(nonces), heap;
	char text[AUTH_NONCE_TEXT];

	(void)state;
	assert_int_equal(auth_nonce_use(nonces, &mine, 1, T0), AUTH_NONCE_FRESH);
	assert_int_equal(auth_nonce_issue(nonces, realm, NULL, T0, text), 0);
	heap = mallinfo2().uordblks;
	for (unsigned i = 0; i < FORGED; i++) {
		char forged[AUTH_NONCE_TEXT];

		memcpy(forged, text, sizeof(text));
		for (unsigned k = 0; k < 5; k++)
			forged[AUTH_NONCE_TEXT - 2 - k] = (char)('a' + (i >> 4 * k & 15));
		if (memcmp(forged, text, sizeof(text)) != 0)
			assert_int_equal(check(nonces, forged, T0), AUTH_NONCE_FOREIGN);
	}
	assert_int_equal(mallinfo2().uordblks, heap);
	assert_int_equal(auth_nonces_bytes(nonces), bytes);
	assert_int_equal(auth_nonces_remembered(nonces), 1);
	assert_int_equal(auth_nonce_use(nonces, &mine, 2, T0), AUTH_NONCE_FRESH);
	auth_nonces_free(&nonces);
}

static void test_counts(void **state)
{
	static const struct {
		const char *why;
		uint32_t nc[8]; /* ended by UINT32_MAX; the last one is asked about */
		enum auth_nonce_use last;
	} rows[] = {
		{ "first", { 1, UINT32_MAX }, AUTH_NONCE_FRESH },
		{ "in order", { 1, 2, UINT32_MAX }, AUTH_NONCE_FRESH },
		{ "again", { 1, 1, UINT32_MAX }, AUTH_NONCE_REPLAYED },
		{ "again later", { 1, 2, 3, 1, UINT32_MAX }, AUTH_NONCE_REPLAYED },
		{ "overtaken", { 2, 1, UINT32_MAX }, AUTH_NONCE_FRESH },
		{ "overtaken, then again", { 2, 1, 1, UINT32_MAX }, AUTH_NONCE_REPLAYED },
		{ "overtaken by the window", { 64, 1, UINT32_MAX }, AUTH_NONCE_FRESH },
		{ "behind the window", { 65, 1, UINT32_MAX }, AUTH_NONCE_REPLAYED },
		{ "behind the moved window", { 64, 128, 64, UINT32_MAX }, AUTH_NONCE_REPLAYED },
		{ "at its end", { 64, 127, 64, UINT32_MAX }, AUTH_NONCE_REPLAYED },
		{ "at its end, not taken", { 64, 128, 65, UINT32_MAX }, AUTH_NONCE_FRESH },
		{ "a client that does not begin at 1", { 4711, UINT32_MAX }, AUTH_NONCE_FRESH },
		{ "the widest gap", { 1, 65, UINT32_MAX }, AUTH_NONCE_FRESH },
		{ "too wide a gap", { 1, 66, UINT32_MAX }, AUTH_NONCE_RETIRED },
		{ "after too wide a gap", { 1, 66, 2, UINT32_MAX }, AUTH_NONCE_RETIRED },
		{ "no qop", { 0, UINT32_MAX }, AUTH_NONCE_FRESH },
		{ "no qop again", { 0, 0, UINT32_MAX }, AUTH_NONCE_RETIRED },
		{ "no qop, then counts", { 0, 1, UINT32_MAX }, AUTH_NONCE_RETIRED },
		{ "counts, then no qop", { 1, 0, UINT32_MAX }, AUTH_NONCE_RETIRED },
		{ "counts, no qop, counts", { 1, 0, 2, UINT32_MAX }, AUTH_NONCE_RETIRED },
		{ "the last count", { UINT32_MAX - 1, UINT32_MAX }, AUTH_NONCE_FRESH },
	};
	struct auth_nonces *nonces = nonces_of(64, secret_a);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct auth_nonce nonce = fresh(nonces, T0);
		enum auth_nonce_use use = AUTH_NONCE_REPLAYED;

		for (int k = 0; rows[i].nc[k] != UINT32_MAX; k++)
			use = auth_nonce_use(nonces, &nonce, rows[i].nc[k], T0);
		if (use != rows[i].last)
			fail_msg("%s: %d", rows[i].why, use);
	}
	auth_nonces_free(&nonces);
}

/* The window against a plain set of all counts taken, in random order with many repetitions. */
static void test_counts_against_a_set(void **state)
{
	enum { COUNTS = 3000 };
	static unsigned char taken[COUNTS + 200];
	struct auth_nonces *nonces = nonces_of(64, secret_a);
	struct auth_nonce nonce = fresh(nonces, T0);
	unsigned base = 1, accepted = 0;
	uint32_t highest = 0;

	(void)state;
	srand(4711);
	while (base < COUNTS) {
		uint32_t nc = base + (uint32_t)rand() % 90;
		enum auth_nonce_use use;

		base += rand() % 8 == 0;
		if (highest && nc > highest + AUTH_NONCE_GAP)
			continue;
		use = auth_nonce_use(nonces, &nonce, nc, T0);
		assert_int_not_equal(use, AUTH_NONCE_RETIRED);
		if (use == AUTH_NONCE_FRESH)
			assert_int_equal(taken[nc], 0);
		else
			assert_true(taken[nc] || nc + AUTH_NONCE_WINDOW <= highest);
		taken[nc] |= use == AUTH_NONCE_FRESH;
		accepted += use == AUTH_NONCE_FRESH;
		highest = nc > highest ? nc : highest;
	}
	assert_true(accepted > COUNTS / 2);
	auth_nonces_free(&nonces);
}

/* More nonces than there are places: whatever is forgotten, nothing is accepted twice, and a new
 * nonce always serves. */
static void test_full_table(void **state)
{
	enum { PLACES = 64, NONCES = 5000 };
	static struct auth_nonce nonce[NONCES];
	struct auth_nonces *nonces = nonces_of(PLACES, secret_a);
	size_t bytes = auth_nonces_bytes(nonces);
	unsigned retired = 0;

	(void)state;
	srand(42);
	for (unsigned i = 0; i < NONCES; i++) {
		/* Several of one millisecond, too. */
		nonce[i] = fresh(nonces, T0 + i / 5);
		assert_int_equal(auth_nonce_use(nonces, &nonce[i], 1, T0 + i / 5),
				 AUTH_NONCE_FRESH);
		for (int k = 0; k < 4; k++) {
			unsigned old = (unsigned)rand() % (i + 1);
			enum auth_nonce_use use =
				auth_nonce_use(nonces, &nonce[old], 1, T0 + i / 5);

			assert_int_not_equal(use, AUTH_NONCE_FRESH);
			retired += use == AUTH_NONCE_RETIRED;
		}
	}
	assert_true(retired > NONCES);
	assert_int_equal(auth_nonces_remembered(nonces), PLACES);
	assert_int_equal(auth_nonces_bytes(nonces), bytes);
	/* The latest are still known, and go on. */
	assert_int_equal(auth_nonce_use(nonces, &nonce[NONCES - 1], 2, T0 + NONCES / 5),
			 AUTH_NONCE_FRESH);
	auth_nonces_free(&nonces);
}

/* An unused nonce from below the floor might have been used: it is retired, not accepted. */
static void test_old_nonce_on_a_full_table(void **state)
{
	struct auth_nonces *nonces = nonces_of(8, secret_a);
	struct auth_nonce old = fresh(nonces, T0), used = fresh(nonces, T0 + 1);

	(void)state;
	assert_int_equal(auth_nonce_use(nonces, &used, 1, T0 + 1), AUTH_NONCE_FRESH);
	for (unsigned i = 0; i < 100; i++) {
		struct auth_nonce n = fresh(nonces, T0 + 2 + i);

		assert_int_equal(auth_nonce_use(nonces, &n, 1, T0 + 2 + i), AUTH_NONCE_FRESH);
	}
	assert_int_equal(auth_nonce_use(nonces, &used, 2, T0 + 200), AUTH_NONCE_RETIRED);
	assert_int_equal(auth_nonce_use(nonces, &old, 1, T0 + 200), AUTH_NONCE_RETIRED);
	auth_nonces_free(&nonces);
}

enum { THREADS = 4, COUNTS = 20000 };

static struct auth_nonces *shared;
static struct auth_nonce shared_nonce;
static _Atomic unsigned accepted[COUNTS + 1];
static _Atomic unsigned retirements;

/* All threads send the same counts; some also hand out, look and turn the secret. */
static void *use_all(void *arg)
{
	for (uint32_t nc = 1; nc <= COUNTS; nc++) {
		char text[AUTH_NONCE_TEXT];
		struct auth_nonce nonce;
		enum auth_nonce_use use = auth_nonce_use(shared, &shared_nonce, nc, T0);

		accepted[nc] += use == AUTH_NONCE_FRESH;
		retirements += use == AUTH_NONCE_RETIRED;
		if (nc % 64)
			continue;
		if (auth_nonce_issue(shared, realm, NULL, T0 + 1, text) == 0 &&
		    auth_nonce_check(shared, strv_of(text), realm, NULL, T0 + 1, &nonce) ==
			    AUTH_NONCE_GOOD)
			auth_nonce_use(shared, &nonce, 1, T0 + 1);
		if (arg && nc % 4096 == 0)
			auth_nonces_rotate(shared, nc % 8192 ? secret_b : secret_c);
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t thread[THREADS];
	unsigned once = 0;

	(void)state;
	/* Room enough that the shared nonce is not forgotten. */
	shared = nonces_of(65536, secret_a);
	shared_nonce = fresh(shared, T0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, use_all, i ? NULL : shared), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	for (uint32_t nc = 1; nc <= COUNTS; nc++) {
		assert_in_range(accepted[nc], 0, 1);
		once += accepted[nc];
	}
	/* Whoever runs ahead takes every count; nobody leaves a gap. */
	assert_int_equal(retirements, 0);
	assert_int_equal(once, COUNTS);
	auth_nonces_free(&shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whose),
		cmocka_unit_test(test_lifetime),
		cmocka_unit_test(test_restart_and_rotation),
		cmocka_unit_test(test_source),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_forged_octets),
		cmocka_unit_test(test_a_million_forgeries),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_counts_against_a_set),
		cmocka_unit_test(test_full_table),
		cmocka_unit_test(test_old_nonce_on_a_full_table),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
