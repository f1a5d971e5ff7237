/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/cpm_message.c - see cpm_message.h
 *
 * One allocation: the struct, then the texts. In the store it is a fixed head of numbers and the
 * texts in the order of one table, each behind its length, so that a record has one form only.
 */
#include "cpm/cpm_message.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cpm/imdn.h"

struct cpm_message {
	atomic_uint holders;
	struct cpm_message_draft draft; /* its texts are in TEXT */
	size_t bytes;
	char text[];
};

/* Behind these stand the identities of the sender. The order is that of the record. */
static const size_t text_at[] = {
#define TEXT_AT(member) offsetof(struct cpm_message_draft, member)
	TEXT_AT(sender_instance),
	TEXT_AT(recipient),
	TEXT_AT(from),
	TEXT_AT(to),
	TEXT_AT(call_id),
	TEXT_AT(lines),
	TEXT_AT(conversation_id),
	TEXT_AT(contribution_id),
	TEXT_AT(in_reply_to),
	TEXT_AT(content_type),
	TEXT_AT(message_id),
	TEXT_AT(datetime),
	TEXT_AT(about),
	TEXT_AT(group),
	TEXT_AT(body),
#undef TEXT_AT
};
enum { TEXTS = sizeof(text_at) / sizeof(text_at[0]) };

static struct strv *text_of(struct cpm_message_draft *draft, unsigned i)
{
	return i < TEXTS ? (struct strv *)(void *)((char *)draft + text_at[i])
			 : &draft->sender[i - TEXTS];
}

static struct strv text_in(const struct cpm_message_draft *draft, unsigned i)
{
	return i < TEXTS ? *(const struct strv *)(const void *)((const char *)draft + text_at[i])
			 : draft->sender[i - TEXTS];
}

/* ---- services ---- */

#define ICSI "urn:urn-7:3gpp-service.ims.icsi.oma.cpm."

const char *cpm_service_icsi(enum cpm_service service)
{
	switch (service) {
	case CPM_PAGER:
		return ICSI "msg";
	case CPM_PAGER_GROUP:
		return ICSI "msg.group";
	case CPM_DEFERRED:
		return ICSI "deferred";
	case CPM_SYSTEM:
		return ICSI "systemmsg";
	case CPM_PLAIN:
		break;
	}
	return "";
}

static int hex_of(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* TEXT with its escapes undone, at most MAX octets of it. */
static struct strv unescaped(struct strv text, char *at, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n && n < max; n++) {
		if (text.p[i] == '%' && i + 2 < text.n && hex_of(text.p[i + 1]) >= 0 &&
		    hex_of(text.p[i + 2]) >= 0) {
			at[n] = (char)(hex_of(text.p[i + 1]) * 16 + hex_of(text.p[i + 2]));
			i += 3;
		} else {
			at[n] = text.p[i++];
		}
	}
	return strv_mem(at, n);
}

enum cpm_service cpm_service_find(struct strv text)
{
	static const enum cpm_service known[] = { CPM_PAGER, CPM_PAGER_GROUP, CPM_DEFERRED,
						  CPM_SYSTEM };
	char plain[128];

	if (text.n >= 3 * sizeof(plain))
		return CPM_PLAIN;
	text = unescaped(text, plain, sizeof(plain));
	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strv_caseeq(text, strv_of(cpm_service_icsi(known[i]))))
			return known[i];
	return CPM_PLAIN;
}

/* ---- values ---- */

struct cpm_message *cpm_message_new(const struct cpm_message_draft *draft)
{
	unsigned n = TEXTS + draft->n_sender;
	struct cpm_message *message;
	size_t bytes = 0;
	char *at;

	for (unsigned i = 0; i < n; i++)
		bytes += text_in(draft, i).n;
	message = malloc(sizeof(*message) + bytes);
	if (!message)
		return NULL;
	atomic_init(&message->holders, 1);
	message->draft = *draft;
	message->bytes = sizeof(*message) + bytes;
	at = message->text;
	for (unsigned i = 0; i < n; i++) {
		struct strv *text = text_of(&message->draft, i);

		if (text->n)
			memcpy(at, text->p, text->n);
		text->p = at;
		at += text->n;
	}
	return message;
}

const struct cpm_message_draft *cpm_message_of(const struct cpm_message *message)
{
	return &message->draft;
}

struct cpm_message *cpm_message_hold(struct cpm_message *message)
{
	atomic_fetch_add_explicit(&message->holders, 1, memory_order_relaxed);
	return message;
}

void cpm_message_drop(struct cpm_message **message_at)
{
	struct cpm_message *message = *message_at;

	*message_at = NULL;
	/* Release, so that whoever frees has seen all that the other holders did with it. */
	if (message && atomic_fetch_sub_explicit(&message->holders, 1, memory_order_acq_rel) == 1)
		free(message);
}

size_t cpm_message_bytes(const struct cpm_message *message)
{
	return message->bytes;
}

/* ---- records ---- */

enum { RECORD_FORM = 1, HEAD_BYTES = 4 + 4 + 4 + 8 + 8 + TRACE_HEX, TEXT_MAX = 1 << 24 };

enum flag {
	FLAG_ANONYMOUS = 1,
	FLAG_REPORT = 2,
	FLAG_DISPLAYED = 4,
	FLAG_COMPOSING = 8,
	FLAG_CLAIMED = 16,
	FLAGS_ALL = 31,
};

static char *put(char *at, uint64_t value, unsigned bytes)
{
	while (bytes--)
		*at++ = (char)(value >> 8 * bytes);
	return at;
}

/* The caller has seen that the octets are there. */
static uint64_t take(struct strv *rest, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value = value << 8 | (unsigned char)rest->p[i];
	*rest = strv_mem(rest->p + bytes, rest->n - bytes);
	return value;
}

static unsigned flags_of(const struct cpm_message_draft *draft)
{
	return (draft->anonymous ? FLAG_ANONYMOUS : 0) | (draft->is_report ? FLAG_REPORT : 0) |
	       (draft->is_displayed ? FLAG_DISPLAYED : 0) |
	       (draft->is_composing ? FLAG_COMPOSING : 0) | (draft->is_claimed ? FLAG_CLAIMED : 0);
}

struct strv cpm_message_encode(const struct cpm_message *message, struct arena *arena)
{
	const struct cpm_message_draft *draft = &message->draft;
	unsigned n = TEXTS + draft->n_sender;
	size_t bytes = HEAD_BYTES + 4 * n + (message->bytes - sizeof(*message));
	char *record = arena_alloc(arena, bytes), *at = record;

	if (!record)
		return strv_mem(NULL, 0);
	at = put(at, RECORD_FORM, 1);
	at = put(at, draft->service, 1);
	at = put(at, flags_of(draft), 1);
	at = put(at, draft->n_sender, 1);
	at = put(at, draft->cseq, 4);
	at = put(at, draft->asked, 4);
	at = put(at, (uint64_t)draft->arrival_us, 8);
	at = put(at, (uint64_t)draft->expires_s, 8);
	memset(at, 0, TRACE_HEX);
	memcpy(at, draft->trace.hex, strnlen(draft->trace.hex, TRACE_HEX));
	at += TRACE_HEX;
	for (unsigned i = 0; i < n; i++) {
		struct strv text = text_in(draft, i);

		at = put(at, text.n, 4);
		if (text.n)
			at = mempcpy(at, text.p, text.n);
	}
	return strv_mem(record, (size_t)(at - record));
}

/* All of it or nothing. */
static int read_trace(const char *from, struct trace_id *trace)
{
	memcpy(trace->hex, from, TRACE_HEX);
	trace->hex[TRACE_HEX] = '\0';
	for (unsigned i = 0; i < TRACE_HEX; i++)
		if (trace->hex[0] ? hex_of(from[i]) < 0 || (from[i] >= 'A' && from[i] <= 'F')
				  : from[i] != '\0')
			return -1;
	return 0;
}

static int read_head(struct strv *rest, struct cpm_message_draft *draft)
{
	unsigned flags;

	memset(draft, 0, sizeof(*draft));
	if (rest->n < HEAD_BYTES || take(rest, 1) != RECORD_FORM)
		return -1;
	draft->service = (enum cpm_service)take(rest, 1);
	flags = (unsigned)take(rest, 1);
	draft->n_sender = (unsigned)take(rest, 1);
	draft->cseq = (uint32_t)take(rest, 4);
	draft->asked = (unsigned)take(rest, 4);
	draft->arrival_us = (int64_t)take(rest, 8);
	draft->expires_s = (int64_t)take(rest, 8);
	if (draft->service > CPM_PLAIN || flags > FLAGS_ALL ||
	    draft->n_sender > CPM_MESSAGE_IDS_MAX || read_trace(rest->p, &draft->trace) < 0)
		return -1;
	*rest = strv_mem(rest->p + TRACE_HEX, rest->n - TRACE_HEX);
	draft->anonymous = (flags & FLAG_ANONYMOUS) != 0;
	draft->is_report = (flags & FLAG_REPORT) != 0;
	draft->is_displayed = (flags & FLAG_DISPLAYED) != 0;
	draft->is_composing = (flags & FLAG_COMPOSING) != 0;
	draft->is_claimed = (flags & FLAG_CLAIMED) != 0;
	return 0;
}

int cpm_message_decode(struct strv record, struct cpm_message **message_out, struct err *err)
{
	struct cpm_message_draft draft;
	struct strv rest = record;

	*message_out = NULL;
	if (read_head(&rest, &draft) < 0)
		return err_set(err, ERR_CORRUPT, "a stored message is not of its form");
	for (unsigned i = 0; i < TEXTS + draft.n_sender; i++) {
		size_t n = rest.n < 4 ? SIZE_MAX : (size_t)take(&rest, 4);

		if (n > rest.n || n > TEXT_MAX)
			return err_set(err, ERR_CORRUPT, "a stored message is cut off");
		*text_of(&draft, i) = strv_mem(rest.p, n);
		rest = strv_mem(rest.p + n, rest.n - n);
	}
	if (rest.n)
		return err_set(err, ERR_CORRUPT, "a stored message goes on behind its end");
	*message_out = cpm_message_new(&draft);
	return *message_out ? 0 : err_set(err, ERR_NOMEM, "no memory for a message");
}
