/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_count.c - metrics of a worker, made when first counted, see sip_count.h
 *
 * A response's metric is found through two tables, code to column and column to metric, so that a
 * count costs two loads; the columns are the codes that have a standard phrase and one a class.
 */
#include "sip/sip_count.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/metrics.h"
#include "sip/sip_reply.h"

enum { CODES = 600, FIRST_CODE = 100, CLASSES = 6, COLUMNS_MAX = 100 };

struct sip_count {
	unsigned worker;
	unsigned char column[CODES];
	unsigned n_columns;
	struct metric *requests[2][SIP_METHODS][SIP_PROTOS];
	struct metric *responses[2][SIP_METHODS][SIP_PROTOS][COLUMNS_MAX];
	struct metric *drops[SIP_DROP_CAUSES];
	struct metric *lives[SIP_LIVES];
	struct metric *retransmissions[2], *timeouts[2];
};

static const char *const directions[] = { "in", "out" };

struct sip_count *sip_count_new(unsigned worker)
{
	struct sip_count *count = calloc(1, sizeof(*count));

	if (!count)
		return NULL;
	count->worker = worker;
	count->n_columns = CLASSES; /* 0 .. 5: 1xx .. 6xx */
	for (unsigned i = 0; i < CODES; i++) {
		unsigned code = FIRST_CODE + i;

		count->column[i] = (unsigned char)(i / 100);
		if (sip_reason(code)[0] && count->n_columns < COLUMNS_MAX)
			count->column[i] = (unsigned char)count->n_columns++;
	}
	return count;
}

void sip_count_free(struct sip_count **count)
{
	struct sip_count *old = *count;

	*count = NULL;
	free(old);
}

void sip_count_request(struct sip_count *count, enum sip_direction direction,
		       enum sip_method method, enum sip_proto proto)
{
	struct metric **at;
	char labels[128];

	if (!count)
		return;
	at = &count->requests[direction][method][proto];
	if (!*at) {
		snprintf(labels, sizeof(labels),
			 "direction=\"%s\",method=\"%s\",transport=\"%s\",worker=\"%u\"",
			 directions[direction], sip_method_name(method), sip_proto_name(proto),
			 count->worker);
		*at = metric_counter("opencpm_sip_requests_total",
				     "SIP requests, retransmissions not counted", labels);
	}
	metric_add(*at, 1);
}

static const char *code_name(const struct sip_count *count, unsigned status, char text[8])
{
	if (count->column[status - FIRST_CODE] < CLASSES)
		snprintf(text, 8, "%uxx", status / 100 % 10);
	else
		snprintf(text, 8, "%u", status % 1000);
	return text;
}

void sip_count_response(struct sip_count *count, enum sip_direction direction,
			enum sip_method method, unsigned status, enum sip_proto proto)
{
	struct metric **at;
	char labels[160], code[8];

	if (!count || status < FIRST_CODE || status >= FIRST_CODE + CODES)
		return;
	at = &count->responses[direction][method][proto][count->column[status - FIRST_CODE]];
	if (!*at) {
		snprintf(
			labels, sizeof(labels),
			"code=\"%s\",direction=\"%s\",method=\"%s\",transport=\"%s\",worker=\"%u\"",
			code_name(count, status, code), directions[direction],
			sip_method_name(method), sip_proto_name(proto), count->worker);
		*at = metric_counter("opencpm_sip_responses_total",
				     "SIP responses, retransmissions not counted", labels);
	}
	metric_add(*at, 1);
}

void sip_count_drop(struct sip_count *count, enum sip_drop_cause cause)
{
	static const char *const causes[SIP_DROP_CAUSES] = { "fence", "parse", "limit", "overload",
							     "stray" };
	char labels[64];

	if (!count)
		return;
	if (!count->drops[cause]) {
		snprintf(labels, sizeof(labels), "cause=\"%s\",worker=\"%u\"", causes[cause],
			 count->worker);
		count->drops[cause] =
			metric_counter("opencpm_sip_dropped_total",
				       "SIP messages that got no further than the edge, by cause",
				       labels);
	}
	metric_add(count->drops[cause], 1);
}

static void count_directed(struct sip_count *count, struct metric **at, const char *name,
			   const char *help, enum sip_direction direction)
{
	char labels[64];

	if (!*at) {
		snprintf(labels, sizeof(labels), "direction=\"%s\",worker=\"%u\"",
			 directions[direction], count->worker);
		*at = metric_counter(name, help, labels);
	}
	metric_add(*at, 1);
}

void sip_count_retransmission(struct sip_count *count, enum sip_direction direction)
{
	if (count)
		count_directed(count, &count->retransmissions[direction],
			       "opencpm_sip_retransmissions_total",
			       "SIP messages received or sent once more", direction);
}

void sip_count_timeout(struct sip_count *count, enum sip_direction direction)
{
	if (count)
		count_directed(count, &count->timeouts[direction], "opencpm_sip_timeouts_total",
			       "Transactions that ended without a final answer: in, nobody here "
			       "gave one; out, the peer gave none",
			       direction);
}

void sip_count_live(struct sip_count *count, enum sip_live what, int by)
{
	static const char *const names[SIP_LIVES] = { "server-transaction", "client-transaction",
						      "finished-transaction", "subscription" };
	char labels[64];

	if (!count)
		return;
	if (!count->lives[what]) {
		snprintf(labels, sizeof(labels), "what=\"%s\",worker=\"%u\"", names[what],
			 count->worker);
		count->lives[what] =
			metric_gauge("opencpm_sip_live", "What the SIP layers of a worker hold now",
				     labels);
	}
	metric_move(count->lives[what], by);
}
