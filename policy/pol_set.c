/* SPDX-License-Identifier: Apache-2.0 */
/* policy/pol_set.c - sets of identities (see pol_set.h) */
#include "policy/pol_set.h"

#include <stdlib.h>

#include "policy/pol_priv.h"

struct pol_set {
	atomic_uint refs;
	int complete;
	uint32_t bytes;
	struct pol_names identities, domains;
};

enum { BLOCK_MAX = 256 << 20 };

/* ---- spelling ---- */

struct strv pol_domain_of(struct strv identity)
{
	struct strv user, host = identity;

	if (!strv_starts(identity, STRV("sip:")) || !strv_cut(&host, '@', &user))
		return (struct strv){ NULL, 0 };
	if (host.n && host.p[0] == '[') {
		struct strv address;

		return strv_cut(&host, ']', &address) ? strv_mem(address.p, address.n + 1) : host;
	}
	strv_cut(&host, ':', &user);
	return user;
}

struct strv pol_spell_identity(const struct pol_spell *spell, struct strv text, char *buf)
{
	size_t n;

	text = strv_trim(text);
	if (spell && spell->identity && text.n &&
	    spell->identity(spell->arg, text, buf, POL_SPELL_BYTES, &n) == 0)
		return strv_mem(buf, n);
	return text;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-encoding undone, once; ASCII in lower case. 0 when it is no ASCII name. */
static size_t plain_domain(struct strv text, char *buf)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n && n < POL_SPELL_BYTES; i++) {
		char c = text.p[i];

		if (c == '%') {
			int high, low;

			if (i + 2 >= text.n || (high = hex_value(text.p[i + 1])) < 0 ||
			    (low = hex_value(text.p[i + 2])) < 0)
				return 0;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("-._[]:", c)) ||
		    !c)
			return 0;
		buf[n++] = c;
	}
	if (n && buf[n - 1] == '.')
		n--;
	return n;
}

struct strv pol_spell_domain(const struct pol_spell *spell, struct strv text, char *buf)
{
	size_t n = 0;

	text = strv_trim(text);
	if (text.n > POL_SPELL_BYTES)
		return (struct strv){ NULL, 0 };
	if (spell && spell->domain && spell->domain(spell->arg, text, buf, POL_SPELL_BYTES, &n) < 0)
		n = 0;
	else if (!spell || !spell->domain)
		n = plain_domain(text, buf);
	return strv_mem(buf, n);
}

/* ---- making ---- */

struct pol_set_plan {
	struct arena *arena;
	size_t max, n[2], cap[2];
	struct strv *text[2]; /* identities, domains */
	int incomplete;
};

struct pol_set_plan *pol_set_plan_new(size_t max_entries)
{
	struct pol_set_plan *plan = calloc(1, sizeof(*plan));

	if (!plan)
		return NULL;
	plan->max = max_entries;
	plan->arena = arena_new(0);
	if (!plan->arena) {
		free(plan);
		return NULL;
	}
	return plan;
}

void pol_set_plan_free(struct pol_set_plan **plan_at)
{
	struct pol_set_plan *plan = *plan_at;

	*plan_at = NULL;
	if (!plan)
		return;
	free(plan->text[0]);
	free(plan->text[1]);
	arena_free(&plan->arena);
	free(plan);
}

static int add(struct pol_set_plan *plan, unsigned which, struct strv text, struct err *err)
{
	struct strv *grown;
	char *copy;

	if (plan->n[0] + plan->n[1] >= plan->max)
		return err_set(err, ERR_LIMIT, "a list has more than %zu entries", plan->max);
	if (plan->n[which] == plan->cap[which]) {
		size_t cap = plan->cap[which] ? plan->cap[which] * 2 : 64;

		grown = realloc(plan->text[which], cap * sizeof(*grown));
		if (!grown)
			return err_set(err, ERR_NOMEM, "out of memory");
		plan->text[which] = grown;
		plan->cap[which] = cap;
	}
	copy = arena_strdup(plan->arena, text);
	if (!copy)
		return err_set(err, ERR_NOMEM, "out of memory");
	plan->text[which][plan->n[which]++] = strv_mem(copy, text.n);
	return 0;
}

int pol_set_plan_add(struct pol_set_plan *plan, const struct pol_spell *spell, struct strv identity,
		     struct err *err)
{
	char buf[POL_SPELL_BYTES];

	return add(plan, 0, pol_spell_identity(spell, identity, buf), err);
}

int pol_set_plan_add_domain(struct pol_set_plan *plan, const struct pol_spell *spell,
			    struct strv domain, struct err *err)
{
	char buf[POL_SPELL_BYTES];
	struct strv text = pol_spell_domain(spell, domain, buf);

	if (!text.n)
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is no domain", STRV_ARG(domain));
	return add(plan, 1, text, err);
}

void pol_set_plan_incomplete(struct pol_set_plan *plan)
{
	plan->incomplete = 1;
}

int pol_set_plan_finish(struct pol_set_plan **plan_at, struct pol_set **set_out, struct err *err)
{
	struct pol_set_plan *plan = *plan_at;
	struct pol_block block = { .max = BLOCK_MAX };
	struct pol_names identities, domains;
	struct pol_set *set;

	*set_out = NULL;
	pol_block_put(&block, NULL, sizeof(struct pol_set), _Alignof(struct pol_set));
	identities = pol_block_names(&block, plan->text[0], plan->n[0]);
	domains = pol_block_names(&block, plan->text[1], plan->n[1]);
	if (block.failed) {
		free(block.p);
		pol_set_plan_free(plan_at);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	set = realloc(block.p, block.n);
	if (!set)
		set = (struct pol_set *)(void *)block.p;
	atomic_init(&set->refs, 1);
	set->complete = !plan->incomplete;
	set->bytes = (uint32_t)block.n;
	set->identities = identities;
	set->domains = domains;
	pol_set_plan_free(plan_at);
	*set_out = set;
	return 0;
}

/* ---- using ---- */

struct pol_set *pol_set_hold(struct pol_set *set)
{
	if (set)
		atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
	return set;
}

void pol_set_drop(struct pol_set **set_at)
{
	struct pol_set *set = *set_at;

	*set_at = NULL;
	if (set && atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) == 1)
		free(set);
}

int pol_set_has_hashed(const struct pol_set *set, struct strv identity, uint64_t hash,
		       struct strv domain, uint64_t domain_hash)
{
	if (!set)
		return -1;
	if (pol_names_has(set, &set->identities, identity, hash))
		return 1;
	if (domain.n && pol_names_has(set, &set->domains, domain, domain_hash))
		return 1;
	return set->complete ? 0 : -1;
}

int pol_set_has(const struct pol_set *set, struct strv identity)
{
	struct strv domain = pol_domain_of(identity);

	return pol_set_has_hashed(set, identity, pol_hash(identity), domain, pol_hash(domain));
}

size_t pol_set_count(const struct pol_set *set)
{
	return set->identities.n + set->domains.n;
}

size_t pol_set_bytes(const struct pol_set *set)
{
	return set->bytes;
}

int pol_set_is_complete(const struct pol_set *set)
{
	return set->complete;
}
