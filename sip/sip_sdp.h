/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_sdp.h - session descriptions (RFC 4566), read through one checked door
 *
 * libosip2 reads past the end of some texts and takes almost anything, so each line is checked and
 * given its CRLF first. Everything is in the caller's arena. sip_msg_init comes first.
 */
#ifndef SIP_SIP_SDP_H
#define SIP_SIP_SDP_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strv.h"

enum { SIP_SDP_MAX = 65536, SIP_SDP_LINES_MAX = 512, SIP_SDP_MEDIA_MAX = 32 };

struct sip_sdp_attr {
	struct strv name, value; /* value p NULL: a flag */
};

struct sip_sdp_media {
	struct strv media;   /* "message" */
	unsigned port;	     /* 0: refused */
	struct strv proto;   /* "TCP/MSRP" */
	struct strv formats; /* separated by SP; at least one */
	struct strv info;    /* i=; p NULL: none */
	struct strv addr;    /* of its first c=; p NULL: the session's counts */
	const struct sip_sdp_attr *attrs;
	unsigned n_attrs;
};

struct sip_sdp {
	struct strv user, session_id, session_version, origin_type, origin_addr; /* o= */
	struct strv name;							 /* s= */
	struct strv addr_type, addr; /* c= of the session; p NULL: none */
	const struct sip_sdp_attr *attrs;
	unsigned n_attrs;
	const struct sip_sdp_media *media;
	unsigned n_media;
};

/* 0; -1 with ERR_SYNTAX (488 or 400, the caller's choice), ERR_LIMIT or ERR_NOMEM. */
int sip_sdp_parse(struct strv text, struct arena *arena, struct sip_sdp **sdp_out, struct err *err);

/* The first attribute of that name: 1 and its value, 0 not there. */
int sip_sdp_attr(const struct sip_sdp_attr *attrs, unsigned n_attrs, const char *name,
		 struct strv *value_out);

/* As text, lines ended by CRLF; of what was parsed only what the struct holds, with "t=0 0". p
 * NULL: no memory. */
struct strv sip_sdp_print(const struct sip_sdp *sdp, struct arena *arena);

#endif
