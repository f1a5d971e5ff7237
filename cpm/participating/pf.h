/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/participating/pf.h - the participating function, for standalone messages
 *
 * Serves the sender (originating) and the recipient (terminating) of each message by their rules,
 * the operator's and the group's. The five steps (design section 3) are five files:
 *
 *	pf_sip.c	the adapter: MESSAGE in, requests and answers out
 *	pf_request.c	parse: what the message is, its ids, its CPIM
 *	pf_gather.c	the rules of those concerned, the devices of the recipient
 *	pf_decide.c	pure: facts and rules to a list of effects
 *	pf_act.c	deliver, defer, copy, report, answer, record the decision
 */
#ifndef CPM_PARTICIPATING_PF_H
#define CPM_PARTICIPATING_PF_H

#include "cpm/cpm_message.h"
#include "cpm/cpm_rules.h"
#include "cpm/deferred/deferred.h"

struct pf;
struct pf_net;

enum pf_mode {
	PF_DEVICES_ALL,	      /* every device of the recipient at once */
	PF_DEVICES_PREFERRED, /* one after another until one has it, the preferred one first */
	PF_DEVICES_ONE,	      /* the preferred one alone */
};

/* What a message has come to. */
struct pf_result {
	unsigned status;	 /* 200, 202, or a refusal of cpm.md 2.14 */
	const char *why;	 /* for a Warning; a literal; NULL: nothing to say */
	unsigned reached;	 /* devices that took it */
	struct strv unsupported; /* of a 420: the value of its Unsupported; valid during the call */
};
typedef void pf_done_fn(void *arg, const struct pf_result *result);

/* Groups, as the participating function sees them: the controlling function, by cf_focus(). */
struct pf_focus {
	/* Is RECIPIENT (canonical) the URI that lists are sent to? 1, 0; never waits. */
	int (*is_factory)(void *arg, struct strv recipient);
	/* MESSAGE, through the sender's originating side, for the factory, or for a recipient in a
	 * domain of ours that is no user's: the group of that URI takes it, or 404. Require of the
	 * request is in the message's LINES: it is for the group to know or refuse. DONE once,
	 * maybe before this returns; MESSAGE is held as long as needed. On a worker. */
	void (*message)(void *arg, struct cpm_message *message, pf_done_fn *done, void *done_arg);
	void *arg;
};

/* Terminating: MESSAGE (held as long as needed) for its recipient, a user of ours, from whoever it
 * says: the rules decide, devices get it, what is not reached is deferred. For messages that come
 * by no request: the controlling function's copies, reports, system messages. On a worker; DONE
 * once, maybe before this returns. */
void pf_terminate(struct pf *pf, struct cpm_message *message, pf_done_fn *done, void *arg);

/* To wherever its recipient is: a user of ours as above, else by the core to another domain. */
void pf_send(struct pf *pf, struct cpm_message *message, pf_done_fn *done, void *arg);

/* A record of each decision, for explain, what-if and support: no content. Valid during the call,
 * on the deciding worker. NULL layers: not evaluated. */
struct pf_record {
	struct strv sender, recipient, message_id;
	const struct pol_facts *facts;
	const struct pol_layers *layers;
	const struct pol_verdict *verdict;
	unsigned status;
	struct trace_id trace;
};
typedef void pf_record_fn(void *arg, const struct pf_record *record);

struct pf_options {
	struct cpm_rules *rules;      /* borrowed */
	struct auth_domains domains;  /* ours; copied, their names are borrowed */
	const struct pf_net *net;     /* devices and other domains: from pf_sip.c; copied */
	const struct pf_focus *focus; /* NULL: there are no groups; copied */
	pf_record_fn *record;	      /* NULL: nothing is recorded */
	void *record_arg;
	unsigned answer_ms; /* no device has answered for so long: 202, when it may be stored */
	size_t max_message; /* octets of a body; a larger one is 413 */
	int sync_sent;	    /* the sender's other devices get copies */
	enum pf_mode mode;
};

/* 0 or -1. Before the workers run. */
int pf_new(const struct pf_options *options, struct pf **pf_out, struct err *err);
/* The workers have stopped: what is still on its way ends when the core does, and nobody is told.
 */
void pf_stop(struct pf *pf);
void pf_free(struct pf **pf); /* after the core; accepts NULL */

/* From now on what devices do not get is kept by DEFERRED (borrowed; NULL: nothing is): before the
 * workers run. */
void pf_set_deferred(struct pf *pf, struct deferred *deferred);
/* What the deferred function asks of this one: push, expired, devices, mode, arg. */
void pf_deferred_ops(struct pf *pf, struct deferred_options *options);

#endif
