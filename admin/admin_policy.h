/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin_policy.h - operators' sight of policy: why, what if, what was decided
 *
 * JSON for the REST verbs. All functions block: on the job pool, not on a worker. NULL with ERR
 * filled when they fail.
 */
#ifndef ADMIN_ADMIN_POLICY_H
#define ADMIN_ADMIN_POLICY_H

#include "base/err.h"
#include "base/json.h"
#include "base/strv.h"

struct admin;

/* Why? PEER's request to USER, or (ORIGINATING) USER's to PEER. */
struct admin_explain {
	struct strv user, peer; /* as people write them */
	struct strv service;	/* "message", "session" or "file"; empty: "message" */
	int originating, anonymous;
	struct strv group;  /* its URI; empty: none is addressed */
	int64_t size_bytes; /* below 0: not known */
	int64_t time_s;	    /* Unix time; 0: now */
};

/* {"user", "peer", "explanation": policy/pol_explain.h, "text"}. ERR_ABSENT: there is no such user
 * (ORIGINATING or not, USER is one of ours) or group; ERR_SYNTAX: what is no identity, no service;
 * ERR_BUSY: rules cannot be had now. */
json_t *admin_policy_explain(struct admin *admin, const struct admin_explain *ask, struct err *err);

struct admin_what_if {
	struct strv draft; /* a document */
	struct strv user;  /* whose access-rules or user-prefs; empty: the operator's policy */
	int64_t since_us;  /* Unix time; 0: as long as is remembered */
};

enum { ADMIN_CHANGES_MAX = 200 };

/* What would change: {"asked": decisions, "changed": of them, "answers": those whose outcome does,
 * "changes": [{"time_ms", "sender", "recipient", "message_id", "before", "after", "values":
 * [{"name", "before", "after"}], "by": [...]}] (the newest ADMIN_CHANGES_MAX, different outcomes
 * first), "notes": [what the writer should know]}. ERR_SYNTAX, ERR_LIMIT: the draft cannot be
 * compiled. */
json_t *admin_policy_what_if(struct admin *admin, const struct admin_what_if *ask, struct err *err);

/* {"decisions": [{"time_ms", "sender", "recipient", "message_id", "status", "answer", "layer",
 * "by", "id"}]}, the newest first; USER empty: of all. */
json_t *admin_policy_decisions(struct admin *admin, struct strv user, int64_t since_us,
			       unsigned max, struct err *err);

/* {"operator": {"rules", "in_force"}, "users", "groups", "bytes", "bad": [{"owner", "name", "why",
 * "in_force"}]}; never NULL but for memory. */
json_t *admin_policy_show(struct admin *admin);

#endif
