/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/cpm_presence_sip.c - see cpm_presence_sip.h
 *
 * The watcher is known by all names that their record has, so that a rule may use any of them; then
 * the rules of whoever is watched are asked. What cannot be told allows nothing: "try later".
 */
#include "cpm/cpm_presence_sip.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "sip/core/core.h"
#include "sip/sip_event.h"
#include "xdms/xdm_store.h"

#define PRESENCE "presence"

struct cpm_presence {
	struct auth_domains domains;
	struct core_users users;
	struct cpm_rules *rules;
	struct cpm_source source; /* the one behind this */
	void (*changed)(void *changed_arg, struct strv owner, struct strv name, uint64_t version);
	void *changed_arg;
	struct sip_events *_Atomic events;
};

/* ---- asked ---- */

/* One question. */
struct ask {
	struct cpm_presence *presence;
	sip_sub_right_fn *done;
	void *context;
	struct auth_identity resource;
	struct auth_identity id[POL_FACTS_IDS]; /* of the watcher */
	unsigned n_ids;
};

static void answer(struct ask *ask, enum sip_sub_right right)
{
	sip_sub_right_fn *done = ask->done;
	void *context = ask->context;

	free(ask);
	done(context, right);
}

static void fill_facts(const struct ask *ask, struct pol_facts *facts)
{
	struct strv host = auth_identity_host(&ask->id[0]);

	*facts = (struct pol_facts){ .now_s = (int64_t)time(NULL),
				     .service = STRV("event"),
				     .size_bytes = -1,
				     .direction = POL_TERMINATING,
				     .roaming = -1,
				     .n_ids = ask->n_ids };

	for (unsigned i = 0; i < ask->n_ids; i++)
		facts->id[i] = auth_identity_text(&ask->id[i]);
	/* A number has no domain: it is somebody of ours. */
	if (host.n && !auth_domain_is_ours(&ask->presence->domains, host))
		facts->peer_domain = host;
}

static enum sip_sub_right right_of(const struct ask *ask, const struct cpm_user_rules *user)
{
	int lost;
	const struct pol_doc *operator_policy = cpm_rules_operator(ask->presence->rules, &lost);
	struct pol_layers layers = { .operator_policy = operator_policy,
				     .operator_lost = lost != 0,
				     .blocked = user->blocked,
				     .polite_blocked = user->polite_blocked,
				     .blocked_lost = user->lost };
	struct pol_verdict verdict;
	enum sip_sub_right right = SIP_SUB_REFUSED;
	struct pol_facts facts;

	if (user->presence)
		layers.user[layers.n_user++] = user->presence;
	fill_facts(ask, &facts);
	pol_eval(&layers, &facts, &verdict);
	if (pol_verdict_is_unsure(&verdict, POL_SUB_HANDLING))
		right = SIP_SUB_UNKNOWN;
	else if (verdict.value[POL_SUB_HANDLING] >= POL_SUB_ALLOW)
		right = SIP_SUB_ALLOWED;
	else if (verdict.value[POL_SUB_HANDLING] >= POL_SUB_POLITE_BLOCK)
		right = SIP_SUB_POLITE;
	else if (verdict.value[POL_SUB_HANDLING] >= POL_SUB_CONFIRM)
		right = SIP_SUB_PENDING;
	cpm_rules_operator_drop(&operator_policy);
	return right;
}

static void on_rules(void *arg, const struct cpm_user_rules *user)
{
	struct ask *ask = arg;
	enum sip_sub_right right = user ? right_of(ask, user) : SIP_SUB_UNKNOWN;

	cpm_user_rules_drop(&user);
	answer(ask, right);
}

static void on_watcher(void *context, enum auth_found found, const struct auth_user *user)
{
	struct ask *ask = context;

	if (found == AUTH_BUSY) {
		answer(ask, SIP_SUB_UNKNOWN);
		return;
	}
	for (unsigned i = 0; user && i < user->n_identities && ask->n_ids < POL_FACTS_IDS; i++)
		if (!strv_eq(user->identity[i], auth_identity_text(&ask->id[0])) &&
		    auth_identity_parse(user->identity[i], NULL, &ask->id[ask->n_ids], NULL) == 0)
			ask->n_ids++;
	cpm_rules_user(ask->presence->rules, auth_identity_text(&ask->resource), on_rules, ask);
}

static void find(void *arg, struct strv event, struct strv resource, struct strv watcher,
		 sip_sub_right_fn *done, void *context)
{
	struct cpm_presence *presence = arg;
	struct ask *ask = strv_eq(event, STRV(PRESENCE)) ? calloc(1, sizeof(*ask)) : NULL;

	if (!ask) {
		done(context, strv_eq(event, STRV(PRESENCE)) ? SIP_SUB_UNKNOWN : SIP_SUB_REFUSED);
		return;
	}
	ask->presence = presence;
	ask->done = done;
	ask->context = context;
	ask->n_ids = 1;
	if (auth_identity_parse(resource, NULL, &ask->resource, NULL) < 0 ||
	    auth_identity_parse(watcher, NULL, &ask->id[0], NULL) < 0)
		answer(ask, SIP_SUB_REFUSED);
	else
		presence->users.find(presence->users.arg, watcher, on_watcher, ask);
}

void cpm_presence_rights(struct cpm_presence *presence, struct sip_sub_rights *rights_out)
{
	*rights_out = (struct sip_sub_rights){ find, presence };
}

/* ---- changes ---- */

static int is_about_presence(struct strv name)
{
	return !name.n || strv_starts(name, STRV("x/pres-rules/")) ||
	       strv_starts(name, STRV("x/org.openmobilealliance.pres-rules/")) ||
	       strv_starts(name, STRV("x/resource-lists/"));
}

static void on_changed(void *arg, struct strv owner, struct strv name, uint64_t version)
{
	struct cpm_presence *presence = arg;
	struct sip_events *events = atomic_load(&presence->events);

	/* First what was made of the old document is forgotten. */
	presence->changed(presence->changed_arg, owner, name, version);
	if (!events)
		return;
	if (strv_eq(owner, STRV(XDM_GLOBAL_OWNER)))
		sip_events_reconsider(events, PRESENCE, strv_mem(NULL, 0));
	else if (is_about_presence(name))
		sip_events_reconsider(events, PRESENCE, owner);
}

static void get(void *arg, struct strv owner, struct strv name, cpm_got_fn *got, void *got_arg)
{
	const struct cpm_source *source = &((struct cpm_presence *)arg)->source;

	source->get(source->arg, owner, name, got, got_arg);
}

static void group(void *arg, struct strv uri,
		  void (*found)(void *found_arg, enum cpm_got got, struct strv owner,
				struct strv name),
		  void *found_arg)
{
	const struct cpm_source *source = &((struct cpm_presence *)arg)->source;

	source->group(source->arg, uri, found, found_arg);
}

static int watch(void *arg,
		 void (*changed)(void *changed_arg, struct strv owner, struct strv name,
				 uint64_t version),
		 void *changed_arg)
{
	struct cpm_presence *presence = arg;

	presence->changed = changed;
	presence->changed_arg = changed_arg;
	return presence->source.watch(presence->source.arg, on_changed, presence);
}

void cpm_presence_source(struct cpm_presence *presence, const struct cpm_source *source,
			 struct cpm_source *source_out)
{
	presence->source = *source;
	*source_out = (struct cpm_source){ get, watch, group, presence };
}

void cpm_presence_set_rules(struct cpm_presence *presence, struct cpm_rules *rules)
{
	presence->rules = rules;
}

void cpm_presence_start(struct cpm_presence *presence, struct sip_events *events)
{
	atomic_store(&presence->events, events);
	sip_events_reconsider(events, PRESENCE, strv_mem(NULL, 0));
}

int cpm_presence_new(const struct cpm_presence_options *options, struct cpm_presence **presence_out,
		     struct err *err)
{
	struct cpm_presence *presence = calloc(1, sizeof(*presence));

	*presence_out = presence;
	if (!presence)
		return err_set(err, ERR_NOMEM, "no memory for rules of presence");
	presence->domains = *options->domains;
	presence->users = *options->users;
	return 0;
}

void cpm_presence_free(struct cpm_presence **presence)
{
	free(*presence);
	*presence = NULL;
}
