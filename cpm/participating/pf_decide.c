/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/participating/pf_decide.c - rules and facts to what is done with a message
 *
 * Pure: no clock, no I/O, nothing allocated. Order of the questions: cpm.md 3.4 step 4; statuses:
 * cpm.md 2.14.
 */
#include <stdlib.h>
#include <string.h>

#include "cpm/participating/pf_priv.h"

/* ---- facts ---- */

/* The domain of another network; empty: it is ours, or a number. */
static struct strv foreign(struct strv uri, const struct auth_domains *domains)
{
	struct strv host = uri;

	if (!strv_starts(uri, STRV("sip:")) || !strv_cut(&host, '@', &(struct strv){ 0 }) ||
	    auth_domain_is_ours(domains, host))
		return STRV("");
	return host;
}

void pf_facts(const struct cpm_message_draft *message, enum pol_direction direction,
	      const struct auth_domains *domains, int64_t now_s, struct pol_facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	for (unsigned i = 0; i < message->n_sender && i < POL_FACTS_IDS; i++)
		facts->id[facts->n_ids++] = message->sender[i];
	facts->anonymous = message->anonymous;
	facts->now_s = now_s;
	facts->service = STRV("pager");
	facts->enabler = strv_of(
		cpm_service_icsi(message->service == CPM_PLAIN ? CPM_PAGER : message->service));
	facts->media = POL_MEDIA_PAGER_MESSAGE;
	facts->size_bytes = (int64_t)message->body.n;
	facts->direction = direction;
	facts->peer_domain = direction == POL_ORIGINATING ? foreign(message->recipient, domains)
			     : message->n_sender	  ? foreign(message->sender[0], domains)
							  : STRV("");
	facts->group = message->group;
	facts->roaming = -1;
}

/* ---- who may say what ---- */

static void refuse(struct pf_verdict *decided, unsigned status, const char *why)
{
	decided->status = status;
	decided->why = why;
}

/* The status of an open refusal: the operator's, when one was said. */
static unsigned refusal(const struct pol_verdict *verdict)
{
	int64_t code = verdict->value[POL_REJECT_CODE];

	return code >= 400 && code <= 699 && !pol_verdict_is_unsure(verdict, POL_REJECT_CODE)
		       ? (unsigned)code
		       : 403;
}

void pf_decide_sender(const struct pol_layers *layers, const struct pol_facts *facts,
		      struct pol_verdict *verdict, struct pf_verdict *decided)
{
	memset(decided, 0, sizeof(*decided));
	pol_eval(layers, facts, verdict);
	switch (pol_verdict_answer(verdict)) {
	case POL_ANSWER_REJECT:
		refuse(decided, refusal(verdict), "The operator does not let this message out");
		break;
	case POL_ANSWER_LATER:
		refuse(decided, 503, "It cannot be told now whether this may be sent");
		break;
	case POL_ANSWER_DROP:
		decided->status = 202;
		break;
	default:
		break;
	}
}

/* Said by the operator, who may forbid what is not the user's to hide. */
static int is_of_operator(const struct pol_verdict *verdict, enum pol_perm perm)
{
	return verdict->layer[perm] == POL_FORCED || verdict->layer[perm] == POL_CAP;
}

int pf_decide_report(const struct pol_layers *layers, const struct cpm_message_draft *message,
		     const struct pol_facts *facts, struct pol_verdict *verdict)
{
	struct pol_facts about = *facts;

	/* What is let known of a user is asked about whom it is told. */
	about.id[0] = message->recipient;
	about.n_ids = 1;
	about.anonymous = 0;
	pol_eval(layers, &about, verdict);
	if (message->is_composing)
		return pol_verdict_allows(verdict, POL_REPORT_COMPOSING);
	if (message->is_displayed)
		return pol_verdict_allows(verdict, POL_REPORT_DISPLAYED);
	/* cpm.md 2.7: what says "delivered" is not dropped by preference. */
	return pol_verdict_allows(verdict, POL_REPORT_DELIVERED) ||
	       !is_of_operator(verdict, POL_REPORT_DELIVERED);
}

/* ---- the recipient ---- */

static int may_store(const struct pol_verdict *verdict, const struct cpm_message_draft *message,
		     int has_storage)
{
	return has_storage && !message->is_composing && message->expires_s != 0 &&
	       message->service != CPM_SYSTEM && pol_verdict_allows(verdict, POL_OFFLINE_STORAGE) &&
	       !pol_verdict_is_unsure(verdict, POL_DEFERRED) &&
	       verdict->value[POL_DEFERRED] != POL_DEFERRED_OFF;
}

/* Is it the anonymity that is refused? Asked only of what is refused anyway. */
static int is_for_anonymity(const struct pol_layers *layers, const struct pol_facts *facts)
{
	struct pol_facts named = *facts;
	struct pol_verdict verdict;

	if (!facts->anonymous)
		return 0;
	named.anonymous = 0;
	pol_eval(layers, &named, &verdict);
	return pol_verdict_answer(&verdict) == POL_ANSWER_ALLOW ||
	       pol_verdict_answer(&verdict) == POL_ANSWER_SILENT;
}

/* What a sender sees who was blocked politely: what they would see otherwise. */
static unsigned as_if(unsigned n_devices, int stored)
{
	return n_devices ? 200 : stored ? 202 : 480;
}

void pf_decide_recipient(const struct pol_layers *layers, const struct pol_facts *facts,
			 const struct cpm_message_draft *message, unsigned n_devices,
			 int has_storage, struct pol_verdict *verdict, struct pf_verdict *decided)
{
	memset(decided, 0, sizeof(*decided));
	pol_eval(layers, facts, verdict);
	decided->may_store = may_store(verdict, message, has_storage);
	switch (pol_verdict_answer(verdict)) {
	case POL_ANSWER_ALLOW:
		break;
	case POL_ANSWER_SILENT:
		decided->is_silent = 1;
		break;
	case POL_ANSWER_DROP:
		decided->status = as_if(n_devices, decided->may_store);
		break;
	case POL_ANSWER_LATER:
		refuse(decided, 503, "It cannot be told now whether this may be delivered");
		break;
	default:
		if (is_for_anonymity(layers, facts))
			refuse(decided, 433, "Nobody without a name is let through"); /* RFC 5079 */
		else
			refuse(decided, refusal(verdict),
			       "The recipient does not take this message");
		break;
	}
	if (message->service == CPM_SYSTEM)
		decided->status = 0; /* ours */
}

/* ---- devices ---- */

static int ends_value(struct strv params, size_t at)
{
	return at >= params.n || params.p[at] == '"' || params.p[at] == ',' ||
	       params.p[at] == ';' || params.p[at] == ' ';
}

/* Where TEXT, which begins with a small letter, begins in PARAMS behind FROM, letters of any case;
 * params.n: nowhere. */
static size_t find_text(struct strv params, size_t from, struct strv text)
{
	for (; from + text.n <= params.n; from++)
		if ((params.p[from] | 0x20) == text.p[0] &&
		    strv_caseeq(strv_mem(params.p + from, text.n), text))
			return from;
	return params.n;
}

/* A look, not a parse: the tags stand in a registered contact as the registrar took them. */
int pf_is_capable(struct strv params)
{
	static const struct strv msg = { "oma.cpm.msg", 11 };
	size_t at = 0;

	if (params.n == 0)
		return 0;
	while ((at = find_text(params, at, msg)) < params.n) {
		if (ends_value(params, at + msg.n))
			return 1;
		at += msg.n;
	}
	return find_text(params, 0, STRV("gsma.rcs.cpm.pager-large")) < params.n;
}

/* It says of itself that it is a client of this kind, and does not take standalone messages. */
static int is_other_client(struct strv params)
{
	return find_text(params, 0, STRV("g.3gpp.i")) < params.n ||
	       find_text(params, 0, STRV("g.oma.sip-im")) < params.n ||
	       find_text(params, 0, STRV("g.gsma.rcs")) < params.n;
}

struct rank {
	unsigned device;
	int capable;
	unsigned priority, q;
	int64_t refreshed_us;
};

/* 0: the user has switched it off. PRIORITY_OUT: as the user has it. */
static int is_enabled(const struct pol_doc *prefs, struct strv id, unsigned *priority_out)
{
	struct pol_device device;

	*priority_out = 0;
	for (unsigned i = 0; prefs && id.n && pol_doc_device(prefs, i, &device); i++)
		if (strv_caseeq(device.id, id)) {
			*priority_out = device.priority;
			return device.enabled;
		}
	return 1;
}

static int before(const void *a_at, const void *b_at)
{
	const struct rank *a = a_at, *b = b_at;

	if (a->priority != b->priority)
		return a->priority > b->priority ? -1 : 1;
	if (a->capable != b->capable)
		return a->capable ? -1 : 1;
	if (a->q != b->q)
		return a->q > b->q ? -1 : 1;
	return a->refreshed_us > b->refreshed_us ? -1 : a->refreshed_us < b->refreshed_us;
}

unsigned pf_choose(const struct cpm_message_draft *message, const struct pol_doc *prefs,
		   enum pf_mode mode, const struct pf_device *device, unsigned n,
		   struct pf_choice choice[PF_DEVICES_MAX])
{
	struct rank rank[PF_DEVICES_MAX];
	unsigned n_ranks = 0;

	(void)mode;
	for (unsigned i = 0; i < n && n_ranks < PF_DEVICES_MAX; i++) {
		struct rank *r = &rank[n_ranks];

		r->device = i;
		r->capable = pf_is_capable(device[i].params);
		r->q = device[i].q;
		r->refreshed_us = device[i].refreshed_us;
		if (!is_enabled(prefs, device[i].id, &r->priority))
			continue;
		if (!r->capable && message->service != CPM_PLAIN &&
		    is_other_client(device[i].params))
			continue;
		n_ranks++;
	}
	if (n_ranks > 1)
		qsort(rank, n_ranks, sizeof(rank[0]), before);
	for (unsigned i = 0; i < n_ranks; i++) {
		choice[i] = (struct pf_choice){ rank[i].device, -1, 1 };
		/* RFC 5626 s7: its flows one after another, the newest first. */
		for (unsigned k = i; k-- > 0;)
			if (strv_eq(device[choice[k].device].id, device[rank[i].device].id)) {
				choice[k].next_flow = (int)i;
				choice[i].is_first = 0;
				break;
			}
	}
	return n_ranks;
}

/* ---- what devices answer ---- */

enum pf_outcome pf_outcome(unsigned status)
{
	if (status < 300)
		return PF_TAKEN;
	if (status == 415 || status == 488)
		return PF_UNFIT;
	if (status == 403 || status >= 600)
		return PF_DECLINED;
	/* 401 and 407: something in between knows neither of us. 486: it is not the instance that
	 * was meant (cpm.md 1.3). 482 and 483: its contact leads back to us. */
	if (status >= 500 || status == 401 || status == 407 || status == 404 || status == 408 ||
	    status == 410 || status == 430 || status == 480 || status == 482 || status == 483 ||
	    status == 486)
		return PF_AWAY;
	return PF_REFUSED;
}

/* Smaller is better. */
static unsigned rank_of(unsigned status)
{
	if (!status)
		return 1000;
	if (status >= 600)
		return 0;
	return pf_outcome(status) == PF_AWAY ? 900 + status / 100 : status / 100 * 100;
}

unsigned pf_better(unsigned a, unsigned b)
{
	return rank_of(b) < rank_of(a) ? b : a;
}

unsigned pf_told(unsigned status)
{
	return !status || (pf_outcome(status) == PF_AWAY && status != 404 && status != 482 &&
			   status != 483)
		       ? 480
		       : status;
}
