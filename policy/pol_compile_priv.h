/* SPDX-License-Identifier: Apache-2.0 */
/* policy/pol_compile_priv.h - one document being compiled, shared by pol_compile*.c */
#ifndef POLICY_POL_COMPILE_PRIV_H
#define POLICY_POL_COMPILE_PRIV_H

#include "policy/pol_priv.h"

struct pol_compile {
	const struct pol_source *source;
	struct pol_report *report;
	struct arena *arena;	/* goes with the compilation */
	struct pol_block block; /* stays */
	struct strv ref[POL_REFS_MAX];
	unsigned n_refs, n_names;
	struct pol_rule rule[POL_RULES_MAX];
	unsigned n_rules;
	struct pol_names members;
	const xmlNode *service; /* of POL_GROUP: its list-service */
	struct pol_device_rec device[POL_DEVICES_MAX];
	unsigned n_devices, n_prefer;
	uint8_t prefer[4];
	struct strv id; /* of the rule at hand */
	int in_part;	/* a ruleset may be the root */
};

/* A rule's statements before they have their place in the block. */
struct pol_grants {
	struct pol_grant item[POL_GRANTS_MAX];
	unsigned n;
};

struct pol_conds {
	struct pol_cond item[POL_CONDS_MAX];
	unsigned n;
};

/* Something for pol_report. */
void pol_compile_note(struct pol_compile *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Count N more names. 0, or -1 with ERR_LIMIT. */
int pol_compile_count(struct pol_compile *c, size_t n, struct err *err);

/* The number of the reference ANCHOR; -1 with ERR_LIMIT. */
int pol_compile_ref(struct pol_compile *c, struct strv anchor, struct err *err);

/* The texts of LISTs children ENTRY of NS, attribute ATTR, in the arena: how many there are. */
int pol_compile_texts(struct pol_compile *c, const xmlNode *list, const char *ns, const char *entry,
		      const char *attr, struct strv **text_out, struct err *err);

/* CONDITIONS (NULL: none) into CONDS, and how exactly they say who. */
int pol_compile_conditions(struct pol_compile *c, const xmlNode *conditions,
			   struct pol_conds *conds, struct err *err);

/* The children of ACTIONS and of TRANSFORMATIONS. LAYER is that of the rule, and for the operator
 * set by it. */
int pol_compile_actions(struct pol_compile *c, const xmlNode *actions, struct pol_grants *grants,
			uint8_t *layer, struct err *err);

/* TEXT as a value of PERM, which is no set. 0, or -1: there is no such value. */
int pol_compile_value(enum pol_perm perm, struct strv text, int64_t *value_out);

/* PERM := VALUE. */
int pol_compile_grant(struct pol_compile *c, struct pol_grants *grants, enum pol_perm perm,
		      int64_t value, struct err *err);

/* Append a rule of these. */
int pol_compile_rule(struct pol_compile *c, struct strv id, uint8_t layer,
		     const struct pol_conds *conds, const struct pol_grants *grants,
		     struct err *err);

/* cp:ruleset (NULL: none). */
int pol_compile_ruleset(struct pol_compile *c, const xmlNode *ruleset, struct err *err);

/* Root elements other than cp:ruleset. */
int pol_compile_prefs(struct pol_compile *c, const xmlNode *root, struct err *err);
int pol_compile_group(struct pol_compile *c, const xmlNode *root, struct err *err);

#endif
