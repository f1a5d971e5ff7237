/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sip/test_upgrade.c - which requests become WebSockets; what is UTF-8 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

#include "sip/sip_upgrade.h"
#include "sip/sip_utf8.h"

#define LINE  "GET / HTTP/1.1\r\n"
#define HOST  "Host: a.example\r\n"
#define UP    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define PROTO "Sec-WebSocket-Protocol: sip\r\n"
#define VERS  "Sec-WebSocket-Version: 13\r\n"
#define END   "\r\n"

static const struct {
	const char *why, *request;
	unsigned status; /* 0: not whole */
} rows[] = {
	{ "as the RFC shows it", LINE HOST UP KEY PROTO VERS END, 101 },
	{ "a path and a query", "GET /sip?a=b HTTP/1.1\r\n" HOST UP KEY PROTO VERS END, 101 },
	{ "any case, lists",
	  LINE "HOST: a\r\nupgrade: WebSocket\r\nConnection: keep-alive, UPGRADE\r\n" KEY
	       "sec-websocket-protocol: msrp, sip\r\n" VERS END,
	  101 },
	{ "the end is missing", LINE HOST UP KEY PROTO VERS, 0 },
	{ "nothing", "", 0 },
	{ "another method", "POST / HTTP/1.1\r\n" HOST UP KEY PROTO VERS END, 405 },
	{ "HTTP/1.0", "GET / HTTP/1.0\r\n" HOST UP KEY PROTO VERS END, 505 },
	{ "no HTTP", "MESSAGE sip:b SIP/2.0\r\n" HOST END, 400 },
	{ "no target", "GET  HTTP/1.1\r\n" HOST UP KEY PROTO VERS END, 400 },
	{ "no Host", LINE UP KEY PROTO VERS END, 400 },
	{ "two Hosts", LINE HOST HOST UP KEY PROTO VERS END, 400 },
	{ "no upgrade", LINE HOST KEY PROTO VERS END, 426 },
	{ "another upgrade", LINE HOST "Upgrade: h2c\r\nConnection: Upgrade\r\n" KEY PROTO VERS END,
	  426 },
	{ "no key", LINE HOST UP PROTO VERS END, 400 },
	{ "two keys", LINE HOST UP KEY KEY PROTO VERS END, 400 },
	{ "a short key", LINE HOST UP "Sec-WebSocket-Key: dGhl\r\n" PROTO VERS END, 400 },
	{ "a key that is not base64",
	  LINE HOST UP "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub2 jZQ==\r\n" PROTO VERS END, 400 },
	{ "an old version", LINE HOST UP KEY PROTO "Sec-WebSocket-Version: 8\r\n" END, 426 },
	{ "no version", LINE HOST UP KEY PROTO END, 426 },
	{ "no subprotocol", LINE HOST UP KEY VERS END, 400 },
	{ "another subprotocol", LINE HOST UP KEY "Sec-WebSocket-Protocol: xmpp\r\n" VERS END,
	  400 },
	{ "a body", LINE HOST UP KEY PROTO VERS "Content-Length: 3\r\n" END "abc", 400 },
	{ "a chunked body", LINE HOST UP KEY PROTO VERS "Transfer-Encoding: chunked\r\n" END, 400 },
	{ "a blank in a name", LINE HOST UP KEY PROTO VERS "X : a\r\n" END, 400 },
	{ "a fold", LINE HOST UP KEY PROTO VERS "X: a\r\n b\r\n" END, 400 },
	{ "a bare LF", LINE HOST UP KEY PROTO VERS "X: a\nY: b\r\n" END, 400 },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sip_upgrade upgrade;
		char text[512];

		sip_upgrade_read(strv_of(rows[i].request), &upgrade);
		if (upgrade.status != rows[i].status)
			fail_msg("%s: %u (%s), not %u", rows[i].why, upgrade.status,
				 upgrade.why ? upgrade.why : "", rows[i].status);
		if (!upgrade.used)
			continue;
		assert_true(sip_upgrade_answer(&upgrade, text, sizeof(text)) > 0);
		/* RFC 6455 s1.3 has this key and its answer. */
		if (upgrade.status == 101)
			assert_non_null(
				strstr(text,
				       "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	}
}

static void test_too_large(void **state)
{
	struct sip_upgrade upgrade;
	char *text = malloc(SIP_UPGRADE_MAX);

	(void)state;
	memset(text, 'a', SIP_UPGRADE_MAX);
	sip_upgrade_read(strv_mem(text, SIP_UPGRADE_MAX - 1), &upgrade);
	assert_int_equal(upgrade.used, 0);
	sip_upgrade_read(strv_mem(text, SIP_UPGRADE_MAX), &upgrade);
	assert_int_equal(upgrade.status, 431);
	free(text);
}

static const struct {
	const char *why;
	struct strv bytes;
	int is;
} texts[] = {
	{ "nothing", STRV(""), 1 },
	{ "ASCII with NUL", STRV("abcdefgh\0ijk"), 1 },
	{ "two, three, four octets", STRV("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), 1 },
	{ "behind eight of ASCII", STRV("abcdefgh\xc3\xa4"), 1 },
	{ "the last code point", STRV("\xf4\x8f\xbf\xbf"), 1 },
	{ "beyond it", STRV("\xf4\x90\x80\x80"), 0 },
	{ "overlong", STRV("\xc0\xaf"), 0 },
	{ "overlong of three", STRV("\xe0\x80\xaf"), 0 },
	{ "overlong of four", STRV("\xf0\x80\x80\xaf"), 0 },
	{ "a surrogate", STRV("\xed\xa0\x80"), 0 },
	{ "cut short", STRV("abcdefg\xe2\x82"), 0 },
	{ "a continuation alone", STRV("\x80"), 0 },
	{ "Latin 1", STRV("\xe4 and more of it"), 0 },
};

static void test_utf8(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (sip_utf8_is(texts[i].bytes) != texts[i].is)
			fail_msg("%s: not %d", texts[i].why, texts[i].is);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
