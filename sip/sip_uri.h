/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_uri.h - SIP, SIPS and tel URIs and their parameters (RFC 3261 s19.1, RFC 3966)
 *
 * Views into the text; nothing is unescaped.
 */
#ifndef SIP_SIP_URI_H
#define SIP_SIP_URI_H

#include "base/strv.h"

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
/* 0; -1 when TEXT is no URI: nothing but a URI, all of it of its grammar, a port from 1 to 65535.
 * Schemes other than sip, sips and tel have scheme and text only. */
int sip_uri_parse(struct strv text, struct sip_uri *uri_out);
int sip_uri_is_sip(const struct sip_uri *uri); /* sip: or sips: */
/* A parameter in PARAMS (";a=b;c" or "a=b;c"), any case: 1 found (VALUE_OUT without
 * its quotes, what is escaped in them as written; p NULL: a flag), 0 not there. */
int sip_param(struct strv params, const char *name, struct strv *value_out);
/* Each parameter in turn: 1 and the next, 0 at the end. *REST starts as the whole. The raw value is
 * the one with its quotes. */
int sip_param_next(struct strv *rest, struct strv *name_out, struct strv *value_out);
int sip_param_next_raw(struct strv *rest, struct strv *name_out, struct strv *raw_out);

#endif
