/* SPDX-License-Identifier: Apache-2.0 */
/* sip/core/reg.c - see reg.h */
#include "sip/core/reg.h"

#include "sip/core/gruu.h"

enum { HOUR_S = 3600, UA_MAX = 128 };

/* The decision in progress: what lives of the old bindings, changed as the request says. */
struct work {
	const struct reg_rules *rules;
	const struct reg_req *req;
	struct reg_result *result;
	struct loc_binding *b;
	unsigned n;
	int refused;
};

static int refuse(struct work *work, unsigned status, const char *why)
{
	work->result->status = status;
	work->result->why = why;
	work->refused = 1;
	return -1;
}

/* ---- outbound (RFC 5626 s6) ---- */

/* Checks that concern the request as a whole. */
static int check_outbound(struct work *work)
{
	const struct reg_req *req = work->req;
	unsigned living = 0;
	int flows = 0;

	for (unsigned i = 0; i < req->n_contacts; i++) {
		const struct reg_contact *c = &req->contact[i];
		uint32_t expires_s = c->has_expires ? c->expires_s : req->expires_s;

		if ((c->has_expires || req->has_expires) && !expires_s)
			continue;
		living++;
		flows |= c->reg_id > 0;
	}
	if (!flows)
		return 0;
	if (living > 1)
		return refuse(work, 400, "Several Contacts With reg-id");
	if (!req->is_first_hop && !req->path_ob && req->supports_outbound)
		return refuse(work, 439, NULL);
	return 0;
}

/* 1: the contact's flow is what it is bound to. */
static int is_flow(const struct work *work, const struct reg_contact *c)
{
	return c->reg_id > 0 && (work->req->is_first_hop || work->req->path_ob);
}

/* ---- bindings ---- */

static struct loc_binding *match(const struct work *work, const struct reg_contact *c)
{
	for (unsigned i = 0; i < work->n; i++) {
		struct loc_binding *b = &work->b[i];
		struct sip_uri uri;

		if (is_flow(work, c)) {
			if (b->reg_id == c->reg_id && strv_eq(b->instance, c->instance))
				return b;
		} else if (!b->reg_id && sip_uri_parse(b->uri, &uri) == 0 &&
			   reg_uri_same(&uri, &c->uri))
			return b;
	}
	return NULL;
}

/* RFC 3261 s10.3 step 7: a request of the same Call-ID that is not newer changes nothing at all. */
static int is_newer(const struct work *work, const struct loc_binding *b)
{
	return !strv_eq(b->call_id, work->req->call_id) || work->req->cseq > b->cseq;
}

static void remove_at(struct work *work, struct loc_binding *b)
{
	size_t behind = (size_t)(&work->b[work->n] - (b + 1));

	memmove(b, b + 1, behind * sizeof(*b));
	work->n--;
	work->result->changed = 1;
}

/* The one that was refreshed longest ago; SPARE is not asked. */
static void make_room(struct work *work)
{
	struct loc_binding *oldest = &work->b[0];

	for (unsigned i = 1; i < work->n; i++)
		if (work->b[i].refreshed_us < oldest->refreshed_us)
			oldest = &work->b[i];
	remove_at(work, oldest);
}

/* What is granted of WANTED_S. */
static uint32_t grant(const struct work *work, uint32_t wanted_s)
{
	const struct reg_rules *rules = work->rules;
	uint32_t granted_s = wanted_s > rules->expires_max_s ? rules->expires_max_s : wanted_s;
	uint32_t less_s =
		(uint32_t)((uint64_t)granted_s * rules->jitter_percent / 100 * work->req->random >>
			   32);

	return granted_s - less_s > rules->expires_min_s ? granted_s - less_s : granted_s;
}

/* A contact that is an address of another host than the one that the request came from is behind a
 * NAT (its port counts not: it may send from another one), or speaks of names that mean nothing
 * here (RFC 7118 s5: .invalid). Behind a Path its proxy knows better. */
static int is_elsewhere(const struct reg_req *req, const struct reg_contact *c)
{
	struct sip_addr addr;

	if (req->path.n || !req->is_first_hop)
		return 0;
	if (req->flow)
		return 1;
	if (sip_addr_parse(c->uri.host, c->uri.port ? c->uri.port : 5060, &addr) < 0)
		return 0;
	return !sip_addr_host_eq(&addr, &req->source);
}

/* RFC 5627 s5.1: one more temporary GRUU a REGISTER; when the one before of the same instance (and
 * flow) had another Call-ID, all that the instance was given are void. The counters are the
 * instance's: each of its bindings has the same. They begin at the moment, so that none is given
 * again once all bindings were gone. */
static void count_temp_gruu(struct work *work, struct loc_binding *b, const struct reg_contact *c)
{
	const struct loc_binding *any = NULL, *last = NULL;
	uint64_t first, next;

	for (unsigned i = 0; i < work->n; i++) {
		const struct loc_binding *other = &work->b[i];

		if (!c->instance.n || !strv_eq(other->instance, c->instance))
			continue;
		any = other;
		if ((!is_flow(work, c) || other->reg_id == c->reg_id) &&
		    (!last || other->refreshed_us >= last->refreshed_us))
			last = other;
	}
	first = any ? any->temp_first : (uint64_t)work->req->now_us;
	next = any ? any->temp_next : first;
	if (last && !strv_eq(last->call_id, work->req->call_id))
		first = next;
	next++;
	for (unsigned i = 0; any && i < work->n; i++)
		if (strv_eq(work->b[i].instance, c->instance)) {
			work->b[i].temp_first = first;
			work->b[i].temp_next = next;
		}
	b->temp_first = c->instance.n ? first : 0;
	b->temp_next = c->instance.n ? next : 0;
}

static void set(struct work *work, struct loc_binding *b, const struct reg_contact *c, uint32_t s)
{
	const struct reg_req *req = work->req;

	count_temp_gruu(work, b, c);
	b->uri = c->uri.text;
	b->params = c->params;
	b->instance = c->instance;
	b->gruu = c->instance;
	b->reg_id = is_flow(work, c) ? c->reg_id : 0;
	b->q = (uint16_t)c->q;
	b->call_id = req->call_id;
	b->cseq = req->cseq;
	b->path = req->path;
	b->user_agent = req->user_agent;
	if (b->user_agent.n > UA_MAX)
		b->user_agent.n = UA_MAX;
	b->refreshed_us = req->now_us;
	b->expires_us = req->now_us + (int64_t)grant(work, s) * 1000000;
	b->proto = (uint8_t)req->proto;
	b->source = req->source;
	b->flow = req->flow;
	b->flow_lost = 0;
	b->nat = (uint8_t)is_elsewhere(req, c);
	work->result->changed = 1;
	work->result->uses_outbound |= b->reg_id && req->supports_outbound;
}

/* RFC 5627 s5.1: a device that names its own address of record, or one of its GRUUs, as the way to
 * itself would have requests go round. */
static int is_own_address(const struct work *work, const struct reg_contact *c)
{
	struct sip_uri aor;

	if (!c->instance.n || sip_uri_parse(work->req->aor, &aor) < 0 ||
	    !strv_caseeq(c->uri.host, aor.host) || c->uri.port != aor.port)
		return 0;
	return strv_eq(c->uri.user, aor.user) || gruu_temp_is(&c->uri);
}

static int apply(struct work *work, const struct reg_contact *c)
{
	const struct reg_req *req = work->req;
	uint32_t wanted_s = c->has_expires     ? c->expires_s
			    : req->has_expires ? req->expires_s
					       : work->rules->expires_s;
	struct loc_binding *b = match(work, c);

	if (!sip_uri_is_sip(&c->uri) && wanted_s)
		return refuse(work, 400, "Contact Is Not a SIP URI");
	if (wanted_s && is_own_address(work, c))
		return refuse(work, 403, "Contact Is the Address of Record");
	if (wanted_s && wanted_s < work->rules->expires_min_s && wanted_s < HOUR_S)
		return refuse(work, 423, NULL);
	if (b && !is_newer(work, b))
		return refuse(work, 500, "Out of Order CSeq");
	if (!wanted_s) {
		if (b)
			remove_at(work, b);
		return 0;
	}
	if (!b) {
		if (work->n >= work->rules->contacts_max)
			make_room(work);
		b = &work->b[work->n++];
		memset(b, 0, sizeof(*b));
		b->since_us = req->now_us;
		set(work, b, c, wanted_s);
		return 0;
	}
	set(work, b, c, wanted_s);
	return 0;
}

/* Step 6: every binding goes, or none. */
static int apply_star(struct work *work)
{
	for (unsigned i = 0; i < work->n; i++)
		if (!is_newer(work, &work->b[i]))
			return refuse(work, 500, "Out of Order CSeq");
	work->result->changed |= work->n > 0;
	work->n = 0;
	return 0;
}

static int apply_all(struct work *work)
{
	if (work->req->star)
		return apply_star(work);
	if (check_outbound(work) < 0)
		return -1;
	for (unsigned i = 0; i < work->req->n_contacts; i++)
		if (apply(work, &work->req->contact[i]) < 0)
			return -1;
	return 0;
}

int reg_decide(const struct reg_rules *rules, const struct reg_req *req, const struct loc_user *old,
	       struct arena *arena, struct reg_result *result_out)
{
	struct work work = { .rules = rules, .req = req, .result = result_out };

	memset(result_out, 0, sizeof(*result_out));
	/* make_room keeps it within; one more for what lies before a limit that was lowered. */
	work.b = arena_zalloc(arena, LOC_BINDINGS_MAX + REG_CONTACTS_MAX, sizeof(*work.b));
	if (!work.b)
		return -1;
	for (unsigned i = 0; old && i < old->n_bindings; i++)
		if (loc_binding_lives(&old->bindings[i], req->now_us))
			work.b[work.n++] = old->bindings[i];
	result_out->status = 200;
	if (apply_all(&work) < 0)
		return 0;
	result_out->user = (struct loc_user){ .version = old ? old->version + 1 : 1,
					      .aor = req->aor,
					      .identities = req->identities,
					      .n_identities = req->n_identities,
					      .bindings = work.b,
					      .n_bindings = work.n };
	return 0;
}
