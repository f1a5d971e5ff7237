/* SPDX-License-Identifier: Apache-2.0 */
/* sip/sip_below.c - a worker's transport and wheel, see sip_below.h */
#include "sip/sip_below.h"

#include <time.h>

#include "sip/sip_out.h"

static void below_send(const struct sip_below *below, const struct sip_dest *dest,
		       struct sip_buf *buf, uint64_t cookie)
{
	sip_tp_send(below->tp, dest, buf, cookie);
}

static int below_local(const struct sip_below *below, const struct sip_dest *dest,
		       struct sip_addr *local_out)
{
	return sip_tp_local(below->tp, dest, local_out);
}

static int below_flow_alive(const struct sip_below *below, uint64_t flow)
{
	return sip_tp_flow_alive(below->tp, flow);
}

static uint64_t below_resolve(const struct sip_below *below, const struct sip_uri *uri,
			      sip_resolved_fn *done, void *arg)
{
	struct sip_targets targets;

	if (*below->resolver)
		return sip_resolve(*below->resolver, uri, done, arg);
	targets.n = 1;
	if (sip_out_numeric(uri, &targets.dest[0]) == 0)
		done(arg, 0, &targets);
	else
		done(arg, 503, NULL);
	return 0;
}

static uint64_t below_resolve_via(const struct sip_below *below, const struct sip_via *via,
				  sip_resolved_fn *done, void *arg)
{
	if (*below->resolver)
		return sip_resolve_via(*below->resolver, via, done, arg);
	done(arg, 503, NULL);
	return 0;
}

static void below_resolve_cancel(const struct sip_below *below, uint64_t id)
{
	if (*below->resolver)
		sip_resolve_cancel(*below->resolver, id);
}

static void below_timer_set(const struct sip_below *below, struct wheel_timer *timer,
			    uint64_t delay_ms, void (*fn)(struct wheel_timer *timer))
{
	worker_timer_set(below->worker, timer, delay_ms, fn);
}

static void below_timer_clear(const struct sip_below *below, struct wheel_timer *timer)
{
	worker_timer_clear(below->worker, timer);
}

static uint64_t below_now_ms(const struct sip_below *below)
{
	return worker_now_ms(below->worker);
}

static int64_t below_unix_us(const struct sip_below *below)
{
	struct timespec now;

	(void)below;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void sip_below_worker(struct sip_below *below, struct worker *worker, struct sip_tp *tp,
		      struct sip_resolver *const *resolver)
{
	*below = (struct sip_below){
		.send = below_send,
		.local = below_local,
		.flow_alive = below_flow_alive,
		.resolve = below_resolve,
		.resolve_via = below_resolve_via,
		.resolve_cancel = below_resolve_cancel,
		.timer_set = below_timer_set,
		.timer_clear = below_timer_clear,
		.now_ms = below_now_ms,
		.unix_us = below_unix_us,
		.index = worker_index(worker),
		.worker = worker,
		.tp = tp,
		.resolver = resolver,
	};
}
