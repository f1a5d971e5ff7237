/* SPDX-License-Identifier: Apache-2.0 */
/* tests/auth/test_digest.c - credentials read, responses computed, challenges written */
#include "auth/auth_digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "auth/auth_text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- published vectors ---- */

static void test_vectors(void **state)
{
	static const struct {
		const char *why, *params, *username, *password;
	} rows[] = {
		{ "RFC 7616 s3.9.1, MD5",
		  "username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", "
		  "algorithm=MD5, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "
		  "nc=00000001, cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", "
		  "qop=auth, response=\"8ca523f5e9506fed4657c9700eebdbec\", "
		  "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
		  "Mufasa", "Circle of Life" },
		{ "RFC 7616 s3.9.1, SHA-256",
		  "username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", "
		  "algorithm=SHA-256, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "
		  "nc=00000001, cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", "
		  "qop=auth, response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856"
		  "cb6c1\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
		  "Mufasa", "Circle of Life" },
		{ "RFC 2617 s3.5", /* qop quoted and algorithm absent, as its clients do */
		  "username=\"Mufasa\", realm=\"testrealm@host.com\", "
		  "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", "
		  "qop=\"auth\", nc=00000001, cnonce=\"0a4f113b\", "
		  "response=\"6629fae49393a05397450978507c4ef1\", "
		  "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
		  "Mufasa", "Circle Of Life" },
		{ "RFC 2069 s2.4 as corrected, no qop",
		  "username=\"Mufasa\", realm=\"testrealm@host.com\", "
		  "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", "
		  "response=\"1949323746fe6a43ef61f9606e7febea\", "
		  "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
		  "Mufasa", "CircleOfLife" },
		{ "RFC 7616 s3.9.2 with SHA-256 and username*",
		  "username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, realm=\"api@example.org\", "
		  "uri=\"/doe.json\", algorithm=SHA-256, "
		  "nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\", nc=00000001, "
		  "cnonce=\"NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v\", qop=auth, "
		  "response=\"b6d5cb9c3000ea2385250005e294d7132b260b8fd08940d2377373493cee8cc4\", "
		  "userhash=false",
		  "J\xc3\xa4s\xc3\xb8n Doe", "Secret, or not?" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct auth_digest d;
		struct err err = { ERR_NONE, "" };
		unsigned char ha1[AUTH_HASH_BYTES], response[AUTH_HASH_BYTES];
		char hex[AUTH_HASH_HEX];

		if (auth_digest_parse(strv_of(rows[i].params), &d, &err) < 0)
			fail_msg("%s: %s", rows[i].why, err.text);
		assert_true(strv_eq(d.username, strv_of(rows[i].username)));
		assert_int_equal(auth_ha1(d.algorithm, d.username, d.realm,
					  strv_of(rows[i].password), ha1),
				 0);
		assert_int_equal(auth_digest_response(&d, STRV("GET"), ha1, response), 0);
		auth_hex_print(response, auth_hash_bytes(d.algorithm), hex);
		if (!strv_eq(strv_of(hex), d.response))
			fail_msg("%s: computed %s", rows[i].why, hex);
		/* Another method, another password: another response. */
		assert_int_equal(auth_digest_response(&d, STRV("PUT"), ha1, response), 0);
		auth_hex_print(response, auth_hash_bytes(d.algorithm), hex);
		assert_false(strv_eq(strv_of(hex), d.response));
		ha1[0] ^= 1;
		assert_int_equal(auth_digest_response(&d, STRV("GET"), ha1, response), 0);
		auth_hex_print(response, auth_hash_bytes(d.algorithm), hex);
		assert_false(strv_eq(strv_of(hex), d.response));
	}
}

static void test_userhash_vectors(void **state)
{
	static const struct {
		enum auth_algorithm algorithm;
		struct strv username, realm;
		const char *hex; /* by an independent implementation */
	} rows[] = {
		{ AUTH_SHA256, STRV("J\xc3\xa4s\xc3\xb8n Doe"), STRV("api@example.org"),
		  "5a1a8a47df5c298551b9b42ba9b05835174a5bd7d511ff7fe9191d8e946fc4e7" },
		{ AUTH_MD5, STRV("Mufasa"), STRV("http-auth@example.org"),
		  "4238f3a16167373febb9bc4d43db9cc4" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned char hash[AUTH_HASH_BYTES];
		char hex[AUTH_HASH_HEX];

		assert_int_equal(auth_userhash(rows[i].algorithm, rows[i].username, rows[i].realm,
					       hash),
				 0);
		auth_hex_print(hash, auth_hash_bytes(rows[i].algorithm), hex);
		assert_string_equal(hex, rows[i].hex);
	}
}

static void test_hash_and_mac_vectors(void **state)
{
	unsigned char hash[AUTH_HASH_BYTES], secret[AUTH_SECRET_BYTES], mac[AUTH_MAC_BYTES];
	char hex[AUTH_HASH_HEX];

	(void)state;
	assert_int_equal(auth_hash(AUTH_SHA256, STRV("abc"), hash), 0); /* FIPS 180-4 */
	auth_hex_print(hash, 32, hex);
	assert_string_equal(hex,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(auth_hash(AUTH_MD5, STRV("abc"), hash), 0); /* RFC 1321 A.5 */
	auth_hex_print(hash, 16, hex);
	assert_string_equal(hex, "900150983cd24fb0d6963f7d28e17f72");
	/* RFC 4231 test case 1; a shorter key is a key padded with zeros. */
	memset(secret, 0, sizeof(secret));
	memset(secret, 0x0b, 20);
	assert_int_equal(auth_mac(secret, STRV("Hi There"), mac), 0);
	auth_hex_print(mac, 32, hex);
	assert_string_equal(hex,
			    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	assert_int_equal(auth_equal("abc", "abc", 3), 1);
	assert_int_equal(auth_equal("abc", "abd", 3), 0);
	assert_int_equal(auth_random(secret, sizeof(secret)), 0);
	assert_int_equal(auth_random(mac, sizeof(mac)), 0);
	assert_int_equal(auth_equal(secret, mac, sizeof(mac)), 0);
}

/* ---- reading ---- */

#define REALM	 "realm=\"r\""
#define NONCE	 "nonce=\"n\""
#define MD5HEX	 "0123456789abcdefABCDEF0123456789"
#define RESPONSE "response=\"" MD5HEX "\""
#define QOP	 "qop=auth, nc=00000001, cnonce=\"c\""
#define REST	 REALM ", " NONCE ", " RESPONSE ", " QOP
#define BASE	 "username=\"u\", uri=\"/\", " REST

static void test_what_is_read(void **state)
{
	static const struct {
		const char *why, *params;
		const char *username, *uri; /* NULL: refused, with CODE */
		enum err_code code;
	} rows[] = {
		{ "all of them", BASE, "u", "/", 0 },
		{ "names in any case", "USERNAME=\"u\", URI=\"/\", " REST, "u", "/", 0 },
		{ "no blanks", "username=\"u\",uri=\"/\"," REST, "u", "/", 0 },
		{ "blanks around the equals sign", "username = \"u\" , uri\t=\t\"/\" , " REST, "u",
		  "/", 0 },
		{ "empty list elements", ", ,username=\"u\", , uri=\"/\",, " REST ", ,", "u", "/",
		  0 },
		{ "unknown parameters",
		  "username=\"u\", x=y, auth-param=\"a,\\\"b\", uri=\"/\", " REST, "u", "/", 0 },
		{ "unquoted", "username=u, uri=/a;b=c?d@e, " REST, "u", "/a;b=c?d@e", 0 },
		{ "quoting undone", "username=\"a\\\"b\\\\c\\d\", uri=\"/\", " REST, "a\"b\\cd",
		  "/", 0 },
		{ "UTF-8 name", "username=\"\xc3\xa4\", uri=\"/\", " REST, "\xc3\xa4", "/", 0 },
		{ "extended name", "username*=utf-8'en'a%20b%22, uri=\"/\", " REST, "a b\"", "/",
		  0 },
		{ "raw quotes in the uri",
		  "username=\"u\", uri=\"/l[@name=\"a\"]/e[@uri=\"b\"]\", " REST, "u",
		  "/l[@name=\"a\"]/e[@uri=\"b\"]", 0 },
		{ "raw quotes at its end", "username=\"u\", " REST ", uri=\"/~~/e[@uri=\"b\"]\"",
		  "u", "/~~/e[@uri=\"b\"]", 0 },
		{ "a quote as its last octet", "username=\"u\", uri=\"/a\"\", " REST, "u", "/a\"",
		  0 },
		{ "backslash in the uri stays", "username=\"u\", uri=\"/a\\b\", " REST, "u",
		  "/a\\b", 0 },
		{ "uri with commas", "username=\"u\", uri=\"/a,b, c\", " REST, "u", "/a,b, c", 0 },
		{ "raw UTF-8 in the uri", "username=\"u\", uri=\"/\xc3\xa4\", " REST, "u",
		  "/\xc3\xa4", 0 },
		{ "userhash", "userhash=true, username=\"" MD5HEX "\", uri=\"/\", " REST, MD5HEX,
		  "/", 0 },
		{ "userhash quoted and off", "userhash=\"false\", username=\"u\", uri=\"/\", " REST,
		  "u", "/", 0 },
		{ "algorithm quoted", BASE ", algorithm=\"md5\"", "u", "/", 0 },
		{ "other algorithms",
		  "username=\"u\", uri=\"/\", " REALM ", " NONCE ", response=\"" MD5HEX MD5HEX
		  "\", " QOP ", algorithm=SHA-512-256",
		  "u", "/", 0 },
		{ "no qop", "username=\"u\", uri=\"/\", " REALM ", " NONCE ", " RESPONSE, "u", "/",
		  0 },
		{ "cnonce without qop",
		  "username=\"u\", uri=\"/\", " REALM ", " NONCE ", " RESPONSE ", cnonce=\"\"", "u",
		  "/", 0 },
		{ "no challenge seen yet",
		  "username=\"u@r\", uri=\"sip:r\", " REALM ", nonce=\"\", response=\"\"", "u@r",
		  "sip:r", 0 },

		{ "nothing", "", NULL, NULL, ERR_SYNTAX },
		{ "commas", ", , ,", NULL, NULL, ERR_SYNTAX },
		{ "a word", "hello", NULL, NULL, ERR_SYNTAX },
		{ "base64", "dTpw", NULL, NULL, ERR_SYNTAX },
		{ "username twice", BASE ", username=\"v\"", NULL, NULL, ERR_SYNTAX },
		{ "username in two cases", BASE ", UserName=\"v\"", NULL, NULL, ERR_SYNTAX },
		{ "uri twice", BASE ", uri=\"/\"", NULL, NULL, ERR_SYNTAX },
		{ "realm twice", BASE ", " REALM, NULL, NULL, ERR_SYNTAX },
		{ "nonce twice", BASE ", " NONCE, NULL, NULL, ERR_SYNTAX },
		{ "response twice", BASE ", " RESPONSE, NULL, NULL, ERR_SYNTAX },
		{ "nc twice", BASE ", nc=00000002", NULL, NULL, ERR_SYNTAX },
		{ "qop twice", BASE ", qop=auth", NULL, NULL, ERR_SYNTAX },
		{ "cnonce twice", BASE ", cnonce=\"c\"", NULL, NULL, ERR_SYNTAX },
		{ "algorithm twice", BASE ", algorithm=MD5, algorithm=MD5", NULL, NULL,
		  ERR_SYNTAX },
		{ "opaque twice", BASE ", opaque=\"\", opaque=\"\"", NULL, NULL, ERR_SYNTAX },
		{ "both names", BASE ", username*=UTF-8''v", NULL, NULL, ERR_SYNTAX },
		{ "no name", "uri=\"/\", " REST, NULL, NULL, ERR_SYNTAX },
		{ "empty name", "username=\"\", uri=\"/\", " REST, NULL, NULL, ERR_SYNTAX },
		{ "extended name of another charset", "username*=ISO-8859-1''a, uri=\"/\", " REST,
		  NULL, NULL, ERR_SYNTAX },
		{ "extended name without quotes", "username*=UTF-8, uri=\"/\", " REST, NULL, NULL,
		  ERR_SYNTAX },
		{ "extended name, broken escape", "username*=UTF-8''a%2, uri=\"/\", " REST, NULL,
		  NULL, ERR_SYNTAX },
		{ "extended name with NUL", "username*=UTF-8''a%00b, uri=\"/\", " REST, NULL, NULL,
		  ERR_SYNTAX },
		{ "extended name, hashed", "userhash=true, username*=UTF-8''a, uri=\"/\", " REST,
		  NULL, NULL, ERR_SYNTAX },
		{ "Latin-1 name", "username=\"\xe4\", uri=\"/\", " REST, NULL, NULL, ERR_SYNTAX },
		{ "hashed name too short", "userhash=true, username=\"0123\", uri=\"/\", " REST,
		  NULL, NULL, ERR_SYNTAX },
		{ "hashed name not hexadecimal",
		  "userhash=true, username=\"x123456789abcdef0123456789abcdef\", uri=\"/\", " REST,
		  NULL, NULL, ERR_SYNTAX },
		{ "userhash maybe", BASE ", userhash=maybe", NULL, NULL, ERR_SYNTAX },
		{ "auth-int",
		  "username=\"u\", uri=\"/\", " REALM ", " NONCE ", " RESPONSE
		  ", qop=auth-int, nc=00000001, cnonce=\"c\"",
		  NULL, NULL, ERR_SYNTAX },
		{ "several qop",
		  "username=\"u\", uri=\"/\", " REALM ", " NONCE ", " RESPONSE
		  ", qop=\"auth,auth-int\", nc=00000001, cnonce=\"c\"",
		  NULL, NULL, ERR_SYNTAX },
		{ "empty qop",
		  "username=\"u\", uri=\"/\", " REALM ", " NONCE ", " RESPONSE
		  ", qop=\"\", nc=00000001, cnonce=\"c\"",
		  NULL, NULL, ERR_SYNTAX },
		{ "qop without nc",
		  "username=\"u\", uri=\"/\", " REALM ", " NONCE ", " RESPONSE
		  ", qop=auth, cnonce=\"c\"",
		  NULL, NULL, ERR_SYNTAX },
		{ "qop without cnonce",
		  "username=\"u\", uri=\"/\", " REALM ", " NONCE ", " RESPONSE
		  ", qop=auth, nc=00000001",
		  NULL, NULL, ERR_SYNTAX },
		{ "empty cnonce",
		  "username=\"u\", uri=\"/\", " REALM ", " NONCE ", " RESPONSE
		  ", qop=auth, nc=00000001, cnonce=\"\"",
		  NULL, NULL, ERR_SYNTAX },
		{ "nc of 0",
		  "username=\"u\", uri=\"/\", " REALM ", " NONCE ", " RESPONSE
		  ", qop=auth, nc=00000000, cnonce=\"c\"",
		  NULL, NULL, ERR_SYNTAX },
		{ "nc not hexadecimal",
		  "username=\"u\", uri=\"/\", " REALM ", " NONCE ", " RESPONSE
		  ", qop=auth, nc=0000000g, cnonce=\"c\"",
		  NULL, NULL, ERR_SYNTAX },
		{ "nc of nine digits",
		  "username=\"u\", uri=\"/\", " REALM ", " NONCE ", " RESPONSE
		  ", qop=auth, nc=000000001, cnonce=\"c\"",
		  NULL, NULL, ERR_RANGE },
		{ "response too short",
		  "username=\"u\", uri=\"/\", " REALM ", " NONCE ", response=\"0123\", " QOP, NULL,
		  NULL, ERR_SYNTAX },
		{ "response of another algorithm", BASE ", algorithm=SHA-256", NULL, NULL,
		  ERR_SYNTAX },
		{ "response of an odd length",
		  "username=\"u\", uri=\"/\", " REALM ", " NONCE
		  ", response=\"123\", algorithm=x, " QOP,
		  NULL, NULL, ERR_SYNTAX },
		{ "response empty to a nonce",
		  "username=\"u\", uri=\"/\", " REALM ", " NONCE ", response=\"\"", NULL, NULL,
		  ERR_SYNTAX },
		{ "response to no nonce",
		  "username=\"u\", uri=\"/\", " REALM ", nonce=\"\", " RESPONSE, NULL, NULL,
		  ERR_SYNTAX },
		{ "no uri", "username=\"u\", " REST, NULL, NULL, ERR_SYNTAX },
		{ "empty uri", "username=\"u\", uri=\"\", " REST, NULL, NULL, ERR_SYNTAX },
		{ "empty algorithm", BASE ", algorithm=\"\"", NULL, NULL, ERR_SYNTAX },
		{ "no value", BASE ", opaque=", NULL, NULL, ERR_SYNTAX },
		{ "no comma", "username=\"u\" uri=\"/\", " REST, NULL, NULL, ERR_SYNTAX },
		{ "semicolons", "username=\"u\"; uri=\"/\"; " REST, NULL, NULL, ERR_SYNTAX },
		{ "one quote", BASE ", opaque=\"", NULL, NULL, ERR_SYNTAX },
		{ "quote not closed", BASE ", opaque=\"abc", NULL, NULL, ERR_SYNTAX },
		{ "backslash at the end", BASE ", opaque=\"abc\\", NULL, NULL, ERR_SYNTAX },
		{ "backslash before the last quote", BASE ", opaque=\"abc\\\"", NULL, NULL,
		  ERR_SYNTAX },
		{ "text behind the quote", BASE ", opaque=\"a\"b", NULL, NULL, ERR_SYNTAX },
		{ "quote inside a token", BASE ", opaque=a\"b\"", NULL, NULL, ERR_SYNTAX },
		{ "backslash in the nonce",
		  "username=\"u\", uri=\"/\", " REALM ", nonce=\"\\n\", " RESPONSE ", " QOP, NULL,
		  NULL, ERR_SYNTAX },
		{ "nameless", BASE ", =x", NULL, NULL, ERR_SYNTAX },
		{ "blank in a name", BASE ", op aque=x", NULL, NULL, ERR_SYNTAX },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct auth_digest d;
		struct err err = { ERR_NONE, "" };
		int ret = auth_digest_parse(strv_of(rows[i].params), &d, &err);

		if (!rows[i].username) {
			if (ret != -1 || err.code != rows[i].code)
				fail_msg("%s: %d, %s", rows[i].why, ret, err.text);
			assert_true(strncmp(err.text, "credentials ", 12) == 0);
			continue;
		}
		if (ret != 0)
			fail_msg("%s: %s", rows[i].why, err.text);
		if (!strv_eq(d.username, strv_of(rows[i].username)) ||
		    !strv_eq(d.uri, strv_of(rows[i].uri)))
			fail_msg("%s: name %.*s, uri %.*s", rows[i].why, STRV_ARG(d.username),
				 STRV_ARG(d.uri));
	}
}

static void test_fields(void **state)
{
	struct auth_digest d;

	(void)state;
	assert_int_equal(
		auth_digest_parse(
			STRV("username=u, uri=/, realm=\"a\\\"b\", nonce=N, response=" MD5HEX
			     ", qop=AUTH, nc=fFfFfFfF, cnonce=\"x\\\\y\", algorithm=MD5"),
			&d, NULL),
		0);
	assert_true(strv_eq(d.realm, STRV("a\"b")));
	assert_true(strv_eq(d.cnonce, STRV("x\\y")));
	assert_true(strv_eq(d.nonce, STRV("N")));
	assert_true(strv_eq(d.qop, STRV("AUTH")));
	assert_true(strv_eq(d.nc_text, STRV("fFfFfFfF")));
	assert_int_equal(d.nc, UINT32_MAX);
	assert_int_equal(d.algorithm, AUTH_MD5);
	assert_int_equal(auth_digest_parse(STRV(BASE ", algorithm=md5-sess"), &d, NULL), 0);
	assert_int_equal(d.algorithm, AUTH_ALGORITHMS);
	assert_int_equal(d.nc, 1);
	assert_int_equal(
		auth_digest_parse(STRV("username=u, uri=/, realm=r, nonce=n, response=" MD5HEX
				       ", nc=5, cnonce=c"),
				  &d, NULL),
		0);
	assert_int_equal(d.qop.n, 0);
	assert_int_equal(d.nc, 0);
	assert_int_equal(d.cnonce.n, 0);
}

/* ---- one anomaly at a time ---- */

static const char whole[] =
	"username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", "
	"algorithm=SHA-256, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "
	"nc=00000001, cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", "
	"qop=auth, userhash=false, "
	"response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\"";

/* Parse a copy of exactly N octets, so that a sanitizer sees a read behind its end. */
static int parse_copy(const char *text, size_t n, struct auth_digest *d)
{
	char *copy = malloc(n ? n : 1);
	struct err err = { ERR_NONE, "" };
	int ret;

	assert_non_null(copy);
	memcpy(copy, text, n);
	ret = auth_digest_parse((struct strv){ copy, n }, d, &err);
	if (ret < 0)
		assert_int_not_equal(err.code, ERR_NONE);
	free(copy);
	return ret;
}

static void test_anomalies_cut_and_control(void **state)
{
	static const char controls[] = { '\0', '\x01', '\n', '\r', '\x0b', '\x1b', '\x7f' };
	char text[sizeof(whole) + 1];
	struct auth_digest d;
	unsigned tried = 0;

	(void)state;
	assert_int_equal(parse_copy(whole, sizeof(whole) - 1, &d), 0);
	for (size_t n = 0; n < sizeof(whole) - 1; n++, tried++)
		if (parse_copy(whole, n, &d) == 0)
			fail_msg("cut after %zu octets was taken", n);
	for (size_t at = 0; at < sizeof(whole); at++)
		for (size_t c = 0; c < sizeof(controls); c++, tried++) {
			memcpy(text, whole, at);
			text[at] = controls[c];
			memcpy(text + at + 1, whole + at, sizeof(whole) - 1 - at);
			if (parse_copy(text, sizeof(whole), &d) == 0)
				fail_msg("control octet %d at %zu was taken", controls[c], at);
		}
	assert_true(tried >= 1000);
}

/* Whatever one octet becomes: refused, or the fields are still in bounds and a changed response,
 * nonce, name or uri shows. */
static void test_anomalies_of_one_octet(void **state)
{
	char text[sizeof(whole)];
	struct auth_digest d;
	unsigned refused = 0, taken = 0;

	(void)state;
	for (size_t at = 0; at < sizeof(whole) - 1; at++)
		for (unsigned c = 0; c < 256; c++) {
			struct err err;

			memcpy(text, whole, sizeof(whole));
			text[at] = (char)c;
			if (auth_digest_parse((struct strv){ text, sizeof(whole) - 1 }, &d, &err) <
			    0) {
				refused++;
				continue;
			}
			taken++;
			assert_in_range(d.username.n, 1, AUTH_USERNAME_MAX);
			assert_in_range(d.uri.n, 1, AUTH_URI_MAX);
			assert_in_range(d.nonce.n, 1, AUTH_NONCE_MAX);
			assert_true(d.response.n == 64 || d.algorithm != AUTH_SHA256);
			assert_true(!d.qop.n || (d.nc && d.cnonce.n));
		}
	assert_true(refused > 1000);
	assert_true(taken > 1000);
}

static void test_anomalies_of_length(void **state)
{
	static const struct {
		const char *name;
		size_t max;
		const char *rest;
	} rows[] = {
		{ "username", AUTH_USERNAME_MAX, "uri=\"/\", " REST },
		{ "uri", AUTH_URI_MAX, "username=\"u\", " REST },
		{ "realm", AUTH_REALM_MAX,
		  "username=\"u\", uri=\"/\", " NONCE ", " RESPONSE ", " QOP },
		{ "nonce", AUTH_NONCE_MAX,
		  "username=\"u\", uri=\"/\", " REALM ", " RESPONSE ", " QOP },
		{ "cnonce", AUTH_CNONCE_MAX,
		  "username=\"u\", uri=\"/\", " REALM ", " NONCE ", " RESPONSE ", qop=auth, nc=1" },
		{ "opaque", 256, BASE },
	};
	static char text[AUTH_URI_MAX + 1024];
	struct auth_digest d;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (int over = 0; over < 2; over++) {
			size_t n = rows[i].max + (size_t)over;
			struct err err = { ERR_NONE, "" };
			int at = snprintf(text, sizeof(text), "%s=\"", rows[i].name);
			int ret;

			memset(text + at, 'x', n);
			snprintf(text + at + n, sizeof(text) - (size_t)at - n, "\", %s",
				 rows[i].rest);
			ret = auth_digest_parse(strv_of(text), &d, &err);
			if (ret != -over || (over && err.code != ERR_RANGE))
				fail_msg("%s of %zu octets: %d %s", rows[i].name, n, ret, err.text);
		}
}

static void test_anomalies_of_number(void **state)
{
	char text[4096];
	struct auth_digest d;
	struct err err;

	(void)state;
	for (unsigned extra = 0; extra < 60; extra++) {
		size_t n = (size_t)snprintf(text, sizeof(text), "%s", BASE);
		int ret;

		for (unsigned i = 0; i < extra; i++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, ", p%u=%u", i, i);
		ret = auth_digest_parse(strv_of(text), &d, &err);
		assert_int_equal(ret, extra + 8 <= AUTH_PARAMS_MAX ? 0 : -1);
		if (ret < 0)
			assert_int_equal(err.code, ERR_RANGE);
	}
}

/* All values at their limits at once, each octet quoted: what is unquoted fits its memory. */
static void test_all_values_at_their_limits(void **state)
{
	static const struct {
		const char *name;
		size_t max;
	} rows[] = { { "username", AUTH_USERNAME_MAX },
		     { "realm", AUTH_REALM_MAX },
		     { "cnonce", AUTH_CNONCE_MAX } };
	static char text[8192];
	struct auth_digest d;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		n += (size_t)sprintf(text + n, "%s=\"", rows[i].name);
		text[n++] = '\\';
		for (size_t k = 1; k < rows[i].max; k++)
			text[n++] = (char)('a' + k % 26);
		n += (size_t)sprintf(text + n, "\", ");
	}
	sprintf(text + n, "uri=\"/\", " NONCE ", " RESPONSE ", qop=auth, nc=1");
	assert_int_equal(auth_digest_parse(strv_of(text), &d, NULL), 0);
	assert_int_equal(d.username.n, AUTH_USERNAME_MAX - 1);
	assert_int_equal(d.realm.n, AUTH_REALM_MAX - 1);
	assert_int_equal(d.cnonce.n, AUTH_CNONCE_MAX - 1);
}

static void test_limits_of_hashing(void **state)
{
	static char big[AUTH_URI_MAX + 10];
	unsigned char out[AUTH_HASH_BYTES];
	struct auth_digest d;

	(void)state;
	memset(big, 'm', sizeof(big));
	assert_int_equal(auth_digest_parse(STRV(BASE), &d, NULL), 0);
	assert_int_equal(auth_digest_response(&d, strv_mem(big, AUTH_METHOD_MAX),
					      (unsigned char *)big, out),
			 0);
	assert_int_equal(auth_digest_response(&d, strv_mem(big, AUTH_METHOD_MAX + 1),
					      (unsigned char *)big, out),
			 -1);
	d.uri = strv_mem(big, AUTH_URI_MAX);
	assert_int_equal(auth_digest_response(&d, strv_mem(big, AUTH_METHOD_MAX),
					      (unsigned char *)big, out),
			 0);
	d.uri = strv_mem(big, AUTH_URI_MAX + 1);
	assert_int_equal(auth_digest_response(&d, strv_mem(big, AUTH_METHOD_MAX),
					      (unsigned char *)big, out),
			 -1);
	assert_int_equal(auth_ha1(AUTH_SHA256, strv_mem(big, 255), strv_mem(big, 255),
				  strv_mem(big, 255), out),
			 0);
	assert_int_equal(auth_ha1(AUTH_SHA256, strv_mem(big, 255), strv_mem(big, 255),
				  strv_mem(big, 256), out),
			 -1);
	assert_int_equal(auth_userhash(AUTH_MD5, strv_mem(big, 255), strv_mem(big, 255), out), 0);
	assert_int_equal(auth_userhash(AUTH_MD5, strv_mem(big, 256), strv_mem(big, 255), out), -1);
}

/* ---- schemes and Basic ---- */

static void test_schemes(void **state)
{
	static const struct {
		const char *value;
		enum auth_scheme scheme;
		const char *rest;
	} rows[] = {
		{ "Digest a=b", AUTH_SCHEME_DIGEST, "a=b" },
		{ " dIGEST \t a=b ", AUTH_SCHEME_DIGEST, "a=b" },
		{ "Digest", AUTH_SCHEME_DIGEST, "" },
		{ "Basic dTpw", AUTH_SCHEME_BASIC, "dTpw" },
		{ "Bearer x", AUTH_SCHEME_OTHER, "x" },
		{ "Digestx a=b", AUTH_SCHEME_OTHER, "a=b" },
		{ "Digest,a=b", AUTH_SCHEME_OTHER, ",a=b" },
		{ "", AUTH_SCHEME_NONE, "" },
		{ "  ", AUTH_SCHEME_NONE, "" },
		{ "\"Digest\"", AUTH_SCHEME_NONE, "\"Digest\"" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct strv rest;

		assert_int_equal(auth_scheme_parse(strv_of(rows[i].value), &rest), rows[i].scheme);
		assert_true(strv_eq(rest, strv_of(rows[i].rest)));
	}
}

static void test_basic(void **state)
{
	static const struct {
		const char *why, *token, *username, *password; /* NULL: refused */
	} rows[] = {
		{ "RFC 7617 s2", "QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame" },
		{ "RFC 7617 s2.1, UTF-8", "dGVzdDoxMjPCow==", "test", "123\xc2\xa3" },
		{ "no padding", "QWxhZGRpbjpvcGVuIHNlc2FtZQ", "Aladdin", "open sesame" },
		{ "colons in the password", "YTpiOmM6", "a", "b:c:" },
		{ "empty password", "YTo=", "a", "" },
		{ "empty name", "OmI=", NULL, NULL },
		{ "empty", "", NULL, NULL },
		{ "no colon", "YWI=", NULL, NULL },
		{ "not base64", "Y*I=", NULL, NULL },
		{ "one octet too many", "YTpiY", NULL, NULL },
		{ "padding too long", "YTpi=", NULL, NULL },
		{ "three pads", "YTo===", NULL, NULL },
		{ "pad inside", "YT=pi", NULL, NULL },
		{ "two tokens", "YTpi YTpi", NULL, NULL },
		{ "base64url", "YTo_Pz8_", NULL, NULL },
		{ "NUL", "YTpiAGM=", NULL, NULL },
		{ "LF in the name", "YQo6Yg==", NULL, NULL },
		{ "Latin-1", "YTrk", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct auth_basic b;
		struct err err = { ERR_NONE, "" };
		int ret = auth_basic_parse(strv_of(rows[i].token), &b, &err);

		if ((ret == 0) != (rows[i].username != NULL))
			fail_msg("%s: %d", rows[i].why, ret);
		if (ret < 0) {
			assert_int_equal(err.code, ERR_SYNTAX);
			continue;
		}
		assert_true(strv_eq(b.username, strv_of(rows[i].username)));
		assert_true(strv_eq(b.password, strv_of(rows[i].password)));
	}
}

static void test_basic_bounds(void **state)
{
	char token[2048];

	(void)state;
	for (size_t n = 0; n < sizeof(token); n++) {
		struct auth_basic b;

		/* "aaaa..." decodes to octets without a colon: refused at any length. */
		memset(token, 'Y', n);
		assert_int_equal(auth_basic_parse((struct strv){ token, n }, &b, NULL), -1);
	}
}

/* ---- challenges ---- */

static void test_challenges(void **state)
{
	char out[AUTH_CHALLENGE_BYTES], realm[AUTH_CHALLENGE_BYTES];
	struct auth_offer offer = { STRV("example.com"), STRV("abc"), 0, 0, 0 };
	size_t n;

	(void)state;
	assert_int_not_equal(auth_digest_challenge(&offer, AUTH_SHA256, out), 0);
	assert_string_equal(
		out,
		"Digest realm=\"example.com\", qop=\"auth\", algorithm=SHA-256, nonce=\"abc\"");
	offer.stale = offer.userhash = offer.charset = 1;
	n = auth_digest_challenge(&offer, AUTH_MD5, out);
	assert_int_equal(n, strlen(out));
	assert_string_equal(out, "Digest realm=\"example.com\", qop=\"auth\", algorithm=MD5, "
				 "nonce=\"abc\", stale=true, charset=UTF-8, userhash=true");
	n = auth_basic_challenge(STRV("example.com"), out);
	assert_int_equal(n, strlen(out));
	assert_string_equal(out, "Basic realm=\"example.com\", charset=\"UTF-8\"");
	/* The longest realm fits; what does not is not cut. */
	memset(realm, 'r', sizeof(realm));
	offer.realm = strv_mem(realm, AUTH_REALM_MAX);
	assert_int_not_equal(auth_digest_challenge(&offer, AUTH_SHA256, out), 0);
	offer.realm = strv_mem(realm, sizeof(realm));
	assert_int_equal(auth_digest_challenge(&offer, AUTH_SHA256, out), 0);
	assert_int_equal(auth_basic_challenge(offer.realm, out), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_userhash_vectors),
		cmocka_unit_test(test_hash_and_mac_vectors),
		cmocka_unit_test(test_what_is_read),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_anomalies_cut_and_control),
		cmocka_unit_test(test_anomalies_of_one_octet),
		cmocka_unit_test(test_anomalies_of_length),
		cmocka_unit_test(test_anomalies_of_number),
		cmocka_unit_test(test_all_values_at_their_limits),
		cmocka_unit_test(test_limits_of_hashing),
		cmocka_unit_test(test_schemes),
		cmocka_unit_test(test_basic),
		cmocka_unit_test(test_basic_bounds),
		cmocka_unit_test(test_challenges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
