/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/cpm_fetch.h - documents of another XDM server, read over XCAP (RFC 4825 s7.6)
 *
 * Requests wait on threads of their own, so that a slow server holds up nobody but who asked it.
 */
#ifndef CPM_CPM_FETCH_H
#define CPM_CPM_FETCH_H

#include "base/err.h"
#include "base/strv.h"

struct cpm_fetch;

struct cpm_fetch_options {
	const char *root; /* the XCAP root's URI */
	/* As whom: asserted, where the other server trusts our address (3GPP TS 24.109); and by
	 * digest when there is a password. "": not. */
	const char *identity;
	const char *user, *password;
	unsigned threads, max_waiting, timeout_ms;
};

/* All is copied. 0 or -1. */
int cpm_fetch_new(const struct cpm_fetch_options *options, struct cpm_fetch **fetch_out,
		  struct err *err);
/* What is under way is finished, at most a timeout long. While workers still run; nothing is
 * fetched any more. */
void cpm_fetch_stop(struct cpm_fetch *fetch);
/* After cpm_fetch_stop, when the workers have ended. Takes the address, accepts NULL. */
void cpm_fetch_free(struct cpm_fetch **fetch);

/* STATUS of the answer, 0: there was none. BODY is valid during the call. */
typedef void cpm_fetched_fn(void *arg, unsigned status, struct strv body);

/* GET what SEL, percent-encoded, names below the root; DONE on the calling worker. 0; -1: no memory
 * or too many wait, DONE is not called. */
int cpm_fetch_get(struct cpm_fetch *fetch, struct strv sel, cpm_fetched_fn *done, void *arg);

#endif
