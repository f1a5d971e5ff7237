/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_msg.h - one received message: its octets, its index, its parsed form
 *
 * The octets stay as received (splices of sip_edit.h go over them); the fields that every layer
 * asks for are read once; all else is asked of libosip2's model, which lives in the same arena. All
 * views are valid as long as the message. A message belongs to one worker.
 */
#ifndef SIP_SIP_MSG_H
#define SIP_SIP_MSG_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/strv.h"
#include "base/trace.h"
#include "sip/sip_addr.h"
#include "sip/sip_fence.h"
#include "sip/sip_field.h"
#include "sip/sip_uri.h"

enum sip_method {
	SIP_OTHER_METHOD,
	SIP_INVITE,
	SIP_ACK,
	SIP_BYE,
	SIP_CANCEL,
	SIP_OPTIONS,
	SIP_REGISTER,
	SIP_MESSAGE,
	SIP_SUBSCRIBE,
	SIP_NOTIFY,
	SIP_PUBLISH,
	SIP_REFER,
	SIP_INFO,
	SIP_PRACK,
	SIP_UPDATE,
	SIP_METHODS
};
enum sip_method sip_method_find(struct strv name);   /* methods are case-sensitive */
const char *sip_method_name(enum sip_method method); /* "OTHER" for SIP_OTHER_METHOD */

struct osip_message;

struct sip_msg {
	struct arena *arena;
	struct strv bytes;
	struct trace_id trace;
	struct strv start_line;		  /* CRLF included */
	const struct sip_line *lines;	  /* header fields in their order */
	unsigned n_lines;		  /* at most SIP_LINES_MAX */
	unsigned char first[SIP_H_COUNT]; /* as in struct sip_fence */

	int is_request;
	enum sip_method method; /* of a response: that of its CSeq */
	struct strv method_name;
	struct sip_uri uri; /* Request-URI */
	unsigned status;

	struct sip_via via; /* the top one */
	struct sip_name_addr from, to;
	struct strv from_tag, to_tag; /* p NULL: none */
	struct strv call_id;
	uint32_t cseq;
	int max_forwards; /* 0 to 255, more is 255; -1: not there */
	struct strv body;
	struct osip_message *osip; /* see sip_msg_osip */

	/* How it came. */
	enum sip_proto proto;
	struct sip_addr source, local;
	unsigned short home;  /* of LOCAL, for sip_dest */
	uint64_t flow;	      /* of a stream; 0 over UDP */
	const char *tls_name; /* that a client's certificate proved; NULL: none */
	int is_peer;	      /* the source is in the trust domain (set by sip/core) */
	int64_t received_us;  /* monotonic */
};

/* Once, in main, before any thread: libosip2's tables and allocators. 0, or -1: no memory. */
int sip_msg_init(struct err *err);

/* Read BYTES, which the fence has passed with what is in FENCE. BYTES is copied into ARENA, where
 * the message lives too; FENCE is not needed any more. Via (all of them), From, To, Call-ID, CSeq,
 * Max-Forwards, Contact, Content-Type and the Request-URI are of their grammar, each address only
 * once where it may be there once. 0; -1 with ERR_SYNTAX (the text says which field and holds
 * nothing of the peer's) or ERR_NOMEM: then the caller answers 400 (sip_reply_refused) or drops.
 * How it came is for the caller to fill in. */
int sip_msg_parse(struct arena *arena, struct strv bytes, const struct sip_fence *fence,
		  struct sip_msg **msg_out, struct err *err);

/* The first line of H, and the one of the same H behind LINE (of other names too when H is
 * SIP_H_OTHER); NULL: there is none. */
static inline const struct sip_line *sip_msg_line(const struct sip_msg *msg, enum sip_h h)
{
	return msg->first[h] ? &msg->lines[msg->first[h] - 1] : NULL;
}
static inline const struct sip_line *sip_msg_line_next(const struct sip_msg *msg,
						       const struct sip_line *line)
{
	return line->next ? &msg->lines[line->next - 1] : NULL;
}
/* The value of the first line of H as it stands there; p NULL: none. */
static inline struct strv sip_msg_raw(const struct sip_msg *msg, enum sip_h h)
{
	return msg->first[h] ? msg->lines[msg->first[h] - 1].value : strv_mem(NULL, 0);
}

/* The header field H, or the one of NAME (either form): the N-th line's value, unfolded into the
 * arena when it is folded; p NULL: no such line (or no memory). */
struct strv sip_msg_value(struct sip_msg *msg, enum sip_h h, unsigned n);
struct strv sip_msg_named(struct sip_msg *msg, const char *name, unsigned n);
/* Every line of H joined by ", " in the arena; for comma lists. p NULL: none (or no memory). */
struct strv sip_msg_list(struct sip_msg *msg, enum sip_h h);
/* 1 when TOKEN (any case) is in the comma list of H (Require, Supported, ...), else 0. */
int sip_msg_has_token(struct sip_msg *msg, enum sip_h h, const char *token);
/* A single decimal number, as in Expires: 1 and it (at most UINT32_MAX), 0 not there, -1 not a
 * number. */
int sip_msg_number(struct sip_msg *msg, enum sip_h h, uint32_t *value_out);

/* libosip2's model of it, made on first use in the message's arena, never freed by itself; NULL: it
 * does not parse or no memory. Inside sip/ only: libosip2 works on it in sip_osip_begin and _end.
 */
struct osip_message *sip_msg_osip(struct sip_msg *msg);

#endif
