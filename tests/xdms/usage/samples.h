/* SPDX-License-Identifier: Apache-2.0 */
/* tests/xdms/usage/samples.h - the smallest valid element of each name that our schemas declare */
#ifndef TESTS_XDMS_USAGE_SAMPLES_H
#define TESTS_XDMS_USAGE_SAMPLES_H

#include <stddef.h>

struct sample {
	const char *ns, *local;
	const char *attrs;   /* with one %u where a value has to be unique */
	const char *content; /* unprefixed names belong to NS */
};

extern const struct sample samples[]; /* ends with .local NULL */

/* NULL when there is none. */
const struct sample *sample_find(const char *ns, const char *local);

/* "<local xmlns='NS' ATTRS>CONTENT</local>" with CONTENT NULL the sample's own. For the caller to
 * free. */
char *sample_print(const struct sample *sample, unsigned serial, const char *content);

/* Marsaglia's xorshift64: the same numbers everywhere. */
unsigned sample_random(unsigned below);

#endif
