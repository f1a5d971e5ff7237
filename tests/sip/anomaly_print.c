/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/anomaly_print.c - hands the anomalous requests to a flow test
 *
 *     anomaly_print METHOD HOST PORT SENT-BY TRANSPORT
 *
 * For each message: its length as 4 octets, the most significant first, and its octets. The last
 * one is the valid request.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/sip/anomaly.h"

int main(int argc, char **argv)
{
	struct anomaly_ids ids;
	char *text = malloc(ANOMALY_MAX_BYTES);

	if (argc != 6 || !text) {
		fprintf(stderr, "usage: anomaly_print METHOD HOST PORT SENT-BY TRANSPORT\n");
		return 2;
	}
	ids = (struct anomaly_ids){ argv[2], (unsigned)atoi(argv[3]), argv[4], argv[5] };
	for (size_t n = 0; n <= anomaly_count(); n++) {
		size_t bytes = anomaly_make(argv[1], n, &ids, text);

		for (int shift = 24; shift >= 0; shift -= 8)
			putchar((int)(bytes >> shift & 255));
		fwrite(text, 1, bytes, stdout);
	}
	free(text);
	return ferror(stdout) ? 1 : 0;
}
