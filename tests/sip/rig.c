/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sip/rig.c - see rig.h */
#include "tests/sip/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sip/sip_out.h"

static struct rig *rig_of(const struct sip_below *below)
{
	return below->arg;
}

static void fake_send(const struct sip_below *below, const struct sip_dest *dest,
		      struct sip_buf *buf, uint64_t cookie)
{
	struct rig *rig = rig_of(below);
	struct rig_sent *sent;

	rig->n_sent++;
	if (rig->discard)
		return;
	sent = malloc(sizeof(*sent) + sip_buf_size(buf) + 1);
	if (!sent) /* lost on its way (test_memory.c) */
		return;
	sent->next = NULL;
	sent->dest = *dest;
	sent->cookie = cookie;
	sent->at_ms = rig_now_ms(rig);
	sent->n = sip_buf_size(buf);
	memcpy(sent->text, sip_buf_data(buf), sent->n);
	sent->text[sent->n] = '\0';
	*rig->end = sent;
	rig->end = &sent->next;
}

static int fake_local(const struct sip_below *below, const struct sip_dest *dest,
		      struct sip_addr *local_out)
{
	(void)below;
	(void)dest;
	return sip_addr_parse(STRV("192.0.2.1"), 5060, local_out);
}

static int fake_flow_alive(const struct sip_below *below, uint64_t flow)
{
	return flow == rig_of(below)->flow;
}

static uint64_t fake_resolve(const struct sip_below *below, const struct sip_uri *uri,
			     sip_resolved_fn *done, void *arg)
{
	struct sip_targets targets;

	(void)below;
	targets.n = 1;
	if (sip_out_numeric(uri, &targets.dest[0]) == 0)
		done(arg, 0, &targets);
	else
		done(arg, 404, NULL);
	return 0;
}

/* One name is known. */
static uint64_t fake_resolve_via(const struct sip_below *below, const struct sip_via *via,
				 sip_resolved_fn *done, void *arg)
{
	struct sip_targets targets = { .n = 1 };

	(void)below;
	targets.dest[0].proto = via->proto;
	if (strv_eq(via->host, STRV("peer.example")) &&
	    sip_addr_parse(STRV("192.0.2.50"), via->port ? via->port : 5060,
			   &targets.dest[0].addr) == 0)
		done(arg, 0, &targets);
	else
		done(arg, 404, NULL);
	return 0;
}

static void fake_resolve_cancel(const struct sip_below *below, uint64_t id)
{
	(void)below;
	(void)id;
}

static void fake_timer_set(const struct sip_below *below, struct wheel_timer *timer,
			   uint64_t delay_ms, void (*fn)(struct wheel_timer *timer))
{
	wheel_set(&rig_of(below)->wheel, timer, delay_ms, fn);
}

static void fake_timer_clear(const struct sip_below *below, struct wheel_timer *timer)
{
	wheel_clear(&rig_of(below)->wheel, timer);
}

static uint64_t fake_now_ms(const struct sip_below *below)
{
	return rig_of(below)->wheel.now_ms;
}

static int64_t fake_unix_us(const struct sip_below *below)
{
	return rig_of(below)->unix_us + (int64_t)rig_now_ms(rig_of(below)) * 1000;
}

void rig_init(struct rig *rig, const struct sip_tu *tu)
{
	struct err err;

	memset(rig, 0, sizeof(*rig));
	rig->start_ms = 1000;
	wheel_init(&rig->wheel, rig->start_ms);
	rig->unix_us = INT64_C(1700000000) * 1000000;
	rig->end = &rig->first;
	rig->below = (struct sip_below){
		.send = fake_send,
		.local = fake_local,
		.flow_alive = fake_flow_alive,
		.resolve = fake_resolve,
		.resolve_via = fake_resolve_via,
		.resolve_cancel = fake_resolve_cancel,
		.timer_set = fake_timer_set,
		.timer_clear = fake_timer_clear,
		.now_ms = fake_now_ms,
		.unix_us = fake_unix_us,
		.index = 3,
		.arg = rig,
	};
	if (!rig->timers.t1_ms)
		sip_timers_init(&rig->timers);
	assert_int_equal(sip_addr_parse(STRV("192.0.2.99"), 5060, &rig->source), 0);
	rig->count = sip_count_new(3);
	assert_non_null(rig->count);
	assert_int_equal(sip_txns_new(&rig->below, &rig->timers, tu, rig->count, &rig->txns, &err),
			 0);
}

void rig_fini(struct rig *rig)
{
	rig_flush(rig);
	sip_txns_free(&rig->txns);
	sip_count_free(&rig->count);
	assert_int_equal(rig->wheel.live, 0);
}

uint64_t rig_now_ms(const struct rig *rig)
{
	return rig->wheel.now_ms - rig->start_ms;
}

void rig_advance(struct rig *rig, uint64_t ms)
{
	wheel_advance(&rig->wheel, rig->wheel.now_ms + ms);
}

struct sip_msg *rig_parse(struct rig *rig, struct strv bytes)
{
	static struct sip_fence fence;
	struct arena *arena = sip_txns_arena(rig->txns);
	struct sip_msg *msg = NULL;
	struct err err;

	if (!arena || sip_fence_check(bytes, 0, &fence) != SIP_FENCE_PASS ||
	    sip_msg_parse(arena, bytes, &fence, &msg, &err) < 0) {
		sip_txns_arena_done(rig->txns, &arena);
		return NULL;
	}
	msg->proto = rig->proto;
	msg->source = rig->source;
	msg->flow = rig->flow;
	msg->received_us = (int64_t)rig->wheel.now_ms * 1000;
	return msg;
}

int rig_feed_bytes(struct rig *rig, struct strv bytes)
{
	struct sip_msg *msg = rig_parse(rig, bytes);

	if (!msg)
		return -1;
	sip_txns_input(rig->txns, msg);
	return 0;
}

/* The heap copy with CRLF, so that a read behind the end is seen. */
static char *with_crlf(const char *text, size_t *n_out)
{
	char *out = malloc(2 * strlen(text) + 1), *p = out;

	for (; p && *text; text++) {
		if (*text == '\n')
			*p++ = '\r';
		*p++ = *text;
	}
	*n_out = (size_t)(p - out);
	return out;
}

int rig_feed(struct rig *rig, const char *fmt, ...)
{
	char text[8192], *crlf;
	va_list args;
	size_t n;
	int ret;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	crlf = with_crlf(text, &n);
	if (!crlf)
		return -1;
	ret = rig_feed_bytes(rig, strv_mem(crlf, n));
	free(crlf);
	return ret;
}

struct rig_sent *rig_take(struct rig *rig)
{
	struct rig_sent *sent = rig->first;

	if (!sent)
		return NULL;
	rig->first = sent->next;
	if (!rig->first)
		rig->end = &rig->first;
	return sent;
}

unsigned rig_status(const struct rig_sent *sent)
{
	return strncmp(sent->text, "SIP/2.0 ", 8) == 0 ? (unsigned)atoi(sent->text + 8) : 0;
}

const char *rig_value(const struct rig_sent *sent, const char *name, char *out, size_t max)
{
	const char *line = strstr(sent->text, "\r\n");
	size_t n = strlen(name);

	*out = '\0';
	for (; line && strncmp(line, "\r\n\r\n", 4) != 0; line = strstr(line + 2, "\r\n"))
		if (strncasecmp(line + 2, name, n) == 0 && line[2 + n] == ':') {
			const char *value = line + 3 + n + strspn(line + 3 + n, " ");

			snprintf(out, max, "%.*s", (int)strcspn(value, "\r"), value);
			break;
		}
	return out;
}

int rig_answer(struct rig *rig, const struct rig_sent *sent, unsigned status, const char *to_tag,
	       const char *lines)
{
	char via[512], from[256], to[256], call_id[256], cseq[64];

	return rig_feed(
		rig,
		"SIP/2.0 %u Whatever\nVia: %s\nFrom: %s\nTo: %s%s%s\nCall-ID: %s\nCSeq: %s\n"
		"%sContent-Length: 0\n\n",
		status, rig_value(sent, "Via", via, sizeof(via)),
		rig_value(sent, "From", from, sizeof(from)), rig_value(sent, "To", to, sizeof(to)),
		to_tag ? ";tag=" : "", to_tag ? to_tag : "",
		rig_value(sent, "Call-ID", call_id, sizeof(call_id)),
		rig_value(sent, "CSeq", cseq, sizeof(cseq)), lines);
}

void rig_flush(struct rig *rig)
{
	struct rig_sent *sent;

	while ((sent = rig_take(rig)))
		free(sent);
}

int rig_is_empty(const struct rig *rig)
{
	struct sip_txn_stats stats;

	sip_txns_stats(rig->txns, &stats);
	return stats.server + stats.client + stats.finished == 0 && rig->wheel.live == 0;
}
