/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_auth_identity.c - any octets as an identity, and as a list of asserted ones
 *
 * Beyond surviving: what is taken is canonical (reduced to itself, with our domains or without),
 * printable ASCII, its parts lie within it and nothing climbs.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth_asserted.h"
#include "auth/auth_identity.h"

#define REQUIRE(condition)                                                      \
	do {                                                                    \
		if (!(condition)) {                                             \
			fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
			abort();                                                \
		}                                                               \
	} while (0)

static const struct strv names[] = { STRV("example.com"), STRV("192.0.2.1") };
static const struct auth_domains domains = { names, 2 };

static void check_canonical(const struct auth_identity *id, const struct auth_domains *by)
{
	struct auth_identity again;

	REQUIRE(auth_identity_parse(auth_identity_text(id), by, &again, NULL) == 0);
	REQUIRE(strcmp(again.text, id->text) == 0);
	REQUIRE(again.user == id->user && again.user_n == id->user_n);
	REQUIRE(again.host == id->host && again.host_n == id->host_n);
}

static void check_identity(const struct auth_identity *id)
{
	struct strv user = auth_identity_user(id);

	REQUIRE(id->n < AUTH_IDENTITY_BYTES && strlen(id->text) == id->n);
	for (unsigned i = 0; i < id->n; i++)
		REQUIRE(id->text[i] > ' ' && id->text[i] < 0x7f);
	REQUIRE(user.n && id->user + id->user_n <= id->n && id->host + id->host_n <= id->n);
	REQUIRE(auth_identity_is_tel(id) == (strncmp(id->text, "tel:", 4) == 0));
	REQUIRE(auth_identity_is_tel(id) || strncmp(id->text, "sip:", 4) == 0);
	REQUIRE(!strv_eq(user, STRV("..")) && !strv_starts(user, STRV("../")));
	REQUIRE(!memmem(user.p, user.n, "/../", 4));
	check_canonical(id, &domains);
	check_canonical(id, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strv text = strv_mem(data, size);
	struct auth_identity id, list[AUTH_ASSERTED_MAX];
	struct err err = { ERR_NONE, "" };
	unsigned n;

	if (auth_identity_parse(text, &domains, &id, &err) == 0)
		check_identity(&id);
	else
		REQUIRE(err.code == ERR_SYNTAX || err.code == ERR_RANGE);
	if (auth_identity_parse(text, NULL, &id, NULL) == 0)
		check_identity(&id);
	if (auth_asserted_parse(text, &domains, list, &n, &err) == 0) {
		REQUIRE(n >= 1 && n <= AUTH_ASSERTED_MAX);
		for (unsigned i = 0; i < n; i++)
			check_identity(&list[i]);
	}
	return 0;
}
