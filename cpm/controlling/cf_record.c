/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/controlling/cf_record.c - messages in work as they are stored
 *
 * One octet says the form; numbers are big-endian; a text is its length in four octets and its
 * octets. What is read back is checked as if a stranger had written it, and has one form only.
 */
#include <string.h>

#include "cpm/controlling/cf_priv.h"

enum { FORM = 1, TEXTS = 9, FIXED = 1 + 8 + 8 + 1 + 1 + 1 + 4, TEXT_MAX = 1 << 20 };
enum { MEMBERS_MAX = 1 << 20, STATE_BYTES = 2 + CF_KINDS };

static struct strv *text_of(struct cf_head *head, unsigned i)
{
	struct strv *const texts[TEXTS] = {
		&head->focus,  &head->sender,	       &head->reply_to,
		&head->id,     &head->datetime,	       &head->original_to,
		&head->routes, &head->conversation_id, &head->contribution_id,
	};

	return texts[i];
}

/* ---- write ---- */

static unsigned char *put_n(unsigned char *at, uint64_t n, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		*at++ = (unsigned char)(n >> (8 * (bytes - 1 - i)));
	return at;
}

static unsigned char *put_text(unsigned char *at, struct strv text)
{
	at = put_n(at, text.n, 4);
	if (text.n)
		memcpy(at, text.p, text.n);
	return at + text.n;
}

struct strv cf_head_encode(const struct cf_head *head, struct arena *arena)
{
	struct cf_head copy = *head;
	size_t bytes = FIXED;
	unsigned char *start, *at;

	for (unsigned i = 0; i < TEXTS; i++)
		bytes += 4 + text_of(&copy, i)->n;
	for (unsigned i = 0; i < head->n; i++)
		bytes += 4 + head->member[i].n;
	start = at = arena_alloc(arena, bytes);
	if (!start)
		return (struct strv){ NULL, 0 };
	at = put_n(at, FORM, 1);
	at = put_n(at, (uint64_t)head->arrival_us, 8);
	at = put_n(at, (uint64_t)head->expires_us, 8);
	at = put_n(at, head->wants, 1);
	at = put_n(at, head->hide != 0, 1);
	at = put_n(at, head->is_cpm != 0, 1);
	at = put_n(at, head->n, 4);
	for (unsigned i = 0; i < TEXTS; i++)
		at = put_text(at, *text_of(&copy, i));
	for (unsigned i = 0; i < head->n; i++)
		at = put_text(at, head->member[i]);
	return strv_mem(start, (size_t)(at - start));
}

struct strv cf_states_encode(const struct cf_member_state *states, unsigned n, struct arena *arena)
{
	unsigned char *start = arena_alloc(arena, 1 + (size_t)n * STATE_BYTES), *at = start;

	if (!start)
		return (struct strv){ NULL, 0 };
	*at++ = FORM;
	for (unsigned i = 0; i < n; i++) {
		*at++ = states[i].outcome;
		*at++ = states[i].told;
		memcpy(at, states[i].status, CF_KINDS);
		at += CF_KINDS;
	}
	return strv_mem(start, (size_t)(at - start));
}

/* ---- read ---- */

struct in {
	const unsigned char *at;
	size_t left;
	int bad;
};

static uint64_t get_n(struct in *in, unsigned bytes)
{
	uint64_t n = 0;

	if (in->left < bytes) {
		in->bad = 1;
		return 0;
	}
	for (unsigned i = 0; i < bytes; i++)
		n = n << 8 | in->at[i];
	in->at += bytes;
	in->left -= bytes;
	return n;
}

static struct strv get_text(struct in *in)
{
	size_t n = (size_t)get_n(in, 4);
	struct strv text = { (const char *)in->at, n };

	if (in->bad || in->left < n || n > TEXT_MAX) {
		in->bad = 1;
		return (struct strv){ NULL, 0 };
	}
	in->at += n;
	in->left -= n;
	return text;
}

static int get_flag(struct in *in)
{
	uint64_t flag = get_n(in, 1);

	in->bad |= flag > 1;
	return (int)flag;
}

int cf_head_decode(struct strv record, struct arena *arena, struct cf_head *head, struct err *err)
{
	struct in in = { (const unsigned char *)record.p, record.n, 0 };
	struct strv *member;

	memset(head, 0, sizeof(*head));
	if (get_n(&in, 1) != FORM)
		return err_set(err, ERR_CORRUPT, "a message to a group of an unknown form");
	head->arrival_us = (int64_t)get_n(&in, 8);
	head->expires_us = (int64_t)get_n(&in, 8);
	head->wants = (unsigned)get_n(&in, 1);
	head->hide = get_flag(&in);
	head->is_cpm = get_flag(&in);
	head->n = (unsigned)get_n(&in, 4);
	for (unsigned i = 0; i < TEXTS; i++)
		*text_of(head, i) = get_text(&in);
	/* Each member has its length at least: no more are asked for than can be there. */
	if (in.bad || head->n > MEMBERS_MAX || head->n > in.left / 4 || head->arrival_us < 0 ||
	    head->expires_us < 0 || !head->focus.n || !head->sender.n || !head->id.n)
		return err_set(err, ERR_CORRUPT, "a stored message to a group is damaged");
	member = arena_zalloc(arena, (size_t)head->n + 1, sizeof(*member));
	if (!member)
		return err_set(err, ERR_NOMEM, "no memory for a stored message to a group");
	for (unsigned i = 0; i < head->n; i++) {
		member[i] = get_text(&in);
		in.bad |= !member[i].n || member[i].n >= AUTH_IDENTITY_BYTES;
	}
	head->member = member;
	if (in.bad || in.left)
		return err_set(err, ERR_CORRUPT, "a stored message to a group is damaged");
	return 0;
}

int cf_states_decode(struct strv record, struct cf_member_state *states, unsigned n,
		     struct err *err)
{
	struct in in = { (const unsigned char *)record.p, record.n, 0 };
	int bad;

	if (get_n(&in, 1) != FORM || in.left != (size_t)n * STATE_BYTES)
		return err_set(err, ERR_CORRUPT, "what became of a message to a group is damaged");
	bad = 0;
	for (unsigned i = 0; i < n; i++) {
		states[i].outcome = (uint8_t)get_n(&in, 1);
		states[i].told = (uint8_t)get_n(&in, 1);
		bad |= states[i].outcome >= CF_OUTCOMES || states[i].told >> CF_KINDS;
		for (unsigned k = 0; k < CF_KINDS; k++) {
			states[i].status[k] = (uint8_t)get_n(&in, 1);
			bad |= states[i].status[k] >= IMDN_STATUSES;
		}
	}
	if (bad)
		return err_set(err, ERR_CORRUPT, "what became of a message to a group is damaged");
	return 0;
}
