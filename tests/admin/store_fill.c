/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/admin/store_fill.c - puts records into a store that is not open, for the flow tests
 *
 *     store_fill DIR [OWNER RECORDS OCTETS]...
 *
 * Names are r0, r1, ...; octet i of record r's value is 31 * r + i, cut to eight bits.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "kv/kv.h"

static int fill(struct kv *kv, struct strv owner, unsigned long records, size_t octets)
{
	char *value = malloc(octets + 1), name[32];

	for (unsigned long r = 0; value && r < records; r++) {
		struct kv_batch *batch = kv_batch_new(owner);

		for (size_t i = 0; i < octets; i++)
			value[i] = (char)(31 * r + i);
		snprintf(name, sizeof(name), "r%lu", r);
		if (!batch || kv_batch_put(batch, strv_of(name), strv_mem(value, octets)) < 0 ||
		    kv_commit_sync(kv, batch).status != KV_DONE)
			return -1;
	}
	free(value);
	return value ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct kv_options options;
	struct err err = { 0 };
	struct kv *kv;

	log_set_levels(LOG_ERROR);
	if (argc < 2 || argc % 3 != 2) {
		fprintf(stderr, "usage: store_fill DIR [OWNER RECORDS OCTETS]...\n");
		return 2;
	}
	kv_options_init(&options, argv[1]);
	if (kv_open(&options, NULL, &kv, &err) < 0) {
		fprintf(stderr, "store_fill: %s\n", err.text);
		return 1;
	}
	for (int i = 2; i + 2 < argc; i += 3)
		if (fill(kv, strv_of(argv[i]), strtoul(argv[i + 1], NULL, 10),
			 strtoul(argv[i + 2], NULL, 10)) < 0) {
			fprintf(stderr, "store_fill: cannot put a record\n");
			return 1;
		}
	kv_close(&kv);
	return 0;
}
