/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/http_auth.h - who sent this request: the HTTP edge's use of auth/
 *
 * A handler that wants to know calls http_authenticate and goes on in a callback; whoever is
 * refused has been answered by then (400, 401 with challenges, 403, 429, 503). What a user may do
 * is not asked here: that is policy's.
 */
#ifndef HTTP_HTTP_AUTH_H
#define HTTP_HTTP_AUTH_H

#include "auth/auth_check.h"
#include "http/http.h"

struct http_auth;

/* Where user records are: filled in by daemon/wire.c. */
struct http_auth_ops {
	/* Find the user who has IDENTITY (canonical; need not outlive the call) and call DONE once,
	 * on the calling worker, maybe before this returns. */
	void (*find)(void *arg, struct strv identity, auth_found_fn *done, void *context);
	void *arg;
};

struct http_auth_options {
	struct auth_domains domains; /* copied; at least one */
	int md5, basic;		     /* as in struct auth_policy */
	uint64_t nonce_ms;	     /* lifetime of a nonce */
	/* Numeric addresses of the proxies whose asserted identities are believed; copied. */
	const char *const *proxies;
	unsigned n_proxies;
	struct http_auth_ops ops;
};

/* 0; or -1 when a proxy is no address or memory is short. */
int http_auth_new(const struct http_auth_options *options, struct http_auth **auth_out,
		  struct err *err);
/* After the workers have ended. Takes the address, accepts NULL. */
void http_auth_free(struct http_auth **auth);

/* Who sent REQ? NEXT is called with the accepted verdict (valid as long as REQ), on the worker of
 * REQ, maybe before this returns; not when the request was refused, which has been answered then.
 */
void http_authenticate(struct http_auth *auth, struct http_req *req,
		       void (*next)(struct http_req *req, const struct auth_verdict *who,
				    void *arg),
		       void *arg);

#endif
