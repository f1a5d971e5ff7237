/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_sip_frame.c - the stream framer: what comes out does not depend on the cuts
 *
 * The first two octets say where the rest is cut, again and again; the same stream whole must give
 * the same messages, pings and faults.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sip/frame_log.h"

enum { CUTS_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t cuts[CUTS_MAX], at = 0;
	unsigned n = 0;
	struct strv stream;
	char *whole, *cut;

	if (size < 2)
		return 0;
	stream = strv_mem(data + 2, size - 2);
	while (n < CUTS_MAX) {
		at += 1 + data[n % 2];
		if (at >= stream.n)
			break;
		cuts[n++] = at;
	}
	whole = frame_log(stream, NULL, 0);
	cut = frame_log(stream, cuts, n);
	if (strcmp(whole, cut) != 0) {
		fprintf(stderr, "whole \"%s\", cut \"%s\"\n", whole, cut);
		abort();
	}
	free(whole);
	free(cut);
	return 0;
}
