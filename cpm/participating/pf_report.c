/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/participating/pf_report.c - reports of our own: "failed" and "stored" (RFC 5438 s8.1, s8.2)
 *
 * We never say "delivered": that is the device's word (cpm.md 1.7). A report goes the way of any
 * message, in the name of the recipient, and is itself never reported on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cpm/cpm_ids.h"
#include "cpm/imdn.h"
#include "cpm/participating/pf_priv.h"

static const struct {
	unsigned asked;
	enum imdn_kind kind;
	enum imdn_status status;
} reports[] = {
	[PF_REPORT_FAILED] = { IMDN_ASK_NEGATIVE_DELIVERY, IMDN_DELIVERY, IMDN_FAILED },
	[PF_REPORT_STORED] = { IMDN_ASK_PROCESSING, IMDN_PROCESSING, IMDN_STORED },
};

static struct strv made_id(struct arena *arena)
{
	uint64_t random[2] = { trace_random(), trace_random() };
	unsigned char octets[CPM_ID_RANDOM_BYTES];
	char *id = arena_alloc(arena, CPM_ID_BYTES);

	if (!id)
		return strv_mem(NULL, 0);
	memcpy(octets, random, sizeof(octets));
	cpm_id_make(octets, id);
	return strv_of(id);
}

static struct strv printed(struct arena *arena, const char *before, struct strv text,
			   const char *behind)
{
	char *made = arena_printf(arena, "%s%.*s%s", before, STRV_ARG(text), behind);

	return made ? strv_of(made) : strv_mem(NULL, 0);
}

static struct strv date_of(int64_t at_us, struct arena *arena)
{
	time_t at = (time_t)(at_us / 1000000);
	char *date = arena_alloc(arena, 32);
	struct tm tm;

	if (!date || !gmtime_r(&at, &tm) || !strftime(date, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
		return strv_mem(NULL, 0);
	return strv_of(date);
}

/* The CPIM message around the notification. */
static int make_body(const struct cpm_message_draft *message, enum pf_report what, int64_t now_us,
		     struct arena *arena, struct cpm_message_draft *report)
{
	const struct imdn imdn = {
		.message_id = message->message_id,
		.datetime = message->datetime.n ? message->datetime
						: date_of(message->arrival_us, arena),
		.recipient_uri = message->recipient,
		.kind = reports[what].kind,
		.status = reports[what].status,
	};
	const struct mime_field fields[] = {
		{ STRV("Content-Type"), STRV("message/imdn+xml") },
		{ STRV("Content-Disposition"), STRV("notification") },
	};
	struct cpim_add adds[4];
	struct strv xml;

	report->message_id = made_id(arena);
	report->datetime = date_of(now_us, arena);
	adds[0] = (struct cpim_add){ STRV(CPIM_NS_CORE), STRV("From"),
				     printed(arena, "<", message->recipient, ">"), CPIM_LAST };
	adds[1] =
		(struct cpim_add){ STRV(CPIM_NS_CORE), STRV("To"),
				   message->anonymous ? STRV("<" CPIM_ANONYMOUS ">")
						      : printed(arena, "<", report->recipient, ">"),
				   CPIM_LAST };
	adds[2] = (struct cpim_add){ STRV(CPIM_NS_IMDN), STRV("Message-ID"), report->message_id,
				     CPIM_LAST };
	adds[3] = (struct cpim_add){ STRV(CPIM_NS_CORE), STRV("DateTime"), report->datetime,
				     CPIM_LAST };
	if (!imdn.datetime.p || !report->message_id.p || !report->datetime.p || !adds[0].value.p ||
	    !adds[1].value.p || imdn_print(&imdn, arena, &xml, NULL) < 0)
		return -1;
	return cpim_print(adds, 4, fields, 2, xml, arena, &report->body, NULL);
}

static struct cpm_message *make(struct pf *pf, const struct cpm_message_draft *message,
				enum pf_report what, struct arena *arena)
{
	int64_t now_us = pf->net.now_us(pf->net.arg);
	struct cpm_message_draft report = {
		.service = CPM_PAGER,
		.sender = { message->recipient },
		.n_sender = 1,
		.recipient = message->group.n ? message->group : message->sender[0],
		.from = printed(arena, "<", message->recipient, ">;tag="),
		.call_id = made_id(arena),
		.cseq = 1,
		.content_type = STRV("message/cpim"),
		.conversation_id = message->conversation_id,
		.contribution_id = message->contribution_id,
		.is_report = 1,
		.about = message->message_id,
		.arrival_us = now_us,
		.expires_s = -1,
		.trace = message->trace,
	};
	char *lines = arena_printf(arena,
				   "%s%.*s%s%s%.*s%sAccept-Contact: *;+g.3gpp.icsi-ref="
				   "\"urn%%3Aurn-7%%3A3gpp-service.ims.icsi.oma.cpm.msg\"\r\n",
				   message->conversation_id.n ? "Conversation-ID: " : "",
				   STRV_ARG(message->conversation_id),
				   message->conversation_id.n ? "\r\n" : "",
				   message->contribution_id.n ? "Contribution-ID: " : "",
				   STRV_ARG(message->contribution_id),
				   message->contribution_id.n ? "\r\n" : "");

	report.to = printed(arena, "<",
			    message->anonymous ? STRV(CPIM_ANONYMOUS) : report.recipient, ">");
	if (!lines || !report.from.p || !report.to.p || !report.call_id.p ||
	    make_body(message, what, now_us, arena, &report) < 0)
		return NULL;
	/* A made id is terminated: its second half is the tag. */
	report.from = printed(arena, "", report.from, report.call_id.p + CPM_ID_BYTES / 2);
	report.lines = strv_of(lines);
	return report.from.p ? cpm_message_new(&report) : NULL;
}

/* ---- receipts of plain clients ---- */

int pf_is_bare_receipt(const struct cpm_message_draft *message)
{
	return message->is_report && mime_is(message->content_type, "message/imdn+xml");
}

/* What it reports on it names by Call-ID, which is the message's id where we made it plain. */
void *pf_make_receipt(struct pf *pf, const struct cpm_message_draft *message)
{
	const struct mime_field fields[] = {
		{ STRV("Content-Type"), STRV("message/imdn+xml") },
		{ STRV("Content-Disposition"), STRV("notification") },
	};
	struct arena *arena = arena_new(0);
	struct cpm_message_draft receipt = *message;
	struct cpim_add adds[4];
	struct strv body;
	void *made = NULL;

	if (!arena)
		return NULL;
	adds[0] = (struct cpim_add){ STRV(CPIM_NS_CORE), STRV("From"), STRV("<" CPIM_ANONYMOUS ">"),
				     CPIM_LAST };
	adds[1] = (struct cpim_add){ STRV(CPIM_NS_CORE), STRV("To"), STRV("<" CPIM_ANONYMOUS ">"),
				     CPIM_LAST };
	adds[2] = (struct cpim_add){ STRV(CPIM_NS_IMDN), STRV("Message-ID"), made_id(arena),
				     CPIM_LAST };
	adds[3] = (struct cpim_add){ STRV(CPIM_NS_CORE), STRV("DateTime"),
				     date_of(message->arrival_us, arena), CPIM_LAST };
	receipt.service = CPM_PAGER;
	if (adds[2].value.p && adds[3].value.p &&
	    cpim_print(adds, 4, fields, 2, message->body, arena, &body, NULL) == 0)
		made = pf->net.make(pf->net.arg, &receipt, STRV("message/cpim"), body);
	arena_free(&arena);
	return made;
}

/* ---- sending ---- */

static void on_sent(void *arg, const struct pf_result *result)
{
	(void)arg;
	(void)result; /* nobody is told of a report that got lost */
}

void pf_report(struct pf *pf, const struct cpm_message *about, enum pf_report what)
{
	const struct cpm_message_draft *message = cpm_message_of(about);
	struct cpm_message *report;
	struct arena *arena;

	if (!(message->asked & reports[what].asked) || message->is_report || !message->n_sender ||
	    !message->message_id.n || pf->is_stopping)
		return;
	arena = arena_new(0);
	report = arena ? make(pf, message, what, arena) : NULL;
	arena_free(&arena);
	if (!report)
		return;
	metric_add(pf->reported, 1);
	pf_send(pf, report, on_sent, NULL);
	cpm_message_drop(&report);
}
