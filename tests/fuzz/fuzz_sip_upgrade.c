/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_sip_upgrade.c - the request for a WebSocket, UTF-8, STUN
 *
 * An upgrade is granted or refused with an answer that fits; more octets behind a whole request do
 * not change the verdict.
 */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sip/sip_stun.h"
#include "sip/sip_upgrade.h"
#include "sip/sip_utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sip_upgrade upgrade, again;
	struct sip_addr source;
	unsigned char answer[SIP_STUN_ANSWER_MAX];
	char text[512];
	size_t n;

	sip_utf8_is(strv_mem(data, size));
	/* To an IPv4 address: twice the request at most, since its source is not proven. */
	assert(sip_addr_parse(STRV("192.0.2.1"), 5060, &source) == 0);
	assert(sip_stun_answer(strv_mem(data, size), &source, answer) <= 2 * size);
	sip_upgrade_read(strv_mem(data, size), &upgrade);
	assert(upgrade.used <= size);
	if (!upgrade.used)
		return 0;
	n = sip_upgrade_answer(&upgrade, text, sizeof(text));
	assert(n > 0 && n < sizeof(text) && strncmp(text, "HTTP/1.1 ", 9) == 0);
	sip_upgrade_read(strv_mem(data, upgrade.used), &again);
	assert(again.used == upgrade.used && again.status == upgrade.status);
	return 0;
}
