/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_field.h - values of header fields, cut up: name-addr and Via
 *
 * Blanks may be folds. A value that is taken here is of its grammar, all of it.
 */
#ifndef SIP_SIP_FIELD_H
#define SIP_SIP_FIELD_H

#include "sip/sip_addr.h"
#include "sip/sip_uri.h"

enum { SIP_COOKIE_N = 7 }; /* "z9hG4bK" */

/* A name-addr or addr-spec with its header parameters (RFC 3261 s20.10). */
struct sip_name_addr {
	struct strv display; /* quotes included, as written */
	struct sip_uri uri;
	struct strv params; /* header parameters, the first ";" too */
	struct strv text;   /* all of it */
};
/* The first value in *REST, which becomes what stands behind its comma: 1, 0 at the end, -1 not of
 * the form (REST is of no use then). "*" (Contact) gives a uri.text of "*" and no scheme. */
int sip_name_addr_next(struct strv *rest, struct sip_name_addr *out);

struct sip_via {
	enum sip_proto proto; /* only when KNOWN */
	int known;
	struct strv host;   /* sent-by */
	unsigned port;	    /* 0: none */
	struct strv branch; /* p NULL: none */
	int rport;	    /* the parameter is there */
	struct strv params; /* the first ";" too */
	struct strv text;   /* the one value */
};
int sip_via_next(struct strv *rest, struct sip_via *out); /* as sip_name_addr_next */

#endif
