/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_sip_message.c - any octets as a SIP message
 *
 * tests/sip/walk.c: fence, parser, every reader, answers, edits, preferences, parts of multipart
 * and libosip2's model; what was read and written back is the same, what was edited is read again.
 */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

#include "sip/sip_msg.h"
#include "tests/sip/walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (sip_msg_init(NULL) < 0)
		abort();
	/* A stream's rules are a part of a datagram's. */
	if (walk_message(strv_mem(data, size), 1, 0) == WALK_PASSED &&
	    walk_message(strv_mem(data, size), 0, 1) != WALK_PASSED)
		abort();
	walk_message(strv_mem(data, size), 0, 1);
	return 0;
}
