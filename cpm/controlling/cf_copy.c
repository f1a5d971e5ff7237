/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/controlling/cf_copy.c - what each member of a group gets (RFC 5365 s7.2, RFC 5438 s8)
 *
 * One body and one block of header lines for all; a copy differs by whom it is for. A CPIM message
 * gets our address in front of its IMDN-Record-Route, so that its reports come back here, and loses
 * its From when the sender hides; nothing else of it is touched. Its To stays, so it needs no
 * Original-To.
 */
#include <stdio.h>
#include <string.h>

#include "cpm/controlling/cf_priv.h"
#include "cpm/cpm_ids.h"

#define NO_NAME	  "\"Anonymous\" <" CPIM_ANONYMOUS ">"
#define LIST_TYPE "application/resource-lists+xml"
#define HISTORY	  "recipient-list-history; handling=optional"
/* In a format: each percent sign twice. */
#define ACCEPT_MSG  "urn%%3Aurn-7%%3A3gpp-service.ims.icsi.oma.cpm.msg"
#define CALL_ID_FMT "%016llx%016llx"

struct build {
	const struct cf_request *request;
	const struct cf_plan *plan;
	struct strv focus;
	struct arena *arena;
	struct cpim *cpim; /* as it is sent; NULL: none that is ours to change */
	struct strv type, body;
	int is_changed; /* body and type are not those that came */
	char boundary[CPM_ID_BYTES], id[CPM_ID_BYTES], tag[17];
};

/* ---- the CPIM message ---- */

/* From is another's word for what SIP has withheld (cpm.md 2.12). */
static int hide_from(struct build *b)
{
	const struct cpim_header *from = cpim_find(b->cpim, CPIM_NS_CORE, "From", NULL);
	struct strv bytes = b->cpim->bytes, line;
	size_t before, behind;
	char *whole;

	if (!from || cf_is_anonymous(b->request->cpim_from))
		return 0;
	before = (size_t)(from->line.p - bytes.p);
	behind = before + from->line.n;
	line = strv_of(arena_printf(b->arena, "%.*s%sFrom: <" CPIM_ANONYMOUS ">%.*s",
				    STRV_ARG(from->prefix), from->prefix.n ? "." : "",
				    STRV_ARG(b->cpim->eol)));
	whole = arena_alloc(b->arena, bytes.n + line.n + 1);
	if (!line.p || !whole)
		return -1;
	memcpy(whole, bytes.p, before);
	memcpy(whole + before, line.p, line.n);
	memcpy(whole + before + line.n, bytes.p + behind, bytes.n - behind);
	return cpim_parse(strv_mem(whole, bytes.n - from->line.n + line.n), NULL, b->arena,
			  &b->cpim, NULL);
}

static int route_reports(struct build *b, struct cf_head *head)
{
	struct strv id = cpim_value(b->cpim, CPIM_NS_IMDN, "Message-ID");
	struct strv datetime = cpim_value(b->cpim, CPIM_NS_CORE, "DateTime");
	struct strv asked = cpim_value(b->cpim, CPIM_NS_IMDN, "Disposition-Notification");
	struct cpim_add add = { .ns = STRV(CPIM_NS_IMDN),
				.name = STRV("IMDN-Record-Route"),
				.place = CPIM_TOP };
	struct strv bytes;

	if (!id.n || !datetime.n || b->request->m->is_report)
		return 0;
	head->id = id;
	head->datetime = datetime;
	head->wants = imdn_asked(asked);
	if (!head->wants)
		return 0;
	add.value = strv_of(arena_printf(b->arena, "<%.*s>", STRV_ARG(b->focus)));
	if (!add.value.p || cpim_splice(b->cpim, &add, 1, b->arena, &bytes, NULL) < 0)
		return -1;
	b->cpim->bytes = bytes; /* its headers go on pointing to what it was */
	return 0;
}

static int note_reports(struct build *b, struct cf_head *head)
{
	const struct cpim_header *route = NULL;
	struct strv to = cpim_value(b->cpim, CPIM_NS_CORE, "To"), name, uri;
	const char *routes = "";

	if (to.p && cpim_address(to, &name, &uri, NULL) == 0 && !cf_is_anonymous(uri))
		head->original_to = uri;
	while ((route = cpim_find(b->cpim, CPIM_NS_IMDN, "IMDN-Record-Route", route)) != NULL) {
		routes = arena_printf(b->arena, "%s%.*s\n", routes, STRV_ARG(route->value));
		if (!routes)
			return -1;
	}
	head->routes = strv_of(routes);
	return 0;
}

static int make_cpim(struct build *b, struct cf_head *head)
{
	struct strv from = cpim_value(b->request->cpim, CPIM_NS_CORE, "From");

	b->cpim = b->request->cpim;
	if (from.p && !cf_is_anonymous(b->request->cpim_from))
		head->reply_to = from;
	if ((b->plan->anonymous && hide_from(b) < 0) || note_reports(b, head) < 0)
		return -1;
	return route_reports(b, head);
}

/* ---- the body ---- */

/* What may stand in a header line of SIP. */
static int is_plain_type(struct strv type)
{
	for (size_t i = 0; i < type.n; i++)
		if (type.p[i] < ' ' || type.p[i] > '~')
			return 0;
	return 1;
}

/* The one part beside the list as the whole body (RFC 5365 s7.2): 1; 0 when it has to stay a part.
 */
static int unwrap(struct build *b)
{
	const struct multipart_part *part = b->request->rest[0];
	struct strv type = mime_find(&part->head, "Content-Type");

	if (b->request->n_rest != 1 || !is_plain_type(type) ||
	    mime_find(&part->head, "Content-Transfer-Encoding").p ||
	    mime_find(&part->head, "Content-Encoding").p)
		return 0;
	b->type = type.n ? type : STRV("text/plain");
	b->body = b->cpim ? b->cpim->bytes : part->content;
	return 1;
}

/* What PART says of itself, but for a length that may have become another. */
static int take_fields(struct build *b, const struct multipart_part *part,
		       struct multipart_new *new)
{
	struct mime_field *fields = arena_zalloc(b->arena, part->head.n + 1, sizeof(*fields));

	if (!fields)
		return -1;
	for (unsigned i = 0; i < part->head.n; i++)
		if (!strv_caseeq(part->head.fields[i].name, STRV("Content-Length")))
			fields[new->n_fields++] = part->head.fields[i];
	new->fields = fields;
	new->content = b->cpim && b->request->n_rest == 1 ? b->cpim->bytes : part->content;
	return 0;
}

/* The parts beside the list, and HISTORY (empty: none), as one body. */
static int wrap(struct build *b, struct strv history)
{
	static const struct mime_field history_fields[] = {
		{ { "Content-Type", 12 }, { LIST_TYPE, sizeof(LIST_TYPE) - 1 } },
		{ { "Content-Disposition", 19 }, { HISTORY, sizeof(HISTORY) - 1 } },
	};
	unsigned n = b->request->n_rest;
	struct multipart_new *parts = arena_zalloc(b->arena, n + 1, sizeof(*parts));
	char *type = arena_printf(b->arena, "multipart/mixed;boundary=\"%s\"", b->boundary);

	if (!parts || !type)
		return -1;
	for (unsigned i = 0; i < n; i++)
		if (take_fields(b, b->request->rest[i], &parts[i]) < 0)
			return -1;
	if (history.n)
		parts[n++] = (struct multipart_new){ history_fields, 2, history };
	b->type = strv_of(type);
	return multipart_print(parts, n, strv_of(b->boundary), b->arena, &b->body, NULL);
}

static int make_body(struct build *b, size_t max_body)
{
	const struct cf_request *request = b->request;
	struct strv history;
	int ret;

	b->type = request->m->content_type;
	b->body = b->cpim ? b->cpim->bytes : request->m->body;
	if (!request->has_list)
		return 0;
	b->is_changed = 1;
	ret = urilist_history(&request->list, URILIST_BCC, b->arena, &history, NULL);
	if (ret < 0)
		return -1;
	/* Who else got it is good to know, the message itself is better: a list that would make it
	 * too long for a pager message stays behind (RFC 5365 s7.2: SHOULD). */
	if (ret > 0 && wrap(b, history) == 0 && b->body.n <= max_body)
		return 0;
	return unwrap(b) ? 0 : wrap(b, STRV(""));
}

/* ---- header lines ---- */

static int starts(struct strv name, const char *with)
{
	size_t n = strlen(with);

	return name.n >= n && strv_caseeq(strv_mem(name.p, n), strv_of(with));
}

/* Is the line that of the request that came, not of the message? */
static int is_left_behind(const struct build *b, struct strv name)
{
	static const char *const names[] = { "Require", "Proxy-Require", "P-Preferred-Service",
					     "P-Asserted-Service" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strv_caseeq(name, strv_of(names[i])))
			return 1;
	return b->is_changed && starts(name, "Content-");
}

struct strv cf_service_lines(enum cpm_service service, struct arena *arena)
{
	if (service == CPM_PLAIN)
		return STRV("");
	return strv_of(arena_printf(arena,
				    "P-Asserted-Service: %s\r\n"
				    "Accept-Contact: *;+g.3gpp.icsi-ref=\"" ACCEPT_MSG "\"\r\n",
				    cpm_service_icsi(service)));
}

static int make_lines(struct build *b, enum cpm_service service, struct strv *lines_out)
{
	struct strv rest = b->request->m->lines, name, value, line;
	struct strv ours = cf_service_lines(service, b->arena);
	char *text = arena_alloc(b->arena, rest.n + ours.n + CPM_ID_BYTES + 64);
	int accepts = 0;
	size_t n = 0;

	if (!text || !ours.p)
		return -1;
	while (cf_line_next(&rest, &name, &value, &line)) {
		if (is_left_behind(b, name))
			continue;
		accepts |= strv_caseeq(name, STRV("Accept-Contact"));
		memcpy(text + n, line.p, line.n);
		n += line.n;
	}
	if (ours.n && accepts) { /* what the sender asks of devices stays what it is */
		struct strv all = ours;

		strv_cut(&all, '\n', &ours);
		ours.n++;
	}
	if (ours.n)
		memcpy(text + n, ours.p, ours.n);
	n += ours.n;
	if (!b->request->m->contribution_id.n)
		n += (size_t)sprintf(text + n, "Contribution-ID: %s\r\n", b->id);
	*lines_out = strv_mem(text, n);
	return 0;
}

/* From without its tag, which was of the dialog with us. */
static struct strv make_from(const struct build *b)
{
	struct strv from = b->request->m->from, rest = from;
	size_t n = from.n;

	while (n && from.p[n - 1] != '>')
		n--;
	if (n)
		from.n = n;
	else
		strv_cut(&rest, ';', &from);
	if (b->plan->anonymous)
		from = STRV(NO_NAME);
	return strv_of(arena_printf(b->arena, "%.*s;tag=%s", STRV_ARG(from), b->tag));
}

/* ---- the copy ---- */

static int make_draft(struct build *b, struct cpm_message_draft *d)
{
	const struct cpm_message_draft *m = b->request->m;

	*d = *m;
	d->service = m->service == CPM_PLAIN ? CPM_PLAIN : CPM_PAGER_GROUP;
	d->anonymous = b->plan->anonymous;
	d->recipient = d->group = b->focus;
	d->from = make_from(b);
	d->to = strv_of(arena_printf(b->arena, "<%.*s>", STRV_ARG(b->focus)));
	d->call_id = strv_of(b->id);
	d->cseq = 1;
	if (!m->contribution_id.n)
		d->contribution_id = strv_of(b->id);
	d->content_type = b->type;
	d->body = b->body;
	if (b->cpim) {
		d->message_id = cpim_value(b->cpim, CPIM_NS_IMDN, "Message-ID");
		d->datetime = cpim_value(b->cpim, CPIM_NS_CORE, "DateTime");
		d->asked =
			imdn_asked(cpim_value(b->cpim, CPIM_NS_IMDN, "Disposition-Notification"));
	}
	d->hops = m->hops ? m->hops - 1 : 0;
	d->loop = 0;
	return d->from.p && d->to.p ? make_lines(b, d->service, &d->lines) : -1;
}

static void make_ids(struct build *b, const unsigned char random[CF_RANDOM_BYTES])
{
	char text[CPM_ID_BYTES];

	cpm_id_make(random, b->boundary);
	cpm_id_make(random + CPM_ID_RANDOM_BYTES, b->id);
	cpm_id_make(random + (size_t)2 * CPM_ID_RANDOM_BYTES, text);
	snprintf(b->tag, sizeof(b->tag), "%.16s", text);
}

int cf_copy_make(const struct cf_request *request, const struct cf_plan *plan, struct strv focus,
		 size_t max_body, const unsigned char random[CF_RANDOM_BYTES], struct arena *arena,
		 struct cpm_message **copy_out, struct cf_head *head_out)
{
	struct build *b = arena_zalloc(arena, 1, sizeof(*b)); /* its ids outlive the call */
	struct cpm_message_draft draft;
	struct cf_head head = { .focus = focus,
				.sender = request->m->sender[0],
				.conversation_id = request->m->conversation_id,
				.contribution_id = request->m->contribution_id,
				.hide = plan->hide,
				.is_cpm = request->m->service != CPM_PLAIN,
				.member = plan->member,
				.n = plan->n };

	*copy_out = NULL;
	if (!b)
		return -1;
	b->request = request;
	b->plan = plan;
	b->focus = focus;
	b->arena = arena;
	make_ids(b, random);
	if ((request->cpim && make_cpim(b, &head) < 0) || make_body(b, max_body) < 0 ||
	    make_draft(b, &draft) < 0)
		return -1;
	head.contribution_id = draft.contribution_id;
	if (!head.id.n)
		head.id = draft.message_id.n ? draft.message_id : draft.contribution_id;
	if (!head.reply_to.n)
		head.reply_to = strv_of(arena_printf(arena, "<%.*s>", STRV_ARG(head.sender)));
	*head_out = head;
	*copy_out = head.reply_to.p ? cpm_message_new(&draft) : NULL;
	return *copy_out ? 0 : -1;
}

struct cpm_message *cf_copy_for(const struct cpm_message *copy, struct strv member)
{
	struct cpm_message_draft draft = *cpm_message_of(copy);
	char to[AUTH_IDENTITY_BYTES + 2], call_id[CPM_ID_BYTES];

	if (member.n >= AUTH_IDENTITY_BYTES)
		return NULL;
	snprintf(to, sizeof(to), "<%.*s>", STRV_ARG(member));
	snprintf(call_id, sizeof(call_id), CALL_ID_FMT, (unsigned long long)trace_random(),
		 (unsigned long long)trace_random());
	draft.recipient = member;
	draft.to = strv_of(to);
	draft.call_id = strv_of(call_id);
	return cpm_message_new(&draft);
}
