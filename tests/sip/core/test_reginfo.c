/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sip/core/test_reginfo.c - documents of the reg package (RFC 3680, RFC 5628), and GRUUs */
#include "sip/core/reginfo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sip/core/gruu.h"

#define ALICE STRV("sip:alice@example.com")
#define HEAD                                                    \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<reginfo " \
	"xmlns=\"urn:ietf:params:xml:ns:reginfo\" xmlns:gr=\"urn:ietf:params:xml:ns:gruuinfo\" "

static const int64_t now_us = INT64_C(1000) * 1000000;

/* The document with its ids, which are hashes, cut out. */
static const char *printed(const struct loc_user *user, uint32_t version)
{
	static char text[4096];
	struct arena *arena = arena_new(0);
	struct strv got = reginfo_print(user, ALICE, version, now_us, arena);
	char *id;

	assert_true(got.n > 0 && got.n < sizeof(text));
	memcpy(text, got.p, got.n);
	text[got.n] = '\0';
	while ((id = strstr(text, " id=\"")))
		memmove(id, strchr(id + 5, '"') + 1, strlen(strchr(id + 5, '"') + 1) + 1);
	arena_free(&arena);
	return text;
}

static void who_is_not_registered_is_said_to_be(void **state)
{
	(void)state;
	assert_string_equal(printed(NULL, 0),
			    HEAD "version=\"0\" state=\"full\"><registration "
				 "aor=\"sip:alice@example.com\" state=\"init\"></registration>"
				 "</reginfo>\n");
}

static void contacts_and_their_features_are_told(void **state)
{
	struct strv ids[] = { ALICE, STRV("tel:+49301") };
	struct loc_binding b[] = {
		{ .uri = STRV("sip:a@192.0.2.1;x=\"<&\""),
		  .params = STRV(";+g.oma.sip-im;+sip.instance=\"<urn:uuid:1>\""),
		  .instance = STRV("urn:uuid:1"),
		  .gruu = STRV("urn:uuid:1"),
		  .call_id = STRV("1@\xff"),
		  .cseq = 7,
		  .q = 500,
		  .since_us = now_us - INT64_C(60) * 1000000,
		  .refreshed_us = now_us,
		  .expires_us = now_us + INT64_C(90) * 1000000 },
		{ .uri = STRV("sip:old@h"), .q = 1000, .expires_us = now_us },
	};
	const struct loc_user user = { 1, ALICE, ids, b, 2, 2 };
	static const char contact[] =
		"<contact state=\"active\" event=\"refreshed\" duration-registered=\"60\" "
		"expires=\"90\" q=\"0.500\" callid=\"1@?\" cseq=\"7\"><uri>sip:a@192.0.2.1;"
		"x=&quot;&lt;&amp;&quot;</uri><unknown-param name=\"+g.oma.sip-im\">"
		"</unknown-param><unknown-param name=\"+sip.instance\">&quot;&lt;urn:uuid:1&gt;"
		"&quot;</unknown-param>";
	char want[4096];

	(void)state;
	snprintf(want, sizeof(want),
		 HEAD
		 "version=\"3\" state=\"full\"><registration aor=\"sip:alice@example.com\" "
		 "state=\"active\">%s<gr:pub-gruu uri=\"sip:alice@example.com;gr=urn:uuid:1\"/>"
		 "</contact></registration><registration aor=\"tel:+49301\" "
		 "state=\"active\">%s</contact></registration></reginfo>\n",
		 contact, contact);
	assert_string_equal(printed(&user, 3), want);
}

static void a_gruu_names_one_device(void **state)
{
	static const struct {
		const char *uri;
		int is_gruu, fits;
	} rows[] = {
		{ "sip:alice@example.com", 0, 0 },
		{ "sip:alice@example.com;gr=urn:uuid:a%20b", 1, 1 },
		{ "sip:alice@example.com;GR=urn%3auuid:a%20b", 1, 1 },
		{ "sip:alice@example.com;gr=urn:uuid:a%20", 1, 0 },
		{ "sip:alice@example.com;gr=urn:uuid:a%20bc", 1, 0 },
		{ "sip:alice@example.com;gr", 1, 0 },
	};
	const struct loc_binding b = { .gruu = STRV("urn:uuid:a b") }, none = { .q = 0 };
	struct arena *arena = arena_new(0);
	struct sip_uri uri;
	struct gruu gruu;

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(sip_uri_parse(strv_of(rows[i].uri), &uri), 0);
		gruu_read(&uri, &gruu);
		if (gruu.is_gruu != rows[i].is_gruu || gruu_fits(&gruu, &b) != rows[i].fits)
			fail_msg("%s", rows[i].uri);
		assert_int_equal(gruu_fits(&gruu, &none), 0);
	}
	assert_string_equal(gruu_params_print(arena, NULL, ALICE, &b),
			    ";pub-gruu=\"sip:alice@example.com;gr=urn:uuid:a%20b\"");
	assert_string_equal(gruu_params_print(arena, NULL, ALICE, &none), "");
	assert_string_equal(gruu_params_print(arena, NULL, STRV("tel:+1"), &b), "");
	arena_free(&arena);
}

/* A temporary one says whose it is with the key alone, for as long as its number is counted. */
static void a_temporary_gruu_is_read_by_us_alone(void **state)
{
	static const struct gruu_key key = { "0123456789abcdef0123456789abcde" },
				     other = { "0123456789abcdef0123456789abcdf" };
	static const char *const aors[] = { "sip:a@example.com", "sip:alice@example.com",
					    "sip:a-rather-long-name-of-somebody@example.com",
					    "sip:a%40b@xn--bcher-kva.example" };
	struct loc_binding b = { .gruu = STRV("urn:uuid:a b"), .temp_first = 7, .temp_next = 9 };
	struct arena *arena = arena_new(0);

	(void)state;
	for (unsigned i = 0; i < sizeof(aors) / sizeof(aors[0]); i++) {
		struct strv aor = strv_of(aors[i]);
		char *text = (char *)(uintptr_t)gruu_temp_print(arena, &key, aor, &b);
		struct loc_binding later = b;
		struct auth_identity identity;
		struct gruu_temp temp;
		struct sip_uri uri;
		char *at;

		assert_non_null(text);
		assert_int_equal(sip_uri_parse(strv_of(text), &uri), 0);
		assert_int_equal(gruu_temp_is(&uri), 1);
		assert_null(strstr(text, "alice"));
		assert_int_equal(auth_identity_parse(strv_of(text), NULL, &identity, NULL), 0);
		assert_int_equal(gruu_temp_read(&other, &identity, &temp), 0);
		assert_int_equal(gruu_temp_read(&key, &identity, &temp), 1);
		assert_string_equal(temp.aor.text, aors[i]);
		assert_int_equal(temp.number, 8);
		assert_int_equal(gruu_temp_fits(&temp, &later), 1);
		later.temp_next = 100;
		assert_int_equal(gruu_temp_fits(&temp, &later), 1);
		later.temp_first = 9;
		assert_int_equal(gruu_temp_fits(&temp, &later), 0);
		later = b;
		later.gruu = STRV("urn:uuid:a c");
		assert_int_equal(gruu_temp_fits(&temp, &later), 0);
		/* The next one is another from its first octets on. */
		later = b;
		later.temp_next++;
		assert_memory_not_equal(gruu_temp_print(arena, &key, aor, &later) + 10, text + 10,
					8);
		/* Nothing in it can be changed or left out. */
		for (at = text + 4; *at != '@'; at++) {
			char was = *at;

			*at = was == 'A' ? 'B' : 'A';
			assert_int_equal(auth_identity_parse(strv_of(text), NULL, &identity, NULL),
					 0);
			assert_int_equal(gruu_temp_read(&key, &identity, &temp), 0);
			*at = was;
		}
		for (size_t n = 4; n < (size_t)(at - text); n++) {
			char cut[300];

			snprintf(cut, sizeof(cut), "%.*s@example.com", (int)n, text);
			if (auth_identity_parse(strv_of(cut), NULL, &identity, NULL) == 0)
				assert_int_equal(gruu_temp_read(&key, &identity, &temp), 0);
		}
	}
	/* Of whom there is none. */
	assert_string_equal(gruu_temp_print(arena, NULL, ALICE, &b), "");
	assert_string_equal(gruu_temp_print(arena, &key, STRV("tel:+1"), &b), "");
	b.temp_next = b.temp_first;
	assert_string_equal(gruu_temp_print(arena, &key, ALICE, &b), "");
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_not_registered_is_said_to_be),
		cmocka_unit_test(contacts_and_their_features_are_told),
		cmocka_unit_test(a_gruu_names_one_device),
		cmocka_unit_test(a_temporary_gruu_is_read_by_us_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
