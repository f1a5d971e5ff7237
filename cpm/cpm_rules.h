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

/* Whose is IDENTITY (canonical)? FOUND 1 and HOME, the user's home identity; 0: nobody's; -1:
 * cannot tell now. On the worker that asked, maybe before this returns. */
typedef void cpm_home_fn(void *arg, int found, struct strv home);

struct cpm_rules_options {
	struct cpm_source source;    /* copied */
	struct auth_domains domains; /* identities are spelled by them; the names are borrowed */
	size_t cache_bytes;
	/* Borrowed; either may be NULL: all is done where it is asked for; the operator's policy is
	 * made by the first who asks. */
	struct jobs *jobs;
	struct workers *workers;
	/* The XCAP root as references have it: its path, and the whole with scheme and host (empty:
	 * not known, every host may be ours). Borrowed. */
	struct strv root, root_uri;
	/* For references that name an owner by another identity. NULL: every one is a home. */
	void (*home)(void *arg, struct strv identity, cpm_home_fn *done, void *done_arg);
	void *home_arg;
};

/* 0 or -1. Watches the source, and reads the operator's policy if that can be had at once: before
 * the workers run. */
int cpm_rules_new(const struct cpm_rules_options *options, struct cpm_rules **rules_out,
		  struct err *err);
/* Ask the source nothing more: who asks is told that it cannot be told. Before the source goes;
 * harmless when repeated; accepts NULL. */
void cpm_rules_stop(struct cpm_rules *rules);
/* When no worker runs, their last posts have run (workers_free), and all values are dropped.
 * Accepts NULL. */
void cpm_rules_free(struct cpm_rules **rules);

/* Of one user. Immutable; every pointer lives as long as the value. */
struct cpm_user_rules {
	struct cache_value value;
	const struct pol_doc *access;	/* org.openmobilealliance.access-rules; NULL: none */
	const struct pol_doc *prefs;	/* org.opencpm.user-prefs */
	const struct pol_doc *presence; /* pres-rules, of OMA or the IETF */
	const struct pol_set *blocked, *polite_blocked; /* lists of those names in resource-lists */
	unsigned lost : 1;	    /* access or prefs are there and no good value of it */
	unsigned presence_lost : 1; /* presence is */
};

/* Of one group. */
struct cpm_group_rules {
	struct cache_value value;
	struct strv uri, owner, display_name;
	const struct pol_doc *doc; /* POL_GROUP */
	/* Its members, canonical, each once: those of the document in its order, then those of the
	 * lists that it refers to. */
	const struct strv *member;
	unsigned n_members;
	int is_complete;	   /* 0: a list that it refers to could not be had */
	unsigned max_participants; /* 0: not said */
	int invite_members;
	unsigned lost : 1;
};

/* USER is held for the callee (cpm_user_rules_drop), also for one without any document; NULL:
 * cannot tell now. On the calling worker, maybe before the call returns, which is the usual case;
 * when no worker calls, on any thread (with a source in this process before the call returns).
 * OWNER is the home identity, canonical. What is told is not older than the last change whose 200
 * left before the call, and neither is the operator's policy when DONE is called. */
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

/* The operator's policy in force, held for the caller (cpm_rules_operator_drop); NULL: none.
 * LOST_OUT: there is a document and no good value of it, ever: nothing is permitted. Never waits:
 * ask for the user's or the group's rules first, which does. */
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
	uint64_t users, groups; /* in memory */
	uint64_t bytes;		/* of the cache */
	uint64_t bad;		/* documents */
	int operator_lost;	/* nothing is permitted because of the operator's policy */
};
void cpm_rules_stats(struct cpm_rules *rules, struct cpm_rules_stats *stats_out);

/* Each of these documents. IS_OLD: its last good version is in force. FN is called with a lock
 * held: it copies what it needs. */
void cpm_rules_bad(struct cpm_rules *rules,
		   void (*fn)(void *arg, struct strv owner, struct strv name, const char *why,
			      int is_old),
		   void *arg);

/* Rules of KIND that are not in force: BYTES compiled, lists bound as those of OWNER's document
 * (XDM_GLOBAL_OWNER: the operator's). REPORT may be NULL. 0 and DOC_OUT, the caller's to drop
 * (pol_doc_drop); -1 as pol_doc_parse, or ERR_BUSY when a list cannot be had now. It blocks: never
 * on a worker. */
int cpm_rules_draft_sync(struct cpm_rules *rules, enum pol_kind kind, struct strv owner,
			 struct strv bytes, struct pol_report *report, struct pol_doc **doc_out,
			 struct err *err);

/* The functions above for threads that may block. NULL: cannot tell now. */
const struct cpm_user_rules *cpm_rules_user_sync(struct cpm_rules *rules, struct strv owner);
enum cpm_got cpm_rules_group_sync(struct cpm_rules *rules, struct strv uri,
				  const struct cpm_group_rules **group_out);

/* How documents and identities are spelled, for who asks policy/ itself (what-if, push). Valid as
 * long as RULES. */
const struct pol_spell *cpm_rules_spell(const struct cpm_rules *rules);
const struct auth_domains *cpm_rules_domains(const struct cpm_rules *rules);

#endif
