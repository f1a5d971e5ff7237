/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/auid.h - application usages (RFC 4825 s5): what documents of one kind may be
 *
 * A usage is one file in xdms/usage/, one line in the table of auid.c and one test. It is data
 * where that is possible: names, trees, sizes, uniqueness, the order of children; code only for
 * constraints that neither the schema nor the data can say.
 *
 * All schemas are compiled into one set in which every element is global. Therefore an element that
 * was changed can be validated alone (auid_check_element) as long as it stands where its parent
 * allows it (auid_check_place) and its addressing attributes are unique (auid_ops.unique, which the
 * document's own index answers). What the place check does not know goes through auid_validate as
 * a whole document. Nothing here reads or writes stored documents.
 */
#ifndef XDMS_AUID_H
#define XDMS_AUID_H

#include <stddef.h>

#include <libxml/tree.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/strv.h"
#include "xdms/xcap_text.h"

/* ---- faults ---- */

/* Which element of xcap-error (RFC 4825 s11) tells the client. */
enum auid_fault_kind {
	AUID_FAULT_NONE = 0,
	AUID_FAULT_SCHEMA,     /* schema-validation-error */
	AUID_FAULT_UNIQUENESS, /* uniqueness-failure, with the fields */
	AUID_FAULT_CONSTRAINT  /* constraint-failure */
};

enum { AUID_EXISTS_MAX = 8, AUID_ALT_MAX = 3 };

/* One value that is not unique. */
struct auid_exists {
	struct strv field; /* relative to the document, percent-encoded, with its xmlns() query */
	struct strv value;
	unsigned n_alt;
	struct strv alt[AUID_ALT_MAX]; /* values of the same form that the document does not use */
};

/* The sentence for people is in struct err. Strings live in the caller's arena. */
struct auid_fault {
	enum auid_fault_kind kind;
	unsigned n_exists; /* the first AUID_EXISTS_MAX of them */
	struct auid_exists exists[AUID_EXISTS_MAX];
};

/* ---- one usage ---- */

/* An expanded name as constants; NS "" is no namespace, LOCAL NULL is no name at all. */
struct auid_name {
	const char *ns;
	const char *local;
};

enum auid_tree { AUID_USERS = 1, AUID_GLOBAL = 2 };

/* Who may do what when no rule says otherwise (RFC 4825 s5.7). */
enum auid_access {
	AUID_ACCESS_NONE = 0,
	AUID_ACCESS_OWNER,    /* users tree: the user reads and writes, nobody else does */
	AUID_ACCESS_EVERYONE, /* everyone reads, without authentication too; nobody writes */
	AUID_ACCESS_USERS,    /* every user reads; provisioned principals write */
	AUID_ACCESS_TRUSTED,  /* the operator's principals and parts alone read and write */
	AUID_ACCESS_PROFILE,  /* users tree: as OWNER, and every user reads */
	AUID_ACCESS_READER,   /* users tree: the user reads, the operator writes */
	AUID_ACCESS_CLEARER   /* users tree: the server writes, the user reads and deletes */
};

/* Where an attribute's value must not occur twice. Values compare as strings (RFC 4826 s3.4.5). */
enum auid_scope {
	AUID_SIBLINGS, /* among the elements of that name in one parent */
	AUID_DOCUMENT, /* in the document, over all rows of this scope together */
	AUID_SERVER    /* among all documents of the usage: here only the document is looked at */
};

/* One rule of uniqueness. The schema sees IDs in whole documents by itself (fault SCHEMA); whoever
 * validates an element alone has to compare it with the others, white space collapsed. */
struct auid_unique {
	enum auid_scope scope;
	enum auid_fault_kind fault;
	struct auid_name child;
	const char *attr; /* in no namespace */
};

struct pol_spell;

/* What a document is checked for. All may be empty: what depends on them is not checked then. */
struct auid_context {
	struct strv xui;       /* whose document it is, decoded; empty in the global tree */
	struct strv xcap_root; /* "http://host/root/" as documents spell it */
	struct strv home;      /* the canonical identity of whose it is; may be empty too */
	/* 1 when two decoded identities are the same user; NULL: when they are the same string. */
	int (*same_user)(void *arg, struct strv a, struct strv b);
	void *arg;
	/* How rules spell identities and domains; NULL: domains in ASCII only. */
	const struct pol_spell *spell;
};

/* A constraint that is checked at each element named NAME. Returns 0, or -1 with the sentence in
 * ERR: a constraint-failure. References are judged by their form, never followed. */
struct auid_rule {
	struct auid_name name;
	int (*check)(xmlNode *elem, const struct auid_context *context, struct err *err);
};

struct auid_ops {
	const char *name;      /* AUID as in the URI */
	const char *mime;      /* media type of a whole document */
	const char *ns;	       /* default document namespace of node selectors */
	const char *schema;    /* file in schema/ of the root element, NULL = none */
	struct auid_name root; /* the root element; LOCAL NULL: any */
	unsigned trees;	       /* of enum auid_tree */
	unsigned computed; /* of enum auid_tree: trees whose documents the server makes itself */
	const char *const
		*documents; /* names allowed in the users tree, NULL-terminated; NULL: any */
	const char *const *aliases; /* other names of them: each with the name that it stands for,
				       NULL-terminated; NULL: none */
	unsigned folders; /* that may stand before a document's name in the users tree, at most */
	const char *global_document; /* the only name in the global tree; NULL: any */
	size_t max_bytes;	     /* of a document */
	unsigned max_nodes;	     /* elements of a document; 0: the usual bound */
	enum auid_access users_access, global_access;
	const char *const *namespaces;	  /* for xcap-caps, NULL-terminated; NULL: none */
	const struct auid_unique *unique; /* ends with .attr NULL; NULL: none */
	const struct auid_rule *rules;	  /* ends with .check NULL; NULL: none */
	struct auid_name unit;		  /* see auid_unit */
};

/* ---- the table ---- */

/* The usages in service and their schemas. Read-only; shared by all threads. */
struct auid_table;

/* Load the schemas (xml_init came before). WITH_TEST_APP: "test-app" is in service too. Returns 0,
 * or -1 with the schema that failed. */
int auid_table_open(int with_test_app, struct auid_table **table_out, struct err *err);
void auid_table_close(struct auid_table **table);

/* The usage NAME, NULL when there is none (404). Valid as long as the program. */
const struct auid_ops *auid_find(const struct auid_table *table, struct strv name);

/* Usage number I in the order of xcap-caps, NULL behind the last. */
const struct auid_ops *auid_at(const struct auid_table *table, size_t i);

/* 1 when TREE of the usage can hold a document whose path below the user or below "global" is NAME,
 * else 0 (404). Only whole names, with as many folders as the usage has. */
int auid_document_allowed(const struct auid_ops *usage, enum auid_tree tree, struct strv name);

/* The name under which NAME is kept: itself, unless it is another name of a document. */
struct strv auid_document_name(const struct auid_ops *usage, struct strv name);

/* The document xcap-caps/global/index (RFC 4825 s12) in ARENA; empty when memory is short. */
struct strv auid_caps_print(const struct auid_table *table, struct arena *arena);

/* ---- validation ---- */

/* May DOC be stored as a whole? In the order of RFC 4825 s8.2.5: root element and schema, content
 * of namespaces that we know, uniqueness, constraints. Returns 0; or -1: FAULT_OUT->kind and ERR
 * say why, and kind AUID_FAULT_NONE means that it could not be found out (memory). A tree is
 * validated once (base/xml.h). */
int auid_validate(const struct auid_table *table, const struct auid_ops *usage, xmlDoc *doc,
		  const struct auid_context *context, struct arena *arena,
		  struct auid_fault *fault_out, struct err *err);

/* One step on the way from the root to an element. */
struct auid_step {
	struct xcap_name name;
	size_t pos; /* among the siblings of that name, from 1 */
};

enum { AUID_STEPS_MAX = 256 };

/* The same for ELEM alone (a fragment in its namespace context, base/xml.h), to which the N steps
 * of PATH lead, its own included. Left to the caller: auid_check_place, and uniqueness against what
 * stands outside ELEM. The tree of ELEM is as before when this returns. */
int auid_check_element(const struct auid_table *table, const struct auid_ops *usage, xmlNode *elem,
		       const struct auid_step *path, size_t n, const struct auid_context *context,
		       struct arena *arena, struct auid_fault *fault_out, struct err *err);

/* Has ELEM, or an element in it, a value that must be unique beyond its siblings (AUID_DOCUMENT,
 * AUID_SERVER)? 1: it has to be compared with the rest, or the whole validated; 0: the siblings of
 * ELEM are all that is left to ask. */
int auid_reaches_out(const struct auid_ops *usage, xmlNode *elem);

/* The field of a uniqueness-failure: attribute ATTR of the element to which the N steps of PATH
 * lead, with an xmlns() query for names outside the usage's default namespace. In ARENA; empty when
 * memory is short. */
struct strv auid_field_print(const struct auid_ops *usage, const struct auid_step *path, size_t n,
			     const char *attr, struct arena *arena);

/* One change of one child. An empty LOCAL is no element. */
struct auid_place {
	struct xcap_name parent;	/* none: the document itself */
	struct xcap_name before, after; /* the nearest element siblings, as they stay */
	struct xcap_name old;		/* what goes; none: an insertion */
	struct xcap_name put;		/* what comes; none: a deletion */
};

/* Given a parent that was valid: will its children still be in order? 1 yes; 0 no
 * (schema-validation-error); -1 the tables do not know the parent: validate the whole. */
int auid_check_place(const struct auid_table *table, const struct auid_ops *usage,
		     const struct auid_place *place);

/* May an element of this name be without children? 1, 0, -1 not known. Where it may, a change of an
 * attribute can be validated with the start tag alone, whatever stands inside. */
int auid_may_be_empty(struct xcap_name parent);

/* Some constraints look at more than the changed element. PATH are the names from the root to the
 * changed element (N of them, at least 1): the index of the one that has to go through
 * auid_check_element in its place, N - 1 when that is the changed element itself. */
size_t auid_unit(const struct auid_ops *usage, const struct auid_step *path, size_t n);

/* Proposal number N (from 1) for a URI that is in use: "sip:ana@x" becomes "sip:ana-2@x". In ARENA;
 * empty when memory is short or VALUE has no place for it. */
struct strv auid_alt_value(struct strv value, unsigned n, struct arena *arena);

/* ---- the usages (xdms/usage/) ---- */

extern const struct auid_ops auid_xcap_caps;
extern const struct auid_ops auid_resource_lists;
extern const struct auid_ops auid_rls_services;
extern const struct auid_ops auid_pres_rules;
extern const struct auid_ops auid_oma_pres_rules;
extern const struct auid_ops auid_pidf_manipulation;
extern const struct auid_ops auid_access_rules;
extern const struct auid_ops auid_groups;
extern const struct auid_ops auid_user_prefs;
extern const struct auid_ops auid_operator_policy;
extern const struct auid_ops auid_cab_pcc;
extern const struct auid_ops auid_cab_address_book;
extern const struct auid_ops auid_cab_user_prefs;
extern const struct auid_ops auid_cab_feature_handler;
extern const struct auid_ops auid_group_usage_list;
extern const struct auid_ops auid_user_profile;
extern const struct auid_ops auid_locked_user_profile;
extern const struct auid_ops auid_pres_content;
extern const struct auid_ops auid_conv_history;
extern const struct auid_ops auid_deferred_list;
extern const struct auid_ops auid_xcap_directory;
extern const struct auid_ops auid_access_permissions;
extern const struct auid_ops auid_test_app;

#endif
