/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/deferred/deferred_push.c - devices get what they lack
 *
 * A device has at most one push under way, its worker at most so many; those that are ready take
 * turns, one message each. Bodies that are only in the store are read some at a time. What a device
 * answers moves its cursor or lets it rest: until its next sign of life when it was not reached,
 * else for a while that doubles.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cpm/deferred/deferred_priv.h"
#include "policy/pol_perm.h"

struct fetch {
	struct kv_read read; /* first: the callback casts */
	struct kv_item item;
	struct dfr_user *user;
	struct arena *arena;
	uint64_t at_us;
	char from[DQ_NAME_BYTES + 1];
};

static struct strv device_id(const struct dq_device *device)
{
	return strv_mem(device->id, device->id_n);
}

/* ---- the list of those that are ready ---- */

static void make_ready(struct dfr_user *user, struct dq_device *device)
{
	struct dfr_worker *dw = user->dw;

	device->run = DQ_READY;
	device->owner = user;
	device->next_ready = NULL;
	device->prev_ready = dw->last_ready;
	if (dw->last_ready)
		dw->last_ready->next_ready = device;
	else
		dw->ready = device;
	dw->last_ready = device;
}

static struct dq_device *take_ready(struct dfr_worker *dw)
{
	struct dq_device *device = dw->ready;

	if (!device)
		return NULL;
	dw->ready = device->next_ready;
	if (dw->ready)
		dw->ready->prev_ready = NULL;
	else
		dw->last_ready = NULL;
	return device;
}

/* ---- bodies ---- */

static void on_later_timer(struct wheel_timer *timer);

static void rest(struct dfr_user *user, struct dq_device *device, unsigned delay_ms)
{
	device->run = DQ_LATER;
	if (!user->dw->is_stopping && !wheel_timer_is_set(&user->later_timer))
		worker_timer_set(user->dw->worker, &user->later_timer, delay_ms, on_later_timer);
}

static void on_fetched(struct kv_read *read, enum kv_status status)
{
	struct fetch *fetch = (struct fetch *)(void *)read;
	struct dfr_user *user = fetch->user;
	struct dfr_worker *dw = user->dw;
	struct cpm_message *message;
	struct strv taken[DQ_TAKEN_MAX];
	struct dq_name name;
	unsigned n_taken;
	int64_t expires_us;
	struct err err;
	int i;

	for (unsigned k = 0; status == KV_DONE && k < fetch->item.n_records; k++) {
		const struct kv_record *record = &fetch->item.records[k];

		if (dq_name_parse(record->name, &name) < 0 ||
		    (i = dq_find_at(&user->q, name.at_us)) < 0 || user->q.slot[i].entry->message)
			continue;
		if (dq_record_decode(record->value, &message, &expires_us, taken, &n_taken, &err) <
		    0)
			continue;
		dq_attach(&user->q, i, message);
		cpm_message_drop(&message);
	}
	/* What was asked for is not there, or cannot be read: nobody can have it. */
	i = dq_find_at(&user->q, fetch->at_us);
	if (status == KV_DONE && i >= 0 && !user->q.slot[i].entry->message) {
		log_error(LOG_CPM, "a deferred message cannot be read",
			  L_SV("user", dfr_user_owner(user)));
		dq_forget(&user->q, i);
	}
	arena_free(&fetch->arena);
	free(fetch);
	user->is_fetching = 0;
	dfr_came_back(dw);
	for (struct dq_device *device = user->q.devices; device; device = device->next)
		if (device->run == DQ_FETCHES && status == KV_DONE)
			make_ready(user, device);
		else if (device->run == DQ_FETCHES)
			rest(user, device, DFR_RETRY_MS);
	if (user->is_expiring) {
		user->is_expiring = 0;
		if (status == KV_DONE)
			dfr_expire(user);
	}
	dfr_user_settle(user);
	user->pins--;
	dfr_pump(dw);
}

void dfr_fetch(struct dfr_user *user, uint64_t at_us)
{
	struct fetch *fetch;

	if (user->is_fetching)
		return;
	fetch = user->dw->is_stopping ? NULL : calloc(1, sizeof(*fetch));
	if (fetch)
		fetch->arena = arena_new(0);
	if (!fetch || !fetch->arena) {
		free(fetch);
		user->is_expiring = 0;
		for (struct dq_device *device = user->q.devices; device; device = device->next)
			if (device->run == DQ_FETCHES)
				rest(user, device, DFR_RETRY_MS);
		return;
	}
	user->is_fetching = 1;
	user->pins++;
	user->dw->under_way++;
	fetch->user = user;
	fetch->at_us = at_us;
	dq_name_print((struct dq_name){ at_us, 0 }, fetch->from);
	fetch->item = (struct kv_item){ .kind = KV_RANGE,
					.from = strv_mem(fetch->from, DQ_NAME_BYTES),
					.to = STRV("dm0"),
					.limit = DFR_FETCH_RECORDS };
	fetch->read = (struct kv_read){ .owner = dfr_user_owner(user),
					.items = &fetch->item,
					.n_items = 1,
					.arena = fetch->arena,
					.done = on_fetched };
	kv_read(user->dw->deferred->options.kv, &fetch->read);
}

/* A body that no device on its way has yet to come to leaves memory. */
static void drop_passed(struct dfr_user *user, uint64_t at_us)
{
	int i = dq_find_at(&user->q, at_us);

	if (i < 0 || user->dw->held < DFR_HELD_BYTES)
		return;
	for (const struct dq_device *device = user->q.devices; device; device = device->next)
		if (device->run != DQ_IDLE && device->run != DQ_LATER && device->cursor_us < at_us)
			return;
	dq_detach(&user->q, i);
}

/* ---- one push ---- */

int dfr_is_pushed(const struct dfr_user *user, uint64_t at_us)
{
	for (const struct dq_device *device = user->q.devices; device; device = device->next)
		if (device->run == DQ_PUSHES && device->pushing_us == at_us)
			return 1;
	return 0;
}

void dfr_report(struct deferred *d, struct cpm_message *message)
{
	if (message && d->options.expired)
		d->options.expired(d->options.arg, message);
}

static void had_it(struct dfr_user *user, struct dq_device *device, int taken)
{
	struct deferred *d = user->dw->deferred;
	struct cpm_message *failed = NULL;
	int i = dq_find_at(&user->q, device->pushing_us);

	device->failures = 0;
	if (taken) {
		user->later_ms = 0;
		atomic_fetch_add(&d->pushed, 1);
		metric_add(d->m_pushed, 1);
	}
	if (i >= 0 && dq_passed(&user->q, device, i, taken, &failed)) {
		dfr_report(d, failed);
		cpm_message_drop(&failed);
	} else if (i < 0 && device->pushing_us > device->cursor_us) {
		/* Shown elsewhere meanwhile. */
		device->cursor_us = device->pushing_us;
		device->is_dirty = 1;
	}
	drop_passed(user, device->pushing_us);
	make_ready(user, device);
}

static void on_pushed(void *arg, enum deferred_taken taken)
{
	struct dq_device *device = arg;
	struct dfr_user *user = device->owner;
	struct dfr_worker *dw = user->dw;
	struct deferred *d = dw->deferred;

	dw->in_flight--;
	user->n_pushing--;
	device->run = DQ_IDLE;
	if (dw->is_stopping) {
		/* The cursor may still be in time for the last write, else it comes again. */
		return;
	}
	if (taken == DEFERRED_TAKEN || taken == DEFERRED_REFUSED) {
		had_it(user, device, taken == DEFERRED_TAKEN);
	} else {
		metric_add(d->m_failed, 1);
		if (device->again && device->failures < 1) {
			device->failures++;
			make_ready(user, device);
		} else if (taken == DEFERRED_LATER) {
			if (!user->later_ms)
				user->later_ms = d->options.later_ms;
			rest(user, device, user->later_ms);
		}
	}
	device->again = 0;
	dfr_user_settle(user);
	dfr_pump(dw);
}

static void push_next(struct dq_device *device)
{
	struct dfr_user *user = device->owner;
	struct dfr_worker *dw = user->dw;
	struct deferred *d = dw->deferred;
	int i = dq_next(&user->q, device, dfr_now_us(d));
	struct cpm_message *message;

	device->run = DQ_IDLE;
	if (i < 0) {
		/* It has everything: let the store know at once rather than later. */
		if (!user->n_pushing)
			dfr_user_write(user);
		return;
	}
	device->pushing_us = user->q.slot[i].at_us;
	if (!user->q.slot[i].entry->message) {
		device->run = DQ_FETCHES;
		dfr_fetch(user, device->pushing_us);
		return;
	}
	device->run = DQ_PUSHES;
	dw->in_flight++;
	user->n_pushing++;
	message = cpm_message_hold(user->q.slot[i].entry->message);
	d->options.push(d->options.arg, dfr_user_owner(user), device_id(device), message, on_pushed,
			device);
	cpm_message_drop(&message);
}

void dfr_pump(struct dfr_worker *dw)
{
	const struct deferred_options *options = &dw->deferred->options;
	struct dq_device *device;

	/* Pushes that end at once come back here. */
	if (dw->is_pumping || dw->is_stopping)
		return;
	dw->is_pumping = 1;
	while (dw->in_flight < options->in_flight && (device = take_ready(dw)) != NULL)
		push_next(device);
	dw->is_pumping = 0;
}

/* ---- a device is there ---- */

static void on_mode(void *arg, int mode)
{
	struct dfr_user *user = arg;
	struct deferred *d = user->dw->deferred;
	struct dfr_worker *dw = user->dw;

	user->is_asking = 0;
	for (struct dq_device *device = user->q.devices; device; device = device->next) {
		if (device->run != DQ_ASKS)
			continue;
		device->run = DQ_IDLE;
		if (dw->is_stopping)
			continue;
		if (mode < 0) {
			rest(user, device, DFR_RETRY_MS);
		} else if (mode == POL_DEFERRED_PUSH || mode == POL_DEFERRED_OFF) {
			/* Off: nothing is stored any more, and what is there leaves. */
			make_ready(user, device);
		} else if (mode == POL_DEFERRED_NOTIFY && d->options.notice &&
			   !device->is_notified) {
			device->is_notified = 1;
			d->options.notice(d->options.told_arg, dfr_user_owner(user),
					  device_id(device), dq_count(&user->q));
		}
	}
	user->pins--;
	dfr_pump(dw);
}

/* DEVICE, which rests, gets what it lacks, if the user's messages are pushed. */
static void wake(struct dfr_user *user, struct dq_device *device)
{
	struct deferred *d = user->dw->deferred;

	device->owner = user;
	if (device->run == DQ_PUSHES)
		device->again = 1;
	if (device->run != DQ_IDLE && device->run != DQ_LATER)
		return;
	device->run = DQ_IDLE;
	if (user->dw->is_stopping || dq_next(&user->q, device, dfr_now_us(d)) < 0)
		return;
	device->run = DQ_ASKS;
	if (user->is_asking)
		return;
	user->is_asking = 1;
	user->pins++;
	if (d->options.mode)
		d->options.mode(d->options.arg, dfr_user_owner(user), on_mode, user);
	else
		on_mode(user, POL_DEFERRED_PUSH);
}

void dfr_available(struct dfr_user *user, struct dfr_op *op)
{
	struct deferred *d = op->deferred;
	int lasting = strv_starts(op->a, STRV("urn:"));
	struct dq_device *device;

	/* Of one that will not come back under this name nothing is kept while nothing waits. */
	device = lasting || dq_count(&user->q) || user->n_storing
			 ? dq_device_seen(&user->q, op->a, lasting, dfr_now_us(d))
			 : NULL;
	if (device) {
		if (lasting)
			dfr_noted(d, op->hash, op->a, 1);
		device->failures = 0;
		wake(user, device);
	}
	dfr_op_end(op, 0);
}

static void on_device(void *arg, const struct deferred_device *found)
{
	struct strv id = found->id;
	struct dfr_user *user = arg;
	struct deferred *d = user->dw->deferred;
	struct dq_device *device;

	if (!id.n) {
		for (device = user->q.devices; device; device = device->next)
			if (device->run == DQ_LATER && !wheel_timer_is_set(&user->later_timer))
				device->run = DQ_IDLE; /* it is not there any more */
		user->pins--;
		return;
	}
	device = dq_device_seen(&user->q, id, strv_starts(id, STRV("urn:")), dfr_now_us(d));
	if (device)
		wake(user, device);
}

void dfr_push_all(struct dfr_user *user)
{
	struct deferred *d = user->dw->deferred;

	if (!d->options.devices || !dq_count(&user->q)) {
		for (struct dq_device *device = user->q.devices; device; device = device->next)
			if (device->run == DQ_LATER)
				device->run = DQ_IDLE;
		return;
	}
	user->pins++;
	d->options.devices(d->options.arg, dfr_user_owner(user), on_device, user);
}

static void on_later_timer(struct wheel_timer *timer)
{
	struct dfr_user *user =
		(struct dfr_user *)(void *)((char *)timer - offsetof(struct dfr_user, later_timer));

	if (user->later_ms && user->later_ms < DFR_LATER_MAX_MS)
		user->later_ms *= 2;
	dfr_push_all(user);
}
