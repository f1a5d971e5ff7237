/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/frame_log.c - see frame_log.h
 *
 * What is not done with is kept in memory of exactly its size, as a connection keeps it, so that a
 * sanitizer sees one octet read too many. A message's octets are checked against the stream.
 */
#include "tests/sip/frame_log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct log {
	struct sip_frame frame;
	char *kept;
	size_t n_kept, at; /* AT: of the stream, where the kept part begins */
	struct strv stream;
	int is_bad;
	FILE *text;
	const char *sep;
};

static void note(struct log *log, enum sip_frame_result result, const struct sip_framed *framed)
{
	size_t at;

	fputs(log->sep, log->text);
	log->sep = " ";
	if (result == SIP_FRAME_PING) {
		fputs("P", log->text);
		return;
	}
	/* What is handed out is what stands in the stream, just before what comes next. */
	at = log->at + framed->used - framed->bytes.n;
	if (result == SIP_FRAME_MESSAGE)
		assert(framed->bytes.n &&
		       memcmp(log->stream.p + at, framed->bytes.p, framed->bytes.n) == 0);
	if (result == SIP_FRAME_MESSAGE)
		fprintf(log->text, "M%zu", framed->bytes.n);
	else
		fprintf(log->text, "B%u %zu", framed->status, framed->bytes.n);
}

static void feed(struct log *log, const char *p, size_t n)
{
	char *all = malloc(log->n_kept + n + !(log->n_kept + n));
	size_t used = 0, size = log->n_kept + n;

	assert(all);
	if (log->n_kept)
		memcpy(all, log->kept, log->n_kept);
	if (n)
		memcpy(all + log->n_kept, p, n);
	free(log->kept);
	log->kept = NULL;
	while (used < size && !log->is_bad) {
		struct sip_framed framed;
		enum sip_frame_result result =
			sip_frame_next(&log->frame, strv_mem(all + used, size - used), &framed);

		assert(framed.used <= size - used);
		if (result != SIP_FRAME_MORE)
			note(log, result, &framed);
		used += framed.used;
		log->at += framed.used;
		log->is_bad = result == SIP_FRAME_BAD;
		if (result == SIP_FRAME_MORE)
			break;
	}
	log->n_kept = log->is_bad ? 0 : size - used;
	log->kept = malloc(log->n_kept + !log->n_kept);
	assert(log->kept);
	memcpy(log->kept, all + used, log->n_kept);
	free(all);
}

char *frame_log(struct strv stream, const size_t *cuts, unsigned n_cuts)
{
	struct log log = { .stream = stream, .sep = "" };
	size_t size, from = 0;
	char *text;

	log.text = open_memstream(&text, &size);
	assert(log.text);
	for (unsigned i = 0; i <= n_cuts; i++) {
		size_t to = i < n_cuts ? cuts[i] : stream.n;

		feed(&log, stream.p + from, to - from);
		from = to;
	}
	free(log.kept);
	fclose(log.text);
	return text;
}
