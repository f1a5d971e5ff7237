/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/core_prefs.c - which of a user's devices the caller wants (RFC 3841 s7.2)
 *
 * Accept-Contact and Reject-Contact drop devices and order those of one q; Request-Disposition says
 * whether they are tried together. Without the fields the method itself is what is wanted, which
 * orders several devices and drops none but in favour of another.
 */
#include "sip/core/core_relay_priv.h"
#include "sip/sip_prefs.h"

enum { UNWANTED = UINT32_MAX };

static int are_explicit(const struct sip_msg *msg)
{
	return sip_msg_line(msg, SIP_H_ACCEPT_CONTACT) || sip_msg_line(msg, SIP_H_REJECT_CONTACT);
}

int core_prefs_matter(const struct core_relay *relay, unsigned n_bindings)
{
	return n_bindings > 1 || are_explicit(relay->msg);
}

/* Those that are not UNWANTED, in their order. */
static void close_ranks(struct core_relay *relay)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < relay->n_targets; i++) {
		if (relay->target[i].qa == UNWANTED)
			continue;
		if (kept != i)
			relay->target[kept] = relay->target[i];
		kept++;
	}
	relay->n_targets = kept;
}

/* 0, or the status to refuse with. */
static unsigned sift(struct core_relay *relay, const char **why_out)
{
	struct sip_candidate candidate[CORE_TARGETS_MAX];
	struct sip_prefs *prefs;
	struct err err = { 0 };
	unsigned n;

	if (sip_prefs_parse(relay->msg, &prefs, &err) < 0) {
		*why_out = "Bad Caller Preferences";
		return err.code == ERR_SYNTAX || err.code == ERR_LIMIT ? 400 : 500;
	}
	for (unsigned i = 0; i < relay->n_targets; i++) {
		struct core_target *target = &relay->target[i];

		candidate[i] = (struct sip_candidate){ .features = target->features,
						       .q = target->q,
						       .arg = target };
		target->qa = UNWANTED;
	}
	n = sip_prefs_apply(prefs, candidate, relay->n_targets);
	for (unsigned i = 0; i < n; i++)
		((struct core_target *)candidate[i].arg)->qa = candidate[i].qa;
	close_ranks(relay);
	return n ? 0 : 480;
}

unsigned core_prefs_sift(struct core_relay *relay, const char **why_out)
{
	*why_out = NULL;
	if (sip_disposition_parse(relay->msg, &relay->disposition) < 0) {
		*why_out = "Bad Request-Disposition";
		return 400;
	}
	return core_prefs_matter(relay, relay->n_targets) ? sift(relay, why_out) : 0;
}

void core_prefs_dispose(struct core_relay *relay)
{
	/* Their order stays, but all begin at once. */
	for (unsigned i = 0; relay->disposition.parallel && i < relay->n_targets; i++)
		relay->target[i].q = 1000;
	if (relay->disposition.no_fork && relay->n_targets > 1)
		relay->n_targets = 1;
}
