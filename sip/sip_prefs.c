/* SPDX-License-Identifier: Apache-2.0 */
/* sip/sip_prefs.c - see sip_prefs.h; the steps are those of RFC 3841 s7.2.4 */
#include "sip/sip_prefs.h"

#include "sip/sip_text_priv.h"

enum { PREDICATES_MAX = 32, SCORE_ONE = 1000000 };

struct predicate {
	const struct sip_features *features;
	int require, explicit;
};

struct sip_prefs {
	int implicit;
	unsigned n_accept, n_reject;
	struct predicate accept[PREDICATES_MAX], reject[PREDICATES_MAX];
};

/* ---- reading ---- */

static int bad(struct err *err, enum sip_h h)
{
	return err_set(err, ERR_SYNTAX, "Bad %s", sip_h_name(h));
}

/* One "*;..." into PREDICATE. */
static int read_predicate(struct sip_msg *msg, struct strv params, struct predicate *predicate,
			  struct err *err)
{
	struct sip_features *features;
	struct strv ignored;

	if (sip_features_parse(params, msg->arena, &features, err) < 0)
		return -1;
	predicate->features = features;
	predicate->require = sip_param(params, "require", &ignored);
	predicate->explicit = sip_param(params, "explicit", &ignored);
	return 0;
}

static int read_field(struct sip_msg *msg, enum sip_h h, struct predicate *list, unsigned *n,
		      struct err *err)
{
	const struct sip_line *line = sip_msg_line(msg, h);
	struct sip_name_addr value;
	int ret;

	for (; line; line = sip_msg_line_next(msg, line)) {
		struct strv rest = line->value;

		while ((ret = sip_name_addr_next(&rest, &value)) > 0) {
			if (value.uri.scheme.n || value.display.n)
				return bad(err, h);
			if (*n == PREDICATES_MAX)
				return err_set(err, ERR_LIMIT, "Too Many Preferences");
			if (read_predicate(msg, value.params, &list[*n], err) < 0)
				return -1;
			++*n;
		}
		if (ret < 0)
			return bad(err, h);
	}
	return 0;
}

/* The method, and for a subscription its event package, as one predicate that is required. */
static int imply(struct sip_msg *msg, struct sip_prefs *prefs, struct err *err)
{
	struct strv event = sip_msg_raw(msg, SIP_H_EVENT), package = event;
	char *params;

	strv_cut(&event, ';', &package);
	package = sip_trim(package);
	if (msg->method == SIP_SUBSCRIBE && package.n && sip_all(package, SIP_C_TOKEN))
		params = arena_printf(msg->arena, ";methods=\"%.*s\";events=\"%.*s\"",
				      STRV_ARG(msg->method_name), STRV_ARG(package));
	else
		params = arena_printf(msg->arena, ";methods=\"%.*s\"", STRV_ARG(msg->method_name));
	if (!params)
		return err_set(err, ERR_NOMEM, "no memory for preferences");
	prefs->implicit = 1;
	prefs->n_accept = 1;
	if (read_predicate(msg, strv_of(params), &prefs->accept[0], err) < 0)
		return -1;
	prefs->accept[0].require = 1;
	return 0;
}

int sip_prefs_parse(struct sip_msg *msg, struct sip_prefs **prefs_out, struct err *err)
{
	struct sip_prefs *prefs = arena_alloc(msg->arena, sizeof(*prefs));

	*prefs_out = NULL;
	if (!prefs)
		return err_set(err, ERR_NOMEM, "no memory for preferences");
	prefs->implicit = 0;
	prefs->n_accept = prefs->n_reject = 0;
	if (read_field(msg, SIP_H_ACCEPT_CONTACT, prefs->accept, &prefs->n_accept, err) < 0 ||
	    read_field(msg, SIP_H_REJECT_CONTACT, prefs->reject, &prefs->n_reject, err) < 0)
		return -1;
	if (!prefs->n_accept && !prefs->n_reject && imply(msg, prefs, err) < 0)
		return -1;
	*prefs_out = prefs;
	return 0;
}

/* ---- sifting ---- */

/* Only what carries every tag that is named, and matches, is rejected. */
static int is_rejected(const struct sip_prefs *prefs, const struct sip_features *have)
{
	struct sip_feature_match match;

	for (unsigned i = 0; i < prefs->n_reject; i++) {
		sip_features_match(prefs->reject[i].features, have, &match);
		if (match.present == match.wanted && !match.differs)
			return 1;
	}
	return 0;
}

/* The mean of the scores into *QA. 1, or 0: a predicate that is required drops the contact. */
static int score(const struct sip_prefs *prefs, const struct sip_features *have, unsigned *qa)
{
	uint64_t sum = 0;
	unsigned counted = 0;

	for (unsigned i = 0; i < prefs->n_accept; i++) {
		const struct predicate *predicate = &prefs->accept[i];
		struct sip_feature_match match;
		unsigned one;

		sip_features_match(predicate->features, have, &match);
		if (match.differs) {
			if (predicate->require)
				return 0;
			continue;
		}
		one = match.wanted ? SCORE_ONE * match.present / match.wanted : SCORE_ONE;
		if (match.present < match.wanted && predicate->explicit) {
			if (predicate->require)
				return 0;
			one = 0;
		}
		sum += one;
		counted++;
	}
	*qa = counted ? (unsigned)(sum / counted) : prefs->n_accept ? 0 : SCORE_ONE;
	return 1;
}

static int is_better(const struct sip_candidate *a, const struct sip_candidate *b)
{
	return a->q != b->q ? a->q > b->q : a->qa > b->qa;
}

/* By insertion: a user has few contacts, and what is equal keeps its order. */
static void sort(struct sip_candidate *candidates, unsigned n)
{
	for (unsigned i = 1; i < n; i++) {
		struct sip_candidate one = candidates[i];
		unsigned k = i;

		for (; k > 0 && is_better(&one, &candidates[k - 1]); k--)
			candidates[k] = candidates[k - 1];
		candidates[k] = one;
	}
}

static int is_immune(const struct sip_candidate *candidate)
{
	return !candidate->features || !sip_features_count(candidate->features);
}

static int stays(const struct sip_prefs *prefs, struct sip_candidate *candidate)
{
	candidate->qa = SCORE_ONE;
	return is_immune(candidate) || (!is_rejected(prefs, candidate->features) &&
					score(prefs, candidate->features, &candidate->qa));
}

unsigned sip_prefs_apply(const struct sip_prefs *prefs, struct sip_candidate *candidates,
			 unsigned n)
{
	unsigned kept = 0, any = 0;

	/* What is implied never leaves nobody: let them answer 405 or 489 themselves. */
	for (unsigned i = 0; prefs->implicit && i < n; i++)
		any += (unsigned)stays(prefs, &candidates[i]);
	for (unsigned i = 0; i < n; i++) {
		struct sip_candidate one = candidates[i];

		if (prefs->implicit && !any)
			one.qa = SCORE_ONE;
		else if (!stays(prefs, &one))
			continue;
		candidates[kept++] = one;
	}
	sort(candidates, kept);
	return kept;
}

/* ---- Request-Disposition ---- */

enum type { TYPE_PROXY, TYPE_CANCEL, TYPE_FORK, TYPE_RECURSE, TYPE_PARALLEL, TYPE_QUEUE, TYPES };

static const struct {
	const char *name;
	enum type type;
	struct sip_disposition means;
} directives[] = {
	{ "proxy", TYPE_PROXY, { 0 } },
	{ "redirect", TYPE_PROXY, { .redirect = 1 } },
	{ "cancel", TYPE_CANCEL, { 0 } },
	{ "no-cancel", TYPE_CANCEL, { .no_cancel = 1 } },
	{ "fork", TYPE_FORK, { 0 } },
	{ "no-fork", TYPE_FORK, { .no_fork = 1 } },
	{ "recurse", TYPE_RECURSE, { 0 } },
	{ "no-recurse", TYPE_RECURSE, { .no_recurse = 1 } },
	{ "parallel", TYPE_PARALLEL, { .parallel = 1 } },
	{ "sequential", TYPE_PARALLEL, { .sequential = 1 } },
	{ "queue", TYPE_QUEUE, { .queue = 1 } },
	{ "no-queue", TYPE_QUEUE, { .no_queue = 1 } },
};

static void take(struct sip_disposition *out, const struct sip_disposition *means)
{
	out->redirect |= means->redirect;
	out->no_cancel |= means->no_cancel;
	out->no_fork |= means->no_fork;
	out->no_recurse |= means->no_recurse;
	out->parallel |= means->parallel;
	out->sequential |= means->sequential;
	out->queue |= means->queue;
	out->no_queue |= means->no_queue;
}

int sip_disposition_parse(struct sip_msg *msg, struct sip_disposition *out)
{
	const struct sip_line *line = sip_msg_line(msg, SIP_H_REQUEST_DISPOSITION);
	unsigned char seen[TYPES] = { 0 };

	*out = (struct sip_disposition){ 0 };
	for (; line; line = sip_msg_line_next(msg, line)) {
		struct strv rest = line->value, one;

		while (rest.n) {
			strv_cut(&rest, ',', &one);
			one = sip_trim(one);
			for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++) {
				if (!strv_caseeq(one, strv_of(directives[i].name)))
					continue;
				if (seen[directives[i].type]++)
					return -1;
				take(out, &directives[i].means);
			}
		}
	}
	return 0;
}
