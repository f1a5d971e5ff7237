/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/pol_eval.h - facts and rules in, one verdict out
 *
 * For each permission by itself (xdm.md 9.4):
 *
 *	forced, else min(cap, blocked, group or user, else setting, else default, else builtin)
 *
 * where what nobody speaks about bounds nothing, and min is the less permissive. Requests to a
 * group ask the group's rules for the permissions that groups give; there, what is not granted is
 * not permitted. Among rules of a user the higher value counts (RFC 4745 s10.2), among those of a
 * cap the lower one. Two forced statements that differ: the less permissive one, and the verdict
 * says so.
 *
 * What cannot be told does not allow: where a rule may or may not apply, because a list could not
 * be had or a fact is not known, each permission gets the less permissive of the values that it
 * could have, and is marked unsure when they differ. The answer is then to refuse or to try later.
 *
 * Evaluation is a function of its arguments: no allocation, no clock, no I/O.
 */
#ifndef POLICY_POL_EVAL_H
#define POLICY_POL_EVAL_H

#include <stdint.h>

#include "policy/pol_doc.h"
#include "policy/pol_facts.h"
#include "policy/pol_set.h"

enum { POL_USER_DOCS_MAX = 4, POL_WHY_MAX = 32 };

/* The rules that are in force for one request. Held by the caller as long as the verdict is used.
 * NULL or none: there is no such document. */
struct pol_layers {
	const struct pol_doc *operator_policy;
	const struct pol_doc *group; /* of the group that is addressed */
	const struct pol_doc *user[POL_USER_DOCS_MAX];
	unsigned n_user;
	/* The user's lists of blocked people, in whatever form the requester comes, anonymous or
	 * not. The second kind is blocked without being told. */
	const struct pol_set *blocked, *polite_blocked;
	/* 1: there is such a document and no good value of it. Nothing is permitted then. */
	unsigned operator_lost : 1, group_lost : 1, blocked_lost : 1;
};

/* One rule that made the verdict. */
struct pol_why {
	const struct pol_doc *doc; /* NULL: a list of blocked people */
	uint16_t rule;		   /* its number; of blocked people 0, politely 1 */
	uint8_t layer;		   /* enum pol_layer */
	uint8_t sure;		   /* 0: it may or may not apply */
};

struct pol_verdict {
	int64_t value[POL_PERMS];
	uint8_t layer[POL_PERMS];		     /* who decided: enum pol_layer */
	uint64_t unsure[(POL_PERMS + 63) / 64];	     /* bits: could not be told */
	uint64_t contradicts[(POL_PERMS + 63) / 64]; /* bits: forced rules said two things */
	unsigned n_why;				     /* in why; */
	unsigned n_more;			     /* more for which there was no room */
	struct pol_why why[POL_WHY_MAX];
};

/* Evaluate. 1: a rule applied; 0: none did, all is default; -1: something is unsure. VERDICT_OUT is
 * filled in all the same. */
int pol_eval(const struct pol_layers *layers, const struct pol_facts *facts,
	     struct pol_verdict *verdict_out);

static inline int pol_verdict_is_unsure(const struct pol_verdict *verdict, enum pol_perm perm)
{
	return (int)(verdict->unsure[perm / 64] >> (perm % 64) & 1);
}

/* Is a permission that is true or false given? What cannot be told is not. Bans: is it banned? What
 * cannot be told is. */
int pol_verdict_allows(const struct pol_verdict *verdict, enum pol_perm perm);

/* What to do with a message, a session or an invitation. */
enum pol_answer {
	POL_ANSWER_ALLOW,
	POL_ANSWER_SILENT, /* deliver without alerting */
	POL_ANSWER_DROP,   /* polite: as if delivered, or as if nobody were there (cpm.md 2.14) */
	POL_ANSWER_REJECT, /* openly; POL_REJECT_CODE when the operator said one */
	POL_ANSWER_LATER,  /* cannot tell: refuse for now */
	POL_ANSWERS
};

/* From POL_DELIVER, POL_REJECT_INVITE and POL_REVEAL_BLOCK. */
enum pol_answer pol_verdict_answer(const struct pol_verdict *verdict);
const char *pol_answer_name(enum pol_answer answer); /* "allow"; never NULL */

/* Is the component or attribute shown (RFC 5025 s3.3)? PERM is one of the four sets; KIND and VALUE
 * as in its members ("service-uri-scheme", "sip"), of POL_PROVIDE_UNKNOWN the attribute's name and
 * namespace. Class, occurrence-id and scheme compare exactly, URIs as strings. 1 or 0. */
int pol_verdict_provides(const struct pol_verdict *verdict, enum pol_perm perm, struct strv kind,
			 struct strv value);

/* The id of the rule in WHY; of lists of blocked people a name in brackets. */
struct strv pol_why_rule(const struct pol_why *why);

#endif
