/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/participating/pf_gather.c - what a decision needs: rules of those concerned, devices
 *
 * Everything is usually at hand, and each step calls the next before it returns. What cannot be had
 * allows nothing: the sender is told to try later.
 */
#include <stdlib.h>
#include <string.h>

#include "cpm/participating/pf_priv.h"

/* ---- the sender ---- */

void pf_rules(struct pf *pf, struct strv home, cpm_user_rules_fn *done, void *arg)
{
	cpm_rules_user(pf->options.rules, home, done, arg);
}

void pf_judge_sender(struct pf *pf, const struct cpm_message_draft *message,
		     struct pf_verdict *decided)
{
	struct pol_verdict verdict;
	struct pol_layers layers;
	struct pol_facts facts;
	const struct pol_doc *policy;
	int lost;

	policy = cpm_rules_operator(pf->options.rules, &lost);
	cpm_rules_layers(policy, lost, NULL, NULL, &layers);
	pf_facts(message, POL_ORIGINATING, &pf->options.domains,
		 pf->net.now_us(pf->net.arg) / 1000000, &facts);
	pf_decide_sender(&layers, &facts, &verdict, decided);
	/* What goes on is recorded where it is decided for the recipient, if that is here. */
	if (decided->status)
		pf_record(pf, message, &facts, &layers, &verdict, decided->status);
	cpm_rules_operator_drop(&policy);
}

int pf_judge_report(struct pf *pf, const struct cpm_message_draft *message,
		    const struct cpm_user_rules *rules)
{
	struct pol_verdict verdict;
	struct pol_layers layers;
	struct pol_facts facts;
	const struct pol_doc *policy;
	int lost, goes;

	policy = cpm_rules_operator(pf->options.rules, &lost);
	cpm_rules_layers(policy, lost, rules, NULL, &layers);
	pf_facts(message, POL_ORIGINATING, &pf->options.domains,
		 pf->net.now_us(pf->net.arg) / 1000000, &facts);
	goes = pf_decide_report(&layers, message, &facts, &verdict);
	if (!goes)
		pf_record(pf, message, &facts, &layers, &verdict, 200);
	cpm_rules_operator_drop(&policy);
	return goes;
}

/* ---- the recipient ---- */

static void decide(struct pf_term *term)
{
	struct pf *pf = term->pf;
	const struct cpm_message_draft *message = cpm_message_of(term->message);
	struct pol_verdict verdict;
	struct pol_layers layers;
	struct pol_facts facts;
	const struct pol_doc *policy;
	int lost;

	policy = cpm_rules_operator(pf->options.rules, &lost);
	cpm_rules_layers(policy, lost, term->rules, NULL, &layers);
	pf_facts(message, POL_TERMINATING, &pf->options.domains,
		 pf->net.now_us(pf->net.arg) / 1000000, &facts);
	pf_decide_recipient(&layers, &facts, message, term->devices->n, pf->net.store != NULL,
			    &verdict, &term->decided);
	pf_record(pf, message, &facts, &layers, &verdict, term->decided.status);
	cpm_rules_operator_drop(&policy);
	if (term->decided.status)
		metric_add(pf->refused, 1);
}

static void on_devices(void *arg, struct pf_devices *devices)
{
	struct pf_term *term = arg;

	term->devices = devices;
	if (!devices || devices->is_busy || !term->rules)
		term->decided.status = 503;
	else
		decide(term);
	if (term->judged) {
		term->judged(term->arg, &term->decided);
		pf_term_free(term);
	} else {
		pf_act(term);
	}
}

static void on_rules(void *arg, const struct cpm_user_rules *rules)
{
	struct pf_term *term = arg;

	term->rules = rules;
	term->pf->net.devices(term->pf->net.arg, strv_mem(term->home, term->home_n), on_devices,
			      term);
}

static struct pf_term *term_new(struct pf *pf, struct cpm_message *message, struct strv home,
				void *arg)
{
	struct pf_term *term = home.n < sizeof(term->home) ? malloc(sizeof(*term)) : NULL;

	if (!term)
		return NULL;
	memset(term, 0, offsetof(struct pf_term, home_n));
	term->pf = pf;
	term->message = cpm_message_hold(message);
	term->arg = arg;
	term->home_n = home.n;
	memcpy(term->home, home.p, home.n);
	return term;
}

void pf_terminate_at(struct pf *pf, struct cpm_message *message, struct strv home, pf_done_fn *done,
		     void *arg)
{
	const struct pf_result later = { .status = 503 };
	struct pf_term *term = term_new(pf, message, home, arg);

	if (!term) {
		done(arg, &later);
		return;
	}
	term->done = done;
	pf_rules(pf, home, on_rules, term);
}

int pf_judge_recipient(struct pf *pf, struct cpm_message *message, struct strv home,
		       void (*judged)(void *arg, const struct pf_verdict *decided), void *arg)
{
	struct pf_term *term = term_new(pf, message, home, arg);

	if (!term)
		return -1;
	term->judged = judged;
	pf_rules(pf, home, on_rules, term);
	return 0;
}

/* ---- to whom it is ---- */

/* A message that came by no request, while its recipient is looked for. */
struct sending {
	struct pf *pf;
	struct cpm_message *message;
	int is_ours; /* it is to stay here: no other domain is asked */
	pf_done_fn *done;
	void *arg;
	void *made;
};

static void sending_end(struct sending *sending, unsigned status)
{
	const struct pf_result result = { .status = status };
	struct sending ended = *sending;

	free(sending);
	ended.pf->net.drop(ended.pf->net.arg, &ended.made);
	ended.done(ended.arg, &result);
	cpm_message_drop(&ended.message);
}

static void on_status(void *arg, unsigned status)
{
	sending_end(arg, status < 300 ? status : pf_told(status));
}

static void send_away(struct sending *sending)
{
	struct pf *pf = sending->pf;
	const struct cpm_message_draft *draft = cpm_message_of(sending->message);

	sending->made = pf->net.make(pf->net.arg, draft, strv_mem(NULL, 0), strv_mem(NULL, 0));
	if (!sending->made || pf->net.send_away(pf->net.arg, draft->recipient, sending->made,
						&draft->trace, on_status, sending) < 0)
		sending_end(sending, 503);
}

static int is_sip_of_ours(const struct pf *pf, struct strv uri)
{
	struct auth_identity identity;

	return auth_identity_parse(uri, &pf->options.domains, &identity, NULL) == 0 &&
	       !auth_identity_is_tel(&identity) &&
	       auth_domain_is_ours(&pf->options.domains, auth_identity_host(&identity));
}

static void on_user(void *context, enum auth_found found, const struct auth_user *user)
{
	struct sending *sending = context;
	struct pf *pf = sending->pf;
	struct strv recipient = cpm_message_of(sending->message)->recipient;

	if (found == AUTH_BUSY) {
		sending_end(sending, 503);
	} else if (user && user->disabled) {
		sending_end(sending, 404);
	} else if (user) {
		struct sending known = *sending;

		free(sending);
		pf_terminate_at(pf, known.message, user->identity[0], known.done, known.arg);
		cpm_message_drop(&known.message);
	} else if (is_sip_of_ours(pf, recipient) && pf->has_focus && !sending->is_ours) {
		struct sending known = *sending;

		free(sending);
		pf->focus.message(pf->focus.arg, known.message, known.done, known.arg);
		cpm_message_drop(&known.message);
	} else if (sending->is_ours || is_sip_of_ours(pf, recipient)) {
		sending_end(sending, 404);
	} else {
		send_away(sending);
	}
}

static void look_for(struct pf *pf, struct cpm_message *message, int is_ours, pf_done_fn *done,
		     void *arg)
{
	const struct pf_result later = { .status = 503 };
	struct sending *sending = calloc(1, sizeof(*sending));

	if (!sending) {
		done(arg, &later);
		return;
	}
	*sending = (struct sending){ pf, cpm_message_hold(message), is_ours, done, arg, NULL };
	pf->net.find_user(pf->net.arg, cpm_message_of(message)->recipient, on_user, sending);
}

void pf_terminate(struct pf *pf, struct cpm_message *message, pf_done_fn *done, void *arg)
{
	look_for(pf, message, 1, done, arg);
}

void pf_send(struct pf *pf, struct cpm_message *message, pf_done_fn *done, void *arg)
{
	look_for(pf, message, 0, done, arg);
}
