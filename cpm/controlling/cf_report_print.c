/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/controlling/cf_report_print.c - disposition notifications of a group's members, read and
 * written (RFC 5438 s7.2.1, s8.3)
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cpm/controlling/cf_priv.h"
#include "cpm/cpm_ids.h"

#define IMDN_TYPE "message/imdn+xml"

enum { ARENA_BYTES = 8 << 20, PART_BYTES = 128, ROUTES_MAX = 16 };

static const struct mime_field one_fields[] = {
	{ { "Content-Type", 12 }, { IMDN_TYPE, sizeof(IMDN_TYPE) - 1 } },
	{ { "Content-Disposition", 19 }, { "notification", 12 } },
};

/* ---- write ---- */

/* The IMDNs in XML, as many as fit; how many, 0: none could be made. */
static unsigned print_each(const struct cf_head *head, const struct cf_report *reports, unsigned n,
			   size_t max_bytes, struct arena *arena, struct multipart_new *parts)
{
	size_t bytes = 0;
	unsigned i;

	for (i = 0; i < n; i++) {
		struct imdn imdn = { .message_id = head->id,
				     .datetime = head->datetime,
				     .kind = reports[i].kind,
				     .status = reports[i].status };

		if (!head->hide) {
			imdn.recipient_uri = reports[i].member;
			imdn.original_recipient_uri =
				head->original_to.n ? head->original_to : reports[i].member;
		}
		parts[i] = (struct multipart_new){ one_fields, 2, { NULL, 0 } };
		if (imdn_print(&imdn, arena, &parts[i].content, NULL) < 0)
			break;
		bytes += parts[i].content.n + PART_BYTES;
		if (i && bytes > max_bytes)
			break;
	}
	return i;
}

static struct strv print_now(int64_t now_us, struct arena *arena)
{
	time_t now = (time_t)(now_us / 1000000);
	struct tm tm;

	gmtime_r(&now, &tm);
	return strv_of(arena_printf(arena, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
				    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
				    (int)(now_us / 1000 % 1000)));
}

/* The message headers: From the group, To whom the message was from, and back along the routes that
 * it had when it came here. */
static size_t make_headers(const struct cf_head *head, struct strv from, struct strv id,
			   struct strv now, struct cpim_add *adds)
{
	struct strv routes = head->routes, one;
	size_t n = 0;

	adds[n++] = (struct cpim_add){ STRV(CPIM_NS_CORE), STRV("From"), from, CPIM_LAST };
	adds[n++] = (struct cpim_add){ STRV(CPIM_NS_CORE), STRV("To"), head->reply_to, CPIM_LAST };
	adds[n++] = (struct cpim_add){ STRV(CPIM_NS_CORE), STRV("DateTime"), now, CPIM_LAST };
	adds[n++] = (struct cpim_add){ STRV(CPIM_NS_IMDN), STRV("Message-ID"), id, CPIM_LAST };
	for (int i = 0; i < ROUTES_MAX && routes.n && strv_cut(&routes, '\n', &one); i++)
		adds[n++] =
			(struct cpim_add){ STRV(CPIM_NS_IMDN), STRV("IMDN-Route"), one, CPIM_LAST };
	return n;
}

/* Who gets it next: the first route, else the sender. */
static struct strv next_of(const struct cf_head *head, struct arena *arena)
{
	struct strv routes = head->routes, one, name, uri;
	struct auth_identity identity;
	char *text;

	if (!routes.n || !strv_cut(&routes, '\n', &one) ||
	    cpim_address(one, &name, &uri, NULL) < 0 ||
	    auth_identity_parse(uri, NULL, &identity, NULL) < 0)
		return head->sender;
	text = arena_strdup(arena, auth_identity_text(&identity));
	return text ? strv_of(text) : head->sender;
}

static int print_body(const struct multipart_new *parts, unsigned n, const struct cpim_add *adds,
		      size_t n_adds, const char *boundary, struct arena *arena, struct strv *out)
{
	struct mime_field fields[2] = { one_fields[0], one_fields[1] };
	struct strv content = parts[0].content;

	if (n > 1) {
		fields[0].value =
			strv_of(arena_printf(arena, "multipart/mixed;boundary=\"%s\"", boundary));
		if (!fields[0].value.p ||
		    multipart_print(parts, n, strv_of(boundary), arena, &content, NULL) < 0)
			return -1;
	}
	return cpim_print(adds, n_adds, fields, 2, content, arena, out, NULL);
}

static struct strv make_lines(const struct cf_head *head, struct arena *arena)
{
	struct strv service = cf_service_lines(head->is_cpm ? CPM_PAGER : CPM_PLAIN, arena);

	if (!service.p)
		return service;
	return strv_of(arena_printf(
		arena, "%s%.*s%s%s%.*s%s%.*s", head->conversation_id.n ? "Conversation-ID: " : "",
		STRV_ARG(head->conversation_id), head->conversation_id.n ? "\r\n" : "",
		head->contribution_id.n ? "Contribution-ID: " : "", STRV_ARG(head->contribution_id),
		head->contribution_id.n ? "\r\n" : "", STRV_ARG(service)));
}

static struct cpm_message *make(const struct cf_head *head, const struct cf_report *reports,
				unsigned n, size_t max_bytes, const unsigned char *random,
				int64_t now_us, struct arena *arena, unsigned *n_taken_out)
{
	struct multipart_new *parts = arena_zalloc(arena, (size_t)n + 1, sizeof(*parts));
	struct cpim_add adds[4 + ROUTES_MAX];
	char boundary[CPM_ID_BYTES], id[CPM_ID_BYTES], call_id[CPM_ID_BYTES];
	struct cpm_message_draft d = { .service = head->is_cpm ? CPM_PAGER : CPM_PLAIN,
				       .n_sender = 1,
				       .cseq = 1,
				       .content_type = STRV("message/cpim"),
				       .is_report = 1,
				       .arrival_us = now_us,
				       .expires_s = -1 };
	struct strv from;

	cpm_id_make(random, boundary);
	cpm_id_make(random + CPM_ID_RANDOM_BYTES, id);
	cpm_id_make(random + (size_t)2 * CPM_ID_RANDOM_BYTES, call_id);
	*n_taken_out = parts ? print_each(head, reports, n, max_bytes, arena, parts) : 0;
	from = strv_of(arena_printf(arena, "<%.*s>", STRV_ARG(head->focus)));
	d.datetime = print_now(now_us, arena);
	if (!*n_taken_out || !from.p || !d.datetime.p ||
	    print_body(parts, *n_taken_out, adds,
		       make_headers(head, from, strv_of(id), d.datetime, adds), boundary, arena,
		       &d.body) < 0)
		return NULL;
	d.sender[0] = head->focus;
	d.recipient = next_of(head, arena);
	d.from = strv_of(arena_printf(arena, "%.*s;tag=%.16s", STRV_ARG(from), call_id));
	d.to = strv_of(arena_printf(arena, "<%.*s>", STRV_ARG(d.recipient)));
	d.call_id = strv_of(call_id);
	d.lines = make_lines(head, arena);
	d.conversation_id = head->conversation_id;
	d.contribution_id = head->contribution_id;
	d.message_id = strv_of(id);
	d.about = head->id;
	return d.from.p && d.to.p && d.lines.p ? cpm_message_new(&d) : NULL;
}

struct cpm_message *cf_report_make(const struct cf_head *head, const struct cf_report *reports,
				   unsigned n, size_t max_bytes,
				   const unsigned char random[CF_RANDOM_BYTES], int64_t now_us,
				   unsigned *n_taken_out)
{
	struct arena *arena = arena_new(ARENA_BYTES);
	struct cpm_message *message = NULL;

	*n_taken_out = 0;
	if (arena && n)
		message = make(head, reports, n, max_bytes, random, now_us, arena, n_taken_out);
	arena_free(&arena);
	return message;
}

/* ---- read ---- */

int cf_report_read(const struct cpm_message_draft *m, struct arena *arena, struct imdn *imdns,
		   unsigned max)
{
	const struct multipart_part *part = NULL;
	struct multipart parts;
	struct cpim *cpim;
	struct strv type;
	unsigned n = 0;

	if (!mime_is(m->content_type, "message/cpim") ||
	    cpim_parse(m->body, NULL, arena, &cpim, NULL) < 0)
		return -1;
	type = mime_find(&cpim->mime, "Content-Type");
	if (mime_is(type, IMDN_TYPE))
		return max && imdn_parse(cpim->content, arena, &imdns[0], NULL) == 0 ? 1 : -1;
	if (multipart_parse(cpim->content, type, &multipart_limits_default, arena, &parts, NULL) <
	    0)
		return -1;
	while (n < max && (part = multipart_find(&parts, IMDN_TYPE, NULL, part)) != NULL)
		if (imdn_parse(part->content, arena, &imdns[n], NULL) == 0)
			n++;
	return n ? (int)n : -1;
}
