/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_auth_user_record.c - any octets as a stored user record
 *
 * Beyond surviving: what is read is written as the very same octets, and every credential in it is
 * found by what it stands under.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth/auth_users.h"

#define REQUIRE(condition)                                                      \
	do {                                                                    \
		if (!(condition)) {                                             \
			fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
			abort();                                                \
		}                                                               \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strv bytes = strv_mem(data, size), again;
	struct auth_user user;
	struct arena *arena;
	struct err err = { ERR_NONE, "" };

	if (auth_user_decode(bytes, &user, &err) < 0) {
		REQUIRE(err.code == ERR_CORRUPT);
		return 0;
	}
	arena = arena_new(0);
	REQUIRE(arena);
	REQUIRE(auth_user_encode(&user, arena, &again, &err) == 0);
	REQUIRE(strv_eq(bytes, again));
	REQUIRE(user.n_identities >= 1 && user.n_creds <= AUTH_CREDS_MAX);
	for (unsigned i = 0; i < user.n_creds; i++) {
		const struct auth_cred *cred = &user.cred[i];

		REQUIRE(cred->ha1.n == auth_hash_bytes(cred->algorithm));
		REQUIRE(auth_user_cred_find(&user, cred->algorithm, cred->username, cred->realm) ==
			cred);
	}
	arena_free(&arena);
	return 0;
}
