/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/reginfo_merge.c - what another registrar tells, put together with what is known
 *
 * Pure: a document, what is known and a moment go in, the new value comes out. A device is its
 * instance (and flow); without one it is its URI.
 */
#include <string.h>

#include "sip/core/reg.h"
#include "sip/core/reginfo.h"

enum { SECONDS_MAX = 864000 };

struct work {
	const struct reginfo_source *source;
	struct strv home;
	struct loc_binding *b;
	unsigned char seen[LOC_BINDINGS_MAX];
	unsigned n, n_active;
	int changed;
};

static int is_of_source(const struct work *work, const struct loc_binding *b)
{
	return strv_eq(b->path, work->source->path);
}

/* It stands for devices nobody told us of. */
static int is_unknown(const struct work *work, const struct loc_binding *b)
{
	return !b->instance.n && strv_eq(b->uri, work->home);
}

static int is_same(const struct loc_binding *b, const struct reginfo_contact *c)
{
	struct sip_uri known, told;

	if (c->instance.n && b->instance.n)
		return strv_eq(b->instance, c->instance) && b->reg_id == c->reg_id;
	return sip_uri_parse(b->uri, &known) == 0 && sip_uri_parse(c->uri, &told) == 0 &&
	       reg_uri_same(&known, &told);
}

static struct loc_binding *match(struct work *work, const struct reginfo_contact *c)
{
	for (unsigned i = 0; i < work->n; i++)
		if (is_of_source(work, &work->b[i]) && is_same(&work->b[i], c))
			return &work->b[i];
	return NULL;
}

static void remove_at(struct work *work, unsigned i)
{
	work->n--;
	memmove(&work->b[i], &work->b[i + 1], (work->n - i) * sizeof(*work->b));
	memmove(&work->seen[i], &work->seen[i + 1], work->n - i);
	work->changed = 1;
}

static void set(struct work *work, struct loc_binding *b, const struct reginfo_contact *c)
{
	const struct reginfo_source *source = work->source;
	uint32_t left_s = c->has_expires ? c->expires_s : source->granted_s;

	if (left_s > SECONDS_MAX)
		left_s = SECONDS_MAX;
	b->uri = c->uri;
	b->params = c->params;
	b->instance = b->gruu = c->instance;
	b->reg_id = c->reg_id;
	b->q = (uint16_t)c->q;
	b->call_id = c->call_id;
	b->cseq = c->cseq;
	b->path = source->path;
	b->user_agent = STRV("");
	b->refreshed_us = source->now_us;
	b->expires_us = source->now_us + (int64_t)(left_s + source->grace_s) * 1000000;
	b->proto = (uint8_t)source->proto;
	b->source = source->addr;
	work->changed = 1;
}

static void take(struct work *work, const struct reginfo_contact *c)
{
	struct loc_binding *b = match(work, c);

	if (!c->is_active) {
		if (b)
			remove_at(work, (unsigned)(b - work->b));
		return;
	}
	work->n_active++;
	if (!b) {
		if (work->n == LOC_BINDINGS_MAX)
			return;
		b = &work->b[work->n];
		memset(b, 0, sizeof(*b));
		b->since_us = work->source->now_us -
			      (int64_t)(c->since_s < SECONDS_MAX ? c->since_s : 0) * 1000000;
		work->seen[work->n++] = 0;
	}
	set(work, b, c);
	work->seen[b - work->b] = 1;
}

/* What the document does not tell of: gone when it tells everything, and when nobody of the
 * registration is left. */
static void drop_untold(struct work *work, int is_full, int is_registered)
{
	for (unsigned i = 0; i < work->n;) {
		int unknown = is_unknown(work, &work->b[i]);
		int goes = !is_registered ? 1 : unknown ? work->n_active > 0 : is_full;

		if (!work->seen[i] && goes && is_of_source(work, &work->b[i]))
			remove_at(work, i);
		else
			i++;
	}
}

int reginfo_merge(const struct reginfo *info, const struct reginfo_source *source, struct strv home,
		  const struct loc_user *old, struct arena *arena, struct loc_user *user_out)
{
	struct work work = { .source = source, .home = home };
	struct strv *identities = arena_zalloc(arena, LOC_IDENTITIES_MAX, sizeof(*identities));
	int is_registered = 0, any = 0;

	work.b = arena_zalloc(arena, LOC_BINDINGS_MAX + 1, sizeof(*work.b));
	if (!work.b || !identities)
		return -1;
	for (unsigned i = 0; old && i < old->n_bindings; i++)
		if (loc_binding_lives(&old->bindings[i], source->now_us))
			work.b[work.n++] = old->bindings[i];
	for (unsigned i = 0; i < info->n_regs; i++) {
		const struct reginfo_reg *reg = &info->reg[i];

		if (!strv_eq(reg->home, home))
			continue;
		any = 1;
		is_registered |= reg->is_active;
		for (unsigned k = 0; k < reg->n_contacts; k++)
			take(&work, &reg->contact[k]);
	}
	if (!any)
		return 0;
	drop_untold(&work, info->is_full, is_registered);
	*user_out = (struct loc_user){ .version = old ? old->version + 1 : 1,
				       .aor = home,
				       .identities = identities,
				       .bindings = work.b,
				       .n_bindings = work.n };
	identities[user_out->n_identities++] = home;
	for (unsigned i = 0;
	     old && i < old->n_identities && user_out->n_identities < LOC_IDENTITIES_MAX; i++)
		if (!strv_eq(old->identities[i], home))
			identities[user_out->n_identities++] = old->identities[i];
	return work.changed;
}
