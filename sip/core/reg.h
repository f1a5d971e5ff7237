/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/reg.h - what a REGISTER changes: a pure function (RFC 3261 s10.3)
 *
 * The request, what is known of the user, a moment and a random number go in; the new value or a
 * refusal comes out. Nothing is looked up, sent or kept. Outbound is RFC 5626 s6, GRUU RFC 5627 s5,
 * Path RFC 3327 s5.3.
 */
#ifndef SIP_CORE_REG_H
#define SIP_CORE_REG_H

#include "base/arena.h"
#include "sip/core/loc.h"
#include "sip/sip_msg.h"

enum { REG_CONTACTS_MAX = 32 }; /* of one request */

struct reg_rules {
	unsigned expires_s;	 /* when the client asks for nothing */
	unsigned expires_min_s;	 /* shorter ones are 423, at most an hour (s10.3 step 7) */
	unsigned expires_max_s;	 /* longer ones are cut */
	unsigned jitter_percent; /* what is granted is up to so much shorter than what could be,
				  * so that clients do not all come back at once */
	unsigned contacts_max;	 /* of one user, at most LOC_BINDINGS_MAX: the one refreshed longest
				  * ago gives way */
};

/* One Contact value. Views into the message or its arena. */
struct reg_contact {
	struct sip_uri uri;
	struct strv params;   /* as struct loc_binding has them */
	struct strv instance; /* URN; empty: none */
	uint32_t reg_id;      /* 0: none */
	unsigned q;
	int has_expires;
	uint32_t expires_s;
};

struct reg_req {
	struct strv aor;	       /* under which bindings are kept */
	const struct strv *identities; /* the implicit registration set */
	unsigned n_identities;

	struct strv call_id;
	uint32_t cseq;
	int star;
	struct reg_contact contact[REG_CONTACTS_MAX];
	unsigned n_contacts;
	int has_expires;
	uint32_t expires_s;
	struct strv path; /* joined by ", " */
	int path_ob;	  /* its first URI has "ob" */
	int is_first_hop; /* we are */
	int supports_outbound, supports_gruu, supports_path;
	struct strv user_agent;
	/* Where from. */
	enum sip_proto proto;
	struct sip_addr source;
	uint64_t flow;

	int64_t now_us;
	uint32_t random; /* for the jitter */
};

/* Read MSG into REQ; aor, identities, now_us and random are the caller's. 0; else the status to
 * refuse with, and why. Views live as long as MSG. */
unsigned reg_req_read(struct sip_msg *msg, struct reg_req *req, const char **why_out);

struct reg_result {
	unsigned status;      /* 200, or the refusal */
	const char *why;      /* reason phrase of a refusal; NULL: the standard one */
	int changed;	      /* USER differs from what was */
	int uses_outbound;    /* Require: outbound, Flow-Timer */
	struct loc_user user; /* what is now registered, for loc_user_new: views into REQ and what
			       * was; n_bindings 0: nothing */
};

/* Decide. OLD is what was known; NULL: nothing. RESULT_OUT's arrays are in ARENA. 0, or -1: no
 * memory. */
int reg_decide(const struct reg_rules *rules, const struct reg_req *req, const struct loc_user *old,
	       struct arena *arena, struct reg_result *result_out);

/* RFC 3261 s19.1.4. 1 equal, 0 not. */
int reg_uri_same(const struct sip_uri *a, const struct sip_uri *b);

#endif
