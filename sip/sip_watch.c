/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_watch.c - see sip_watch.h; the clauses named are RFC 6665's
 *
 *	state	what it waits for			timers
 *	asking	an answer to SUBSCRIBE, a NOTIFY	wait (Timer N, 64*T1)
 *	live	NOTIFYs					again (refresh), expiry; wait after a
 *refresh resting	the moment to begin anew		again over	to be freed
 *-
 */
#include "sip/sip_watch.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/trace.h"
#include "sip/sip_out.h"

enum {
	REST_FIRST_MS = 5000,
	REST_MOST_MS = 900000,
	ALL_MS = 5000, /* between two refreshes for what was missed */
	CALL_ID_BYTES = 40,
	TEXTS = 6 + SIP_WATCH_LINES_MAX,
	LINES_MAX = 8 + SIP_WATCH_LINES_MAX,
};

enum watch_state { ASKING, LIVE, RESTING, OVER };
static const char *const state_names[] = { "asking", "live", "resting", "over" };

struct sip_watches {
	struct sip_dialogs *dialogs;
	struct sip_table table;
	struct sip_watch *first;
	unsigned n, max;
};

struct sip_watch {
	struct sip_node node; /* by Call-ID and our tag */
	struct sip_watch *next, **link;
	struct sip_watches *watches;
	const struct sip_watch_ops *ops;
	void *user;
	enum watch_state state;
	struct strv text[TEXTS]; /* uri, hop, from, here, type, body, lines */
	unsigned n_lines, expires_s;
	char tag[SIP_TAG_BYTES], call_id[CALL_ID_BYTES];
	struct sip_dialog *dialog; /* from the first 2xx on */
	int is_asked, is_answered, is_told;
	int wants_all; /* asked for while a SUBSCRIBE was under way */
	unsigned failures;
	uint64_t out; /* SUBSCRIBE under way */
	uint64_t until_ms, asked_all_ms;
	struct wheel_timer again, wait, expiry;
	char chars[];
};

enum { URI, HOP, FROM, HERE, TYPE, BODY, LINES };

static const char watch_kind;

static struct sip_txns *txns_of(const struct sip_watch *watch)
{
	return sip_dialogs_txns(watch->watches->dialogs);
}

static const struct sip_below *below_of(const struct sip_watch *watch)
{
	return sip_txns_below(txns_of(watch));
}

static void enter(struct sip_watch *watch, enum watch_state state)
{
	log_debug(LOG_SIP, "watch", L_STR("event", watch->ops->event), L_SV("of", watch->text[URI]),
		  L_STR("from", state_names[watch->state]), L_STR("to", state_names[state]));
	watch->state = state;
}

/* ---- timers ---- */

static void clear(struct sip_watch *watch, struct wheel_timer *timer)
{
	const struct sip_below *below = below_of(watch);

	if (wheel_timer_is_set(timer))
		below->timer_clear(below, timer);
}

static void set(struct sip_watch *watch, struct wheel_timer *timer, uint64_t delay_ms,
		void (*fn)(struct wheel_timer *timer))
{
	const struct sip_below *below = below_of(watch);

	below->timer_set(below, timer, delay_ms ? delay_ms : 1, fn);
}

static void begin(struct sip_watch *watch);
static void subscribe(struct sip_watch *watch);

/* ---- begin anew ---- */

static void let_go(struct sip_watch *watch)
{
	clear(watch, &watch->again);
	clear(watch, &watch->wait);
	clear(watch, &watch->expiry);
	sip_out_forget(txns_of(watch), watch->out);
	watch->out = 0;
	watch->is_asked = 0;
	sip_dialog_free(&watch->dialog);
}

static void on_rested(struct wheel_timer *timer)
{
	begin((struct sip_watch *)(void *)((char *)timer - offsetof(struct sip_watch, again)));
}

/* A new one after DELAY_MS, later the more often it has failed in a row. */
static void rest(struct sip_watch *watch, uint64_t delay_ms)
{
	uint64_t least_ms = watch->failures ? REST_FIRST_MS : 0;

	for (unsigned i = 1; i < watch->failures && least_ms < REST_MOST_MS; i++)
		least_ms *= 2;
	if (least_ms > REST_MOST_MS)
		least_ms = REST_MOST_MS;
	watch->failures++;
	let_go(watch);
	enter(watch, RESTING);
	set(watch, &watch->again, delay_ms > least_ms ? delay_ms : least_ms, on_rested);
}

static void lose(struct sip_watch *watch, unsigned status)
{
	let_go(watch);
	enter(watch, OVER);
	if (watch->ops->lost)
		watch->ops->lost(watch->user, status); /* WATCH may be gone */
}

/* ---- in time ---- */

static void on_again(struct wheel_timer *timer)
{
	subscribe((struct sip_watch *)(void *)((char *)timer - offsetof(struct sip_watch, again)));
}

static void on_expiry(struct wheel_timer *timer)
{
	rest((struct sip_watch *)(void *)((char *)timer - offsetof(struct sip_watch, expiry)), 0);
}

/* Timer N (s4.1.2.4): no NOTIFY means no subscription. */
static void on_wait(struct wheel_timer *timer)
{
	rest((struct sip_watch *)(void *)((char *)timer - offsetof(struct sip_watch, wait)), 0);
}

static void set_until(struct sip_watch *watch, uint32_t expires_s)
{
	const struct sip_below *below = below_of(watch);
	uint64_t ms = (uint64_t)expires_s * 1000;

	watch->until_ms = below->now_ms(below) + ms;
	set(watch, &watch->expiry, ms, on_expiry);
	set(watch, &watch->again, ms > 1200000 ? ms - 600000 : ms / 2, on_again);
}

/* ---- SUBSCRIBE ---- */

static uint64_t left_ms(const struct sip_watch *watch)
{
	const struct sip_below *below = below_of(watch);
	uint64_t now_ms = below->now_ms(below);

	return watch->until_ms > now_ms ? watch->until_ms - now_ms : 0;
}

static void granted(struct sip_watch *watch, struct sip_msg *response)
{
	uint32_t expires_s = watch->expires_s;

	if (!watch->dialog)
		watch->dialog = sip_dialog_new_uac(watch->watches->dialogs, response,
						   strv_of(watch->chars), &watch_kind, watch);
	else
		sip_dialog_refresh(watch->dialog, response);
	if (!watch->dialog || sip_msg_number(response, SIP_H_EXPIRES, &expires_s) < 0 ||
	    !expires_s) {
		rest(watch, 0);
		return;
	}
	if (expires_s > watch->expires_s)
		expires_s = watch->expires_s;
	watch->is_answered = 1;
	set_until(watch, expires_s);
	if (watch->is_told)
		enter(watch, LIVE);
	if (watch->wants_all)
		subscribe(watch);
}

/* What ends the subscription although the dialog may have lived (s4.1.2.2, RFC 5057 s5.1). */
static int ends_it(unsigned status)
{
	return status == 404 || status == 405 || status == 410 || status == 416 ||
	       (status >= 480 && status <= 485) || status == 489 || status == 501 || status == 604;
}

static void refused(struct sip_watch *watch, unsigned status, struct sip_msg *response)
{
	uint32_t least_s = 0;

	if (status == 423 && response &&
	    sip_msg_number(response, SIP_H_MIN_EXPIRES, &least_s) == 1 &&
	    least_s > watch->expires_s) {
		watch->expires_s = least_s;
		rest(watch, 0);
	} else if (watch->dialog && left_ms(watch) && !ends_it(status)) {
		/* It lives until its end (s4.1.2.2): another try in what is left. */
		clear(watch, &watch->wait);
		set(watch, &watch->again, left_ms(watch) / 2, on_again);
	} else if (watch->dialog || status == 408 || status == 480 || status == 481 ||
		   status == 486 || status >= 500) {
		rest(watch, 0);
	} else {
		lose(watch, status);
	}
}

static void on_answered(void *arg, unsigned status, struct sip_msg *response)
{
	struct sip_watch *watch = arg;

	if (status < 200)
		return;
	watch->out = 0;
	watch->is_asked = 0;
	if (status < 300 && response)
		granted(watch, response);
	else
		refused(watch, status, response);
}

static unsigned package_lines(struct sip_watch *watch, struct arena *arena, unsigned expires_s,
			      struct strv lines[])
{
	const char *const text[] = {
		arena_printf(arena, "Event: %s", watch->ops->event),
		arena_printf(arena, "Accept: %s", watch->ops->accept),
		arena_printf(arena, "Expires: %u", expires_s),
	};
	unsigned n = 0;

	for (unsigned i = 0; i < 3; i++)
		lines[n++] = strv_of(text[i] ? text[i] : "");
	for (unsigned i = 0; i < watch->n_lines; i++)
		lines[n++] = watch->text[LINES + i];
	return n;
}

/* 0 or -1. ANSWERED NULL: nobody waits for what comes of it. */
static int send_in_dialog(struct sip_watch *watch, struct arena *arena, unsigned expires_s,
			  sip_answered_fn *answered)
{
	struct strv lines[LINES_MAX];
	struct trace_id trace;
	struct sip_dialog_request request = { .method = SIP_SUBSCRIBE,
					      .lines = lines,
					      .trace = &trace,
					      .answered = answered,
					      .arg = watch };
	uint64_t id = 0;

	trace_new(&trace);
	request.n_lines = package_lines(watch, arena, expires_s, lines);
	if (sip_dialog_send(watch->dialog, &request, &id) < 0)
		return -1;
	if (answered && watch->is_asked)
		watch->out = id;
	return 0;
}

static int send_first(struct sip_watch *watch, struct arena *arena)
{
	struct strv lines[LINES_MAX], *text = watch->text;
	const char *const own[] = {
		arena_printf(arena, "From: <%.*s>;tag=%s", STRV_ARG(text[FROM]), watch->tag),
		arena_printf(arena, "To: <%.*s>", STRV_ARG(text[URI])),
		arena_printf(arena, "Call-ID: %s", watch->call_id),
		"CSeq: 1 SUBSCRIBE",
		arena_printf(arena, "Contact: %s", watch->chars),
		text[HOP].n ? arena_printf(arena, "Route: <%.*s>", STRV_ARG(text[HOP]))
			    : "Supported: eventlist",
	};
	struct trace_id trace;
	struct sip_out out = { .method = SIP_SUBSCRIBE,
			       .uri = text[URI],
			       .hop = text[HOP].n ? text[HOP] : strv_mem(NULL, 0),
			       .lines = lines,
			       .content_type = text[TYPE],
			       .body = text[BODY],
			       .trace = &trace,
			       .answered = on_answered,
			       .arg = watch };
	uint64_t id = 0;

	for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (!own[i])
			return -1;
		lines[out.n_lines++] = strv_of(own[i]);
	}
	out.n_lines += package_lines(watch, arena, watch->expires_s, lines + out.n_lines);
	trace_new(&trace);
	if (sip_out_send(txns_of(watch), &out, &id) < 0)
		return -1;
	if (watch->is_asked)
		watch->out = id;
	return 0;
}

/* Ask, or ask again; what fails at once for want of memory is tried later. */
static void subscribe(struct sip_watch *watch)
{
	struct arena *arena = sip_txns_arena(txns_of(watch));
	unsigned t1_ms = sip_txns_timers(txns_of(watch))->t1_ms;
	int failed;

	clear(watch, &watch->again);
	watch->wants_all = 0;
	watch->is_asked = 1;
	/* Before it is sent: the answer may be here when it has been. */
	set(watch, &watch->wait, (uint64_t)64 * t1_ms, on_wait);
	failed = !arena ||
		 (watch->dialog ? send_in_dialog(watch, arena, watch->expires_s, on_answered) < 0
				: send_first(watch, arena) < 0);
	sip_txns_arena_done(txns_of(watch), &arena);
	if (failed)
		rest(watch, 0);
}

/* ---- the table ---- */

static struct sip_key key_of(const struct sip_watches *watches, struct strv call_id,
			     struct strv tag)
{
	struct sip_hash hash;

	sip_hash_init(&hash, &watches->table.secret);
	sip_hash_add(&hash, call_id);
	sip_hash_add(&hash, tag);
	return sip_hash_key(&hash);
}

/* Another Call-ID and tag: what still comes for the last one is nobody's. */
static void begin(struct sip_watch *watch)
{
	struct sip_watches *watches = watch->watches;
	struct trace_id id;

	if (watch->tag[0])
		sip_table_remove(&watches->table, &watch->node);
	trace_new(&id);
	snprintf(watch->call_id, sizeof(watch->call_id), "%s", id.hex);
	sip_tag_make(txns_of(watch), watch->tag);
	snprintf(watch->chars, 6 + SIP_TAG_BYTES + watch->text[HERE].n + 3, "<sip:%s@%.*s>",
		 watch->tag, STRV_ARG(watch->text[HERE]));
	watch->node.key = key_of(watches, strv_of(watch->call_id), strv_of(watch->tag));
	sip_table_add(&watches->table, &watch->node);
	watch->is_answered = watch->is_told = 0;
	enter(watch, ASKING);
	if (watch->ops->began)
		watch->ops->began(watch->user);
	subscribe(watch);
}

struct sip_watch *sip_watch_new(struct sip_watches *watches, const struct sip_watch_new *draft)
{
	const struct strv own[] = { draft->uri,	 draft->hop,	      draft->from,
				    draft->here, draft->content_type, draft->body };
	size_t contact_n = 6 + SIP_TAG_BYTES + draft->here.n + 3, n = contact_n;
	struct sip_watch *watch;
	char *at;

	if (watches->n >= watches->max || draft->n_lines > SIP_WATCH_LINES_MAX)
		return NULL;
	for (unsigned i = 0; i < LINES; i++)
		n += own[i].n;
	for (unsigned i = 0; i < draft->n_lines; i++)
		n += draft->lines[i].n;
	watch = calloc(1, sizeof(*watch) + n);
	if (!watch)
		return NULL;
	watch->watches = watches;
	watch->ops = draft->ops;
	watch->user = draft->user;
	watch->expires_s = draft->expires_s;
	watch->n_lines = draft->n_lines;
	at = watch->chars + contact_n;
	for (unsigned i = 0; i < LINES + draft->n_lines; i++) {
		struct strv from = i < LINES ? own[i] : draft->lines[i - LINES];

		watch->text[i] = strv_mem(at, from.n);
		if (from.n)
			at = mempcpy(at, from.p, from.n);
	}
	watch->link = &watches->first;
	watch->next = watches->first;
	if (watch->next)
		watch->next->link = &watch->next;
	watches->first = watch;
	watches->n++;
	/* The caller knows WATCH before anything can come of it. */
	enter(watch, RESTING);
	set(watch, &watch->again, 0, on_rested);
	return watch;
}

void sip_watch_free(struct sip_watch **watch_at, int polite)
{
	struct sip_watch *watch = *watch_at;
	struct arena *arena;

	*watch_at = NULL;
	if (!watch)
		return;
	if (polite && watch->dialog) {
		arena = sip_txns_arena(txns_of(watch));
		if (arena)
			send_in_dialog(watch, arena, 0, NULL);
		sip_txns_arena_done(txns_of(watch), &arena);
	}
	let_go(watch);
	if (watch->tag[0])
		sip_table_remove(&watch->watches->table, &watch->node);
	*watch->link = watch->next;
	if (watch->next)
		watch->next->link = watch->link;
	watch->watches->n--;
	free(watch);
}

void sip_watch_refresh(struct sip_watch *watch)
{
	if (watch->state == RESTING || watch->state == OVER) {
		watch->failures = 0;
		begin(watch);
	} else if (watch->is_asked || !watch->dialog) {
		watch->wants_all = 1;
	} else {
		subscribe(watch);
	}
}

int sip_watches_new(struct sip_dialogs *dialogs, unsigned max, struct sip_watches **watches_out,
		    struct err *err)
{
	struct sip_watches *watches = calloc(1, sizeof(*watches));

	if (!watches || sip_table_init(&watches->table) < 0) {
		free(watches);
		return err_set(err, ERR_NOMEM, "no memory for SIP subscriptions of our own");
	}
	watches->dialogs = dialogs;
	watches->max = max;
	*watches_out = watches;
	return 0;
}

void sip_watches_free(struct sip_watches **watches_at)
{
	struct sip_watches *watches = *watches_at;

	*watches_at = NULL;
	if (!watches)
		return;
	while (watches->first) {
		struct sip_watch *watch = watches->first;

		sip_watch_free(&watch, 0);
	}
	sip_table_fini(&watches->table);
	free(watches);
}

unsigned sip_watches_count(const struct sip_watches *watches)
{
	return watches->n;
}

/* ---- NOTIFY ---- */

/* Whether and when there may be another (s4.1.3): milliseconds; -1: not at all. */
static int64_t wait_after(struct strv reason, uint32_t retry_s)
{
	if (strv_caseeq(reason, STRV("rejected")) || strv_caseeq(reason, STRV("noresource")) ||
	    strv_caseeq(reason, STRV("invariant")))
		return -1;
	if (strv_caseeq(reason, STRV("deactivated")) || strv_caseeq(reason, STRV("timeout")))
		return 0;
	return (int64_t)retry_s * 1000;
}

static uint32_t seconds_of(struct strv params, const char *name, uint32_t otherwise)
{
	struct strv value;
	uint64_t s;

	return sip_param(params, name, &value) == 1 && strv_u64(value, UINT32_MAX, &s) == 0
		       ? (uint32_t)s
		       : otherwise;
}

/* What Subscription-State says; WATCH may be gone afterwards. */
static void take_state(struct sip_watch *watch, struct strv state, struct strv params)
{
	uint32_t expires_s = seconds_of(params, "expires", UINT32_MAX);
	struct strv reason = STRV("");
	int64_t wait_ms;

	clear(watch, &watch->wait);
	watch->is_told = 1;
	if (!strv_caseeq(state, STRV("terminated"))) {
		watch->failures = 0;
		if (watch->is_answered && watch->state == ASKING)
			enter(watch, LIVE);
		if (expires_s && (uint64_t)expires_s * 1000 < left_ms(watch))
			set_until(watch, expires_s);
		return;
	}
	sip_param(params, "reason", &reason);
	wait_ms = wait_after(reason, seconds_of(params, "retry-after", 0));
	if (wait_ms < 0)
		lose(watch, 0);
	else
		rest(watch, (uint64_t)wait_ms);
}

/* 0, or the status that the NOTIFY is refused with. */
static unsigned check(struct sip_watch *watch, struct sip_msg *msg, struct strv *state_out)
{
	struct strv event = sip_msg_value(msg, SIP_H_EVENT, 0), name;
	unsigned status = 0;

	if (watch->dialog) {
		/* Another branch of a forked SUBSCRIBE: one is enough (s4.4.1). */
		if (!msg->from_tag.p || !strv_eq(msg->from_tag, watch->dialog->remote_tag))
			return 481;
		status = sip_dialog_accept(watch->dialog, msg);
	}
	if (status)
		return status;
	strv_cut(&event, ';', &name);
	if (!strv_caseeq(strv_trim(name), strv_of(watch->ops->event)))
		return 489;
	*state_out = sip_msg_value(msg, SIP_H_SUBSCRIPTION_STATE, 0);
	return state_out->n ? 0 : 400;
}

static int is_body(const struct sip_watch *watch, struct sip_msg *msg)
{
	struct strv value = sip_msg_value(msg, SIP_H_CONTENT_TYPE, 0), type;

	if (!msg->body.n || !value.p)
		return 0;
	strv_cut(&value, ';', &type);
	return strv_caseeq(strv_trim(type), strv_of(watch->ops->accept));
}

/* Not without end, whatever the notifier answers with. */
static void ask_all(struct sip_watch *watch)
{
	const struct sip_below *below = below_of(watch);
	uint64_t now_ms = below->now_ms(below);

	if (watch->state == RESTING || watch->state == OVER)
		return;
	if (watch->asked_all_ms && now_ms - watch->asked_all_ms < ALL_MS) {
		set(watch, &watch->again, ALL_MS, on_again);
		return;
	}
	watch->asked_all_ms = now_ms;
	sip_watch_refresh(watch);
}

int sip_watches_notify(struct sip_watches *watches, struct sip_stx *stx, struct sip_msg *msg)
{
	struct strv state = STRV(""), params;
	struct sip_watch *watch;
	struct sip_key key;
	unsigned status;
	int missed;

	if (msg->method != SIP_NOTIFY || !msg->to_tag.p)
		return 0;
	key = key_of(watches, msg->call_id, msg->to_tag);
	watch = (struct sip_watch *)(void *)sip_table_find(&watches->table, &key);
	if (!watch || watch->state == RESTING || watch->state == OVER)
		return 0;
	status = check(watch, msg, &state);
	if (status) {
		sip_stx_reply_status(stx, status, NULL);
		return 1;
	}
	params = state;
	strv_cut(&params, ';', &state);
	missed = is_body(watch, msg) && watch->ops->told(watch->user, msg) == 1;
	take_state(watch, strv_trim(state), params);
	/* As the specification has it: it was understood, whatever it says. The message ends here,
	 * and WATCH may have ended before. */
	sip_stx_reply_status(stx, 200, NULL);
	watch = (struct sip_watch *)(void *)sip_table_find(&watches->table, &key);
	if (missed && watch)
		ask_all(watch);
	return 1;
}
