/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/cpm_rules.h - the rules in force: of the operator, of each user, of each group
 *
 * Documents from cpm_source.h compiled by policy/, as immutable counted values behind a bounded
 * cache. A change is in force for the first message after its 200: what was made of the old version
 * is forgotten before that answer leaves, on every worker. References to lists are followed when a
 * value is made, and a change of any of them forgets the value. A document that cannot be compiled
 * keeps the last good one in force, is logged and counted (alarm), and never widens rights; after a
 * restart, with no last good one, nothing is permitted by it (pol_layers' lost bits).
 */
#ifndef CPM_CPM_RULES_H
#define CPM_CPM_RULES_H

#include "auth/auth_identity.h"
#include "base/cache.h"
#include "base/jobs.h"
#include "cpm/cpm_source.h"
#include "policy/pol_eval.h"

struct cpm_rules;

struct cpm_rules_options {
	struct cpm_source source;    /* copied */
	struct auth_domains domains; /* copied; identities are spelled by them */
	size_t cache_bytes;
};

/* 0 or -1. Watches the source: before the workers run. */
int cpm_rules_new(const struct cpm_rules_options *options, struct cpm_rules **rules_out,
		  struct err *err);
void cpm_rules_free(struct cpm_rules **rules); /* when no worker runs; accepts NULL */

/* Of one user. Immutable; every pointer lives as long as the value. */
struct cpm_user_rules {
	struct cache_value value;
	const struct pol_doc *access;	/* org.openmobilealliance.access-rules; NULL: none */
	const struct pol_doc *prefs;	/* org.opencpm.user-prefs */
	const struct pol_doc *presence; /* pres-rules, of OMA or the IETF */
	const struct pol_set *blocked, *polite_blocked; /* lists of those names in resource-lists */
	unsigned lost : 1; /* one of them is there and no good value of it */
};

/* Of one group. */
struct cpm_group_rules {
	struct cache_value value;
	struct strv uri, owner, display_name;
	const struct pol_doc *doc; /* POL_GROUP */
	/* Its members, canonical, in the document's order, references followed. */
	const struct strv *member;
	unsigned n_members;
	int is_complete;	   /* 0: a list that it refers to could not be had */
	unsigned max_participants; /* 0: not said */
	int invite_members;
	unsigned lost : 1;
};

/* USER is held for the callee (cache_value_drop of &USER->value), also for one without any
 * document; NULL: cannot tell now. On the calling worker, maybe before the call returns, which is
 * the usual case. OWNER is the home identity, canonical. */
typedef void cpm_user_rules_fn(void *arg, const struct cpm_user_rules *user);
void cpm_rules_user(struct cpm_rules *rules, struct strv owner, cpm_user_rules_fn *done, void *arg);
/* The same at once: NULL when it would have to be read. */
const struct cpm_user_rules *cpm_rules_peek(struct cpm_rules *rules, struct strv owner);
void cpm_user_rules_drop(const struct cpm_user_rules **user); /* accepts NULL */

/* GOT is CPM_GOT_ABSENT with NULL when there is no such group, CPM_GOT_BUSY with NULL when it
 * cannot be told. URI is canonical. */
typedef void cpm_group_rules_fn(void *arg, enum cpm_got got, const struct cpm_group_rules *group);
void cpm_rules_group(struct cpm_rules *rules, struct strv uri, cpm_group_rules_fn *done, void *arg);
void cpm_group_rules_drop(const struct cpm_group_rules **group);

/* The operator's policy in force, held for the caller (pol_doc_drop); NULL: none. LOST_OUT: there
 * is a document and no good value of it, ever: nothing is permitted. Never waits. */
const struct pol_doc *cpm_rules_operator(struct cpm_rules *rules, int *lost_out);
void cpm_rules_operator_drop(const struct pol_doc **doc);

/* The layers for a request about USER (may be NULL: nobody of ours) and GROUP (may be NULL).
 * Nothing is held: valid as long as what it was made of. */
void cpm_rules_layers(const struct pol_doc *operator_policy, int operator_lost,
		      const struct cpm_user_rules *user, const struct cpm_group_rules *group,
		      struct pol_layers *layers_out);

/* Documents that could not be compiled and for which an older one is in force, or none: for alarms
 * and cpmctl status. */
struct cpm_rules_stats {
	uint64_t users, groups, bytes; /* cached */
	uint64_t bad;		       /* documents */
};
void cpm_rules_stats(struct cpm_rules *rules, struct cpm_rules_stats *stats_out);

/* How documents and identities are spelled, for who asks policy/ itself (what-if, push). Valid as
 * long as RULES. */
const struct pol_spell *cpm_rules_spell(const struct cpm_rules *rules);

#endif
