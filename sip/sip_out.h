/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_out.h - requests of our own: next hop, Via, transport by size, the next target on failure
 *
 * What is given is everything but Via, Max-Forwards and Content-Length. The next hop is resolved
 * (RFC 3263), each target tried in its order until one answers; a request that is too large for UDP
 * goes over TCP first (RFC 3261 s18.1.1). Challenges are not answered: we have no credentials to
 * give to anybody.
 */
#ifndef SIP_SIP_OUT_H
#define SIP_SIP_OUT_H

#include "sip/sip_txn.h"

enum { SIP_OUT_TARGETS_MAX = 4, SIP_UDP_REQUEST_MAX = 1300 };

struct sip_out {
	enum sip_method method;	     /* not ACK, not SIP_OTHER_METHOD */
	struct strv uri;	     /* Request-URI */
	struct strv hop;	     /* URI of the next hop, when it is not URI; p NULL: it is */
	const struct sip_dest *dest; /* where to, known already; NULL: by HOP */
	const struct strv *lines;    /* header fields, "Name: value" */
	unsigned n_lines;
	struct strv content_type, body;
	const struct trace_id *trace; /* NULL: none */
	sip_answered_fn *answered;    /* NULL: nobody wants to know */
	void *arg;
};

/* Send it; everything is copied. 0; -1: no memory, ANSWERED is not called. ANSWERED may be called
 * before this returns, then *ID_OUT is 0; STATUS is 404 or 503 with no response when the next hop
 * cannot be resolved. */
int sip_out_send(struct sip_txns *txns, const struct sip_out *out, uint64_t *id_out);
/* ANSWERED is not called any more; what is on its way stays so. ID 0 or gone: no harm. */
void sip_out_forget(struct sip_txns *txns, uint64_t id);
/* The INVITE of ID: CANCEL as sip_ctx_cancel. */
void sip_out_cancel(struct sip_txns *txns, uint64_t id, struct strv reason);

/* What needs no look-up: 0 and the one target of a URI with a numeric host; -1 else. */
int sip_out_numeric(const struct sip_uri *uri, struct sip_dest *dest_out);

#endif
