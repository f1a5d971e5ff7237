/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/participating/pf_net_sip.c - devices and other domains, by the core's means
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cpm/participating/pf_sip.h"
#include "cpm/participating/pf_sip_priv.h"
#include "sip/core/core_message.h"
#include "sip/core/loc.h"

/* ---- devices ---- */

struct held {
	struct pf_devices devices; /* first: what the others see */
	const struct loc_user *user;
	struct pf_device device[];
};

struct finding {
	struct pf_sip *sip;
	void (*done)(void *done_arg, struct pf_devices *devices);
	void *done_arg;
};

static void find_user(void *arg, struct strv identity, auth_found_fn *done, void *context)
{
	const struct core_users *users = pf_sip_users(arg);

	users->find(users->arg, identity, done, context);
}

static struct pf_devices *devices_of(enum loc_found found, const struct loc_user *user,
				     int64_t now_us)
{
	unsigned max = user ? user->n_bindings : 0;
	struct held *held;

	if (max > PF_DEVICES_MAX)
		max = PF_DEVICES_MAX;
	held = malloc(sizeof(*held) + max * sizeof(held->device[0]));
	if (!held)
		return NULL;
	held->devices = (struct pf_devices){ 0, held->device, found == LOC_BUSY };
	held->user = user;
	for (unsigned i = 0; i < max; i++) {
		const struct loc_binding *b = &user->bindings[i];

		if (loc_binding_lives(b, now_us))
			held->device[held->devices.n++] =
				(struct pf_device){ b->instance.n ? b->instance : b->uri, b->params,
						    b->q, b->refreshed_us, b };
	}
	return &held->devices;
}

static void on_located(void *arg, enum loc_found found, const struct loc_user *user)
{
	struct finding finding = *(struct finding *)arg;
	int64_t now_us = loc_now_us(core_loc(pf_sip_core(finding.sip)));
	struct pf_devices *devices = devices_of(found, user, now_us);

	free(arg);
	if (!devices)
		loc_user_drop(&user);
	finding.done(finding.done_arg, devices);
}

static void devices(void *arg, struct strv home,
		    void (*done)(void *done_arg, struct pf_devices *devices), void *done_arg)
{
	struct loc *loc = core_loc(pf_sip_core(arg));
	const struct loc_user *user = NULL;
	enum loc_found found = loc_peek(loc, home, &user);
	struct finding *finding;

	/* The usual case asks nobody and keeps nothing. */
	if (found != LOC_BUSY) {
		struct pf_devices *at_hand = devices_of(found, user, loc_now_us(loc));

		if (!at_hand)
			loc_user_drop(&user);
		done(done_arg, at_hand);
		return;
	}
	finding = malloc(sizeof(*finding));
	if (!finding) {
		done(done_arg, NULL);
		return;
	}
	*finding = (struct finding){ arg, done, done_arg };
	loc_find(loc, home, on_located, finding);
}

static void release(void *arg, struct pf_devices **devices_at)
{
	struct held *held = (struct held *)(void *)*devices_at;

	(void)arg;
	*devices_at = NULL;
	if (!held)
		return;
	loc_user_drop(&held->user);
	free(held);
}

/* ---- requests ---- */

static int is_tel(struct strv uri)
{
	return strv_starts(uri, STRV("tel:"));
}

static void *make(void *arg, const struct cpm_message_draft *message, struct strv type,
		  struct strv body)
{
	struct core_message_new draft = {
		.method = SIP_MESSAGE,
		.from = message->from,
		.to = message->to,
		.call_id = message->call_id,
		.cseq = message->cseq,
		.anonymous = message->anonymous,
		.service = strv_of(cpm_service_icsi(message->service)),
		.lines = message->lines,
		.content_type = body.p ? type : message->content_type,
		.body = body.p ? body : message->body,
		.hops = message->hops,
		.loop = message->loop,
	};

	(void)arg;
	if (message->n_sender && !message->is_claimed) {
		draft.identity = message->sender[0];
		/* RFC 3325 s9.1: a second one is of the other kind. */
		for (unsigned i = 1; i < message->n_sender && !draft.identity2.n; i++)
			if (is_tel(message->sender[i]) != is_tel(draft.identity))
				draft.identity2 = message->sender[i];
	}
	return core_message_new(&draft);
}

static void drop(void *arg, void **made)
{
	struct core_message *message = *made;

	(void)arg;
	*made = NULL;
	core_message_drop(&message);
}

/* What the core tells, without the response. */
struct waiting {
	pf_status_fn *done;
	void *done_arg;
};

static void on_answered(void *arg, unsigned status, struct sip_msg *response)
{
	struct waiting waiting = *(struct waiting *)arg;

	(void)response;
	if (status < 200)
		return;
	free(arg);
	waiting.done(waiting.done_arg, status);
}

static int send_to(void *arg, const void *binding, void *made, struct strv lines,
		   const struct trace_id *trace, pf_status_fn *done, void *done_arg)
{
	struct waiting *waiting = malloc(sizeof(*waiting));
	struct core_sent sent;

	if (!waiting)
		return -1;
	*waiting = (struct waiting){ done, done_arg };
	if (core_message_to_device(pf_sip_core(arg), pf_sip_worker(arg), binding, made, lines,
				   trace, on_answered, waiting, &sent) == 0)
		return 0;
	free(waiting);
	return -1;
}

static int send_away(void *arg, struct strv uri, void *made, const struct trace_id *trace,
		     pf_status_fn *done, void *done_arg)
{
	struct waiting *waiting = malloc(sizeof(*waiting));
	struct core_sent sent;

	if (!waiting)
		return -1;
	*waiting = (struct waiting){ done, done_arg };
	if (core_message_to_uri(pf_sip_core(arg), pf_sip_worker(arg), uri, made, trace, on_answered,
				waiting, &sent) == 0)
		return 0;
	free(waiting);
	return -1;
}

/* ---- time ---- */

static void timer_set(void *arg, struct wheel_timer *timer, unsigned delay_ms,
		      void (*fn)(struct wheel_timer *timer))
{
	worker_timer_set(pf_sip_worker(arg)->worker, timer, delay_ms, fn);
}

static void timer_clear(void *arg, struct wheel_timer *timer)
{
	if (worker_self()) /* else they have ended */
		worker_timer_clear(pf_sip_worker(arg)->worker, timer);
}

static int64_t now_us(void *arg)
{
	struct timespec now;

	(void)arg;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void pf_net_sip(struct pf_sip *sip, struct pf_net *net)
{
	*net = (struct pf_net){ .find_user = find_user,
				.devices = devices,
				.release = release,
				.make = make,
				.drop = drop,
				.send = send_to,
				.send_away = send_away,
				.timer_set = timer_set,
				.timer_clear = timer_clear,
				.now_us = now_us,
				.arg = sip };
}
