/* SPDX-License-Identifier: Apache-2.0 */
/* cpm/participating/pf.c - the participating function: set-up, and what all its files need */
#include "cpm/participating/pf.h"

#include <stdlib.h>
#include <string.h>

#include "cpm/participating/pf_priv.h"

static void make_metrics(struct pf *pf)
{
	pf->delivered =
		metric_counter("opencpm_cpm_delivered_total",
			       "Messages that at least one device of the recipient took", "");
	pf->stored = metric_counter("opencpm_cpm_deferred_total",
				    "Messages accepted for devices that were away", "");
	pf->refused = metric_counter("opencpm_cpm_refused_total",
				     "Messages that a rule kept from their recipient", "");
	pf->copied = metric_counter("opencpm_cpm_copies_total",
				    "Copies for other devices of the sender", "");
	pf->reported = metric_counter("opencpm_cpm_reports_total",
				      "Reports that were made here for senders", "");
}

int pf_new(const struct pf_options *options, struct pf **pf_out, struct err *err)
{
	struct pf *pf = calloc(1, sizeof(*pf));

	*pf_out = NULL;
	if (!pf || !(pf->own = calloc(PF_WORKERS_MAX, sizeof(*pf->own)))) {
		free(pf);
		return err_set(err, ERR_NOMEM, "no memory for the participating function");
	}
	pf->options = *options;
	pf->net = *options->net;
	if (options->focus) {
		pf->focus = *options->focus;
		pf->has_focus = 1;
	}
	make_metrics(pf);
	*pf_out = pf;
	return 0;
}

void pf_stop(struct pf *pf)
{
	pf->is_stopping = 1;
}

void pf_free(struct pf **pf_at)
{
	struct pf *pf = *pf_at;

	*pf_at = NULL;
	if (!pf)
		return;
	free(pf->own);
	free(pf);
}

struct pf_own *pf_own(struct pf *pf)
{
	const struct worker *worker = worker_self();

	return &pf->own[worker ? worker_index(worker) : 0];
}

void pf_record(struct pf *pf, const struct cpm_message_draft *message,
	       const struct pol_facts *facts, const struct pol_layers *layers,
	       const struct pol_verdict *verdict, unsigned status)
{
	const struct pf_record record = {
		.sender = message->n_sender ? message->sender[0] : STRV(""),
		.recipient = message->recipient,
		.message_id = message->message_id,
		.facts = facts,
		.layers = layers,
		.verdict = verdict,
		.status = status,
		.trace = message->trace,
	};

	if (pf->options.record)
		pf->options.record(pf->options.record_arg, &record);
}
