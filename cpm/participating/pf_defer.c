/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/participating/pf_defer.c - what the deferred messaging function asks of this one
 *
 * A stored message was decided when it came, and is not decided again when it leaves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cpm/participating/pf_priv.h"

static void store(void *arg, struct strv user, struct cpm_message *message,
		  const struct strv *taken, unsigned n_taken, deferred_stored_fn *done,
		  void *done_arg)
{
	deferred_store(arg, user, message, taken, n_taken, done, done_arg);
}

static void displayed(void *arg, struct strv user, struct strv message_id)
{
	deferred_displayed(arg, user, message_id);
}

static int waits(void *arg, struct strv user)
{
	return deferred_waits(arg, user);
}

static void available(void *arg, struct strv user, struct strv device)
{
	deferred_available(arg, user, device);
}

static void had(void *arg, struct strv user, struct strv device, struct cpm_message *message)
{
	deferred_had(arg, user, device, message);
}

void pf_set_deferred(struct pf *pf, struct deferred *deferred)
{
	pf->net.store = deferred ? store : NULL;
	pf->net.displayed = deferred ? displayed : NULL;
	pf->net.waits = deferred ? waits : NULL;
	pf->net.available = deferred ? available : NULL;
	pf->net.had = deferred ? had : NULL;
	pf->net.store_arg = deferred;
}

/* ---- push ---- */

struct push {
	struct pf *pf;
	struct cpm_message *message;
	struct pf_devices *devices;
	const struct pf_device *device;
	uint64_t tried; /* a bit a contact of DEVICES */
	void *made;
	int as_text, was_refused;
	void (*done)(void *done_arg, enum deferred_taken taken);
	void *done_arg;
	char *id; /* of the device */
};

static void push_end(struct push *push, enum deferred_taken taken)
{
	struct pf *pf = push->pf;
	struct push ended = *push;

	free(push);
	pf->net.drop(pf->net.arg, &ended.made);
	pf->net.release(pf->net.arg, &ended.devices);
	cpm_message_drop(&ended.message);
	free(ended.id);
	ended.done(ended.done_arg, taken);
}

static void push_on(struct push *push);

/* A device has said so itself: asking again may help. What the core says of one that it could not
 * reach is 408, 430 or 503. */
static int is_there(unsigned status)
{
	return status == 480 || status == 486 || (status >= 500 && status != 503);
}

/* The contact of the device that was heard of last and has not been tried: a device that moved
 * leaves its old one behind until that ends. 1; 0: there is none. */
static int next_contact(struct push *push)
{
	const struct pf_device *device = push->devices->device, *next = NULL;

	for (unsigned i = 0; i < push->devices->n && i < PF_DEVICES_MAX; i++)
		if (!(push->tried & UINT64_C(1) << i) && strv_eq(device[i].id, strv_of(push->id)) &&
		    (!next || device[i].refreshed_us > next->refreshed_us))
			next = &device[i];
	if (!next)
		return 0;
	push->tried |= UINT64_C(1) << (next - device);
	push->device = next;
	return 1;
}

static void on_status(void *arg, unsigned status)
{
	struct push *push = arg;
	enum pf_outcome outcome = pf_outcome(status);

	if (outcome == PF_UNFIT && !push->as_text && !push->pf->is_stopping) {
		push->pf->net.drop(push->pf->net.arg, &push->made);
		push->as_text = push->was_refused = 1;
		push_on(push);
		return;
	}
	if (outcome == PF_AWAY && !is_there(status) && !push->pf->is_stopping &&
	    next_contact(push)) {
		push->pf->net.drop(push->pf->net.arg, &push->made);
		push_on(push);
		return;
	}
	if (outcome == PF_TAKEN && push->as_text)
		pf_note_text(push->pf, push->device->id);
	push_end(push, outcome == PF_TAKEN  ? DEFERRED_TAKEN
		       : outcome != PF_AWAY ? DEFERRED_REFUSED
		       : is_there(status)   ? DEFERRED_LATER
					    : DEFERRED_GONE);
}

/* When it was sent, for whoever has no date in the body (RFC 3428 s4). */
static struct strv date_line(const struct cpm_message_draft *message, char line[64])
{
	time_t at = (time_t)(message->arrival_us / 1000000);
	struct tm tm;
	size_t n;

	/* Not by strftime alone: names of days are not to be a locale's. */
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	if (message->datetime.n || !gmtime_r(&at, &tm))
		return STRV("");
	n = (size_t)snprintf(line, 64, "Date: %.3s, %02d %.3s %d %02d:%02d:%02d GMT\r\n",
			     days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
			     tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
	return strv_mem(line, n);
}

static void push_on(struct push *push)
{
	struct pf *pf = push->pf;
	const struct cpm_message_draft *message = cpm_message_of(push->message);
	char line[64];

	push->made = push->as_text ? pf_make_text(pf, message) : NULL;
	/* What has no text goes as it is, unless it has been refused like that. */
	if (!push->made && !push->was_refused)
		push->made =
			pf->net.make(pf->net.arg, message, strv_mem(NULL, 0), strv_mem(NULL, 0));
	if (!push->made)
		push_end(push, push->was_refused ? DEFERRED_REFUSED : DEFERRED_GONE);
	else if (pf->net.send(pf->net.arg, push->device->binding, push->made,
			      date_line(message, line), &message->trace, on_status, push) < 0)
		push_end(push, DEFERRED_GONE);
}

static void on_push_devices(void *arg, struct pf_devices *devices)
{
	struct push *push = arg;

	push->devices = devices;
	if (devices && next_contact(push)) {
		push->as_text = pf_wants_text(push->pf, push->device->id);
		push_on(push);
	} else {
		push_end(push, DEFERRED_GONE);
	}
}

static void push(void *arg, struct strv user, struct strv device, struct cpm_message *message,
		 void (*done)(void *done_arg, enum deferred_taken taken), void *done_arg)
{
	struct pf *pf = arg;
	struct push *push = calloc(1, sizeof(*push));
	char *id = strv_dup(device);

	if (!push || !id) {
		free(push);
		free(id);
		done(done_arg, DEFERRED_GONE);
		return;
	}
	*push = (struct push){ .pf = pf,
			       .message = cpm_message_hold(message),
			       .done = done,
			       .done_arg = done_arg,
			       .id = id };
	pf->net.devices(pf->net.arg, user, on_push_devices, push);
}

/* ---- devices, mode, expiry ---- */

struct asking {
	struct pf *pf;
	void (*found)(void *found_arg, const struct deferred_device *device);
	void *found_arg;
};

/* Those that messages go to, each once. */
static void on_asked_devices(void *arg, struct pf_devices *devices)
{
	struct asking asked = *(struct asking *)arg;
	const struct deferred_device none = { { NULL, 0 }, NULL };

	free(arg);
	for (unsigned i = 0; devices && i < devices->n; i++) {
		const struct deferred_device device = { devices->device[i].id,
							devices->device[i].binding };
		unsigned k = 0;

		while (k < i && !strv_eq(devices->device[k].id, device.id))
			k++;
		if (k == i)
			asked.found(asked.found_arg, &device);
	}
	asked.found(asked.found_arg, &none);
	asked.pf->net.release(asked.pf->net.arg, &devices);
}

static void devices(void *arg, struct strv user,
		    void (*found)(void *found_arg, const struct deferred_device *device),
		    void *found_arg)
{
	const struct deferred_device none = { { NULL, 0 }, NULL };
	struct pf *pf = arg;
	struct asking *asking = malloc(sizeof(*asking));

	if (!asking) {
		found(found_arg, &none);
		return;
	}
	*asking = (struct asking){ pf, found, found_arg };
	pf->net.devices(pf->net.arg, user, on_asked_devices, asking);
}

struct mode_ask {
	struct pf *pf;
	deferred_mode_fn *got;
	void *got_arg;
};

/* By the settings of the user and the operator. */
static void on_mode_rules(void *arg, const struct cpm_user_rules *rules)
{
	struct mode_ask ask = *(struct mode_ask *)arg;
	const struct cpm_message_draft nothing = { .service = CPM_PAGER };
	struct pf *pf = ask.pf;
	const struct pol_doc *policy;
	struct pol_verdict verdict;
	struct pol_layers layers;
	struct pol_facts facts;
	int lost;

	free(arg);
	if (!rules) {
		ask.got(ask.got_arg, -1);
		return;
	}
	policy = cpm_rules_operator(pf->options.rules, &lost);
	cpm_rules_layers(policy, lost, rules, NULL, &layers);
	pf_facts(&nothing, POL_TERMINATING, &pf->options.domains,
		 pf->net.now_us(pf->net.arg) / 1000000, &facts);
	pol_eval(&layers, &facts, &verdict);
	cpm_rules_operator_drop(&policy);
	cpm_user_rules_drop(&rules);
	ask.got(ask.got_arg, (int)verdict.value[POL_DEFERRED]);
}

static void mode(void *arg, struct strv user, deferred_mode_fn *got, void *got_arg)
{
	struct mode_ask *ask = malloc(sizeof(*ask));

	if (!ask) {
		got(got_arg, -1);
		return;
	}
	*ask = (struct mode_ask){ arg, got, got_arg };
	pf_rules(arg, user, on_mode_rules, ask);
}

static void expired(void *arg, struct cpm_message *message)
{
	pf_report(arg, message, PF_REPORT_FAILED);
}

void pf_deferred_ops(struct pf *pf, struct deferred_options *options)
{
	options->push = push;
	options->devices = devices;
	options->mode = mode;
	options->expired = expired;
	options->arg = pf;
}
