/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/loc_user.c - the bindings of one user as one immutable, counted block
 *
 * Counts, arrays and texts are one allocation: a million devices are a million blocks.
 */
#include <stdlib.h>

#include "sip/core/loc_priv.h"

struct block {
	_Atomic unsigned refs;
	size_t bytes;
	struct loc_user user;
};

static struct block *block_of(const struct loc_user *user)
{
	return (struct block *)(void *)((char *)(uintptr_t)user - offsetof(struct block, user));
}

/* Every text of a binding, for sums and copies. */
enum { TEXTS = 7 };
static struct strv *text_at(struct loc_binding *binding, unsigned i)
{
	struct strv *const at[TEXTS] = { &binding->uri,	    &binding->params, &binding->instance,
					 &binding->call_id, &binding->path,   &binding->user_agent,
					 &binding->gruu };

	return at[i];
}

static int is_long(struct strv text)
{
	return text.n > LOC_TEXT_MAX;
}

int loc_user_check(const struct loc_user *draft)
{
	if (!draft->aor.n || draft->aor.n > KV_OWNER_MAX ||
	    draft->n_identities > LOC_IDENTITIES_MAX || draft->n_bindings > LOC_BINDINGS_MAX)
		return -1;
	for (unsigned i = 0; i < draft->n_identities; i++)
		if (draft->identities[i].n > KV_OWNER_MAX)
			return -1;
	for (unsigned i = 0; i < draft->n_bindings; i++) {
		struct loc_binding binding = draft->bindings[i];

		for (unsigned t = 0; t < TEXTS; t++)
			if (is_long(*text_at(&binding, t)))
				return -1;
	}
	return 0;
}

static size_t text_bytes(const struct loc_user *draft)
{
	size_t n = draft->aor.n;

	for (unsigned i = 0; i < draft->n_identities; i++)
		n += draft->identities[i].n;
	for (unsigned i = 0; i < draft->n_bindings; i++) {
		struct loc_binding binding = draft->bindings[i];

		for (unsigned t = 0; t < TEXTS; t++)
			n += text_at(&binding, t)->n;
	}
	return n;
}

static struct strv put_text(char **at, struct strv text)
{
	struct strv copy = { *at, text.n };

	if (text.n)
		memcpy(*at, text.p, text.n);
	*at += text.n;
	return copy;
}

struct loc_user *loc_user_new(const struct loc_user *draft)
{
	size_t arrays = draft->n_bindings * sizeof(*draft->bindings) +
			draft->n_identities * sizeof(*draft->identities);
	struct loc_binding *bindings;
	struct strv *identities;
	struct block *block;
	size_t bytes;
	char *at;

	if (loc_user_check(draft) < 0)
		return NULL;
	bytes = sizeof(*block) + arrays + text_bytes(draft);
	block = malloc(bytes);
	if (!block)
		return NULL;
	atomic_init(&block->refs, 1);
	block->bytes = bytes;
	block->user = *draft;
	bindings = (struct loc_binding *)(void *)(block + 1);
	identities = (struct strv *)(void *)(bindings + draft->n_bindings);
	at = (char *)(identities + draft->n_identities);
	block->user.aor = put_text(&at, draft->aor);
	for (unsigned i = 0; i < draft->n_identities; i++)
		identities[i] = put_text(&at, draft->identities[i]);
	for (unsigned i = 0; i < draft->n_bindings; i++) {
		bindings[i] = draft->bindings[i];
		for (unsigned t = 0; t < TEXTS; t++) {
			struct strv *text = text_at(&bindings[i], t);

			*text = put_text(&at, *text);
		}
	}
	block->user.bindings = bindings;
	block->user.identities = identities;
	return &block->user;
}

const struct loc_user *loc_user_hold(const struct loc_user *user)
{
	atomic_fetch_add_explicit(&block_of(user)->refs, 1, memory_order_relaxed);
	return user;
}

void loc_user_drop(const struct loc_user **user_at)
{
	const struct loc_user *user = *user_at;

	*user_at = NULL;
	if (user && atomic_fetch_sub_explicit(&block_of(user)->refs, 1, memory_order_acq_rel) == 1)
		free(block_of(user));
}

size_t loc_user_bytes(const struct loc_user *user)
{
	return block_of(user)->bytes;
}

int64_t loc_user_ends_us(const struct loc_user *user)
{
	int64_t ends_us = INT64_MAX;

	for (unsigned i = 0; user && i < user->n_bindings; i++)
		if (user->bindings[i].expires_us < ends_us)
			ends_us = user->bindings[i].expires_us;
	return ends_us;
}
