/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/participating/pf_act.c - a message to the devices of its recipient (cpm.md 2.1 steps 8 to 12)
 *
 * One MESSAGE a device, each with its own outcome. The sender is answered once: 200 as soon as one
 * device has it, 202 when it is stored, else what the devices said. settle() decides that, and is
 * called last by every event; an answer may come while the request is still being made, hence
 * depth.
 */
#include <stdlib.h>
#include <string.h>

#include "cpm/participating/pf_priv.h"

static void settle(struct pf_term *term);

static struct strv home_of(const struct pf_term *term)
{
	return strv_mem(term->home, term->home_n);
}

void pf_term_free(struct pf_term *term)
{
	struct pf *pf = term->pf;

	if (term->has_timer)
		pf->net.timer_clear(pf->net.arg, &term->timer);
	pf->net.drop(pf->net.arg, &term->made);
	pf->net.drop(pf->net.arg, &term->made_text);
	pf->net.drop(pf->net.arg, &term->made_cpim);
	pf->net.release(pf->net.arg, &term->devices);
	cpm_user_rules_drop(&term->rules);
	cpm_message_drop(&term->message);
	free(term->tries);
	free(term);
}

static void answer(struct pf_term *term, unsigned status, const char *why)
{
	const struct pf_result result = { .status = status, .why = why, .reached = term->n_taken };
	pf_done_fn *done = term->done;

	term->done = NULL;
	if (done)
		done(term->arg, &result);
}

/* ---- plain text ---- */

static uint64_t hash_of(struct strv id)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < id.n; i++)
		h = (h ^ (unsigned char)id.p[i]) * UINT64_C(0x100000001b3);
	return (h ^ h >> 32) | 1;
}

int pf_wants_text(struct pf *pf, struct strv id)
{
	uint64_t h = hash_of(id);

	return pf_own(pf)->plain[h / 2 % PF_PLAIN_MAX] == h;
}

void pf_note_text(struct pf *pf, struct strv id)
{
	uint64_t h = hash_of(id);

	pf_own(pf)->plain[h / 2 % PF_PLAIN_MAX] = h;
}

void *pf_make_text(struct pf *pf, const struct cpm_message_draft *message)
{
	struct arena *arena = arena_new(0);
	struct strv type, text;
	void *made = NULL;

	/* Whoever takes plain text only is known by Call-ID: their receipts name it, and a sender
	 * knows the message by its id. */
	if (arena && pf_request_text(message->content_type, message->body, arena, &type, &text)) {
		struct cpm_message_draft plain = *message;

		if (message->message_id.n)
			plain.call_id = message->message_id;
		made = pf->net.make(pf->net.arg, &plain, type, text);
	}
	arena_free(&arena);
	return made;
}

/* ---- one device ---- */

static const struct pf_device *device_of(const struct pf_try *try)
{
	return &try->term->devices->device[try->choice.device];
}

static void on_status(void *arg, unsigned status);

/* A message that shall not alert says so (RFC 3261 s20.26). */
static struct strv lines_of(const struct pf_term *term)
{
	return term->decided.is_silent ? STRV("Priority: non-urgent\r\n") : STRV("");
}

/* In which form, made if it has not been yet. */
static void *form_of(struct pf_try *try)
{
	struct pf_term *term = try->term;
	struct pf *pf = term->pf;
	const struct cpm_message_draft *message = cpm_message_of(term->message);
	void **made = try->as_text   ? &term->made_text
		      : try->as_cpim ? &term->made_cpim
				     : &term->made;

	if (!*made)
		*made = try->as_text   ? pf_make_text(pf, message)
			: try->as_cpim ? pf_make_receipt(pf, message)
				       : pf->net.make(pf->net.arg, message, strv_mem(NULL, 0),
						      strv_mem(NULL, 0));
	return *made;
}

static void begin(struct pf_try *try)
{
	struct pf_term *term = try->term;
	struct pf *pf = term->pf;
	void *made = form_of(try);

	try->is_begun = try->is_busy = 1;
	term->busy++;
	term->depth++;
	if (!made || pf->is_stopping ||
	    pf->net.send(pf->net.arg, device_of(try)->binding, made, lines_of(term),
			 &cpm_message_of(term->message)->trace, on_status, try) < 0)
		on_status(try, !made && try->as_text ? 488 : 503);
	term->depth--;
}

/* What has no text goes as it is, whatever the device has wanted before. */
static int is_for_text(struct pf_term *term, struct strv id)
{
	if (!pf_wants_text(term->pf, id))
		return 0;
	if (!term->made_text)
		term->made_text = pf_make_text(term->pf, cpm_message_of(term->message));
	return term->made_text != NULL;
}

static void begin_flow(struct pf_term *term, struct pf_try *try)
{
	try->as_text = (unsigned char)is_for_text(term, device_of(try)->id);
	try->as_cpim = pf_is_bare_receipt(cpm_message_of(term->message)) &&
		       pf_is_capable(device_of(try)->params);
	begin(try);
}

static void taken(struct pf_try *try)
{
	struct pf_term *term = try->term;

	try->is_taken = 1;
	if (term->n_taken++ == 0)
		metric_add(term->pf->delivered, 1);
	if (try->as_text)
		pf_note_text(term->pf, device_of(try)->id);
	/* It was slow: what has been kept for it need not come again. */
	if ((term->is_storing || term->was_stored) && term->pf->net.had)
		term->pf->net.had(term->pf->net.store_arg, home_of(term), device_of(try)->id,
				  term->message);
}

static void not_taken(struct pf_try *try, enum pf_outcome outcome)
{
	struct pf_term *term = try->term;

	if (outcome == PF_AWAY && try->choice.next_flow >= 0) {
		begin_flow(term, &term->tries[try->choice.next_flow]);
		return;
	}
	if (outcome == PF_UNFIT && !try->as_text) {
		term->best = pf_better(term->best, try->status);
		try->as_text = 1;
		try->status = 0;
		begin(try);
		return;
	}
	term->n_away += outcome == PF_AWAY;
	term->is_declined |= outcome == PF_DECLINED;
	term->best = pf_better(term->best, try->status);
}

static void on_status(void *arg, unsigned status)
{
	struct pf_try *try = arg;
	struct pf_term *term = try->term;
	enum pf_outcome outcome = pf_outcome(status);

	term->depth++;
	try->is_busy = 0;
	try->status = status;
	term->busy--;
	if (outcome == PF_TAKEN)
		taken(try);
	else
		not_taken(try, outcome);
	term->depth--;
	settle(term);
}

/* The next device that has not been asked. 1; 0: there is none. */
static int begin_next(struct pf_term *term)
{
	while (term->begun < term->n_tries) {
		struct pf_try *try = &term->tries[term->begun++];

		if (try->choice.is_first) {
			begin_flow(term, try);
			return 1;
		}
	}
	return 0;
}

/* ---- later ---- */

/* The devices that the message would have gone to at once. */
static void push_queue(struct pf_term *term)
{
	for (unsigned i = 0; i < term->n_tries; i++)
		if (term->tries[i].choice.is_first)
			term->pf->net.available(term->pf->net.store_arg, home_of(term),
						device_of(&term->tries[i])->id);
}

static void on_stored(void *arg, enum deferred_stored stored)
{
	struct pf_term *term = arg;

	term->is_storing = 0;
	term->was_stored = 1;
	term->depth++;
	if (stored == DEFERRED_STORED)
		metric_add(term->pf->stored, 1);
	if (!term->done || term->n_taken)
		;
	else if (stored == DEFERRED_STORED) {
		answer(term, 202, NULL);
		if (term->is_queued)
			push_queue(term);
		else
			pf_report(term->pf, term->message, PF_REPORT_STORED);
	} else if (stored == DEFERRED_FULL) {
		answer(term, 480, "No more messages can be kept for the recipient");
	} else {
		answer(term, 503, NULL);
	}
	term->depth--;
	settle(term);
}

static void store(struct pf_term *term)
{
	struct strv has[PF_DEVICES_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < term->n_tries && n < PF_DEVICES_MAX; i++)
		if (term->tries[i].is_taken)
			has[n++] = device_of(&term->tries[i])->id;
	term->is_storing = 1;
	term->depth++;
	term->pf->net.store(term->pf->net.store_arg, home_of(term), term->message, has, n,
			    on_stored, term);
	term->depth--;
}

/* cpm.md 2.1 step 9: nobody has answered for so long that the sender is told that it is kept. */
static void on_slow(struct wheel_timer *timer)
{
	struct pf_term *term =
		(struct pf_term *)(void *)((char *)timer - offsetof(struct pf_term, timer));

	term->has_timer = 0;
	if (!term->done || term->n_taken || term->is_storing || term->was_stored)
		return;
	term->depth++;
	if (term->pf->options.mode == PF_DEVICES_PREFERRED && begin_next(term)) {
		term->has_timer = 1;
		term->pf->net.timer_set(term->pf->net.arg, &term->timer,
					term->pf->options.answer_ms, on_slow);
	} else if (term->decided.may_store) {
		store(term);
	}
	term->depth--;
	settle(term);
}

/* ---- what is to be done now? ---- */

/* Nobody has it, and nobody is asked any more. */
static void nobody_took_it(struct pf_term *term)
{
	int is_away = term->n_tries == 0 || term->n_away;

	if (is_away && term->decided.may_store && !term->was_stored && !term->pf->is_stopping)
		store(term);
	else
		answer(term, pf_told(term->best), NULL);
}

/* Some have it: the others get it later. */
static int others_lack_it(const struct pf_term *term)
{
	return !term->pf->is_stopping && term->n_taken && term->n_away && term->decided.may_store &&
	       !term->was_stored && term->pf->options.mode == PF_DEVICES_ALL &&
	       !cpm_message_of(term->message)->is_report;
}

/* One thing that is due; 1: look again. */
static int step(struct pf_term *term)
{
	if (term->done && term->n_taken) {
		answer(term, 200, NULL);
		return 1;
	}
	if (term->done && term->is_declined && !term->is_storing) {
		answer(term, pf_told(term->best), "The recipient has declined this message");
		return 1;
	}
	if (term->busy || term->is_storing)
		return 0;
	if (term->done) {
		if (term->pf->options.mode != PF_DEVICES_PREFERRED || !begin_next(term))
			nobody_took_it(term);
		return 1;
	}
	if (!others_lack_it(term))
		return 0;
	store(term);
	return 1;
}

static void settle(struct pf_term *term)
{
	if (term->depth)
		return;
	term->depth++;
	while (step(term))
		;
	term->depth--;
	if (!term->done && !term->busy && !term->is_storing)
		pf_term_free(term);
}

/* ---- begin ---- */

static int choose(struct pf_term *term)
{
	struct pf_choice choice[PF_DEVICES_MAX];
	unsigned n =
		pf_choose(cpm_message_of(term->message), term->rules->prefs, term->pf->options.mode,
			  term->devices->device, term->devices->n, choice);

	term->tries = n ? calloc(n, sizeof(*term->tries)) : NULL;
	if (n && !term->tries)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		term->tries[i].term = term;
		term->tries[i].choice = choice[i];
	}
	term->n_tries = n;
	return 0;
}

/* While older messages wait for the recipient a newer one does not overtake them. */
static int is_to_queue(const struct pf_term *term)
{
	const struct pf *pf = term->pf;

	return term->n_tries && pf->net.waits && term->decided.may_store &&
	       pf->options.mode == PF_DEVICES_ALL && !cpm_message_of(term->message)->is_report &&
	       pf->net.waits(pf->net.store_arg, home_of(term));
}

void pf_act(struct pf_term *term)
{
	struct pf *pf = term->pf;

	term->depth++;
	if (term->decided.status) {
		answer(term, term->decided.status, term->decided.why);
	} else if (choose(term) < 0) {
		answer(term, 503, NULL);
	} else if (is_to_queue(term)) {
		term->is_queued = 1;
		term->begun = term->n_tries;
		store(term);
	} else {
		begin_next(term);
		while (pf->options.mode == PF_DEVICES_ALL && begin_next(term))
			;
		if (pf->options.mode == PF_DEVICES_ONE)
			term->begun = term->n_tries;
		if (term->busy && !term->n_taken) {
			term->has_timer = 1;
			pf->net.timer_set(pf->net.arg, &term->timer, pf->options.answer_ms,
					  on_slow);
		}
	}
	term->depth--;
	settle(term);
}

/* ---- kept at once ---- */

struct keeping {
	struct pf *pf;
	struct cpm_message *message;
	pf_done_fn *done;
	void *arg;
};

static void answer_stored(pf_done_fn *done, void *arg, enum deferred_stored stored)
{
	struct pf_result result = { .status = 503 };

	if (stored == DEFERRED_STORED)
		result.status = 202;
	if (stored == DEFERRED_FULL) {
		result.status = 480;
		result.why = "No more messages can be kept for the recipient";
	}
	done(arg, &result);
}

static void on_kept(void *arg, enum deferred_stored stored)
{
	struct keeping keeping = *(struct keeping *)arg;

	free(arg);
	answer_stored(keeping.done, keeping.arg, stored);
	if (stored == DEFERRED_STORED) {
		metric_add(keeping.pf->stored, 1);
		pf_report(keeping.pf, keeping.message, PF_REPORT_STORED);
	}
	cpm_message_drop(&keeping.message);
}

void pf_store(struct pf *pf, struct cpm_message *message, struct strv home, pf_done_fn *done,
	      void *arg)
{
	struct keeping *keeping = pf->net.store ? malloc(sizeof(*keeping)) : NULL;

	if (!keeping) {
		answer_stored(done, arg, DEFERRED_BUSY);
		return;
	}
	*keeping = (struct keeping){ pf, cpm_message_hold(message), done, arg };
	pf->net.store(pf->net.store_arg, home, message, NULL, 0, on_kept, keeping);
}

/* ---- copies for the sender ---- */

struct copying {
	struct pf *pf;
	struct cpm_message *message;
	struct pf_devices *devices;
	void *made;
	unsigned busy;
};

static void copying_done(struct copying *copying)
{
	struct pf *pf = copying->pf;

	if (--copying->busy)
		return;
	pf->net.drop(pf->net.arg, &copying->made);
	pf->net.release(pf->net.arg, &copying->devices);
	cpm_message_drop(&copying->message);
	free(copying);
}

static void on_copied(void *arg, unsigned status)
{
	(void)status;
	copying_done(arg);
}

static void on_own_devices(void *arg, struct pf_devices *devices)
{
	struct copying *copying = arg;
	struct pf *pf = copying->pf;
	const struct cpm_message_draft *message = cpm_message_of(copying->message);

	copying->devices = devices;
	for (unsigned i = 0; devices && i < devices->n; i++) {
		const struct pf_device *device = &devices->device[i];

		if (strv_eq(device->id, message->sender_instance) || !pf_is_capable(device->params))
			continue;
		if (!copying->made)
			copying->made = pf->net.make(pf->net.arg, message, strv_mem(NULL, 0),
						     strv_mem(NULL, 0));
		if (!copying->made)
			break;
		copying->busy++;
		metric_add(pf->copied, 1);
		if (pf->net.send(pf->net.arg, device->binding, copying->made, STRV(""),
				 &message->trace, on_copied, copying) < 0)
			copying_done(copying);
	}
	copying_done(copying);
}

void pf_copy(struct pf *pf, struct cpm_message *message, struct strv home)
{
	struct copying *copying = calloc(1, sizeof(*copying));

	if (!copying)
		return;
	*copying = (struct copying){ pf, cpm_message_hold(message), NULL, NULL, 1 };
	pf->net.devices(pf->net.arg, home, on_own_devices, copying);
}
