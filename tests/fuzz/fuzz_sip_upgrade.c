/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_sip_upgrade.c - the request for a WebSocket, and UTF-8
 *
 * An upgrade is granted or refused with an answer that fits; more octets behind a whole request do
 * not change the verdict.
 */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sip/sip_upgrade.h"
#include "sip/sip_utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sip_upgrade upgrade, again;
	char text[512];
	size_t n;

	sip_utf8_is(strv_mem(data, size));
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
