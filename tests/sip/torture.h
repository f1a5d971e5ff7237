/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/torture.h - collections of raw messages with their verdicts, where they are at hand
 *
 * The messages of RFC 4475 and RFC 5118 and probes of our own lie beside the project, not in it:
 * $OPENCPM_TORTURE, else ../shared/torture next to the sources. Without them the tests are skipped.
 */
#ifndef TESTS_SIP_TORTURE_H
#define TESTS_SIP_TORTURE_H

#include <stddef.h>

#include "base/strv.h"

struct torture {
	char name[64];	   /* of the file */
	char verdict[64];  /* of the index: accept, reject, either, drop; of a probe: its text */
	char transport[8]; /* udp, tcp, tls; empty for probes */
	struct strv bytes; /* heap */
};

/* Every row of FOLDER's INDEX.tsv ("rfc4475"). Returns how many, 0: the folder is not there. The
 * process ends when it is there and cannot be read. */
size_t torture_load(const char *folder, struct torture **rows_out);
void torture_free(struct torture *rows, size_t n);

#endif
