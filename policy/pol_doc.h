/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/pol_doc.h - rules as a value that can be evaluated
 *
 * A document of rules is compiled when it is committed: identities become hash sets, conditions
 * small predicates, actions and transformations numbers. The value is immutable, counted and shared
 * by any number of threads. What cannot be compiled is refused; the owner then keeps the last good
 * value in force and says so (xdm.md 9.5: a failure never widens rights).
 *
 * References to lists are named by pol_doc_ref and bound by pol_doc_bind to sets, which makes a new
 * value beside the old one; the owner watches the lists and binds again. A reference that is not
 * bound cannot tell.
 *
 * Semantics: RFC 4745 with strict combination for the IETF's usages and for the operator's policy;
 * for OMA's usages and our user preferences rules that name the requester are taken alone, else
 * those that do so by a list, else those for everybody else. Rules that say nothing about who
 * belong to each of these. What pol_eval does with it stands in policy/pol_eval.h.
 */
#ifndef POLICY_POL_DOC_H
#define POLICY_POL_DOC_H

#include <libxml/tree.h>

#include "base/err.h"
#include "base/strv.h"
#include "policy/pol_perm.h"
#include "policy/pol_set.h"

enum pol_kind {
	POL_PRES_RULES,	    /* pres-rules: cp:ruleset, strict */
	POL_OMA_PRES_RULES, /* org.openmobilealliance.pres-rules */
	POL_ACCESS_RULES,   /* org.openmobilealliance.access-rules */
	POL_USER_PREFS,	    /* org.opencpm.user-prefs: settings and a ruleset */
	POL_GROUP,	    /* org.openmobilealliance.groups: one service's list and ruleset */
	POL_OPERATOR,	    /* org.opencpm.operator-policy, strict */
	POL_ACCESS,	    /* org.openmobilealliance.access-permissions: one rule's ruleset */
	POL_KINDS
};

/* Where a statement stands: in this order they are asked (xdm.md 9.4). */
enum pol_layer {
	POL_FORCED,  /* the operator: fixed */
	POL_CAP,     /* the operator: no more than this */
	POL_BLOCKED, /* the user's lists of blocked people */
	POL_OF_GROUP,
	POL_OF_USER,
	POL_SETTING, /* of a user's preferences, for what no rule of the user speaks about */
	POL_DEFAULT, /* the operator: when nobody has said anything */
	POL_BUILTIN, /* nor the operator: pol_perm_row()->builtin */
	POL_LAYERS
};

/* The layer's name in verdicts ("forced"); never NULL. */
const char *pol_layer_name(enum pol_layer layer);

enum {
	POL_RULES_MAX = 1000,  /* of a document */
	POL_CONDS_MAX = 32,    /* of a rule, conditions of one kind counted once */
	POL_GRANTS_MAX = 96,   /* of a rule */
	POL_REFS_MAX = 256,    /* different lists that a document refers to */
	POL_NAMES_MAX = 50000, /* identities, domains and words of a document */
	POL_DEVICES_MAX = 32,
	POL_NOTES_MAX = 8
};

/* What the writer of a document should know although it was compiled: conditions of unknown
 * namespaces, periods without a time zone, identities that are none. */
struct pol_report {
	unsigned n; /* how many there were; the first POL_NOTES_MAX are told */
	char note[POL_NOTES_MAX][160];
};

struct pol_doc;

struct pol_source {
	enum pol_kind kind;
	struct strv name;    /* for verdicts: "access-rules/users/sip:ana@x/access-rules" */
	struct strv service; /* of POL_GROUP: the list-service's @uri; empty: the first one */
	const struct pol_spell *spell; /* NULL: identities as they stand */
};

/* Compile DOC. REPORT may be NULL. Returns 0 and the value, one reference of it the caller's; -1
 * with ERR_SYNTAX (a value that is none, a rule of the operator without its layer, another root),
 * ERR_LIMIT (one of the above), ERR_ABSENT (no such service) or ERR_NOMEM, DOC_OUT NULL. */
int pol_doc_compile(const struct pol_source *source, const xmlDoc *xml, struct pol_report *report,
		    struct pol_doc **doc_out, struct err *err);

/* The same of a cp:ruleset that stands in a document. */
int pol_doc_compile_ruleset(const struct pol_source *source, const xmlNode *ruleset,
			    struct pol_report *report, struct pol_doc **doc_out, struct err *err);

/* The same of BYTES, within the bounds of base/xml.h; ERR_SYNTAX too when they are no XML. */
int pol_doc_parse(const struct pol_source *source, struct strv bytes, struct pol_report *report,
		  struct pol_doc **doc_out, struct err *err);

/* Could ROOT, of a document of KIND, be compiled? SPELL as in struct pol_source. ROOT is its root
 * element or, of user preferences and groups, a ruleset in it. 0; -1 as pol_doc_compile. For who
 * stores documents: what is refused there never becomes a value that cannot be made. */
int pol_doc_check(enum pol_kind kind, const struct pol_spell *spell, const xmlNode *root,
		  struct err *err);

struct pol_doc *pol_doc_hold(struct pol_doc *doc); /* accepts NULL */
void pol_doc_drop(struct pol_doc **doc);

/* The lists it refers to, as it spells them, each once. Valid as long as DOC. */
unsigned pol_doc_refs(const struct pol_doc *doc);
struct strv pol_doc_ref(const struct pol_doc *doc, unsigned i);

/* DOC with its references answered: LOOKUP returns a set whose reference goes over to the new
 * value, or NULL: cannot tell. Rules are shared with DOC. 0, or -1 with ERR_NOMEM. */
int pol_doc_bind(const struct pol_doc *doc, struct pol_set *(*lookup)(void *arg, struct strv ref),
		 void *arg, struct pol_doc **doc_out, struct err *err);

enum pol_kind pol_doc_kind(const struct pol_doc *doc);
struct strv pol_doc_name(const struct pol_doc *doc);
struct strv pol_doc_service(const struct pol_doc *doc); /* of a group: its URI */
unsigned pol_doc_rules(const struct pol_doc *doc);
struct strv pol_doc_rule_id(const struct pol_doc *doc, unsigned rule);
size_t pol_doc_bytes(const struct pol_doc *doc); /* of memory, without the sets */

/* ---- what a user prefers, beside what is permitted ---- */

struct pol_device {
	struct strv id;
	int enabled;
	unsigned priority; /* 0 to 1000, the highest first; 0 when none was given */
};

/* Device I of user preferences, the highest priority first and as written among equals. 1, or 0
 * behind the last. */
int pol_doc_device(const struct pol_doc *doc, unsigned i, struct pol_device *device_out);

enum pol_bearer {
	POL_BEARER_NONE = 0,
	POL_BEARER_SMS,
	POL_BEARER_MMS,
	POL_BEARER_EMAIL,
	POL_BEARER_IM
};

/* The bearers of interworking in the order of preference: number I, POL_BEARER_NONE behind the
 * last. */
enum pol_bearer pol_doc_prefer(const struct pol_doc *doc, unsigned i);

#endif
