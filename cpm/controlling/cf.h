/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/controlling/cf.h - the controlling function, for standalone messages to groups
 *
 * Predefined groups, from the documents of org.openmobilealliance.groups, and lists that come with
 * the message (RFC 5365). One message in, one copy a member out, each through the member's
 * participating function; one body for all. Reports of the members come back to the group's URI and
 * are gathered for the sender.
 */
#ifndef CPM_CONTROLLING_CF_H
#define CPM_CONTROLLING_CF_H

#include "cpm/cpm_message.h"
#include "cpm/cpm_rules.h"
#include "cpm/participating/pf.h"

struct cf;

struct cf_options {
	struct workers *workers;
	struct cpm_rules *rules; /* borrowed */
	/* Copies and reports leave by it: pf_send. */
	void (*send)(void *arg, struct cpm_message *message, pf_done_fn *done, void *done_arg);
	struct kv *kv; /* borrowed: a message accepted for a group is on disk before its 202 */
	const char *factory; /* the URI that lists are sent to (RFC 5365); canonical */
	struct auth_domains domains;
	unsigned max_list;	      /* recipients of a list */
	unsigned max_members;	      /* of a group, when the document does not say */
	unsigned window_ms, again_ms; /* reports are gathered so long after the first, then */
	void *arg;
};

int cf_new(const struct cf_options *options, struct cf **cf_out, struct err *err);
int cf_start(struct cf *cf, struct err *err); /* go on with what a crash left; with the workers */
void cf_free(struct cf **cf);

/* What the participating function calls: see pf.h. MESSAGE, authenticated and through the sender's
 * originating side, to the group or list that it names. DONE: 202 when it is accepted and on disk;
 * 400, 403, 404, 413, 420, 433, 503. An IMDN to a group is taken in for its sender: 200. */
void cf_focus(struct cf *cf, struct pf_focus *focus_out);

#endif
