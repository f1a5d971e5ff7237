/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/core_reg_event.c - the "reg" event package: who is registered, told to those who may
 * know (RFC 3680, GRUUs by RFC 5628)
 *
 * Every document is whole: what is not in it is not registered. Users may watch themselves, servers
 * of the trust domain everybody.
 */
#include "sip/core/core_priv.h"
#include "sip/core/gruu.h"
#include "sip/core/reginfo.h"

static const char *const types[] = { "application/reginfo+xml", NULL };

static unsigned allow(void *arg, struct sip_sub *sub, struct sip_msg *request)
{
	(void)arg;
	return request->is_peer || strv_eq(sip_sub_resource(sub), sip_sub_watcher(sub)) ? 200 : 403;
}

static int state(void *arg, struct sip_sub *sub, struct arena *arena,
		 struct sip_event_body *body_out)
{
	struct core *core = arg;
	const struct loc_user *user;

	/* Not read back yet: each user who is will be told of. */
	if (loc_peek(core->options.loc, sip_sub_resource(sub), &user) == LOC_BUSY)
		return -1;
	body_out->type = strv_of(types[0]);
	body_out->body = reginfo_print(user, sip_sub_resource(sub), sip_sub_version(sub),
				       loc_now_us(core->options.loc), arena);
	loc_user_drop(&user);
	return body_out->body.n ? 0 : -1;
}

static void began(void *arg, struct sip_sub *sub)
{
	struct core *core = arg;

	(void)sub;
	atomic_fetch_add(&core->reg_subs, 1);
}

static void ended(void *arg, struct sip_sub *sub)
{
	struct core *core = arg;

	(void)sub;
	atomic_fetch_sub(&core->reg_subs, 1);
}

/* 3761 s and 5 s are RFC 3680 s4.4 and s4.10. */
static const struct sip_event_ops ops = { .name = "reg",
					  .types = types,
					  .default_s = 3761,
					  .min_s = 60,
					  .max_s = 86400,
					  .throttle_ms = 5000,
					  .allow = allow,
					  .state = state,
					  .began = began,
					  .ended = ended };

void core_reg_event(struct core *core, struct sip_event *event_out)
{
	*event_out = (struct sip_event){ &ops, core };
}

void core_reg_changed(void *arg, const struct loc_user *old_user, const struct loc_user *new_user)
{
	struct core *core = arg;

	/* Usually nobody watches. */
	if (core->events && atomic_load_explicit(&core->reg_subs, memory_order_relaxed))
		sip_events_changed(core->events, ops.name, new_user ? new_user->aor : old_user->aor,
				   0);
}
