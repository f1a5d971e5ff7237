/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/participating/pf_request.c - what a MESSAGE is: its service, its ids, its CPIM
 *
 * Facts first: the body is read once, as far as the decision needs it, and a display report is the
 * only XML that is looked into. What is missing is put in by splices on the sender's side; every
 * other octet leaves as it came (RFC 3862 s2.2, s6). Pure.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cpm/composing.h"
#include "cpm/cpm_ids.h"
#include "cpm/imdn.h"
#include "cpm/inflate.h"
#include "cpm/participating/pf_priv.h"

static const struct cpim_limits limits = { PF_UNPACKED_MAX, 8192, 64, 16 };

static int is_there(struct strv text)
{
	return text.n != 0;
}

/* ---- the service ---- */

/* 1 when NEEDLE, which begins with a small letter, is in TEXT, letters of any case. */
static int has_text(struct strv text, struct strv needle)
{
	for (size_t i = 0; i + needle.n <= text.n; i++)
		if ((text.p[i] | 0x20) == needle.p[0] &&
		    strv_caseeq(strv_mem(text.p + i, needle.n), needle))
			return 1;
	return 0;
}

/* RFC 6050 s4.1: one value is sent; of several the first known one counts. */
static unsigned read_service(const struct pf_said *said, struct cpm_message_draft *draft,
			     const char **why)
{
	struct strv rest = said->service, one;

	draft->service = CPM_PLAIN;
	while (rest.n && draft->service == CPM_PLAIN) {
		strv_cut(&rest, ',', &one);
		draft->service = cpm_service_find(strv_trim(one));
	}
	*why = "This service is not one for messages";
	if (draft->service == CPM_PLAIN && has_text(said->service, STRV("ims.icsi.oma.cpm.")))
		return 403;
	if (said->is_of_us && (draft->service == CPM_SYSTEM || draft->service == CPM_DEFERRED))
		return 403;
	*why = NULL;
	/* Clients that leave it out (cpm.md 6). */
	if (draft->service == CPM_PLAIN && has_text(said->accept_contact, STRV("oma.cpm.msg")))
		draft->service = CPM_PAGER;
	return 0;
}

/* ---- ids ---- */

static int read_id(struct strv value, struct strv *id)
{
	*id = STRV("");
	return is_there(value) ? cpm_id_parse(value, id, NULL) : 0;
}

static unsigned read_ids(const struct pf_said *said, struct cpm_message_draft *draft,
			 const char **why)
{
	if (read_id(said->conversation_id, &draft->conversation_id) == 0 &&
	    read_id(said->contribution_id, &draft->contribution_id) == 0 &&
	    read_id(said->in_reply_to, &draft->in_reply_to) == 0)
		return 0;
	*why = "A conversation's or contribution's id is not of its form";
	return 400;
}

/* ---- the body ---- */

/* TYPE and BODY of what a person or a device says, within CPIM or not. */
static void read_content(struct strv type, struct strv body, struct strv disposition,
			 struct arena *arena, struct cpm_message_draft *draft)
{
	struct imdn imdn;

	if (composing_is(type)) {
		draft->is_composing = 1;
	} else if (mime_is(type, "message/imdn+xml")) {
		draft->is_report = 1;
		if (imdn_parse(body, arena, &imdn, NULL) < 0)
			return;
		draft->is_displayed = imdn.kind == IMDN_DISPLAY && imdn.status == IMDN_DISPLAYED;
		draft->about = imdn.message_id;
	} else if (mime_is(type, "multipart/mixed") && mime_is(disposition, "notification")) {
		draft->is_report = 1; /* several together (RFC 5438 s8.3) */
	}
}

static unsigned read_cpim(struct pf_request *request, struct arena *arena, const char **why)
{
	struct cpm_message_draft *draft = &request->draft;
	struct cpim *cpim;
	struct err err;

	if (cpim_parse(draft->body, &limits, arena, &cpim, &err) < 0) {
		*why = err.code == ERR_NOMEM ? NULL : "The CPIM message cannot be read";
		return err.code == ERR_NOMEM ? 500 : 400;
	}
	request->cpim = cpim;
	if (draft->service == CPM_PLAIN)
		draft->service = CPM_PAGER;
	draft->message_id = cpim_value(cpim, CPIM_NS_IMDN, "Message-ID");
	draft->datetime = cpim_value(cpim, CPIM_NS_CORE, "DateTime");
	draft->asked = imdn_asked(cpim_value(cpim, CPIM_NS_IMDN, "Disposition-Notification"));
	read_content(mime_find(&cpim->mime, "Content-Type"), cpim->content,
		     mime_find(&cpim->mime, "Content-Disposition"), arena, draft);
	/* RFC 5438 s7.2.1, RFC 3994: nobody reports on these. */
	if (draft->is_report || draft->is_composing)
		draft->asked = 0;
	return 0;
}

static unsigned unpack(const struct pf_said *said, struct pf_request *request, struct arena *arena,
		       const char **why)
{
	struct strv body = said->body;
	struct err err;
	int ret;

	if (!is_there(said->encoding))
		return 0;
	ret = inflate_body(said->encoding, said->body, PF_UNPACKED_MAX, arena, &body, &err);
	if (ret < 0) {
		*why = err.code == ERR_NOMEM   ? NULL
		       : err.code == ERR_LIMIT ? "The unpacked body is too large"
					       : "The packed body cannot be read";
		return err.code == ERR_NOMEM ? 500 : err.code == ERR_LIMIT ? 413 : 400;
	}
	request->is_unpacked = ret;
	request->draft.body = body;
	return 0;
}

unsigned pf_request_read(const struct pf_said *said, struct arena *arena,
			 struct pf_request *request, const char **why)
{
	struct cpm_message_draft *draft = &request->draft;
	unsigned status;

	*why = NULL;
	memset(request, 0, sizeof(*request));
	draft->content_type = said->content_type;
	draft->body = said->body;
	draft->expires_s = -1;
	status = read_service(said, draft, why);
	if (!status)
		status = read_ids(said, draft, why);
	if (!status)
		status = unpack(said, request, arena, why);
	if (status)
		return status;
	/* Packed by a coding that we do not know: it is carried and not looked into. */
	if (is_there(said->encoding) && !request->is_unpacked &&
	    !strv_caseeq(said->encoding, STRV("identity")))
		return 0;
	if (mime_is(draft->content_type, "message/cpim"))
		return read_cpim(request, arena, why);
	read_content(draft->content_type, draft->body, STRV(""), arena, draft);
	return 0;
}

/* ---- what is missing ---- */

static struct strv made_id(const unsigned char random[CPM_ID_RANDOM_BYTES], struct arena *arena)
{
	char *id = arena_alloc(arena, CPM_ID_BYTES);

	if (!id)
		return strv_mem(NULL, 0);
	cpm_id_make(random, id);
	return strv_of(id);
}

/* RFC 3339, as CPIM has it (RFC 3862 s4.4). */
static struct strv made_date(int64_t now_s, struct arena *arena)
{
	time_t now = (time_t)now_s;
	char *date = arena_alloc(arena, 32);
	struct tm tm;

	if (!date || !gmtime_r(&now, &tm) || !strftime(date, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
		return strv_mem(NULL, 0);
	return strv_of(date);
}

/* The ids that are missing, as header lines. */
static int add_ids(struct pf_request *request, const struct pf_making *making, struct arena *arena)
{
	struct cpm_message_draft *draft = &request->draft;
	struct strv made[2] = { { "", 0 }, { "", 0 } };
	char *lines;

	if (is_there(draft->conversation_id) && is_there(draft->contribution_id))
		return 0;
	if (!is_there(draft->conversation_id))
		made[0] = draft->conversation_id = made_id(making->random[0], arena);
	if (!is_there(draft->contribution_id))
		made[1] = draft->contribution_id = made_id(making->random[1], arena);
	lines = arena_printf(arena, "%s%.*s%s%s%.*s%s", made[0].n ? "Conversation-ID: " : "",
			     STRV_ARG(made[0]), made[0].n ? "\r\n" : "",
			     made[1].n ? "Contribution-ID: " : "", STRV_ARG(made[1]),
			     made[1].n ? "\r\n" : "");
	if (!lines || !draft->conversation_id.p || !draft->contribution_id.p)
		return -1;
	request->added = strv_of(lines);
	return 0;
}

/* 1 when the value of From says nobody's name. */
static int is_nobody(const struct cpim_header *from)
{
	struct strv name, uri;

	return cpim_address(from->value, &name, &uri, NULL) == 0 && name.n == 0 &&
	       strv_caseeq(uri, STRV(CPIM_ANONYMOUS));
}

/* cpm.md 2.12: the sender's side sees to it that CPIM does not tell what SIP withholds. */
static int hide_from(struct pf_request *request, struct arena *arena)
{
	static const char nobody[] = "From: <" CPIM_ANONYMOUS ">";
	const struct cpim *cpim = request->cpim;
	const struct cpim_header *from = cpim_find(cpim, CPIM_NS_CORE, "From", NULL);
	struct strv bytes = cpim->bytes;
	struct cpim *again;
	size_t at, n;
	char *body;

	if (!from || is_nobody(from))
		return 0;
	/* Core headers may have a prefix: as it is spelled. */
	at = (size_t)(from->line.p - bytes.p);
	n = at + from->prefix.n + 1 + sizeof(nobody) + cpim->eol.n + bytes.n;
	body = arena_alloc(arena, n);
	if (!body)
		return -1;
	n = at;
	memcpy(body, bytes.p, at);
	if (from->prefix.n) {
		memcpy(body + n, from->prefix.p, from->prefix.n);
		n += from->prefix.n;
		body[n++] = '.';
	}
	memcpy(body + n, nobody, sizeof(nobody) - 1);
	n += sizeof(nobody) - 1;
	memcpy(body + n, cpim->eol.p, cpim->eol.n);
	n += cpim->eol.n;
	at += from->line.n;
	memcpy(body + n, bytes.p + at, bytes.n - at);
	n += bytes.n - at;
	request->draft.body = strv_mem(body, n);
	request->is_changed = 1;
	if (cpim_parse(request->draft.body, &limits, arena, &again, NULL) < 0)
		return -1;
	request->cpim = again;
	return 0;
}

/* imdn.Message-ID and DateTime, which reports need (RFC 5438 s7.1.1.1). */
static int add_cpim(struct pf_request *request, const struct pf_making *making, struct arena *arena)
{
	struct cpm_message_draft *draft = &request->draft;
	struct cpim_add adds[2];
	unsigned n = 0;

	if (!is_there(draft->message_id)) {
		draft->message_id = made_id(making->random[2], arena);
		adds[n++] = (struct cpim_add){ STRV(CPIM_NS_IMDN), STRV("Message-ID"),
					       draft->message_id, CPIM_LAST };
	}
	if (!is_there(draft->datetime)) {
		draft->datetime = made_date(making->now_s, arena);
		adds[n++] = (struct cpim_add){ STRV(CPIM_NS_CORE), STRV("DateTime"),
					       draft->datetime, CPIM_LAST };
	}
	if (n == 0)
		return 0;
	if (!draft->message_id.p || !draft->datetime.p ||
	    cpim_splice(request->cpim, adds, n, arena, &draft->body, NULL) < 0)
		return -1;
	request->is_changed = 1;
	return 0;
}

int pf_request_complete(struct pf_request *request, const struct pf_making *making,
			struct arena *arena)
{
	struct cpm_message_draft *draft = &request->draft;

	if (draft->service == CPM_PLAIN)
		return 0;
	if (add_ids(request, making, arena) < 0)
		return -1;
	if (!request->cpim)
		return 0;
	if (draft->anonymous && hide_from(request, arena) < 0)
		return -1;
	return draft->is_report || draft->is_composing ? 0 : add_cpim(request, making, arena);
}

/* ---- plain text ---- */

int pf_request_text(struct strv content_type, struct strv body, struct arena *arena,
		    struct strv *type_out, struct strv *text_out)
{
	struct cpim *cpim;

	if (!mime_is(content_type, "message/cpim") ||
	    cpim_parse(body, &limits, arena, &cpim, NULL) < 0)
		return 0;
	*type_out = mime_find(&cpim->mime, "Content-Type");
	*text_out = cpim->content;
	return mime_is(*type_out, "text/plain") &&
	       !mime_find(&cpim->mime, "Content-Transfer-Encoding").p;
}
