/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/pol_priv.h - what a compiled document is made of
 *
 * One block of memory: struct pol_code, then everything else at offsets from its beginning, so that
 * it is built in a buffer that moves, weighs what it weighs, and is freed at once. A rule is a run
 * of conditions, those about who first, and a run of grants.
 */
#ifndef POLICY_POL_PRIV_H
#define POLICY_POL_PRIV_H

#include <stdatomic.h>
#include <stdint.h>

#include <libxml/tree.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/strv.h"
#include "policy/pol_doc.h"
#include "policy/pol_facts.h"
#include "policy/pol_perm.h"
#include "policy/pol_set.h"

#define NS_COMMON_POLICY  "urn:ietf:params:xml:ns:common-policy"
#define NS_RESOURCE_LISTS "urn:ietf:params:xml:ns:resource-lists"
#define NS_PRES_RULES	  "urn:ietf:params:xml:ns:pres-rules"
#define NS_OMA_POLICY	  "urn:oma:xml:xdm:common-policy"
#define NS_OMA_EXTENSIONS "urn:oma:xml:xdm:extensions"
#define NS_OMA_PRES_RULES "urn:oma:xml:prs:pres-rules"
#define NS_GROUPS	  "urn:oma:xml:poc:list-service"
#define NS_USER_PREFS	  "urn:opencpm:xml:user-prefs"
#define NS_OPERATOR	  "urn:opencpm:xml:operator-policy"
#define NS_ACCESS	  "urn:oma:xml:xdm:ap"

/* ---- names and their tables (pol_name.c) ---- */

/* A text within a block. */
struct pol_name {
	uint64_t hash;
	uint32_t off, n;
};

/* Texts to look up: few are compared one by one, many through slots. */
struct pol_names {
	uint32_t n, entries;  /* struct pol_name[n] */
	uint32_t mask, slots; /* uint32_t[mask + 1], index + 1 or 0; MASK 0: none */
};

/* SipHash-1-3 under a key of this process: who writes a list cannot make it slow. Never 0. */
uint64_t pol_hash(struct strv s);

/* What nobody speaks about: pol_perm_row()->builtin of all permissions, side by side. */
const int64_t *pol_perm_builtins(void);

/* 1 when S, whose hash is HASH, is in NAMES of the block at BASE. */
int pol_names_has(const void *base, const struct pol_names *names, struct strv s, uint64_t hash);

static inline struct strv pol_name_text(const void *base, const struct pol_name *name)
{
	return (struct strv){ (const char *)base + name->off, name->n };
}

/* pol_set_has() with the hashes of the identity and of its domain. */
int pol_set_has_hashed(const struct pol_set *set, struct strv identity, uint64_t hash,
		       struct strv domain, uint64_t domain_hash);

/* ---- building a block (pol_name.c) ---- */

struct pol_block {
	char *p;
	size_t n, cap, max;
	int failed; /* memory or MAX; everything put from then on is lost */
};

/* Append SIZE octets at a multiple of ALIGN: their offset. DATA NULL: zeroes. */
uint32_t pol_block_put(struct pol_block *block, const void *data, size_t size, size_t align);
struct pol_name pol_block_name(struct pol_block *block, struct strv s);
/* A table of the N texts. */
struct pol_names pol_block_names(struct pol_block *block, const struct strv *text, size_t n);

/* ---- compiled documents ---- */

enum pol_cond_kind {
	POL_COND_IDENTITY, /* struct pol_identity at off */
	POL_COND_LIST,	   /* uint16_t[n] at off: numbers of references */
	POL_COND_MEMBER,   /* of the group's list: likewise, beside the code's members */
	POL_COND_OTHER,
	POL_COND_ANONYMOUS,
	POL_COND_WHO_END,		       /* those above are about who */
	POL_COND_DIRECTION = POL_COND_WHO_END, /* off: the direction */
	POL_COND_ROAMING,		       /* off: 0 or 1 */
	POL_COND_MEDIA,			       /* off: mask; flag: all but these */
	POL_COND_SIZE,			       /* int64_t at off */
	POL_COND_TIME,			       /* struct pol_daytime at off */
	POL_COND_SERVICE,		       /* struct pol_name[n] at off, here and below */
	POL_COND_CLASS,
	POL_COND_PEER,
	POL_COND_GROUP,
	POL_COND_SPHERE,
	POL_COND_SERVICES, /* struct pol_service[n]; flag: all but these */
	POL_COND_VALIDITY, /* int64_t[2 * n]: from, until */
	POL_COND_UNKNOWN,  /* struct pol_name[1] at off; flag: cannot tell, else false */
	POL_CONDS
};

struct pol_cond {
	uint8_t kind, flag;
	uint16_t n;
	uint32_t off;
	/* Most conditions are not met, and this tells most of those at a glance: bits of the hashes
	 * of all words or identities that meet it; 0: ask. */
	uint32_t tags;
};

/* The one bit of a hash in pol_cond.tags. */
static inline uint32_t pol_tag(uint64_t hash)
{
	return (uint32_t)1 << (hash >> 59);
}

struct pol_many {
	struct pol_name domain; /* n 0: any */
	struct pol_names except_ids, except_domains;
};

struct pol_identity {
	struct pol_names ones;
	uint32_t n_many, many; /* struct pol_many[] */
};

struct pol_service {
	struct pol_name enabler; /* n 0: any */
	uint16_t media;		 /* mask */
	uint8_t any_media;	 /* nothing is said about media */
	uint8_t media_except;	 /* all but those */
};

struct pol_daytime {
	int32_t from_s, until_s; /* of the day; until may be before from: over midnight */
	int32_t offset_s;	 /* east of UTC */
};

struct pol_grant {
	int64_t value;
	uint16_t perm, n_members;
	uint32_t members; /* struct pol_member[] of a POL_TYPE_SET */
};

struct pol_member {
	struct pol_name kind, value; /* "service-uri", "sip:x"; unknown-attribute: name, ns */
	uint32_t on;		     /* of unknown-attribute: the boolean */
};

enum { POL_CLASS_IDENTITY, POL_CLASS_LIST, POL_CLASS_OTHER, POL_CLASS_ANYBODY, POL_CLASSES };

struct pol_rule {
	uint32_t id, id_bytes;
	uint32_t conds, grants;
	uint16_t n_conds, n_who, n_grants;
	uint8_t layer;	  /* enum pol_layer */
	uint8_t class;	  /* how exactly it says who */
	uint8_t tag_kind; /* of the first condition with tags, and these */
	uint32_t tags;
};

struct pol_device_rec {
	struct pol_name id;
	uint32_t enabled, priority;
};

struct pol_code {
	atomic_uint refs;
	uint8_t kind, strict;
	uint16_t n_rules, n_refs, n_devices, n_prefer;
	uint32_t bytes; /* of the block */
	uint32_t rules, ref_names, devices;
	uint8_t prefer[4];
	struct pol_name name, service;
	struct pol_names members; /* of the group, POL_COND_MEMBER */
};

struct pol_doc {
	atomic_uint refs;
	struct pol_code *code;
	struct pol_set *set[]; /* n_refs of the code; NULL: cannot tell */
};

#define POL_AT(code, type, off) ((const type *)(const void *)((const char *)(code) + (off)))

static inline const struct pol_rule *pol_rule_at(const struct pol_doc *doc, unsigned i)
{
	return POL_AT(doc->code, struct pol_rule, doc->code->rules) + i;
}

/* The name of a kind of condition as explanations have it. */
const char *pol_cond_name(enum pol_cond_kind kind);

/* ---- matching (pol_match.c) ---- */

enum { NO = 0, YES = 1, MAYBE = 2 };

/* Facts with what is computed of them once per evaluation. */
struct pol_view {
	const struct pol_facts *facts;
	uint64_t id_hash[POL_FACTS_IDS];
	uint64_t domain_hash[POL_FACTS_IDS];
	struct strv domain[POL_FACTS_IDS];
	uint64_t word_hash[POL_CONDS]; /* of the fact that a kind of condition looks at */
	uint32_t tags[POL_CONDS];      /* 0: no glance tells */
};

/* A glance: 1 when a condition of KIND with TAGS is surely not met. */
static inline int pol_tags_miss(const struct pol_view *view, unsigned kind, uint32_t tags)
{
	return tags && view->tags[kind] && !(tags & view->tags[kind]);
}

void pol_view_init(struct pol_view *view, const struct pol_facts *facts);

/* One condition. OTHER is what POL_COND_OTHER answers. */
int pol_match_cond(struct pol_view *view, const struct pol_doc *doc, const struct pol_cond *cond,
		   int other);

/* Is any of the requester's identities in SET, with or without anonymity? */
int pol_match_set(struct pol_view *view, const struct pol_set *set);

/* All conditions about who, but "other-identity", which counts as YES. */
int pol_match_who(struct pol_view *view, const struct pol_doc *doc, const struct pol_rule *rule);

/* What POL_COND_OTHER answers in DOC: YES when nobody is meant by another rule. */
int pol_match_other(struct pol_view *view, const struct pol_doc *doc);

/* All conditions of RULE. */
int pol_match_rule(struct pol_view *view, const struct pol_doc *doc, const struct pol_rule *rule,
		   int other);

/* ---- which rules count (pol_select.c) ---- */

/* A rule that applies, or may. */
struct pol_hit {
	uint16_t rule;
	uint8_t applies; /* YES, MAYBE */
};

/* The rules of DOC that count, in their order, into HIT of POL_RULES_MAX: how many. OR_NOTHING_OUT
 * becomes 1 when perhaps none of those with an exact "who" does. */
unsigned pol_select(struct pol_view *view, const struct pol_doc *doc, struct pol_hit *hit,
		    int *or_nothing_out);

/* ---- reading XML (pol_xml.c) ---- */

/* 1 when NODE is the element LOCAL of namespace NS. */
int pol_xml_is(const xmlNode *node, const char *ns, const char *local);

/* The first element from NODE on along its siblings. */
const xmlNode *pol_xml_element(const xmlNode *node);

/* The child LOCAL of NS; NULL: none. */
const xmlNode *pol_xml_child(const xmlNode *node, const char *ns, const char *local);

/* Text of NODE, or its attribute (in no namespace, else in any), trimmed, in ARENA. 1; 0 and empty:
 * there is no such attribute; -1 without memory. */
int pol_xml_text(const xmlNode *node, struct arena *arena, struct strv *text_out, struct err *err);
int pol_xml_attr(const xmlNode *node, const char *attr, struct arena *arena, struct strv *text_out,
		 struct err *err);

/* xs:boolean, xs:dateTime as Unix seconds rounded up (1; 0: no time zone; -1: no date). */
int pol_text_bool(struct strv text, int *value_out);
int pol_text_time(struct strv text, int64_t *seconds_out);

#endif
