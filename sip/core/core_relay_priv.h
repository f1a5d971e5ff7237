/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/core_relay_priv.h - a request that is passed on, for the files that do it
 *
 *	core_target.c	where to: users, devices, numbers, peers, other domains
 *	core_prefs.c	which of the devices the caller wants (RFC 3841)
 *	core_relay.c	branches, their answers, the best of them (RFC 3261 s16)
 *	core_forward.c	the request as a branch sends it
 *	core_loop.c	has it been here before? (RFC 5393)
 */
#ifndef SIP_CORE_CORE_RELAY_PRIV_H
#define SIP_CORE_CORE_RELAY_PRIV_H

#include "sip/core/core_priv.h"
#include "sip/core/number.h"
#include "sip/sip_prefs.h"

enum {
	CORE_TARGETS_MAX = 64, /* of one request */
};

/* One way to one place. In the request's arena. */
struct core_target {
	struct strv uri;    /* Request-URI that it gets; p NULL: as it came */
	struct strv path;   /* Route that it gets in front: values joined by ", "; empty: none */
	struct sip_uri hop; /* what is resolved for it: path's first, a Route, a peer, URI itself */
	struct sip_dest dest;
	int has_dest; /* DEST is where it goes; else HOP is resolved */
	int udp_only; /* DEST is known to take datagrams, and HOP is not set */
	unsigned q;   /* thousandths; those of one q are tried together */
	unsigned qa;  /* millionths: how well it is what the caller wants */
	const struct sip_features *features; /* NULL: none are known */
	struct strv device; /* instance: those of one device are tried one after another */
	int64_t refreshed_us;
	enum core_next next;
	const struct peer *peer;
};

struct core_branch;

/* One request on its way: from core_relay until its transaction ends. */
struct core_relay {
	struct core *core;
	struct sip_worker *w;
	uint64_t stx_id;
	struct sip_msg *msg;	    /* until the final answer */
	const struct core_who *who; /* in its arena */
	enum sip_method method;
	const struct core_relay_edit *edit; /* NULL: it goes as it came */
	int pop_route;			    /* the first Route named us */
	int is_from_trusted, is_cancelled, is_answered;
	unsigned breadth; /* that branches may share (RFC 5393 s5); has_breadth: the request said it
			   */
	int has_breadth;
	uint64_t loop;			    /* its mark in our Vias */
	struct sip_disposition disposition; /* set when the targets are devices */

	const struct gruu_temp *temp; /* that the Request-URI is; NULL: it is none */
	struct number_ask ask;	      /* where a number leads */
	int is_asking, was_asked;

	struct core_target *target;
	unsigned n_targets;
	struct core_branch *branch; /* one a target, in their order */
	unsigned begun, busy;
	/* The best answer so far (s16.7 step 6). */
	unsigned best_status;
	struct sip_buf *best;
};

/* ---- core_target.c ---- */

/* Fill in the targets of RELAY, then core_relay_go or core_relay_refuse; maybe before this
 * returns. */
void core_target_find(struct core_relay *relay);

/* A target that goes nowhere yet. */
void core_target_init(struct core_target *target);
/* TARGET, whose uri and path are set, is the device of BINDING, whose flow is ALIVE or not: 0; -1:
 * it cannot be reached any more. */
int core_target_reach(const struct loc_binding *binding, int alive, struct core_target *target);
/* TARGET goes to HOP, in another domain: by which peer, and is that one trusted? 0; -1: the peer's
 * own URI is none. */
int core_target_elsewhere(const struct core *core, const struct sip_uri *hop,
			  struct core_target *target);

/* The relay ends: nothing is told any more. */
void core_target_forget(struct core_relay *relay);

/* ---- core_prefs.c ---- */

/* 1 when features of a user's N_BINDINGS devices have to be known for the request. */
int core_prefs_matter(const struct core_relay *relay, unsigned n_bindings);
/* Drop the devices that the caller does not want and set qa of the others. 0, or the status to
 * refuse with and why (NULL: the standard reason); at least one target is left then. */
unsigned core_prefs_sift(struct core_relay *relay, const char **why_out);
/* The targets are in their order: those of them, and all together, if the caller says so. */
void core_prefs_dispose(struct core_relay *relay);

/* ---- core_relay.c ---- */

/* The targets are there: begin. */
void core_relay_go(struct core_relay *relay);
void core_relay_refuse(struct core_relay *relay, unsigned status, const char *why);

/* ---- core_forward.c ---- */

/* The request as it goes to TARGET at DEST, with the top Via of BRANCH (terminated). NULL: no
 * memory, too large, or no way to send there. */
struct sip_buf *core_forward(struct core_relay *relay, const struct core_target *target,
			     const struct sip_dest *dest, const char *branch, unsigned breadth);

/* ---- core_loop.c ---- */

/* What our Via would carry for MSG, and whether one of its Vias carries just that: 1, 0. */
int core_loop_find(const struct core *core, struct sip_msg *msg, uint64_t *mark_out);

#endif
