/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/controlling/cf_gather.c - the five steps of a message to a group, in their order
 *
 * parse (cf_request.c), gather the group's and the operator's rules, decide (cf_decide.c), commit
 * (cf_job.c), act (cf_fanout.c). What has to be waited for is the group's rules alone, and they are
 * at hand as a rule.
 */
#include <string.h>

#include "base/log.h"
#include "cpm/controlling/cf_work_priv.h"

enum { ARENA_BYTES = 32 << 20 };

/* One message until it is refused or begun; in its arena. */
struct intake {
	struct arena *arena;
	struct cf *cf;
	struct cpm_message *message;
	struct cf_request request;
	pf_done_fn *done;
	void *arg;
};

static void end(struct intake *in, unsigned status, const char *why, struct strv unsupported)
{
	const struct cpm_message_draft *m = cpm_message_of(in->message);
	struct arena *arena = in->arena;

	log_info(LOG_CPM, "group message", L_SV("from", m->sender[0]), L_SV("group", m->recipient),
		 L_INT("status", status), L_STR("why", why ? why : ""), L_STR("id", m->trace.hex));
	if (status != 202)
		metric_add(in->cf->refused, 1);
	cf_refuse(in->done, in->arg, status, why, unsupported);
	cpm_message_drop(&in->message);
	arena_free(&arena); /* IN is in it */
}

/* ---- act ---- */

static int64_t expiry_of(const struct cf *cf, const struct cpm_message_draft *m)
{
	int64_t most_s = cf->options.report_s;

	return m->expires_s > 0 && m->expires_s < most_s ? m->expires_s : most_s;
}

static void act(struct intake *in, const struct cf_plan *plan)
{
	const struct cpm_message_draft *m = cpm_message_of(in->message);
	unsigned char random[CF_RANDOM_BYTES];
	struct cpm_message *copy;
	struct arena *arena = in->arena;
	struct cf_head head;

	if (plan->status != 202 || plan->drop) {
		end(in, plan->status, plan->why, STRV(""));
		return;
	}
	for (unsigned i = 0; i < CF_RANDOM_BYTES; i += 8) {
		uint64_t bits = trace_random();

		memcpy(random + i, &bits, sizeof(bits));
	}
	if (cf_copy_make(&in->request, plan, m->recipient, in->cf->options.max_body, random, arena,
			 &copy, &head) < 0) {
		end(in, 503, NULL, STRV(""));
		return;
	}
	head.arrival_us = cf_now_us(in->cf);
	head.expires_us = head.arrival_us + expiry_of(in->cf, m) * 1000000;
	log_info(LOG_CPM, "group message", L_SV("from", m->sender[0]), L_SV("group", m->recipient),
		 L_INT("status", 202), L_INT("members", plan->n), L_STR("id", m->trace.hex));
	cf_job_begin(in->cf, &head, copy, in->done, in->arg);
	cpm_message_drop(&in->message);
	arena_free(&arena);
}

/* ---- decide ---- */

static struct strv peer_domain(const struct cf *cf, const struct cpm_message_draft *m)
{
	struct strv host = pol_domain_of(m->sender[0]);

	return auth_domain_is_ours(&cf->options.domains, host) ? STRV("") : host;
}

static struct pol_facts facts_of(const struct cf *cf, const struct cpm_message_draft *m,
				 const struct cpm_group_rules *group)
{
	struct pol_facts facts = { .now_s = cf_now_us(cf) / 1000000,
				   .service = STRV("pager"),
				   .enabler = strv_of(cpm_service_icsi(m->service)),
				   .media = POL_MEDIA_PAGER_MESSAGE,
				   .size_bytes = (int64_t)m->body.n,
				   .direction = POL_TERMINATING,
				   .subscriber_class = STRV(""),
				   .peer_domain = peer_domain(cf, m),
				   .group = group ? m->recipient : STRV("") };

	for (unsigned i = 0; i < m->n_sender && i < POL_FACTS_IDS; i++)
		facts.id[facts.n_ids++] = m->sender[i];
	return facts;
}

static void decide(struct intake *in, const struct cpm_group_rules *group)
{
	const struct cpm_message_draft *m = cpm_message_of(in->message);
	const struct cf_options *options = &in->cf->options;
	struct pol_facts facts = facts_of(in->cf, m, group);
	struct pol_verdict known, hidden;
	struct cf_facts cf_facts = { .request = &in->request,
				     .focus = m->recipient,
				     .group = group,
				     .known = &known,
				     .max_list = options->max_list,
				     .max_members = options->max_members };
	const struct pol_doc *policy;
	struct pol_layers layers;
	struct cf_plan plan;
	int lost, ret;

	policy = cpm_rules_operator(options->rules, &lost);
	cpm_rules_layers(policy, lost, NULL, group, &layers);
	pol_eval(&layers, &facts, &known);
	facts.anonymous = m->anonymous;
	if (m->anonymous) {
		pol_eval(&layers, &facts, &hidden);
		cf_facts.hidden = &hidden;
	}
	ret = cf_decide(&cf_facts, &options->domains, in->arena, &plan);
	if (ret == 0 && options->record)
		options->record(options->record_arg,
				&(struct pf_record){ .sender = m->sender[0],
						     .recipient = m->recipient,
						     .message_id = m->message_id,
						     .facts = &facts,
						     .layers = &layers,
						     .verdict = m->anonymous ? &hidden : &known,
						     .status = plan.status,
						     .trace = m->trace });
	cpm_rules_operator_drop(&policy);
	if (ret < 0)
		end(in, 503, NULL, STRV(""));
	else
		act(in, &plan);
}

/* ---- gather ---- */

static void on_group(void *arg, enum cpm_got got, const struct cpm_group_rules *group)
{
	struct intake *in = arg;

	if (got == CPM_GOT_ABSENT)
		end(in, 404, NULL, STRV(""));
	else if (got != CPM_GOT_DOC || !group)
		end(in, 503, "the group's rules cannot be told now", STRV(""));
	else
		decide(in, group); /* members are copied before this returns */
	cpm_group_rules_drop(&group);
}

/* ---- parse ---- */

static struct intake *intake_new(struct cf *cf, struct cpm_message *message, pf_done_fn *done,
				 void *arg)
{
	struct arena *arena = arena_new(ARENA_BYTES);
	struct intake *in = arena ? arena_zalloc(arena, 1, sizeof(*in)) : NULL;

	if (!in) {
		arena_free(&arena);
		return NULL;
	}
	in->arena = arena;
	in->cf = cf;
	in->message = cpm_message_hold(message);
	in->done = done;
	in->arg = arg;
	return in;
}

void cf_message(void *arg, struct cpm_message *message, pf_done_fn *done, void *done_arg)
{
	struct cf *cf = arg;
	const struct cpm_message_draft *m = cpm_message_of(message);
	int to_factory = cf->factory.n && strv_eq(m->recipient, cf->factory);
	struct strv unsupported = STRV("");
	struct intake *in;
	const char *why;
	unsigned status;

	if (m->is_report) {
		cf_report_take(cf, message, done, done_arg);
		return;
	}
	in = m->n_sender ? intake_new(cf, message, done, done_arg) : NULL;
	if (!in) {
		cf_refuse(done, done_arg, m->n_sender ? 503 : 403, NULL, STRV(""));
		return;
	}
	status = cf_request_read(m, cf->options.max_list, &cf->options.domains, in->arena,
				 &in->request, &why, &unsupported);
	if (status)
		end(in, status, why, unsupported);
	else if (to_factory)
		decide(in, NULL);
	else
		cpm_rules_group(cf->options.rules, m->recipient, on_group, in);
}
