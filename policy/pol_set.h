/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/pol_set.h - who is on a list, as a value that answers at once
 *
 * A set holds canonical identities and whole domains. It is immutable, counted and shared by any
 * number of threads. A set may be incomplete, because a list that it was made from leads to another
 * one that could not be had: who is in it is in it, of all others it cannot tell.
 */
#ifndef POLICY_POL_SET_H
#define POLICY_POL_SET_H

#include <stddef.h>

#include "base/err.h"
#include "base/strv.h"

struct pol_set;

/* How identities and domains get the one form in which they are compared. Both functions write to
 * BUF of SIZE octets and set N_OUT; they return 0, or -1 when TEXT is none. ARG is theirs. What
 * cannot be reduced is kept as it stands and equals nothing that was reduced. */
struct pol_spell {
	/* Of a URI: auth_identity_parse(). NULL: as they stand. */
	int (*identity)(void *arg, struct strv text, char *buf, size_t size, size_t *n_out);
	/* Of a domain, percent-encoding undone, in lower-case ASCII (RFC 4745 s7.1.3):
	 * auth_domain_ascii(). NULL: names in ASCII only. */
	int (*domain)(void *arg, struct strv text, char *buf, size_t size, size_t *n_out);
	void *arg;
};

/* A set in the making. */
struct pol_set_plan;

/* At most MAX_ENTRIES identities and domains together. NULL when memory is short. */
struct pol_set_plan *pol_set_plan_new(size_t max_entries);
void pol_set_plan_free(struct pol_set_plan **plan);

/* Add one. SPELL may be NULL: TEXT is canonical. 0; -1 with ERR_LIMIT, ERR_NOMEM, or ERR_SYNTAX for
 * a domain that is none. */
int pol_set_plan_add(struct pol_set_plan *plan, const struct pol_spell *spell, struct strv identity,
		     struct err *err);
int pol_set_plan_add_domain(struct pol_set_plan *plan, const struct pol_spell *spell,
			    struct strv domain, struct err *err);

/* From now on the set will be incomplete. */
void pol_set_plan_incomplete(struct pol_set_plan *plan);

/* Make the set, one reference of it the caller's; the plan goes whatever happens. 0, or -1 with
 * ERR_NOMEM. */
int pol_set_plan_finish(struct pol_set_plan **plan, struct pol_set **set_out, struct err *err);

struct pol_set *pol_set_hold(struct pol_set *set); /* accepts NULL */
void pol_set_drop(struct pol_set **set);

/* Is the canonical IDENTITY in SET, by itself or by its domain? 1 yes, 0 no, -1 cannot tell (an
 * incomplete set, or NULL). */
int pol_set_has(const struct pol_set *set, struct strv identity);

size_t pol_set_count(const struct pol_set *set);
size_t pol_set_bytes(const struct pol_set *set); /* of memory */
int pol_set_is_complete(const struct pol_set *set);

/* The host of a canonical identity, without port; empty for telephone numbers and other URIs. */
struct strv pol_domain_of(struct strv identity);

/* TEXT by the rules of SPELL (NULL: none) in BUF of at least POL_SPELL_BYTES, or TEXT itself. */
enum { POL_SPELL_BYTES = 1024 };
struct strv pol_spell_identity(const struct pol_spell *spell, struct strv text, char *buf);
/* As above; empty when it is no domain. */
struct strv pol_spell_domain(const struct pol_spell *spell, struct strv text, char *buf);

#endif
