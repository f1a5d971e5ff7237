/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/core.h - the embedded SIP/IP core: registrar, authentication, trust domain, relay
 *
 * What a trial needs instead of an IMS. It is one service behind the edge (sip.h):
 *
 *	REGISTER for a domain of ours	core_registrar.c, over reg.h and loc.h
 *	any other request		core_relay.c: who is it (core_auth.c), may they say what
 *they say (core_trust.c), where to, by which branches
 *
 * One place decides 401 and 407. Nothing is kept or passed on of whom it does not know: neither a
 * user of ours by digest, nor one that a peer vouches for.
 */
#ifndef SIP_CORE_CORE_H
#define SIP_CORE_CORE_H

#include "auth/auth_check.h"
#include "sip/core/loc.h"
#include "sip/core/reg.h"
#include "sip/sip.h"

struct core;
struct peers;
struct peer;
struct numbers;

/* Where user records are: filled in by daemon/wire.c, as for HTTP (http_auth_ops). */
struct core_users {
	void (*find)(void *arg, struct strv identity, auth_found_fn *done, void *context);
	void *arg;
};

/* Who sent a request. In the arena of the message, or the caller's. */
struct core_who {
	enum auth_means means;	   /* AUTH_BY_NOTHING: a peer's word for somebody of elsewhere */
	int known;		   /* has a record here */
	const struct peer *peer;   /* that it came from; NULL: from a client */
	struct auth_identity home; /* under which the user's things are kept */
	struct auth_identity self; /* as whom they act in this request: what is asserted for them;
				    * n 0: anonymous, nothing is */
	unsigned n_identities;
	struct auth_identity identity[AUTH_IDENTITIES_MAX]; /* home first; only so many are set */
};

/* A request whose sender is known and may say what it says, on its way to its target. The seam: the
 * participating function takes it over by core_options.deliver. */
struct core_req {
	struct core *core;
	struct sip_worker *w;
	struct sip_stx *stx;
	struct sip_msg *msg;	    /* valid until STX is answered */
	const struct core_who *who; /* valid during the call */
};

struct core_options {
	struct auth_domains domains; /* ours; copied; at least one */
	int md5, no_sha256;	     /* as in struct auth_policy */
	uint64_t nonce_ms;
	struct core_users users;
	struct loc *loc;	       /* borrowed */
	const struct peers *peers;     /* borrowed; NULL: none */
	const struct numbers *numbers; /* borrowed; NULL: numbers lead to users of ours only */
	struct reg_rules reg;
	unsigned flow_timer_s;	   /* told to clients with outbound (RFC 5626 s4.4); 0: not */
	const char *service_route; /* a Service-Route value (RFC 3608); "": none */
	unsigned breadth_max;	   /* Max-Breadth of a request that has none (RFC 5393 s5.3.3) */
	/* Takes a request over: 1 and it answers it; 0: the core relays it. May be NULL. */
	int (*deliver)(void *deliver_arg, const struct core_req *req);
	void *deliver_arg;
	void *arg;
};
void core_options_init(struct core_options *options);

/* 0 or -1. */
int core_new(const struct core_options *options, struct core **core_out, struct err *err);
/* Read the key of temporary GRUUs, which outlives the process as registrations do; the first time
 * it is made and written. Before the workers run; waits for the disk. Without it, or with KV NULL,
 * a key is good until the end of the process. 0 or -1. */
int core_load_key(struct core *core, struct kv *kv, struct err *err);
void core_free(struct core **core); /* when no worker runs; takes the address, accepts NULL */

/* The core's row in the edge's table of services: the last one. */
void core_service(struct core *core, struct sip_service *service_out);

/* As core_options.deliver, for a function that is made after the core: before the workers run. */
void core_set_deliver(struct core *core, int (*deliver)(void *arg, const struct core_req *req),
		      void *arg);

/* 1 when HOST (any case) is a domain of ours. */
int core_is_ours(const struct core *core, struct strv host);
struct loc *core_loc(const struct core *core);

/* Whose temporary GRUU is URI (RFC 5627 s5)? 1 and the address of record; 0: it is none of ours. */
int core_gruu_user(const struct core *core, const struct sip_uri *uri,
		   struct auth_identity *aor_out);

/* ---- events ---- */

struct sip_event;
struct sip_events;
struct sip_pubs;

/* The row of the "reg" package for the table of event packages. */
void core_reg_event(struct core *core, struct sip_event *event_out);
/* SUBSCRIBE and PUBLISH to users of ours go there once it is known who sends them: before the
 * workers run and before loc_start. PUBS may be NULL: nothing is published. What others may hear of
 * a user, the rights of EVENTS say; trusted peers hear all but of presence, which is users' to
 * give whoever passes the request on. */
void core_set_events(struct core *core, struct sip_events *events, struct sip_pubs *pubs);

/* Watches of an IMS core's users end, nobody being told: when no worker runs, before EVENTS end. */
void core_watches_free(struct core *core);

/* ---- who is it ---- */

enum core_place {
	CORE_ENDS_HERE, /* challenged by 401 */
	CORE_PASSES,	/* by 407 */
};
/* WHO is valid during the call, MSG until STX is answered. */
typedef void core_who_fn(void *arg, struct sip_worker *w, struct sip_stx *stx, struct sip_msg *msg,
			 const struct core_who *who);

/* Find out who sent the request of STX. NEXT is called when they are known and what they say of
 * themselves (From, P-Preferred-Identity) is true; maybe before this returns. Else the request has
 * been answered, or ended by itself, and DROPPED (may be NULL) is called. */
void core_authenticate(struct core *core, struct sip_worker *w, struct sip_stx *stx,
		       enum core_place place, core_who_fn *next, void (*dropped)(void *arg),
		       void *arg);

/* ---- behind an IMS core (ISC) ---- */

/* For whom, and in which of their two roles, an S-CSCF handed MSG to us (RFC 5502 s5; cpm.md 2.13).
 */
struct core_served {
	int is_orig;	     /* what they send; else what is sent to them */
	int is_unregistered; /* regstate=unreg */
	struct auth_identity user;
};
/* First of all P-Served-User, then "orig" in the topmost Route or the Request-URI, else it is for
 * the Request-URI's user. MSG came from a peer that is_core. 0; -1: it names nobody. */
int core_served_user(const struct core *core, struct sip_msg *msg, struct core_served *served_out);

/* ---- relay ---- */

/* Relay a request whose sender is known to where it goes, and its answer back. Answers in every
 * case. */
void core_relay(const struct core_req *req);

/* What a function that does not take a request over has to say about it. In the arena of the
 * request, or longer. */
struct core_relay_edit {
	struct strv lines;	/* header lines, each with CRLF, behind the others; empty: none */
	struct strv type, body; /* body.p: this, not packed, instead of what came */
	/* The request has failed everywhere with STATUS, which the relay is about to answer. 1: ARG
	 * answers it by itself, now or later; 0: the relay does. May be NULL. */
	int (*failed)(void *arg, unsigned status);
	void *arg;
};
/* The same with changes; EDIT may be NULL. */
void core_relay_edited(const struct core_req *req, const struct core_relay_edit *edit);

#endif
