/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/deferred/deferred_sip.c - see deferred_sip.h
 */
#include "cpm/deferred/deferred_sip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/trace.h"
#include "cpm/deferred/deferred_priv.h"
#include "sip/core/loc.h"
#include "sip/sip_mwi.h"

struct deferred_sip {
	struct deferred *deferred;
	struct workers *workers;
	struct sip_events *events;
	char from[]; /* terminated */
};

struct deferred_sip *deferred_sip_new(struct strv from)
{
	struct deferred_sip *sip = calloc(1, sizeof(*sip) + from.n + 1);

	if (sip && from.n)
		memcpy(sip->from, from.p, from.n);
	return sip;
}

void deferred_sip_free(struct deferred_sip **sip)
{
	free(*sip);
	*sip = NULL;
}

/* ---- registrations ---- */

/* A device that has registered. */
struct came {
	struct post post; /* first: the callback casts */
	struct deferred *deferred;
	struct strv user, device;
	char text[];
};

static void on_came(struct post *post)
{
	struct came *came = (struct came *)(void *)post;

	deferred_available(came->deferred, came->user, came->device);
	free(came);
}

/* Later, since the caller holds a lock of the table's. */
static void tell_later(struct deferred_sip *sip, struct strv user, struct strv device)
{
	struct worker *to = worker_self();
	struct came *came = malloc(sizeof(*came) + user.n + device.n);

	if (!came)
		return; /* the next refresh is a sign of life, too */
	came->post.run = on_came;
	came->deferred = sip->deferred;
	memcpy(came->text, user.p, user.n);
	memcpy(came->text + user.n, device.p, device.n);
	came->user = strv_mem(came->text, user.n);
	came->device = strv_mem(came->text + user.n, device.n);
	worker_post(to ? to : workers_at(sip->workers, 0), &came->post);
}

/* BINDING is as OLD_USER had it. */
static int is_old(const struct loc_user *old_user, const struct loc_binding *binding)
{
	for (unsigned i = 0; old_user && i < old_user->n_bindings; i++) {
		const struct loc_binding *old = &old_user->bindings[i];

		if (old->refreshed_us == binding->refreshed_us && old->cseq == binding->cseq &&
		    strv_eq(old->uri, binding->uri) && strv_eq(old->call_id, binding->call_id))
			return 1;
	}
	return 0;
}

static void on_registered(void *arg, const struct loc_user *old_user,
			  const struct loc_user *new_user)
{
	struct deferred_sip *sip = arg;

	for (unsigned i = 0; new_user && i < new_user->n_bindings; i++) {
		const struct loc_binding *binding = &new_user->bindings[i];
		struct strv device = binding->instance.n ? binding->instance : binding->uri;

		if (!is_old(old_user, binding) &&
		    !dfr_is_idle(sip->deferred, new_user->aor, device))
			tell_later(sip, new_user->aor, device);
	}
}

void deferred_sip_set(struct deferred_sip *sip, struct deferred *deferred, struct workers *workers,
		      struct loc *loc)
{
	sip->deferred = deferred;
	sip->workers = workers;
	loc_watch(loc, on_registered, sip);
}

void deferred_sip_set_events(struct deferred_sip *sip, struct sip_events *events)
{
	sip->events = events;
}

/* ---- what waits ---- */

static void fill_summary(struct strv user, unsigned waiting, unsigned fresh,
			 struct sip_mwi_state *state_out)
{
	*state_out = (struct sip_mwi_state){
		.account = user,
		.count = { { "text-message", fresh, waiting - fresh, 0, 0 } },
		.n_counts = 1,
	};
}

static int waiting(void *arg, struct strv resource, struct arena *arena,
		   struct sip_mwi_state *state_out)
{
	const struct deferred_sip *sip = arg;
	unsigned n, fresh;

	(void)arena;
	if (deferred_counts(sip->deferred, resource, &n, &fresh) < 0)
		return -1;
	fill_summary(resource, n, fresh, state_out);
	return 0;
}

void deferred_sip_mwi(struct deferred_sip *sip, struct sip_mwi *mwi_out)
{
	*mwi_out = (struct sip_mwi){ waiting, sip };
}

static void changed(void *arg, struct strv user, unsigned n, unsigned fresh)
{
	const struct deferred_sip *sip = arg;

	(void)n;
	(void)fresh;
	if (sip->events)
		sip_mwi_changed(sip->events, user);
}

/* A notice that is lost is made up for by the next: nobody waits for its answer. */
static void on_told(void *arg, enum deferred_taken taken)
{
	(void)arg;
	(void)taken;
}

static struct cpm_message *make_notice(const struct deferred_sip *sip, struct strv user, unsigned n,
				       struct arena *arena)
{
	struct sip_mwi_state state;
	char call_id[48], from[600], to[300];
	struct cpm_message_draft draft = { .service = CPM_SYSTEM,
					   .sender = { strv_of(sip->from) },
					   .n_sender = 1,
					   .recipient = user,
					   .cseq = 1,
					   .lines = STRV("Accept-Contact: *;+g.3gpp.icsi-ref="
							 "\"urn%3Aurn-7%3A3gpp-service.ims.icsi."
							 "oma.cpm.systemmsg\"\r\n"),
					   .content_type =
						   STRV("application/simple-message-summary"),
					   .arrival_us = dfr_now_us(sip->deferred) };

	fill_summary(user, n, n, &state);
	draft.body = sip_mwi_print(&state, arena);
	snprintf(call_id, sizeof(call_id), "%016llx%016llx", (unsigned long long)trace_random(),
		 (unsigned long long)trace_random());
	snprintf(from, sizeof(from), "<%.500s>;tag=%016llx", sip->from,
		 (unsigned long long)trace_random());
	snprintf(to, sizeof(to), "<%.*s>", STRV_ARG(user));
	draft.call_id = strv_of(call_id);
	draft.from = strv_of(from);
	draft.to = strv_of(to);
	trace_new(&draft.trace);
	return draft.body.p ? cpm_message_new(&draft) : NULL;
}

static void notice(void *arg, struct strv user, struct strv device, unsigned n)
{
	const struct deferred_sip *sip = arg;
	const struct deferred_options *options = &sip->deferred->options;
	struct arena *arena = arena_new(4096);
	struct cpm_message *message = arena ? make_notice(sip, user, n, arena) : NULL;

	if (message && options->push)
		options->push(options->arg, user, device, message, on_told, NULL);
	cpm_message_drop(&message);
	arena_free(&arena);
}

void deferred_sip_ops(struct deferred_sip *sip, struct deferred_options *options)
{
	options->notice = notice;
	options->changed = changed;
	options->told_arg = sip;
}
