/* SPDX-License-Identifier: Apache-2.0 */
/* sip/sip_session.c - see sip_session.h; the clauses named are RFC 4028's */
#include "sip/sip_session.h"

enum refresher { NOBODY_SAYS, UAC, UAS };

/* Session-Expires: 1 and its parts, 0 not there, -1 not of the form. */
static int read_expires(struct sip_msg *msg, unsigned *seconds_out, enum refresher *refresher_out)
{
	struct strv value = sip_msg_value(msg, SIP_H_SESSION_EXPIRES, 0), number, who;
	uint64_t seconds;

	if (!value.p)
		return 0;
	strv_cut(&value, ';', &number);
	if (strv_u64(strv_trim(number), UINT32_MAX, &seconds) < 0)
		return -1;
	*seconds_out = (unsigned)seconds;
	*refresher_out = NOBODY_SAYS;
	if (value.n && sip_param(value, "refresher", &who) == 1)
		*refresher_out = strv_caseeq(who, STRV("uac"))	 ? UAC
				 : strv_caseeq(who, STRV("uas")) ? UAS
								 : NOBODY_SAYS;
	return 1;
}

static unsigned read_min(struct sip_msg *msg)
{
	struct strv value = sip_msg_value(msg, SIP_H_MIN_SE, 0), number;
	uint64_t seconds;

	strv_cut(&value, ';', &number);
	if (strv_u64(strv_trim(number), UINT32_MAX, &seconds) < 0)
		return 0;
	return (unsigned)seconds;
}

static unsigned larger(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

unsigned sip_session_offered(struct sip_msg *request, const struct sip_session_policy *policy,
			     struct sip_session *session_out)
{
	int knows = sip_msg_has_token(request, SIP_H_SUPPORTED, "timer");
	enum refresher refresher = NOBODY_SAYS;
	unsigned asked_s = 0, least_s;
	int found = read_expires(request, &asked_s, &refresher);

	*session_out = (struct sip_session){ .min_s = read_min(request) };
	if (found < 0)
		return 400;
	/* 422 helps nobody who does not know of timers (s9, first paragraph). */
	if (found && asked_s < policy->min_s && knows)
		return 422;
	least_s = larger(larger(policy->want_s, session_out->min_s), policy->min_s);
	/* Shorter than asked it may become, down to Min-SE, but never longer. */
	session_out->interval_s = found && asked_s < least_s ? asked_s : least_s;
	/* Table 2: who does not know cannot refresh; who says nothing leaves it to us. */
	session_out->we_refresh = !knows || refresher == UAS;
	return 0;
}

unsigned sip_session_answer_lines(const struct sip_session *session, struct arena *arena,
				  struct strv lines[SIP_SESSION_LINES_MAX])
{
	const char *text;

	if (!session->interval_s)
		return 0;
	text = arena_printf(arena, "Session-Expires: %u;refresher=%s", session->interval_s,
			    session->we_refresh ? "uas" : "uac");
	if (!text)
		return 0;
	lines[0] = strv_of(text);
	lines[1] = STRV("Require: timer");
	return session->we_refresh ? 1 : 2;
}

unsigned sip_session_offer_lines(const struct sip_session *session,
				 const struct sip_session_policy *policy, struct arena *arena,
				 struct strv lines[SIP_SESSION_LINES_MAX])
{
	unsigned min_s = larger(session->min_s, policy->min_s);
	unsigned want_s = larger(session->interval_s ? session->interval_s : policy->want_s, min_s);
	const char *expires, *min;

	/* In a refresh the roles stay as they are (s7.4). */
	expires = arena_printf(arena, "Session-Expires: %u%s", want_s,
			       !session->interval_s  ? ""
			       : session->we_refresh ? ";refresher=uac"
						     : ";refresher=uas");
	min = arena_printf(arena, "Min-SE: %u", min_s);
	if (!expires || !min)
		return 0;
	lines[0] = STRV("Supported: timer");
	lines[1] = strv_of(expires);
	lines[2] = strv_of(min);
	return 3;
}

void sip_session_answered(struct sip_msg *response, struct sip_session *session)
{
	enum refresher refresher;
	unsigned seconds;

	session->interval_s = 0;
	if (read_expires(response, &seconds, &refresher) != 1)
		return;
	session->interval_s = larger(seconds, SIP_SESSION_MIN_S);
	session->we_refresh = refresher != UAS;
}

int sip_session_too_small(struct sip_msg *response, struct sip_session *session)
{
	unsigned min_s = read_min(response);

	if (min_s <= session->min_s)
		return 0;
	session->min_s = min_s;
	return 1;
}

uint64_t sip_session_refresh_ms(const struct sip_session *session)
{
	return session->we_refresh ? (uint64_t)session->interval_s * 1000 / 2 : 0;
}

uint64_t sip_session_end_ms(const struct sip_session *session)
{
	unsigned early_s = session->interval_s / 3 < 32 ? session->interval_s / 3 : 32;

	return (uint64_t)(session->interval_s - early_s) * 1000;
}
