/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/core_target.c - where a request goes (RFC 3261 s16.5)
 *
 *	a Route of others	there, whatever the Request-URI is
 *	a user of ours		their devices, by q; a GRUU: the one device (RFC 5627 s6)
 *	a number		whose user has it; else by table or ENUM to a SIP URI
 *	another domain		its peer, or what DNS says of it
 *
 * Searches may outlive the request: each holds a ticket, and the relay is found by its transaction.
 */
#include <stdlib.h>

#include "sip/core/core_relay_priv.h"
#include "sip/core/gruu.h"

struct ticket {
	struct sip_worker *w;
	uint64_t stx_id;
	struct core_relay *relay;
};

static void *ticket_new(struct core_relay *relay)
{
	struct ticket *ticket = malloc(sizeof(*ticket));

	if (!ticket)
		core_relay_refuse(relay, 500, NULL);
	else
		*ticket = (struct ticket){ relay->w, relay->stx_id, relay };
	return ticket;
}

/* The relay, when its transaction still waits; NULL otherwise. Ends the ticket. */
static struct core_relay *ticket_use(void *arg)
{
	struct ticket *ticket = arg;
	struct core_relay *relay =
		sip_stx_find(ticket->w->txns, ticket->stx_id) ? ticket->relay : NULL;

	free(ticket);
	return relay && !relay->is_answered ? relay : NULL;
}

void core_target_init(struct core_target *target)
{
	memset(target, 0, offsetof(struct core_target, dest));
	target->dest.name[0] = '\0';
	target->dest.home = 0;
	target->has_dest = 0;
	target->udp_only = 0;
	target->q = 1000;
	target->qa = 0;
	target->features = NULL;
	target->device = STRV("");
	target->refreshed_us = 0;
	target->next = CORE_TO_FOREIGN;
	target->peer = NULL;
}

static struct core_target *target_add(struct core_relay *relay)
{
	struct core_target *target;

	if (!relay->target)
		relay->target =
			arena_alloc(relay->msg->arena, CORE_TARGETS_MAX * sizeof(*relay->target));
	if (!relay->target || relay->n_targets == CORE_TARGETS_MAX)
		return NULL;
	target = &relay->target[relay->n_targets++];
	core_target_init(target);
	return target;
}

/* ---- elsewhere ---- */

static enum core_next next_of(const struct peer *peer)
{
	return peer && peer->trusted ? CORE_TO_TRUSTED : CORE_TO_FOREIGN;
}

/* Whose HOP is: by its domain, or by its address, as an S-CSCF writes itself into Route. */
static const struct peer *peer_of(const struct peers *peers, const struct sip_uri *hop)
{
	const struct peer *peer = peers ? peers_for_domain(peers, hop->host) : NULL;
	struct sip_addr addr;

	if (!peers || peer || sip_addr_parse(hop->host, hop->port, &addr) < 0)
		return peer;
	return peers_find(peers, &addr, NULL);
}

/* It says where it is: no other way is better. */
static int is_named(const struct sip_uri *hop)
{
	struct sip_addr addr;

	return sip_addr_parse(hop->host, hop->port, &addr) == 0;
}

int core_target_elsewhere(const struct core *core, const struct sip_uri *hop,
			  struct core_target *target)
{
	target->hop = *hop;
	target->peer = peer_of(core->options.peers, hop);
	target->next = next_of(target->peer);
	return target->peer && target->peer->uri && !is_named(hop)
		       ? sip_uri_parse(strv_of(target->peer->uri), &target->hop)
		       : 0;
}

/* The one place HOP, with the Request-URI URI (p NULL: as it came). */
static void go_to(struct core_relay *relay, struct strv uri, const struct sip_uri *hop)
{
	struct core_target *target;

	/* Whoever is known to nobody is taken to users of ours and no further. */
	if (relay->who->means == AUTH_BY_NOTHING) {
		core_relay_refuse(relay, 403, NULL);
		return;
	}
	target = target_add(relay);
	if (!target) {
		core_relay_refuse(relay, 500, NULL);
		return;
	}
	target->uri = uri;
	if (core_target_elsewhere(relay->core, hop, target) < 0)
		core_relay_refuse(relay, 500, NULL);
	else
		core_relay_go(relay);
}

/* ---- devices ---- */

/* A contact that says its address, and no other way to it than the one it registered by, needs no
 * search. */
static int is_plain(const struct sip_uri *uri, enum sip_proto proto, struct sip_addr *addr_out)
{
	unsigned port = uri->port ? uri->port : sip_proto_port(proto);
	struct strv value;
	enum sip_proto said = SIP_UDP;

	if (!strv_caseeq(uri->scheme, STRV("sip")) || sip_param(uri->params, "maddr", &value))
		return 0;
	if (sip_param(uri->params, "transport", &value) && sip_proto_find(value, &said) < 0)
		return 0;
	return said == proto && sip_addr_parse(uri->host, port, addr_out) == 0;
}

int core_target_reach(const struct loc_binding *b, int alive, struct core_target *target)
{
	struct strv rest = target->path;
	struct sip_name_addr first;

	if (rest.n) {
		if (sip_name_addr_next(&rest, &first) < 1)
			return -1;
		target->hop = first.uri;
		return 0;
	}
	target->dest.proto = (enum sip_proto)b->proto;
	target->dest.addr = b->source;
	target->dest.flow = b->flow;
	target->dest.flow_only = 1;
	if (alive) {
		target->has_dest = 1;
		return 0;
	}
	/* RFC 5626 s5.3: this flow or none; a browser cannot be called back at all. */
	if (b->reg_id ? sip_proto_is_reliable(target->dest.proto)
		      : b->proto == SIP_WS || b->proto == SIP_WSS)
		return -1;
	target->dest.flow = 0;
	target->dest.flow_only = 0;
	if (b->proto == SIP_UDP && (b->nat || b->reg_id)) {
		target->has_dest = target->udp_only = 1;
		return 0;
	}
	if (sip_uri_parse(target->uri, &target->hop) < 0)
		return -1;
	target->has_dest = is_plain(&target->hop, (enum sip_proto)b->proto, &target->dest.addr);
	return 0;
}

static struct strv copied(struct core_relay *relay, struct strv text)
{
	char *copy = text.n ? arena_strdup(relay->msg->arena, text) : NULL;

	return copy ? strv_of(copy) : strv_mem(NULL, 0);
}

/* With FEATURES, what the device can do is read too: more of it than can be read counts as nothing,
 * which no preference drops. */
static void add_binding(struct core_relay *relay, const struct loc_binding *b, int features)
{
	struct core_target *target = target_add(relay);
	struct sip_features *read;

	if (!target)
		return;
	/* The value may be gone before the branch is begun. */
	target->uri = copied(relay, b->uri);
	target->path = copied(relay, b->path);
	target->device = copied(relay, b->instance);
	target->q = b->q;
	target->refreshed_us = b->refreshed_us;
	target->next = CORE_TO_CLIENT;
	if (features && sip_features_parse(b->params, relay->msg->arena, &read, NULL) == 0)
		target->features = read;
	if (!target->uri.n || target->path.n != b->path.n ||
	    core_target_reach(b, b->flow && sip_tp_flow_alive(relay->w->tp, b->flow), target) < 0)
		relay->n_targets--;
}

/* Higher q first; inside it what the caller likes best, the newest first. */
static int order(const void *a_at, const void *b_at)
{
	const struct core_target *a = a_at, *b = b_at;

	if (a->q != b->q)
		return a->q > b->q ? -1 : 1;
	if (a->qa != b->qa)
		return a->qa > b->qa ? -1 : 1;
	return a->refreshed_us > b->refreshed_us ? -1 : a->refreshed_us < b->refreshed_us;
}

/* RFC 5626 s7: flows of one device are tried one after another, never together: all but its newest
 * stand behind everybody else. */
static void part_devices(struct core_relay *relay)
{
	for (unsigned i = 1; i < relay->n_targets; i++)
		for (unsigned k = 0; relay->target[i].device.n && k < i; k++)
			if (strv_eq(relay->target[i].device, relay->target[k].device)) {
				relay->target[i].q = 0;
				break;
			}
}

/* The devices that are left, in the order in which they are tried. */
static void go_to_devices(struct core_relay *relay)
{
	const char *why;
	unsigned status = relay->n_targets ? core_prefs_sift(relay, &why) : 480;

	if (status) {
		core_relay_refuse(relay, status, status == 480 ? NULL : why);
		return;
	}
	if (relay->n_targets > 1) {
		qsort(relay->target, relay->n_targets, sizeof(*relay->target), order);
		core_prefs_dispose(relay);
		part_devices(relay);
		qsort(relay->target, relay->n_targets, sizeof(*relay->target), order);
	}
	core_relay_go(relay);
}

/* The value of the public GRUU of the device that the Request-URI means; p NULL: of all. 404: a
 * temporary one that has become void (RFC 5627 s5.1). */
static unsigned read_gruu(const struct core_relay *relay, const struct loc_user *user,
			  int64_t now_us, struct strv *device_out)
{
	*device_out = strv_mem(NULL, 0);
	if (!relay->temp)
		return 0;
	for (unsigned i = 0; user && i < user->n_bindings; i++) {
		const struct loc_binding *b = &user->bindings[i];

		if (loc_binding_lives(b, now_us) && gruu_temp_fits(relay->temp, b)) {
			*device_out = b->gruu;
			return 0;
		}
	}
	return 404;
}

static int is_meant(const struct gruu *gruu, struct strv device, const struct loc_binding *b)
{
	return device.p ? strv_eq(b->gruu, device) : !gruu->is_gruu || gruu_fits(gruu, b);
}

static void on_located(void *arg, enum loc_found found, const struct loc_user *user)
{
	struct core_relay *relay = ticket_use(arg);
	int64_t now_us = relay ? loc_now_us(relay->core->options.loc) : 0;
	struct strv device;
	struct gruu gruu;

	if (!relay) {
		loc_user_drop(&user);
		return;
	}
	if (found == LOC_BUSY) {
		core_relay_refuse(relay, 503, NULL);
		return;
	}
	if (read_gruu(relay, user, now_us, &device)) {
		loc_user_drop(&user);
		core_relay_refuse(relay, 404, NULL);
		return;
	}
	gruu_read(&relay->msg->uri, &gruu);
	for (unsigned i = 0; user && i < user->n_bindings; i++)
		if (loc_binding_lives(&user->bindings[i], now_us) &&
		    is_meant(&gruu, device, &user->bindings[i]))
			add_binding(relay, &user->bindings[i],
				    core_prefs_matter(relay, user->n_bindings));
	loc_user_drop(&user);
	go_to_devices(relay);
}

/* ---- users and numbers ---- */

static void go_to_user(struct core_relay *relay, const struct auth_identity *identity);

static void on_number(struct number_ask *ask, unsigned status, struct strv text)
{
	struct core_relay *relay =
		(struct core_relay *)(void *)((char *)ask - offsetof(struct core_relay, ask));
	const struct auth_domains *domains = &relay->core->policy.domains;
	struct auth_identity identity;
	struct sip_uri uri;

	relay->is_asking = 0;
	relay->was_asked = 1;
	text = copied(relay, text);
	if (status)
		core_relay_refuse(relay, status, NULL);
	else if (!text.n || sip_uri_parse(text, &uri) < 0)
		core_relay_refuse(relay, text.n ? 404 : 500, NULL);
	else if (!core_is_ours(relay->core, uri.host))
		go_to(relay, text, &uri);
	else if (auth_identity_parse(text, domains, &identity, NULL) < 0)
		core_relay_refuse(relay, 404, NULL);
	else
		go_to_user(relay, &identity);
}

void core_target_forget(struct core_relay *relay)
{
	if (relay->is_asking)
		number_forget(&relay->ask);
	relay->is_asking = 0;
}

/* A number that none of our users has: by table or ENUM, once. */
static void go_to_number(struct core_relay *relay)
{
	struct auth_identity identity;

	if (!relay->core->options.numbers || relay->was_asked ||
	    auth_identity_parse(relay->msg->uri.text, &relay->core->policy.domains, &identity,
				NULL) < 0 ||
	    !auth_identity_is_tel(&identity)) {
		core_relay_refuse(relay, 404, NULL);
		return;
	}
	relay->is_asking = 1;
	relay->ask.found = on_number;
	number_find(relay->core->options.numbers, relay->w->dns, auth_identity_user(&identity),
		    &relay->ask);
}

static void on_user(void *context, enum auth_found found, const struct auth_user *user)
{
	struct core_relay *relay = ticket_use(context);
	void *ticket;

	if (!relay)
		return;
	if (found == AUTH_BUSY)
		core_relay_refuse(relay, 503, NULL);
	else if (!user)
		go_to_number(relay);
	else if (user->disabled)
		core_relay_refuse(relay, 404, NULL);
	else if ((ticket = ticket_new(relay)))
		loc_find(relay->core->options.loc, user->identity[0], on_located, ticket);
}

static void go_to_user(struct core_relay *relay, const struct auth_identity *identity)
{
	void *ticket = ticket_new(relay);

	if (ticket)
		relay->core->options.users.find(relay->core->options.users.arg,
						auth_identity_text(identity), on_user, ticket);
}

/* ---- the choice ---- */

/* The Route that stays once ours is gone (RFC 3261 s16.4); 1: there is one. */
static int foreign_route(struct core_relay *relay, struct sip_uri *uri_out)
{
	struct strv rest = sip_msg_list(relay->msg, SIP_H_ROUTE);
	struct sip_name_addr route;

	if (!rest.n)
		return 0;
	if (sip_name_addr_next(&rest, &route) < 1)
		return -1;
	if (sip_is_us(relay->w->sip, &route.uri) || core_is_ours(relay->core, route.uri.host)) {
		relay->pop_route = 1;
		if (!rest.n)
			return 0;
		if (sip_name_addr_next(&rest, &route) < 1)
			return -1;
	}
	*uri_out = route.uri;
	return 1;
}

/* Whose temporary GRUU it is, nobody but us knows. */
static void go_to_temp(struct core_relay *relay, const struct auth_identity *identity)
{
	struct gruu_temp *temp = arena_alloc(relay->msg->arena, sizeof(*temp));

	if (!temp) {
		core_relay_refuse(relay, 500, NULL);
		return;
	}
	if (!gruu_temp_read(&relay->core->gruu_key, identity, temp)) {
		core_relay_refuse(relay, 404, NULL);
		return;
	}
	relay->temp = temp;
	go_to_user(relay, &temp->aor);
}

void core_target_find(struct core_relay *relay)
{
	const struct auth_domains *domains = &relay->core->policy.domains;
	const struct sip_uri *uri = &relay->msg->uri;
	struct auth_identity identity;
	struct sip_uri route;
	int routed = foreign_route(relay, &route);

	if (routed < 0)
		core_relay_refuse(relay, 400, "Bad Route");
	else if (routed)
		go_to(relay, strv_mem(NULL, 0), &route);
	else if (sip_uri_is_sip(uri) && !core_is_ours(relay->core, uri->host))
		go_to(relay, strv_mem(NULL, 0), uri);
	else if (auth_identity_parse(uri->text, domains, &identity, NULL) < 0)
		core_relay_refuse(relay, uri->user.n ? 404 : 405, NULL);
	else if (gruu_temp_is(uri))
		go_to_temp(relay, &identity);
	else
		go_to_user(relay, &identity);
}
