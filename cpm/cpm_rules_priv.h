/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/cpm_rules_priv.h - how a value of rules is made (cpm_rules.h)
 *
 * A value is made by a flight: it asks the source for documents, makes of them what it can, learns
 * by references of further ones, asks again, until nothing is missing. One flight a key is in the
 * air; who needs the value meanwhile waits for it. A flight belongs to the worker that began it;
 * what takes long it does in the job pool, and nobody touches it meanwhile.
 *
 *	cpm_rules.c		the interface; flights, who waits for them, what makes them stale
 *	cpm_rules_docs.c	documents of a flight, and where references lead
 *	cpm_rules_make.c	documents to values
 *	cpm_rules_deps.c	which values were made of which document; bad documents
 */
#ifndef CPM_CPM_RULES_PRIV_H
#define CPM_CPM_RULES_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include <libxml/tree.h>

#include "base/arena.h"
#include "cpm/cpm_rules.h"
#include "policy/pol_list.h"
#include "xdms/xcap_sel.h"

enum {
	RULES_OWNER_MAX = 255,	      /* octets of an owner */
	RULES_DOCS_MAX = 300,	      /* documents of one flight */
	RULES_INLINE_BYTES = 64 << 10 /* more of them are worked on in the job pool */
};

/* The documents of a user's value, in the order of flight.own; a group and the operator have the
 * first only. */
enum { OWN_ACCESS, OWN_PREFS, OWN_OMA_PRESENCE, OWN_PRESENCE, OWN_LISTS, OWN_DOCS };

/* ---- which values were made of which document (cpm_rules_deps.c) ---- */

struct dep_doc;

/* One value, by its key in the cache, was made of one document. */
struct dep {
	struct dep *next_of_value; /* the other documents of that value */
	struct dep *next, *prev;   /* the other values of that document */
	struct dep_doc *doc;
	size_t n;
	char key[];
};

/* A document that could not be compiled. */
struct bad_doc {
	struct bad_doc *next;
	struct pol_doc *good; /* what is in force instead; NULL: nothing is */
	int pending;	      /* it has changed since, and nobody has looked */
	uint64_t hash;
	char why[ERR_TEXT_BYTES];
	size_t n_owner, n_name;
	char text[]; /* owner, name */
};

enum { DEP_CHAINS = 1024, BAD_CHAINS = 64, BAD_MAX = 4096 };

struct deps {
	pthread_mutex_t lock;
	struct dep_doc *chain[DEP_CHAINS];
};

/* ---- values ---- */

struct user_value {
	struct cpm_user_rules rules; /* first */
	struct cpm_rules *home;
	struct pol_doc *doc[3]; /* access, prefs, presence: as in RULES */
	struct pol_set *set[2];
	struct dep *deps;
};

struct group_value {
	struct cpm_group_rules rules; /* first */
	struct cpm_rules *home;
	struct pol_doc *doc;
	struct arena *arena; /* of texts and members */
	struct dep *deps;
};

/* ---- flights ---- */

enum value_kind { VALUE_USER, VALUE_GROUP, VALUE_OPERATOR, VALUE_DRAFT };

/* What a draft is made of, and what it comes to. */
struct draft {
	pthread_mutex_t lock;
	pthread_cond_t landed;
	int is_done;
	enum pol_kind kind;
	struct strv owner, bytes;
	struct pol_report *report;
	struct pol_doc *doc;
	struct err *err;
	int ret;
};

/* Who waits for a value, or for the operator's policy and then for a value. */
struct waiter {
	struct post post;
	struct waiter *next;
	struct cpm_rules *rules;
	struct worker *home; /* NULL: on whatever thread */
	enum value_kind kind;
	cpm_user_rules_fn *user;
	cpm_group_rules_fn *group;
	void *arg;
	struct cache_value *value; /* held */
	enum cpm_got got;
	int goes_on; /* ask for the value now */
	size_t n;
	char id[];
};

/* A document that a flight has asked for. */
struct flight_doc {
	struct flight *flight;
	struct flight_doc *next;
	int asked, known;
	enum cpm_got got;
	uint64_t version;
	char *bytes;
	size_t n_bytes;
	xmlDoc *xml;
	int is_broken;	      /* no XML */
	struct pol_doc *code; /* not bound */
	struct strv owner, name;
	char text[];
};

/* An identity that a reference names and of which the flight has asked whose it is. */
struct flight_home {
	struct flight *flight;
	struct flight_home *next;
	int asked;
	int found; /* 1 HOME, 0 nobody's, -1 cannot tell */
	char home[RULES_OWNER_MAX];
	size_t n_home, n;
	char id[];
};

/* A list that was read already. */
struct flight_list {
	struct flight_list *next;
	const xmlNode *elem;
	struct pol_set *set;
};

struct flight {
	struct job job;
	struct cpm_rules *rules;
	struct flight *next; /* of the table's chain */
	enum value_kind kind;
	int alone;  /* nobody joins, and nobody waits for a thread */
	int listed; /* others may join: what it reads has not changed since */
	struct waiter *waiters;
	uint64_t started, ticket;

	struct arena *arena;
	atomic_uint pending; /* answers that are due, and one for who asks */
	struct flight_doc *docs;
	struct flight_doc *own[OWN_DOCS];
	struct flight_home *homes;
	struct flight_list *lists;
	struct dep *deps;
	unsigned n_docs;
	size_t bytes;
	struct strv owner; /* whose lists may be read */
	char owner_text[RULES_OWNER_MAX];
	struct cache_value *old; /* the last value, as far as it is remembered */
	unsigned wants : 1;	 /* something more has to be asked for */
	unsigned busy : 1;	 /* something could not be had for now */
	unsigned failed : 1;	 /* no value: memory, or nothing to fall back upon */

	/* What it comes to. */
	enum cpm_got got;
	struct cache_value *value; /* held; of a user or a group */
	struct pol_doc *operator_doc;
	int operator_lost;
	struct draft *draft;

	size_t n;
	char key[]; /* "u" owner, "g" URI, "o" */
};

enum { FLIGHT_CHAINS = 256 };

struct cpm_rules {
	struct cpm_rules_options options;
	struct pol_spell spell;
	struct cache *cache;
	struct cache *last;	    /* values that a change has made void: the last good ones */
	atomic_uint_fast64_t clock; /* counts changes; a value's version is that of its start */
	atomic_uint_fast64_t users, groups; /* values in memory */
	atomic_int stopped;
	struct deps deps;

	pthread_mutex_t lock; /* of all below */
	struct flight *flights[FLIGHT_CHAINS];
	struct bad_doc *bad[BAD_CHAINS];
	unsigned n_bad;
	struct pol_doc *operator_doc;
	int operator_lost;
	uint64_t operator_version, operator_changed; /* by the clock */
	struct dep *operator_deps;
	atomic_int operator_dirty; /* what is there is not what it should be; set under the lock */
	struct post kick;
	int kicked; /* KICK is in an inbox */
	struct metric *m_made, *m_bad, *m_bytes;
};

/* What the flight is about: the owner, the group's URI. */
static inline struct strv flight_id(const struct flight *flight)
{
	return strv_mem(flight->key + 1, flight->n - 1);
}

/* The names of the documents that every user may have; which one NAME is, or -1. */
extern const struct strv rules_own_names[OWN_DOCS];
int rules_own_doc(struct strv name);

/* cpm_rules_docs.c: documents */

/* The document NAME of OWNER; asked for with the next round when it is new. NULL: there are too
 * many, or no memory (FAILED then). */
struct flight_doc *flight_want(struct flight *flight, struct strv owner, struct strv name);
void flight_forget_docs(struct flight *flight);
/* The tree of DOC, which has bytes; NULL: it is none, or no memory (FAILED). */
const xmlDoc *flight_xml(struct flight_doc *doc);
/* Ask for all that is wanted. DONE is called when all is there, maybe before this returns. */
void flight_fetch(struct flight *flight);
void flight_landed(struct flight *flight); /* cpm_rules.c: everything asked for is there */

/* Where REF leads, for pol_list_set: what is not at hand is missing, and wanted. */
enum pol_list_outcome flight_follow(struct flight *flight, struct strv ref,
				    const xmlNode **elem_out);

/* cpm_rules_make.c: make of the documents what FLIGHT is for, unless it WANTS more. */
void flight_make(struct flight *flight);

/* cpm_rules_deps.c */
int deps_init(struct deps *deps);
void deps_fini(struct deps *deps);
/* KEY is being made of the document. NULL: no memory. */
struct dep *deps_add(struct deps *deps, struct strv owner, struct strv name, struct strv key);
/* Takes a list by next_of_value. */
void deps_drop(struct deps *deps, struct dep **list);
/* FN for each key made of the document (NAME empty: of any of OWNER's), while the lock is held. */
void deps_each(struct deps *deps, struct strv owner, struct strv name,
	       void (*fn)(void *arg, struct strv key), void *arg);

/* Under the lock of RULES. WHY NULL: the document is good, or gone. GOOD is held by the callee.
 * Returns the good value that was kept until now (held for the caller) or NULL. */
struct pol_doc *bad_good(struct cpm_rules *rules, struct strv owner, struct strv name);
/* 1 when it is news. */
int bad_note(struct cpm_rules *rules, struct strv owner, struct strv name, struct pol_doc *good,
	     const char *why);
struct pol_doc *bad_clear(struct cpm_rules *rules, struct strv owner, struct strv name);
void bad_pending(struct cpm_rules *rules, struct strv owner, struct strv name);
void bad_fini(struct cpm_rules *rules);

#endif
