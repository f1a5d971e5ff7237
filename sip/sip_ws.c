/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_ws.c - SIP over a WebSocket, from the server's side (RFC 6455, RFC 7118)
 *
 * libwslay reads frames; what they may be, and messages made of several, are judged here, so that a
 * connection between two messages costs no more than the library's own buffer. One WebSocket
 * message is one SIP message, whatever its Content-Length says. A text message must be UTF-8, and
 * we send text when it is, else binary.
 */
#include <stdlib.h>
#include <wslay/wslay.h>

#include "sip/sip_fence.h"
#include "sip/sip_tp_priv.h"
#include "sip/sip_upgrade.h"
#include "sip/sip_utf8.h"

enum {
	CONTROL_MAX = 125,
	PINGS_MAX = 64, /* within PINGS_MS: more is no keep-alive */
	PINGS_MS = 10000,
	FRAGMENTS_MAX = 1024, /* of one message */
};

struct sip_ws {
	struct sip_conn *conn;
	wslay_frame_context_ptr frames; /* NULL before the upgrade */
	struct strv feed;		/* what the library has not asked for yet */
	uint64_t fed, framed;		/* octets given to it, and made into frames by it */
	/* The frame under way. */
	int in_frame;
	unsigned opcode, fin;
	uint64_t left;
	char control[CONTROL_MAX];
	unsigned n_control;
	/* The message under way. */
	unsigned message; /* its opcode; 0: none */
	unsigned n_fragments;
	char *text; /* what has come of it */
	size_t n, room;
	/* */
	unsigned n_pings;
	uint64_t pings_ms;
	int said_bye;
};

static ssize_t on_want(uint8_t *buf, size_t len, int flags, void *arg)
{
	struct sip_ws *ws = arg;

	(void)flags;
	if (!ws->feed.n)
		return -1;
	if (len > ws->feed.n)
		len = ws->feed.n;
	memcpy(buf, ws->feed.p, len);
	ws->feed.p += len;
	ws->feed.n -= len;
	ws->fed += len;
	return (ssize_t)len;
}

struct sip_ws *sip_ws_new(struct sip_conn *conn)
{
	struct sip_ws *ws = calloc(1, sizeof(*ws));

	if (ws)
		ws->conn = conn;
	return ws;
}

void sip_ws_free(struct sip_ws **ws_at)
{
	struct sip_ws *ws = *ws_at;

	*ws_at = NULL;
	if (!ws)
		return;
	if (ws->frames)
		wslay_frame_context_free(ws->frames);
	free(ws->text);
	free(ws);
}

int sip_ws_in_message(const struct sip_ws *ws)
{
	return ws->message || ws->fed != ws->framed;
}

/* ---- saying ---- */

static size_t frame_head(unsigned char *head, unsigned opcode, size_t n)
{
	size_t at = 2;

	head[0] = (unsigned char)(0x80 | opcode);
	if (n < 126) {
		head[1] = (unsigned char)n;
		return at;
	}
	head[1] = n <= UINT16_MAX ? 126 : 127;
	for (int shift = n <= UINT16_MAX ? 8 : 56; shift >= 0; shift -= 8)
		head[at++] = (unsigned char)((uint64_t)n >> shift);
	return at;
}

void sip_ws_wrap(struct sip_tp_out *out)
{
	struct strv bytes = sip_buf_bytes(out->buf);

	out->head_n = (unsigned char)frame_head(out->head,
						sip_utf8_is(bytes) ? WSLAY_TEXT_FRAME
								   : WSLAY_BINARY_FRAME,
						bytes.n);
}

/* A frame of at most CONTROL_MAX octets. */
static void say(struct sip_ws *ws, unsigned opcode, struct strv bytes)
{
	char frame[CONTROL_MAX + 2];
	size_t n = frame_head((unsigned char *)frame, opcode, bytes.n);

	if (bytes.n)
		memcpy(frame + n, bytes.p, bytes.n);
	if (sip_conn_say(ws->conn, strv_mem(frame, n + bytes.n)) < 0)
		sip_conn_close_soon(ws->conn, SIP_END_MEMORY);
}

void sip_ws_bye(struct sip_ws *ws, unsigned code)
{
	const char reason[2] = { (char)(code >> 8), (char)code };

	if (ws->said_bye || !ws->frames)
		return;
	ws->said_bye = 1;
	say(ws, WSLAY_CONNECTION_CLOSE, strv_mem(reason, code ? 2 : 0));
}

/* The other side broke the protocol: say so, and end it. Returns -1. */
static int fail(struct sip_ws *ws, unsigned code)
{
	sip_ws_bye(ws, code);
	sip_conn_close_soon(ws->conn, SIP_END_WEBSOCKET);
	return -1;
}

/* ---- the upgrade ---- */

static size_t take_upgrade(struct sip_ws *ws, struct strv in)
{
	static const struct wslay_frame_callbacks callbacks = { NULL, on_want, NULL };
	struct sip_conn *conn = ws->conn;
	struct sip_upgrade upgrade;
	char text[512];

	sip_upgrade_read(in, &upgrade);
	if (!upgrade.used)
		return 0;
	if (upgrade.status == 101 && wslay_frame_context_init(&ws->frames, &callbacks, ws) != 0) {
		ws->frames = NULL;
		upgrade.status = 500;
		upgrade.why = "no memory";
	}
	if (sip_conn_say(conn, strv_mem(text, sip_upgrade_answer(&upgrade, text, sizeof(text)))) <
	    0)
		sip_conn_close_soon(conn, SIP_END_MEMORY);
	if (upgrade.status != 101) {
		sip_conn_close_soon(conn, SIP_END_WEBSOCKET);
		return in.n;
	}
	sip_conn_opened(conn);
	return upgrade.used;
}

/* ---- frames ---- */

/* May the frame that begins here come now? 0, or -1 with the reason said. */
static int check_frame(struct sip_ws *ws, const struct wslay_frame_iocb *frame)
{
	int is_control = wslay_is_ctrl_frame(frame->opcode);

	if (!frame->mask || frame->rsv) /* RFC 6455 s5.1, s5.2 */
		return fail(ws, WSLAY_CODE_PROTOCOL_ERROR);
	if (frame->opcode > WSLAY_PONG ||
	    (frame->opcode > WSLAY_BINARY_FRAME && frame->opcode < WSLAY_CONNECTION_CLOSE))
		return fail(ws, WSLAY_CODE_PROTOCOL_ERROR);
	if (is_control)
		return 0; /* whole and short, says the library */
	if ((frame->opcode == WSLAY_CONTINUATION_FRAME) != (ws->message != 0))
		return fail(ws, WSLAY_CODE_PROTOCOL_ERROR);
	if (frame->payload_length > SIP_STREAM_MAX - ws->n)
		return fail(ws, WSLAY_CODE_MESSAGE_TOO_BIG);
	if (++ws->n_fragments > FRAGMENTS_MAX)
		return fail(ws, WSLAY_CODE_POLICY_VIOLATION);
	if (!ws->message)
		ws->message = frame->opcode;
	return 0;
}

static int begin_frame(struct sip_ws *ws, const struct wslay_frame_iocb *frame)
{
	ws->in_frame = 1;
	ws->opcode = frame->opcode;
	ws->fin = frame->fin;
	ws->left = frame->payload_length;
	ws->n_control = 0;
	ws->framed += 2 + (frame->payload_length < 126		 ? 0
			   : frame->payload_length <= UINT16_MAX ? 2
								 : 8);
	ws->framed += frame->mask ? 4 : 0;
	return check_frame(ws, frame);
}

static int keep(struct sip_ws *ws, struct strv part)
{
	if (ws->n + part.n > ws->room) {
		size_t room = ws->n + (size_t)ws->left + part.n;
		char *longer;

		if (!ws->fin && room < 2 * ws->room)
			room = 2 * ws->room;
		longer = realloc(ws->text, room);
		if (!longer) {
			sip_conn_close_soon(ws->conn, SIP_END_MEMORY);
			return -1;
		}
		ws->text = longer;
		ws->room = room;
	}
	if (part.n)
		memcpy(ws->text + ws->n, part.p, part.n);
	ws->n += part.n;
	return 0;
}

/* BYTES is a whole message. */
static int take_message(struct sip_ws *ws, struct strv bytes)
{
	int is_text = ws->message == WSLAY_TEXT_FRAME;

	ws->message = 0;
	ws->n_fragments = 0;
	if (is_text && !sip_utf8_is(bytes))
		return fail(ws, WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA);
	if (strv_eq(bytes, STRV("\r\n\r\n"))) /* RFC 5626 s4.4.1, as some clients do here too */
		say(ws, WSLAY_TEXT_FRAME, STRV("\r\n"));
	else if (bytes.n && !strv_eq(bytes, STRV("\r\n")))
		sip_conn_deliver(ws->conn, bytes, 0, NULL);
	return 0;
}

static int take_close(struct sip_ws *ws)
{
	unsigned code = ws->n_control < 2 ? 0
					  : (unsigned)(unsigned char)ws->control[0] << 8 |
						    (unsigned char)ws->control[1];

	/* RFC 6455 s7.4: what may stand in a frame. */
	if (ws->n_control == 1 ||
	    (ws->n_control && (code < 1000 || code >= 5000 || (code > 1003 && code < 1007) ||
			       (code > 1014 && code < 3000))))
		return fail(ws, WSLAY_CODE_PROTOCOL_ERROR);
	if (ws->n_control > 2 && !sip_utf8_is(strv_mem(ws->control + 2, ws->n_control - 2)))
		return fail(ws, WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA);
	sip_ws_bye(ws, code);
	sip_conn_close_soon(ws->conn, SIP_END_NORMAL);
	return -1;
}

static int take_ping(struct sip_ws *ws)
{
	uint64_t now = worker_now_ms(ws->conn->edge->worker);

	if (now - ws->pings_ms > PINGS_MS) {
		ws->pings_ms = now;
		ws->n_pings = 0;
	}
	if (++ws->n_pings > PINGS_MAX)
		return fail(ws, WSLAY_CODE_POLICY_VIOLATION);
	say(ws, WSLAY_PONG, strv_mem(ws->control, ws->n_control));
	return 0;
}

static int end_frame(struct sip_ws *ws, struct strv part)
{
	int ret;

	ws->in_frame = 0;
	if (ws->opcode == WSLAY_CONNECTION_CLOSE)
		return take_close(ws);
	if (ws->opcode == WSLAY_PING)
		return take_ping(ws);
	if (ws->opcode == WSLAY_PONG)
		return 0;
	/* Usually a message is one frame that came whole: nothing is copied. */
	if (ws->fin && !ws->n)
		return take_message(ws, part);
	if (keep(ws, part) < 0)
		return -1;
	if (!ws->fin)
		return 0;
	ret = take_message(ws, strv_mem(ws->text, ws->n));
	free(ws->text);
	ws->text = NULL;
	ws->n = ws->room = 0;
	return ret;
}

/* A piece of a frame, perhaps its first. 0, or -1: nothing more is taken. */
static int take_piece(struct sip_ws *ws, const struct wslay_frame_iocb *frame)
{
	struct strv part = strv_mem(frame->data, frame->data_length);

	if (!ws->in_frame && begin_frame(ws, frame) < 0)
		return -1;
	ws->left -= part.n;
	ws->framed += part.n;
	if (wslay_is_ctrl_frame(ws->opcode)) {
		if (part.n)
			memcpy(ws->control + ws->n_control, part.p, part.n);
		ws->n_control += (unsigned)part.n;
	}
	if (!ws->left)
		return end_frame(ws, part);
	return wslay_is_ctrl_frame(ws->opcode) ? 0 : keep(ws, part);
}

size_t sip_ws_input(struct sip_ws *ws, struct strv in)
{
	struct sip_conn *conn = ws->conn;
	size_t used = 0;

	if (!ws->frames) {
		used = take_upgrade(ws, in);
		if (!ws->frames || used == in.n)
			return used;
	}
	ws->feed = strv_mem(in.p + used, in.n - used);
	while (conn->phase == SIP_CONN_OPEN && !conn->closing) {
		struct wslay_frame_iocb frame = { 0 };
		ssize_t got = wslay_frame_recv(ws->frames, &frame);

		if (got == WSLAY_ERR_WANT_READ)
			break;
		if (got < 0) {
			fail(ws, WSLAY_CODE_PROTOCOL_ERROR);
			break;
		}
		if (take_piece(ws, &frame) < 0)
			break;
	}
	return in.n;
}
