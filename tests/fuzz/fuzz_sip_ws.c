/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_sip_ws.c - WebSocket frames: what comes out does not depend on the cuts
 *
 * The first octet says where the rest is cut, again and again. Upgraded, the same octets whole must
 * give the same messages and the same words back. The connection below is one of this file's own.
 */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip/sip_fence.h"
#include "sip/sip_tp_priv.h"
#include "sip/sip_utf8.h"

static const char upgrade[] = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
			      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
			      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			      "Sec-WebSocket-Protocol: sip\r\n\r\n";

static FILE *log_file;

/* ---- the connection, as far as sip_ws.c needs one ---- */

void sip_conn_opened(struct sip_conn *conn)
{
	conn->phase = SIP_CONN_OPEN;
}

int sip_conn_say(struct sip_conn *conn, struct strv bytes)
{
	(void)conn;
	fprintf(log_file, "say %zu:", bytes.n);
	fwrite(bytes.p, 1, bytes.n, log_file);
	return 0;
}

void sip_conn_deliver(struct sip_conn *conn, struct strv bytes, unsigned broken, const char *why)
{
	(void)conn;
	(void)why;
	assert(bytes.n && bytes.n <= SIP_STREAM_MAX && !broken);
	fprintf(log_file, "message %zu:", bytes.n);
	fwrite(bytes.p, 1, bytes.n, log_file);
}

void sip_conn_close_soon(struct sip_conn *conn, enum sip_tp_cause cause)
{
	if (conn->closing)
		return;
	conn->closing = 1;
	fprintf(log_file, "close %d", (int)cause);
}

/* ---- one run ---- */

static void feed(struct sip_ws *ws, const char *p, size_t n)
{
	char *copy = malloc(n + !n);

	assert(copy);
	memcpy(copy, p, n);
	assert(sip_ws_input(ws, strv_mem(copy, n)) == n);
	free(copy);
}

/* What happens when BYTES come in pieces of STEP, as text; for the caller to free. */
static struct strv run(struct sip_tp_edge *edge, struct strv bytes, size_t step)
{
	struct sip_conn conn = { .edge = edge, .phase = SIP_CONN_UPGRADE };
	struct sip_ws *ws = sip_ws_new(&conn);
	char *text;
	size_t size;

	assert(ws);
	log_file = open_memstream(&text, &size);
	assert(log_file);
	feed(ws, upgrade, sizeof(upgrade) - 1);
	for (size_t at = 0; at < bytes.n && !conn.closing; at += step)
		feed(ws, bytes.p + at, bytes.n - at < step ? bytes.n - at : step);
	if (!conn.closing)
		fprintf(log_file, "in message: %d", sip_ws_in_message(ws));
	sip_ws_free(&ws);
	fclose(log_file);
	return strv_mem(text, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct workers *workers;
	static struct sip_tp_edge edge;
	struct strv whole, cut;

	if (!workers) {
		assert(workers_new(1, &workers, NULL) == 0);
		edge.worker = workers_at(workers, 0);
	}
	if (size < 1)
		return 0;
	whole = run(&edge, strv_mem(data + 1, size - 1), size);
	cut = run(&edge, strv_mem(data + 1, size - 1), 1 + (size_t)data[0] % 64);
	if (!strv_eq(whole, cut)) {
		fprintf(stderr, "whole \"%.*s\", cut \"%.*s\"\n", STRV_ARG(whole), STRV_ARG(cut));
		abort();
	}
	free((char *)whole.p);
	free((char *)cut.p);
	return 0;
}
