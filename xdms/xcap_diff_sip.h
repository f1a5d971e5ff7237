/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_diff_sip.h - the event package "xcap-diff" on the SIP edge (RFC 5875)
 *
 * What a subscriber may hear of is what it may GET. SUBSCRIBE goes to any address of ours, the
 * server's own too: the list in its body says what it is about.
 */
#ifndef XDMS_XCAP_DIFF_SIP_H
#define XDMS_XCAP_DIFF_SIP_H

#include "base/err.h"

struct core_users;
struct sip_event;
struct workers;
struct xcap_diff;
struct xdms;

struct xcap_diff_options {
	struct xdms *xdms;		/* started; borrowed */
	struct workers *workers;	/* borrowed */
	const struct core_users *users; /* copied */
	unsigned throttle_ms;		/* between two NOTIFYs of one subscription */
	unsigned max_entries;		/* of a list; more: 413 */
	unsigned max_documents;		/* in the collections of a list; more: it ends */
};

/* 0 or -1. */
int xcap_diff_new(const struct xcap_diff_options *options, struct xcap_diff **diff_out,
		  struct err *err);
/* After sip_events_free. Takes the address, accepts NULL. */
void xcap_diff_free(struct xcap_diff **diff);

/* The package's row for the table of event packages. */
void xcap_diff_event(struct xcap_diff *diff, struct sip_event *event_out);

#endif
