/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_diff_sip.c - see xcap_diff_sip.h
 *
 * SUBSCRIBE's body and its diff-processing become the list of an xdm_notify, whose bodies become
 * NOTIFYs. All that is told is in there; dialogs, timers and what is written down are the edge's.
 */
#include "xdms/xcap_diff_sip.h"

#include <stdlib.h>

#include "base/log.h"
#include "sip/core/core.h"
#include "sip/sip_event.h"
#include "sip/sip_uri.h"
#include "xdms/xdm_docs.h"
#include "xdms/xdm_notify.h"
#include "xdms/xdms_http.h"

/* What still fits into a message, with the largest head. */
enum { BODY_MAX = 48 * 1024 };

struct xcap_diff {
	struct sip_event_ops ops;
	struct workers *workers;
	struct core_users users;
	unsigned max_entries;
	struct xdm_notify_options notify;
};

/* A subscription's: its user. */
struct listener {
	struct sip_sub *sub;
	struct xdm_notify *notify;
};

/* ---- users ---- */

struct search {
	xdm_person_fn *done;
	void *context;
};

static void on_found(void *context, enum auth_found found, const struct auth_user *user)
{
	struct search search = *(struct search *)context;
	struct xdm_person person;

	free(context);
	if (found != AUTH_FOUND || !user) {
		search.done(search.context, found == AUTH_ABSENT ? 0 : -1, NULL);
		return;
	}
	person = (struct xdm_person){ .identity = user->identity,
				      .n_identities = user->n_identities,
				      .is_operator = (user->roles & AUTH_ROLE_OPERATOR) != 0,
				      .is_disabled = user->disabled };
	search.done(search.context, 1, &person);
}

static void find_user(void *arg, struct strv identity, xdm_person_fn *done, void *context)
{
	struct xcap_diff *diff = arg;
	struct search *search = malloc(sizeof(*search));

	if (!search) {
		done(context, -1, NULL);
		return;
	}
	*search = (struct search){ done, context };
	diff->users.find(diff->users.arg, identity, on_found, search);
}

/* ---- told by the watches ---- */

static void on_ready(void *arg)
{
	struct listener *listener = arg;

	sip_sub_changed(listener->sub);
}

static void on_ended(void *arg, const char *reason)
{
	struct listener *listener = arg;

	sip_sub_end(listener->sub, reason);
}

static const struct xdm_notify_ops notify_ops = { on_ready, on_ended };

/* ---- SUBSCRIBE ---- */

static enum xdm_diff_mode mode_of(struct sip_msg *msg)
{
	struct strv value = sip_msg_value(msg, SIP_H_EVENT, 0), name, mode = STRV("");

	strv_cut(&value, ';', &name);
	if (!value.n || sip_param(value, "diff-processing", &mode) != 1)
		return XDM_DIFF_NO_PATCHING;
	/* A token that is not known is taken as the simplest one (RFC 5875 s4.3, s4.7). */
	return strv_caseeq(mode, STRV("xcap-patching")) ? XDM_DIFF_PATCHING
	       : strv_caseeq(mode, STRV("aggregate"))	? XDM_DIFF_AGGREGATE
							: XDM_DIFF_NO_PATCHING;
}

/* The list in the body; 200, or what SUBSCRIBE gets. */
static unsigned read_list(const struct xcap_diff *diff, struct sip_msg *msg, struct strv **uri,
			  unsigned *n)
{
	struct err err;

	if (xcap_diff_list_parse(msg->body, diff->max_entries, msg->arena, uri, n, &err) == 0)
		return 200;
	log_info(LOG_SIP, "a list of documents is refused", L_ERR(&err), L_ID(&msg->trace));
	return err.code == ERR_NOMEM ? 500 : err.code == ERR_LIMIT ? 413 : 400;
}

static struct listener *listener_new(struct xcap_diff *diff, struct sip_sub *sub,
				     struct worker *worker)
{
	struct listener *listener = calloc(1, sizeof(*listener));

	if (!listener)
		return NULL;
	listener->sub = sub;
	listener->notify =
		xdm_notify_new(&diff->notify, worker, sip_sub_watcher(sub), &notify_ops, listener);
	if (!listener->notify) {
		free(listener);
		return NULL;
	}
	sip_sub_set_user(sub, listener);
	return listener;
}

static unsigned allow(void *arg, struct sip_sub *sub, struct sip_msg *request)
{
	struct xcap_diff *diff = arg;
	struct listener *listener;
	unsigned n, status;
	struct strv *uri;

	if (!request->body.n)
		return 400;
	status = read_list(diff, request, &uri, &n);
	if (status != 200)
		return status;
	listener = listener_new(diff, sub, worker_self());
	if (!listener || xdm_notify_ask(listener->notify, uri, n, mode_of(request)) < 0)
		return 500;
	return 200;
}

static unsigned refreshed(void *arg, struct sip_sub *sub, struct sip_msg *request)
{
	struct xcap_diff *diff = arg;
	struct listener *listener = sip_sub_user(sub);
	unsigned n, status;
	struct strv *uri;

	if (!request->body.n) {
		xdm_notify_ask_again(listener->notify, mode_of(request));
		return 200;
	}
	status = read_list(diff, request, &uri, &n);
	if (status == 200 && xdm_notify_ask(listener->notify, uri, n, mode_of(request)) < 0)
		status = 500;
	return status;
}

/* ---- NOTIFY ---- */

static int state(void *arg, struct sip_sub *sub, struct arena *arena,
		 struct sip_event_body *body_out)
{
	struct listener *listener = sip_sub_user(sub);

	(void)arg;
	if (xdm_notify_print(listener->notify, BODY_MAX, arena, &body_out->body) != 1)
		return -1;
	body_out->type = STRV(XCAP_DIFF_TYPE);
	return 0;
}

static int told(void *arg, struct sip_sub *sub)
{
	struct listener *listener = sip_sub_user(sub);
	int more = xdm_notify_told(listener->notify);

	(void)arg;
	sip_sub_keep(sub);
	return more;
}

/* ---- kept, ended ---- */

static struct strv keep(void *arg, struct sip_sub *sub, struct arena *arena)
{
	struct listener *listener = sip_sub_user(sub);

	(void)arg;
	return xdm_notify_keep(listener->notify, arena);
}

static int restored(void *arg, struct sip_sub *sub, struct strv kept)
{
	struct xcap_diff *diff = arg;
	int index = sip_tag_worker(sip_sub_tag(sub));
	struct worker *worker =
		index < 0
			? NULL
			: workers_at(diff->workers, (unsigned)index % workers_count(diff->workers));
	struct listener *listener = worker ? listener_new(diff, sub, worker) : NULL;

	return listener ? xdm_notify_restore(listener->notify, kept) : -1;
}

static void ended(void *arg, struct sip_sub *sub)
{
	struct listener *listener = sip_sub_user(sub);

	(void)arg;
	if (!listener)
		return;
	sip_sub_set_user(sub, NULL);
	xdm_notify_free(&listener->notify);
	free(listener);
}

static const char *const types[] = { XCAP_DIFF_TYPE, NULL };

/* 3600 s: RFC 5875 s4.5. */
static const struct sip_event_ops ops = { .name = "xcap-diff",
					  .types = types,
					  .default_s = 3600,
					  .min_s = 60,
					  .max_s = 86400,
					  .asks = XCAP_DIFF_LIST_TYPE,
					  .is_own = 1,
					  .comes_later = 1,
					  .allow = allow,
					  .state = state,
					  .ended = ended,
					  .refreshed = refreshed,
					  .told = told,
					  .keep = keep,
					  .restored = restored };

int xcap_diff_new(const struct xcap_diff_options *options, struct xcap_diff **diff_out,
		  struct err *err)
{
	const struct xdm_docs *docs = xdms_docs(options->xdms);
	struct xcap_diff *diff = calloc(1, sizeof(*diff));

	*diff_out = diff;
	if (!diff)
		return err_set(err, ERR_NOMEM, "no memory for subscriptions to documents");
	diff->ops = ops;
	diff->ops.throttle_ms = options->throttle_ms;
	diff->workers = options->workers;
	diff->users = *options->users;
	diff->max_entries = options->max_entries;
	diff->notify = (struct xdm_notify_options){ .rules = docs->rules,
						    .store = docs->store,
						    .watches = xdms_watches(options->xdms),
						    .find = find_user,
						    .find_arg = diff,
						    .max_documents = options->max_documents };
	return 0;
}

void xcap_diff_free(struct xcap_diff **diff)
{
	free(*diff);
	*diff = NULL;
}

void xcap_diff_event(struct xcap_diff *diff, struct sip_event *event_out)
{
	*event_out = (struct sip_event){ &diff->ops, diff };
}
