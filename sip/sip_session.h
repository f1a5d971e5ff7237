/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_session.h - session timers (RFC 4028): how long a session lives without being refreshed
 *
 * Pure functions of what was said; timers and re-INVITE or UPDATE are the session's own.
 */
#ifndef SIP_SIP_SESSION_H
#define SIP_SIP_SESSION_H

#include "base/arena.h"
#include "sip/sip_msg.h"

enum { SIP_SESSION_MIN_S = 90 }; /* s4, s5: nobody may ask for less */

struct sip_session_policy {
	unsigned min_s;	 /* what we accept at least; 90 or more */
	unsigned want_s; /* what we ask for; 1800 */
};

struct sip_session {
	unsigned interval_s; /* 0: the session has no timer */
	int we_refresh;
	unsigned min_s; /* the largest Min-SE heard of */
};

/* As UAS (s9): an INVITE or UPDATE. 0; or 422, to be answered with Min-SE: policy->min_s; or 400.
 */
unsigned sip_session_offered(struct sip_msg *request, const struct sip_session_policy *policy,
			     struct sip_session *session_out);
enum { SIP_SESSION_LINES_MAX = 3 };
/* Header fields of the 2xx; how many. */
unsigned sip_session_answer_lines(const struct sip_session *session, struct arena *arena,
				  struct strv lines[SIP_SESSION_LINES_MAX]);

/* As UAC (s7.1): header fields of an INVITE or UPDATE; SESSION is all zero for the first one. */
unsigned sip_session_offer_lines(const struct sip_session *session,
				 const struct sip_session_policy *policy, struct arena *arena,
				 struct strv lines[SIP_SESSION_LINES_MAX]);
/* Its 2xx (s7.2). */
void sip_session_answered(struct sip_msg *response, struct sip_session *session);
/* Its 422 (s7.3): 1, offer once more, with what the peer wants at least; 0, give up. */
int sip_session_too_small(struct sip_msg *response, struct sip_session *session);

/* After how long without a refresh: we send one (0: it is the peer's to do); BYE (s10). */
uint64_t sip_session_refresh_ms(const struct sip_session *session);
uint64_t sip_session_end_ms(const struct sip_session *session);

#endif
