/* SPDX-License-Identifier: Apache-2.0 */
/* tests/auth/test_identity.c - every spelling of an identity has one canonical form, or none */
#include "auth/auth_identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "auth/auth_text.h"

static const struct strv names[] = { STRV("example.com"), STRV("home.example") };
static const struct auth_domains domains = { names, 2 };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_spellings(void **state)
{
	static const struct {
		const char *why, *text, *canonical; /* NULL: refused */
	} rows[] = {
		{ "plain", "sip:alice@example.com", "sip:alice@example.com" },
		{ "scheme and host in any case", "SIP:alice@EXAMPLE.Com", "sip:alice@example.com" },
		{ "the user part keeps its case", "sip:Alice@example.com",
		  "sip:Alice@example.com" },
		{ "sips is the same user", "sips:alice@example.com", "sip:alice@example.com" },
		{ "default port", "sip:alice@example.com:5060", "sip:alice@example.com" },
		{ "default port of sips", "sips:alice@example.com:5061", "sip:alice@example.com" },
		{ "another port is another place", "sip:alice@example.com:5070",
		  "sip:alice@example.com:5070" },
		{ "leading zeros of a port", "sip:alice@example.com:05070",
		  "sip:alice@example.com:5070" },
		{ "trailing dot", "sip:alice@example.com.", "sip:alice@example.com" },
		{ "parameters go", "sip:alice@example.com;transport=tcp;lr",
		  "sip:alice@example.com" },
		{ "GRUU is the user's", "sip:alice@example.com;gr=urn:uuid:1",
		  "sip:alice@example.com" },
		{ "user=phone without a number", "sip:alice@example.com;user=phone",
		  "sip:alice@example.com" },
		{ "needless escapes", "sip:%61lice%5f1@example.com", "sip:alice_1@example.com" },
		{ "needed escapes in upper case", "sip:a%c3%a4%40b@example.com",
		  "sip:a%C3%A4%40b@example.com" },
		{ "raw UTF-8 is escaped", "sip:j\xc3\xa4s\xc3\xb8n@example.com",
		  "sip:j%C3%A4s%C3%B8n@example.com" },
		{ "escaped plus", "sip:%2B49@example.com", "sip:+49@example.com" },
		{ "escaped slash may stand raw", "sip:a%2Fb@example.com", "sip:a/b@example.com" },
		{ "user parameters are the user's", "sip:a;b=c?d@example.com",
		  "sip:a;b=c?d@example.com" },
		{ "dots that are no way up", "sip:...a..@example.com", "sip:...a..@example.com" },
		{ "IPv4", "sip:a@192.0.2.1", "sip:a@192.0.2.1" },
		{ "IPv6", "sip:a@[2001:DB8::0:1]:5060", "sip:a@[2001:db8::1]" },
		{ "IPv6 with a port", "sip:a@[2001:DB8::0:1]:99;lr", "sip:a@[2001:db8::1]:99" },
		{ "one label", "sip:a@localhost", "sip:a@localhost" },

		{ "number", "tel:+493012345", "tel:+493012345" },
		{ "separators", "TEL:+49-(30).123-45", "tel:+493012345" },
		{ "escaped plus of a number", "tel:%2B4930", "tel:+4930" },
		{ "parameters of a number go", "tel:+4930;npdi;rn=+49;isub=5", "tel:+4930" },
		{ "extension stays", "tel:+4930;EXT=1-2", "tel:+4930;ext=12" },
		{ "local number", "tel:70-42;phone-context=Example.COM.",
		  "tel:7042;phone-context=example.com" },
		{ "local number of a global context", "tel:911;phone-context=+1-212",
		  "tel:911;phone-context=+1212" },
		{ "order of parameters", "tel:*A#1;phone-context=a.b;ext=7",
		  "tel:*a#1;ext=7;phone-context=a.b" },
		{ "context of a global number goes", "tel:+49;phone-context=a.b", "tel:+49" },
		{ "number at home", "sip:+49-30@example.com;user=phone", "tel:+4930" },
		{ "number at another home", "sips:%2B4930@HOME.example;User=Phone;lr",
		  "tel:+4930" },
		{ "number with extension at home", "sip:+4930;ext=5@example.com;user=phone",
		  "tel:+4930;ext=5" },
		{ "number at home, not said to be a phone", "sip:+4930@example.com",
		  "sip:+4930@example.com" },
		{ "number at a foreign domain", "sip:+4930@evil.example;user=phone",
		  "sip:+4930@evil.example" },

		{ "bare name", "alice", "sip:alice@example.com" },
		{ "bare name with blank", "J\xc3\xa4s\xc3\xb8n Doe",
		  "sip:J%C3%A4s%C3%B8n%20Doe@example.com" },
		{ "bare name at a domain", "alice@HOME.example", "sip:alice@home.example" },
		{ "bare number", "+49-30", "tel:+4930" },
		{ "bare number at home", "+4930@home.example;user=phone", "tel:+4930" },
		{ "bare digits are a name", "4930", "sip:4930@example.com" },
		{ "bare plus is a name", "+", "sip:+@example.com" },
		{ "scheme name as a name", "sip", "sip:sip@example.com" },

		{ "empty", "", NULL },
		{ "scheme alone", "sip:", NULL },
		{ "no user", "sip:example.com", NULL },
		{ "empty user", "sip:@example.com", NULL },
		{ "no host", "sip:alice@", NULL },
		{ "no host but a parameter", "sip:alice@;lr", NULL },
		{ "empty label", "sip:alice@example..com", NULL },
		{ "dot alone", "sip:alice@.", NULL },
		{ "hyphen first", "sip:alice@-example.com", NULL },
		{ "underscore", "sip:alice@ex_ample.com", NULL },
		{ "digits as last label", "sip:alice@example.1", NULL },
		{ "IPv4 out of range", "sip:alice@192.0.2.256", NULL },
		{ "IPv4 in octal", "sip:alice@192.0.2.01", NULL },
		{ "IPv6 without bracket", "sip:alice@[2001:db8::1", NULL },
		{ "IPv6 nonsense", "sip:alice@[2001:zz::1]", NULL },
		{ "IPv6 with a zone", "sip:alice@[fe80::1%25eth0]", NULL },
		{ "behind the bracket", "sip:alice@[::1]x", NULL },
		{ "escape in the host", "sip:alice@ex%61mple.com", NULL },
		{ "raw Unicode in the host", "sip:alice@ex\xc3\xa4mple.com", NULL },
		{ "password", "sip:alice:secret@example.com", NULL },
		{ "header fields", "sip:alice@example.com?Subject=x", NULL },
		{ "two ats", "sip:alice@example.com@evil.example", NULL },
		{ "port 0", "sip:alice@example.com:0", NULL },
		{ "port too high", "sip:alice@example.com:65536", NULL },
		{ "port empty", "sip:alice@example.com:", NULL },
		{ "port with a sign", "sip:alice@example.com:+5", NULL },
		{ "empty parameter", "sip:alice@example.com;", NULL },
		{ "nameless parameter", "sip:alice@example.com;=x", NULL },
		{ "other scheme", "http://example.com/", NULL },
		{ "mail", "mailto:alice@example.com", NULL },
		{ "im", "im:alice@example.com", NULL },
		{ "scheme twice", "sip:sip:alice@example.com", NULL },
		{ "name-addr", "<sip:alice@example.com>", NULL },
		{ "quoted", "\"sip:alice@example.com\"", NULL },
		{ "blank in front", " sip:alice@example.com", NULL },
		{ "blank behind", "alice ", NULL },
		{ "bare with a slash", "alice/../bob", NULL },
		{ "bare with parameters", "alice;user=phone", NULL },
		{ "number without digits", "tel:+", NULL },
		{ "number of separators", "tel:+-.()", NULL },
		{ "letters", "tel:+49abc", NULL },
		{ "blank in a number", "tel:+49 30", NULL },
		{ "local without context", "tel:7042", NULL },
		{ "empty context", "tel:7042;phone-context=", NULL },
		{ "context without digits", "tel:7042;phone-context=+", NULL },
		{ "context twice", "tel:7042;phone-context=a;phone-context=b", NULL },
		{ "extension twice", "tel:+49;ext=1;ext=2", NULL },
		{ "extension of letters", "tel:+49;ext=1a", NULL },
		{ "empty parameter of a number", "tel:+49;", NULL },
		{ "number in a SIP URI that is none", "sip:+49abc@example.com;user=phone", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct auth_identity id, again;
		struct err err = { ERR_NONE, "" };
		int ret = auth_identity_parse(strv_of(rows[i].text), &domains, &id, &err);

		if (!rows[i].canonical) {
			if (ret != -1)
				fail_msg("%s: %s was taken as %s", rows[i].why, rows[i].text,
					 id.text);
			assert_int_equal(err.code, ERR_SYNTAX);
			assert_true(strncmp(err.text, "identity ", 9) == 0);
			continue;
		}
		if (ret != 0 || strcmp(id.text, rows[i].canonical) != 0)
			fail_msg("%s: %s is %s, not %s (%s)", rows[i].why, rows[i].text, id.text,
				 rows[i].canonical, err.text);
		assert_int_equal(id.n, strlen(id.text));
		assert_int_equal(auth_identity_parse(auth_identity_text(&id), NULL, &again, &err),
				 0);
		assert_string_equal(again.text, id.text);
	}
}

/* None of these reaches the home of "bob": each is refused, or is somebody else. */
static void test_tricks_do_not_reach_another_user(void **state)
{
	static const struct {
		const char *why;
		struct strv text;
	} rows[] = {
		{ "case", STRV("sip:Bob@example.com") },
		{ "upper case", STRV("BOB") },
		{ "fullwidth letters", STRV("\xef\xbd\x82\xef\xbd\x8f\xef\xbd\x82") },
		{ "Cyrillic o", STRV("sip:b\xd0\xbe"
				     "b@example.com") },
		{ "script capital B", STRV("sip:bo\xe2\x84\xac@example.com") },
		{ "combining mark", STRV("bob\xcc\x81") },
		{ "overlong b", STRV("\xc1\xa2ob") },
		{ "overlong b, escaped", STRV("sip:%C1%A2ob@example.com") },
		{ "overlong in three octets", STRV("\xe0\x81\xa2ob") },
		{ "surrogate", STRV("bob\xed\xa0\x80") },
		{ "beyond Unicode", STRV("bob\xf4\x90\x80\x80") },
		{ "cut UTF-8", STRV("bob\xc3") },
		{ "cut UTF-8, escaped", STRV("sip:bob%C3@example.com") },
		{ "Latin-1", STRV("b\xf6"
				  "b") },
		{ "zero-width space", STRV("bo\xe2\x80\x8b"
					   "b") },
		{ "zero-width space, escaped", STRV("sip:bo%E2%80%8Bb@example.com") },
		{ "soft hyphen", STRV("bo\xc2\xad"
				      "b") },
		{ "right-to-left override", STRV("\xe2\x80\xae"
						 "bob") },
		{ "byte order mark", STRV("\xef\xbb\xbf"
					  "bob") },
		{ "tag letters", STRV("bob\xf3\xa0\x81\xa1") },
		{ "non-character", STRV("bob\xef\xbf\xbf") },
		{ "NUL", STRV("bob\0") },
		{ "NUL and more", STRV("sip:bob\0x@example.com") },
		{ "NUL, escaped", STRV("sip:bob%00@example.com") },
		{ "LF", STRV("bob\n") },
		{ "LF, escaped", STRV("sip:bob%0A@example.com") },
		{ "DEL, escaped", STRV("sip:bob%7f@example.com") },
		{ "C1", STRV("bob\xc2\x85") },
		{ "tab", STRV("\tbob") },
		{ "up", STRV("..") },
		{ "here", STRV(".") },
		{ "up, escaped", STRV("%2e%2e") },
		{ "up in SIP", STRV("sip:..@example.com") },
		{ "up and down", STRV("sip:alice/../bob@example.com") },
		{ "up and down, escaped", STRV("sip:alice%2F%2e%2E%2fbob@example.com") },
		{ "here and down", STRV("sip:./bob@example.com") },
		{ "escaped twice", STRV("sip:%2562ob@example.com") },
		{ "escape cut", STRV("sip:bob%@example.com") },
		{ "escape of one digit", STRV("sip:bob%6@example.com") },
		{ "escape of no digits", STRV("sip:bob%zz@example.com") },
		{ "other domain", STRV("sip:bob@example.org") },
		{ "longer domain", STRV("sip:bob@example.com.evil.example") },
		{ "domain in the user", STRV("sip:bob%40example.com@evil.example") },
		{ "other port", STRV("sip:bob@example.com:5062") },
		{ "backslash", STRV("sip:\\bob@example.com") },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct auth_identity id;

		if (auth_identity_parse(rows[i].text, &domains, &id, NULL) == 0 &&
		    strcmp(id.text, "sip:bob@example.com") == 0)
			fail_msg("%s: is bob", rows[i].why);
	}
}

static void test_invisible_is_refused(void **state)
{
	static const struct strv rows[] = {
		STRV("bo\xe2\x80\x8b"
		     "b"),
		STRV("\xe2\x80\xae"
		     "bob"),
		STRV("sip:bo%E2%80%8Bb@example.com"),
		STRV("bob\xc2\x85"),
		STRV("\xc1\xa2ob"),
		STRV("sip:%C1%A2ob@example.com"),
		STRV("sip:bob%00@example.com"),
		STRV("bob\0"),
		STRV("sip:..@example.com"),
		STRV("sip:alice%2F%2e%2E%2fbob@example.com"),
		STRV("sip:bob%7f@example.com"),
		STRV("bob\xf3\xa0\x81\xa1"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct auth_identity id;
		struct err err;

		assert_int_equal(auth_identity_parse(rows[i], &domains, &id, &err), -1);
		assert_int_equal(err.code, ERR_SYNTAX);
	}
}

static void test_parts(void **state)
{
	struct auth_identity id;

	(void)state;
	assert_int_equal(auth_identity_parse(STRV("Sips:%61l%C3%BC@[::1]:7"), NULL, &id, NULL), 0);
	assert_true(strv_eq(auth_identity_user(&id), STRV("al%C3%BC")));
	assert_true(strv_eq(auth_identity_host(&id), STRV("[::1]")));
	assert_int_equal(auth_identity_is_tel(&id), 0);
	assert_int_equal(auth_identity_parse(STRV("tel:+49-30;ext=4"), NULL, &id, NULL), 0);
	assert_true(strv_eq(auth_identity_user(&id), STRV("+4930")));
	assert_int_equal(auth_identity_host(&id).n, 0);
	assert_int_equal(auth_identity_is_tel(&id), 1);
}

static void test_no_domains(void **state)
{
	const struct auth_domains none = { NULL, 0 };
	struct auth_identity id;
	struct err err;

	(void)state;
	assert_int_equal(auth_identity_parse(STRV("alice"), NULL, &id, &err), -1);
	assert_int_equal(auth_identity_parse(STRV("alice"), &none, &id, &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_int_equal(auth_identity_parse(STRV("a@b"), &none, &id, &err), 0);
	assert_int_equal(auth_domain_is_ours(NULL, STRV("b")), 0);
	assert_int_equal(auth_domain_is_ours(&domains, STRV("Home.Example")), 1);
	assert_int_equal(auth_domain_is_ours(&domains, STRV("example")), 0);
}

/* Every length around the bounds: taken up to what fits, refused beyond, no octet written behind
 * the text (a sanitizer would see it). */
static void test_bounds(void **state)
{
	static const char *const shapes[][2] = {
		{ "sip:", "@example.com" },
		{ "tel:+", "" },
		{ "tel:+1;ext=", "" },
		{ "tel:1;phone-context=+", "" },
		{ "", "" },
		{ "sip:+", "@example.com;user=phone" },
	};
	char text[AUTH_IDENTITY_TEXT + 64];

	(void)state;
	for (size_t s = 0; s < COUNT(shapes); s++)
		for (size_t n = 1; n < AUTH_IDENTITY_TEXT; n++) {
			struct auth_identity id;
			struct err err = { ERR_NONE, "" };
			size_t head = strlen(shapes[s][0]);
			int ret;

			memcpy(text, shapes[s][0], head);
			memset(text + head, '7', n);
			strcpy(text + head + n, shapes[s][1]);
			ret = auth_identity_parse(strv_of(text), &domains, &id, &err);
			assert_int_equal(ret, n < 200 ? 0 : n > 260 ? -1 : ret);
			if (ret < 0)
				assert_int_equal(err.code, ERR_RANGE);
			else
				assert_in_range(strlen(id.text), 1, AUTH_IDENTITY_BYTES - 1);
		}
}

static void test_host_bounds(void **state)
{
	char text[400];
	struct auth_identity id;

	(void)state;
	for (size_t n = 1; n < 300; n++) {
		int ret;

		memcpy(text, "a@", 2);
		memset(text + 2, 'h', n);
		text[2 + n] = '\0';
		ret = auth_identity_parse(strv_of(text), NULL, &id, NULL);
		assert_int_equal(ret, n <= 63 ? 0 : -1);
	}
}

static void test_escapes_of_every_octet(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		char text[32];
		struct auth_identity id, again;
		int ret;

		snprintf(text, sizeof(text), "sip:a%%%02xb@h.example", c);
		ret = auth_identity_parse(strv_of(text), NULL, &id, NULL);
		assert_int_equal(ret, c >= 0x20 && c < 0x7f ? 0 : -1);
		if (ret == 0) {
			assert_int_equal(auth_identity_parse(auth_identity_text(&id), NULL, &again,
							     NULL),
					 0);
			assert_string_equal(id.text, again.text);
		}
	}
}

static void test_plain_text(void **state)
{
	(void)state;
	assert_int_equal(auth_text_is_plain(STRV("")), 1);
	assert_int_equal(auth_text_is_plain(STRV("a b")), 1);
	assert_int_equal(auth_text_is_plain(STRV("\xf0\x9f\x98\x80")), 1);
	assert_int_equal(auth_text_is_plain(STRV("\xf0\x8f\xbf\xbf")), 0); /* overlong */
	assert_int_equal(auth_text_is_plain(STRV("\xf8\x88\x80\x80\x80")), 0);
	assert_int_equal(auth_text_is_plain(STRV("\x80")), 0);
	assert_int_equal(auth_text_is_plain(STRV("\xc3\x28")), 0);
	assert_int_equal(auth_text_is_plain(STRV("\xf0\x9f\xbf\xbe")), 0); /* U+1FFFE */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_tricks_do_not_reach_another_user),
		cmocka_unit_test(test_invisible_is_refused),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_no_domains),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_host_bounds),
		cmocka_unit_test(test_escapes_of_every_octet),
		cmocka_unit_test(test_plain_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
