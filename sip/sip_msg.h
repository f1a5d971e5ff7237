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

enum { SIP_COOKIE_N = 7 }; /* "z9hG4bK" */

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

/* A URI, cut up (RFC 3261 s19.1). Views; nothing is unescaped. */
struct sip_uri {
	struct strv text;    /* all of it */
	struct strv scheme;  /* as written */
	struct strv user;    /* of tel: the number; p NULL: none */
	struct strv host;    /* IPv6 with brackets; of tel: empty */
	unsigned port;	     /* 0: none */
	struct strv params;  /* without the first ";", of all URI parameters */
	struct strv headers; /* behind "?", without it */
};
/* 0; -1 when TEXT is no URI. Schemes other than sip, sips and tel have scheme and text only. */
int sip_uri_parse(struct strv text, struct sip_uri *uri_out);
int sip_uri_is_sip(const struct sip_uri *uri); /* sip: or sips: */
/* A parameter in PARAMS (";a=b;c" or "a=b;c"), any case: 1 found (VALUE_OUT without quotes kept as
 * written; p NULL: a flag), 0 not there. Quotes and <> are respected. */
int sip_param(struct strv params, const char *name, struct strv *value_out);
/* Each parameter in turn: 1 and the next, 0 at the end. *REST starts as the whole. */
int sip_param_next(struct strv *rest, struct strv *name_out, struct strv *value_out);

/* A name-addr or addr-spec with its header parameters (RFC 3261 s20.10). */
struct sip_name_addr {
	struct strv display; /* quotes included, as written */
	struct sip_uri uri;
	struct strv params; /* header parameters */
	struct strv text;   /* all of it */
};
/* The first value in *REST, which becomes what stands behind its comma: 1, 0 at the end, -1 not of
 * the form. "*" (Contact) gives a uri.text of "*". */
int sip_name_addr_next(struct strv *rest, struct sip_name_addr *out);

struct sip_via {
	enum sip_proto proto; /* only when KNOWN */
	int known;
	struct strv host; /* sent-by */
	unsigned port;	  /* 0: none */
	struct strv branch;
	int rport; /* the parameter is there */
	struct strv params;
	struct strv text; /* the one value */
};
int sip_via_next(struct strv *rest, struct sip_via *out); /* as sip_name_addr_next */

struct osip_message;

struct sip_msg {
	struct arena *arena;
	struct strv bytes;
	struct sip_fence fence;
	struct trace_id trace;

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
	int max_forwards; /* -1: not there */
	struct strv body;

	/* How it came. */
	enum sip_proto proto;
	struct sip_addr source, local;
	uint64_t flow;	     /* of a stream; 0 over UDP */
	int is_peer;	     /* the source is in the trust domain (set by sip/core) */
	int64_t received_us; /* monotonic */
};

/* Once, in main, before any thread: libosip2's tables and allocators. 0, or -1: no memory. */
int sip_msg_init(struct err *err);

/* Read BYTES, which the fence has passed (FENCE is copied). BYTES is copied into ARENA. 0; -1 with
 * ERR_SYNTAX (the text says which field) or ERR_NOMEM: then the caller answers 400 or drops. */
int sip_msg_parse(struct arena *arena, struct strv bytes, const struct sip_fence *fence,
		  struct sip_msg **msg_out, struct err *err);

/* The header field H, NAME for others: the N-th line's value, unfolded into the arena when folded;
 * p NULL: no such line. */
struct strv sip_msg_value(struct sip_msg *msg, enum sip_h h, unsigned n);
struct strv sip_msg_named(struct sip_msg *msg, const char *name, unsigned n);
/* Every line of H joined by ", " in the arena; for comma lists. p NULL: none (or no memory). */
struct strv sip_msg_list(struct sip_msg *msg, enum sip_h h);
/* 1 when TOKEN (any case) is in the comma list of H (Require, Supported, ...). */
int sip_msg_has_token(struct sip_msg *msg, enum sip_h h, const char *token);
/* A single decimal number, as in Expires: 1 and it (at most UINT32_MAX), 0 not there, -1 not a
 * number. */
int sip_msg_number(struct sip_msg *msg, enum sip_h h, uint32_t *value_out);

/* libosip2's model of it, made on first use in the message's arena; NULL: it does not parse or no
 * memory. Inside sip/ only. */
struct osip_message *sip_msg_osip(struct sip_msg *msg);

#endif
