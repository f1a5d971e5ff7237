/* SPDX-License-Identifier: Apache-2.0 */
/* tests/auth/test_users.c - the user record as bytes, credentials of a password, its quality */
#include "auth/auth_users.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "auth/auth_digest.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct strv names[] = { STRV("example.com"), STRV("home.example") };
static const struct auth_domains domains = { names, 2 };

static struct auth_user user_of(const char *first, const char *second)
{
	struct auth_user user = { .n_identities = 1,
				  .roles = AUTH_ROLE_USER,
				  .created_s = 1234567890123,
				  .changed_s = -1 };

	user.identity[0] = strv_of(first);
	if (second)
		user.identity[user.n_identities++] = strv_of(second);
	return user;
}

static struct strv encoded(struct arena *arena, const char *first, const char *second)
{
	struct auth_user user = user_of(first, second);
	struct strv bytes;

	assert_int_equal(auth_user_set_password(&user, STRV("Circle of Life"), &domains, arena,
						NULL),
			 0);
	assert_int_equal(auth_user_encode(&user, arena, &bytes, NULL), 0);
	return bytes;
}

static void test_round_trip(void **state)
{
	struct arena *arena = arena_new(0);
	struct auth_user user = user_of("sip:alice@example.com", "tel:+4930123"), back;
	struct strv bytes, again;
	struct err err;

	(void)state;
	user.roles = AUTH_ROLE_USER | AUTH_ROLE_OPERATOR;
	user.disabled = 1;
	assert_int_equal(auth_user_set_password(&user, STRV("Circle of Life"), &domains, arena,
						&err),
			 0);
	assert_int_equal(auth_user_encode(&user, arena, &bytes, &err), 0);
	assert_int_equal(auth_user_decode(bytes, &back, &err), 0);
	assert_int_equal(back.n_identities, 2);
	assert_true(strv_eq(back.identity[0], user.identity[0]));
	assert_true(strv_eq(back.identity[1], user.identity[1]));
	assert_int_equal(back.roles, user.roles);
	assert_int_equal(back.disabled, 1);
	assert_true(back.created_s == user.created_s && back.changed_s == -1);
	assert_int_equal(back.n_creds, user.n_creds);
	for (unsigned i = 0; i < back.n_creds; i++) {
		assert_int_equal(back.cred[i].algorithm, user.cred[i].algorithm);
		assert_true(strv_eq(back.cred[i].username, user.cred[i].username));
		assert_true(strv_eq(back.cred[i].realm, user.cred[i].realm));
		assert_true(strv_eq(back.cred[i].ha1, user.cred[i].ha1));
	}
	assert_int_equal(auth_user_encode(&back, arena, &again, &err), 0);
	assert_true(strv_eq(bytes, again));
	/* The password itself is nowhere in it. */
	assert_null(memmem(bytes.p, bytes.n, "Circle", 6));
	arena_free(&arena);
}

/* Every record cut short, and every one with an octet more, is refused. */
static void test_cut_and_long_records(void **state)
{
	struct arena *arena = arena_new(0);
	struct strv bytes = encoded(arena, "sip:alice@example.com", "tel:+4930123");

	(void)state;
	for (size_t n = 0; n <= bytes.n + 1; n++) {
		char *copy = calloc(1, n + 1);
		struct auth_user user;
		struct err err;
		int ret;

		assert_non_null(copy);
		memcpy(copy, bytes.p, n < bytes.n ? n : bytes.n);
		copy = realloc(copy, n ? n : 1);
		assert_non_null(copy);
		ret = auth_user_decode((struct strv){ copy, n }, &user, &err);
		assert_int_equal(ret, n == bytes.n ? 0 : -1);
		if (ret < 0)
			assert_int_equal(err.code, ERR_CORRUPT);
		free(copy);
	}
	arena_free(&arena);
}

/* Every octet changed to every value: refused, or another record that is written as it was read. */
static void test_changed_octets(void **state)
{
	struct arena *arena = arena_new(0);
	struct strv bytes = encoded(arena, "sip:al@example.com", NULL);
	char *copy = malloc(bytes.n);
	struct arena *scratch = arena_new(0);

	(void)state;
	assert_non_null(copy);
	for (size_t at = 0; at < bytes.n; at++)
		for (unsigned c = 0; c < 256; c++) {
			struct auth_user user;
			struct strv again;

			memcpy(copy, bytes.p, bytes.n);
			copy[at] = (char)c;
			if (auth_user_decode((struct strv){ copy, bytes.n }, &user, NULL) < 0)
				continue;
			arena_reset(scratch);
			assert_int_equal(auth_user_encode(&user, scratch, &again, NULL), 0);
			assert_true(strv_eq(again, (struct strv){ copy, bytes.n }));
		}
	free(copy);
	arena_free(&scratch);
	arena_free(&arena);
}

static void test_what_is_not_written(void **state)
{
	static const char hash[AUTH_HASH_BYTES];
	static char text[300];
	struct arena *arena = arena_new(0), *tiny = arena_new(16);
	struct auth_user user;
	struct strv bytes;
	struct err err;

	(void)state;
	memset(text, 'x', sizeof(text));
	user = user_of("sip:alice@example.com", NULL);
	user.n_identities = 0;
	assert_int_equal(auth_user_encode(&user, arena, &bytes, &err), -1);
	assert_int_equal(err.code, ERR_RANGE);
	user = user_of("sip:Alice@EXAMPLE.com", NULL);
	assert_int_equal(auth_user_encode(&user, arena, &bytes, &err), -1);
	assert_int_equal(err.code, ERR_RANGE);
	user = user_of("sip:alice@example.com", "sip:alice@example.com");
	assert_int_equal(auth_user_encode(&user, arena, &bytes, &err), -1);
	user = user_of("sip:alice@example.com", NULL);
	user.roles = 4;
	assert_int_equal(auth_user_encode(&user, arena, &bytes, &err), -1);
	user.roles = 0;
	user.n_identities = AUTH_IDENTITIES_MAX + 1;
	assert_int_equal(auth_user_encode(&user, arena, &bytes, &err), -1);
	user.n_identities = 1;
	user.n_creds = 1;
	user.cred[0] = (struct auth_cred){ AUTH_MD5, STRV("a"), STRV("r"), { hash, 16 } };
	assert_int_equal(auth_user_encode(&user, arena, &bytes, &err), 0);
	user.cred[0].ha1.n = 32;
	assert_int_equal(auth_user_encode(&user, arena, &bytes, &err), -1);
	user.cred[0].algorithm = AUTH_SHA256;
	assert_int_equal(auth_user_encode(&user, arena, &bytes, &err), 0);
	user.cred[0].username = strv_mem(text, 256);
	assert_int_equal(auth_user_encode(&user, arena, &bytes, &err), -1);
	user.cred[0].username = strv_mem(text, 255);
	assert_int_equal(auth_user_encode(&user, arena, &bytes, &err), 0);
	user.cred[0].realm = STRV("");
	assert_int_equal(auth_user_encode(&user, arena, &bytes, &err), -1);
	user = user_of("sip:alice@example.com", NULL);
	assert_int_equal(auth_user_encode(&user, tiny, &bytes, &err), -1);
	assert_int_equal(err.code, ERR_NOMEM);
	arena_free(&tiny);
	arena_free(&arena);
}

static void test_spellings(void **state)
{
	static const struct {
		const char *why, *first, *second, *realm;
		const char *spelling[8];
	} rows[] = {
		{ "a name at home",
		  "sip:alice@example.com",
		  NULL,
		  "example.com",
		  { "alice", "alice@example.com", "sip:alice@example.com" } },
		{ "at the second domain",
		  "sip:bob@home.example",
		  NULL,
		  "home.example",
		  { "bob", "bob@home.example", "sip:bob@home.example" } },
		{ "a number beside it",
		  "sip:alice@example.com",
		  "tel:+4930",
		  "example.com",
		  { "alice", "alice@example.com", "sip:alice@example.com", "+4930", "tel:+4930" } },
		{ "a number alone is at the default domain",
		  "tel:+4930",
		  NULL,
		  "example.com",
		  { "+4930", "tel:+4930" } },
		{ "a foreign identity has no bare name",
		  "sip:alice@other.example",
		  NULL,
		  "example.com",
		  { "alice@other.example", "sip:alice@other.example" } },
		{ "a local number has no bare name",
		  "tel:7042;phone-context=example.com",
		  NULL,
		  "example.com",
		  { "tel:7042;phone-context=example.com" } },
		{ "escapes as people type them",
		  "sip:j%C3%A4s%20d@example.com",
		  NULL,
		  "example.com",
		  { "j\xc3\xa4s d", "j\xc3\xa4s d@example.com", "sip:j%C3%A4s%20d@example.com" } },
		{ "an at sign in the name cannot be typed",
		  "sip:a%40b@example.com",
		  NULL,
		  "example.com",
		  { "sip:a%40b@example.com" } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *arena = arena_new(0);
		struct auth_user user = user_of(rows[i].first, rows[i].second);
		unsigned n = 0;

		assert_int_equal(auth_user_set_password(&user, STRV("Circle of Life"), &domains,
							arena, NULL),
				 0);
		for (; n < 8 && rows[i].spelling[n]; n++)
			for (int a = 0; a < AUTH_ALGORITHMS; a++) {
				unsigned char ha1[AUTH_HASH_BYTES], hash[AUTH_HASH_BYTES];
				struct strv name = strv_of(rows[i].spelling[n]);
				struct strv realm = strv_of(rows[i].realm);
				const struct auth_cred *cred =
					auth_user_cred_find(&user, (enum auth_algorithm)a, name,
							    realm);

				if (!cred)
					fail_msg("%s: no %s", rows[i].why, rows[i].spelling[n]);
				assert_int_equal(auth_ha1((enum auth_algorithm)a, name, realm,
							  STRV("Circle of Life"), ha1),
						 0);
				assert_memory_equal(cred->ha1.p, ha1, cred->ha1.n);
				assert_int_equal(auth_userhash((enum auth_algorithm)a, name, realm,
							       hash),
						 0);
				assert_ptr_equal(auth_user_cred_find_hashed(&user,
									    (enum auth_algorithm)a,
									    hash, realm),
						 cred);
				hash[0] ^= 1;
				assert_null(auth_user_cred_find_hashed(&user,
								       (enum auth_algorithm)a, hash,
								       realm));
			}
		if (user.n_creds != n * AUTH_ALGORITHMS)
			fail_msg("%s: %u credentials for %u spellings", rows[i].why, user.n_creds,
				 n);
		arena_free(&arena);
	}
}

static void test_lookups(void **state)
{
	struct arena *arena = arena_new(0);
	struct auth_user user = user_of("sip:alice@example.com", NULL);

	(void)state;
	assert_int_equal(auth_user_set_password(&user, STRV("Circle of Life"), &domains, arena,
						NULL),
			 0);
	assert_int_equal(auth_user_has_identity(&user, STRV("sip:alice@example.com")), 1);
	assert_int_equal(auth_user_has_identity(&user, STRV("sip:Alice@example.com")), 0);
	assert_null(auth_user_cred_find(&user, AUTH_MD5, STRV("Alice"), STRV("example.com")));
	assert_null(auth_user_cred_find(&user, AUTH_MD5, STRV("alice"), STRV("home.example")));
	arena_free(&arena);
}

static void test_setting_a_password(void **state)
{
	static char text[AUTH_PASSWORD_MAX + 1];
	struct arena *arena = arena_new(0), *tiny;
	struct auth_user user = user_of("sip:alice@example.com", NULL);
	char first[AUTH_HASH_BYTES];
	struct err err;

	(void)state;
	assert_int_equal(auth_user_set_password(&user, STRV("one"), &domains, arena, &err), 0);
	memcpy(first, user.cred[0].ha1.p, user.cred[0].ha1.n);
	assert_int_equal(auth_user_set_password(&user, STRV("two"), &domains, arena, &err), 0);
	assert_int_equal(user.n_creds, 6);
	assert_memory_not_equal(first, user.cred[0].ha1.p, user.cred[0].ha1.n);
	/* What fails leaves the old one. */
	memcpy(first, user.cred[0].ha1.p, user.cred[0].ha1.n);
	memset(text, 'x', sizeof(text));
	assert_int_equal(auth_user_set_password(&user, strv_mem(text, sizeof(text)), &domains,
						arena, &err),
			 -1);
	assert_int_equal(err.code, ERR_RANGE);
	assert_int_equal(auth_user_set_password(&user, STRV(""), &domains, arena, &err), -1);
	assert_int_equal(auth_user_set_password(&user, STRV("a\nb"), &domains, arena, &err), -1);
	assert_int_equal(auth_user_set_password(&user, STRV("a\xff"), &domains, arena, &err), -1);
	for (size_t max = 1; max < 8192; max += 97) {
		tiny = arena_new(max);
		if (tiny && auth_user_set_password(&user, STRV("two"), &domains, tiny, &err) < 0) {
			assert_int_equal(err.code, ERR_NOMEM);
			assert_memory_equal(first, user.cred[0].ha1.p, user.cred[0].ha1.n);
			arena_free(&tiny);
			continue;
		}
		/* Enough at last: the same password again, but its memory goes now. */
		arena_free(&tiny);
		assert_true(max > sizeof(struct auth_user));
		break;
	}
	arena_free(&arena);
}

static void test_quality(void **state)
{
	static const struct {
		const char *why, *password, *remedy; /* NULL: good enough */
	} rows[] = {
		{ "eight characters", "k7Vq-2xB", NULL },
		{ "words", "correct horse battery staple", NULL },
		{ "no Latin letter",
		  "\xd0\xbf\xd0\xb0\xd1\x80\xd0\xbe\xd0\xbb\xd1\x8c-\xd0\xb6\xd1\x83\xd0\xba",
		  NULL },
		{ "seven", "k7Vq-2x", "at least 8" },
		{ "seven of two octets each",
		  "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa9\xc3\xa8\xc3\xa0", "at least 8" },
		{ "empty", "", "at least 8" },
		{ "few characters", "aabbaabbaabb", "different characters" },
		{ "a run", "abcdefghij", "no run" },
		{ "a run down", "987654321", "no run" },
		{ "digits", "1357924680", "digits alone" },
		{ "common", "PassWord", "common" },
		{ "common with digits", "qwerty2024!", "common" },
		{ "common with its own digits", "abcd123499", "common" },
		{ "the name", "my-ALICE-42", "name" },
		{ "the number", "x+4930123y", "name" },
		{ "a control character", "k7Vq-2xB\n", "visible" },
		{ "not UTF-8", "k7Vq-2xB\xff", "UTF-8" },
	};
	static char text[AUTH_PASSWORD_MAX + 2];
	struct auth_user user = user_of("sip:alice@example.com", "tel:+4930123");
	struct err err;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int ret = auth_password_check(strv_of(rows[i].password), &user, &err);

		if (ret != (rows[i].remedy ? -1 : 0))
			fail_msg("%s: %d", rows[i].why, ret);
		if (ret < 0 && !strstr(err.text, rows[i].remedy))
			fail_msg("%s: %s", rows[i].why, err.text);
		/* A password is never repeated in what is said about it. */
		if (ret < 0 && rows[i].password[0])
			assert_null(strstr(err.text, rows[i].password));
	}
	assert_int_equal(auth_password_check(STRV("my-ALICE-42"), NULL, &err), 0);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i * 7 % 26);
	assert_int_equal(auth_password_check(strv_mem(text, AUTH_PASSWORD_MAX), &user, &err), 0);
	assert_int_equal(auth_password_check(strv_mem(text, AUTH_PASSWORD_MAX + 1), &user, &err),
			 -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_cut_and_long_records),
		cmocka_unit_test(test_changed_octets),
		cmocka_unit_test(test_what_is_not_written),
		cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_lookups),
		cmocka_unit_test(test_setting_a_password),
		cmocka_unit_test(test_quality),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
