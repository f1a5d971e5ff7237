/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xdms_http.h - the XDM server on the HTTP edge: XCAP (RFC 4825)
 */
#ifndef XDMS_XDMS_HTTP_H
#define XDMS_XDMS_HTTP_H

#include "base/jobs.h"
#include "kv/kv.h"
#include "xdms/xcap_req.h"

struct auth_domains;
struct http_auth;
struct http_auth_ops;
struct http_route;
struct pol_spell;
struct xdm_docs;
struct xdm_store;
struct xdm_watches;
struct xdms;

struct xdms_options {
	const char *root;     /* path of the XCAP root, "/xcap-root" */
	const char *root_uri; /* as documents spell it, with scheme and host; NULL: not known */
	size_t cache_bytes;   /* of documents */
	unsigned log_entries; /* that the log of each document keeps, 1 to XDM_LOG_KEEP_MAX */
	uint64_t log_bytes;   /* of them, all together */
	int64_t log_age_s;    /* of the oldest; 0: whatever their age */
	struct xcap_quota quota;
	int test_app;			    /* the usage "test-app" is in service */
	int bare_attributes;		    /* attribute bodies without quotes in answers */
	const struct auth_domains *domains; /* of bare names; borrowed until xdms_free */
	/* How documents of rules spell domains: borrowed; NULL: in ASCII only. */
	const struct pol_spell *spell;
	/* Whose home an operator writes to; copied. NULL: any identity's. */
	const struct http_auth_ops *users;
	/* Is IDENTITY (canonical) a user's, so that no group may have it? 1, 0, -1 cannot tell now.
	 * On job threads. NULL: not asked. */
	int (*is_user)(void *arg, struct strv identity);
	void *is_user_arg;
};

/* The room with its route, so that the edge can be opened before the store is. Loads the schemas
 * (xml_init came before). 0 or -1. */
int xdms_new(const struct xdms_options *options, struct xdms **xdms_out, struct err *err);

/* Before the workers run and before the first commit; all are borrowed: KV and JOBS until the
 * workers have ended, AUTH until xdms_free. 0 or -1. */
int xdms_start(struct xdms *xdms, struct kv *kv, struct jobs *jobs, struct http_auth *auth,
	       struct err *err);

/* For operators; to be used after xdms_start. Valid until xdms_free. */
const struct xdm_docs *xdms_docs(const struct xdms *xdms);

/* After xdms_start: for the rooms that use documents. Valid until xdms_free. */
struct xdm_store *xdms_store(const struct xdms *xdms);
struct xdm_watches *xdms_watches(const struct xdms *xdms);

/* Tell no watcher any more. Before kv_close, while the workers still run. Harmless when repeated,
 * and without xdms_start. */
void xdms_stop(struct xdms *xdms);

/* For http_new; valid until xdms_free. */
void xdms_route(struct xdms *xdms, struct http_route *route_out);

/* After the workers have ended. Takes the address, accepts NULL. */
void xdms_free(struct xdms **xdms);

#endif
