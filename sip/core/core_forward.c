/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/core_forward.c - the request as a branch sends it (RFC 3261 s16.6)
 *
 * Splices over what was received: what a proxy does not own leaves as it came.
 */
#include "sip/core/core_relay_priv.h"

enum { HOPS_MAX = 70 }; /* RFC 3261 s16.6 step 3 */

static struct strv text_of(const char *text)
{
	return text ? strv_of(text) : strv_mem(NULL, 0);
}

static void edit_hops(struct core_relay *relay, struct sip_edit *edit)
{
	int hops = relay->msg->max_forwards < 0 ? HOPS_MAX : relay->msg->max_forwards - 1;

	sip_edit_set(edit, SIP_H_MAX_FORWARDS,
		     text_of(arena_printf(relay->msg->arena, "%d", hops < 0 ? 0 : hops)));
}

/* RFC 5393 s5.3.3. */
static void edit_breadth(struct core_relay *relay, unsigned breadth, struct sip_edit *edit)
{
	if (relay->has_breadth || relay->n_targets > 1)
		sip_edit_set(edit, SIP_H_MAX_BREADTH,
			     text_of(arena_printf(relay->msg->arena, "%u", breadth)));
}

static int edit_via(struct core_relay *relay, const struct sip_dest *dest, const char *branch,
		    struct sip_edit *edit)
{
	struct sip_addr local;
	char host[SIP_ADDR_TEXT];
	char *line;

	if (sip_tp_local(relay->w->tp, dest, &local) < 0)
		return -1;
	line = arena_printf(relay->msg->arena, "Via: SIP/2.0/%s %s;branch=%s",
			    sip_proto_name(dest->proto), sip_addr_print(&local, host), branch);
	if (!line)
		return -1;
	sip_edit_push(edit, SIP_H_VIA, strv_of(line));
	return 0;
}

static void edit_route(struct core_relay *relay, const struct core_target *target,
		       struct sip_edit *edit)
{
	if (relay->pop_route)
		sip_edit_pop(edit, SIP_H_ROUTE);
	if (target->path.n)
		sip_edit_push(edit, SIP_H_ROUTE,
			      text_of(arena_printf(relay->msg->arena, "Route: %.*s",
						   STRV_ARG(target->path))));
}

/* What a function has to say about it. */
static void edit_more(const struct core_relay_edit *more, struct sip_edit *edit)
{
	struct strv rest = more->lines;

	while (rest.n) {
		const char *end = memmem(rest.p, rest.n, "\r\n", 2);
		size_t n = end ? (size_t)(end - rest.p) : rest.n;

		if (n)
			sip_edit_append(edit, strv_mem(rest.p, n));
		n = end ? n + 2 : n;
		rest = strv_mem(rest.p + n, rest.n - n);
	}
	if (!more->body.p)
		return;
	sip_edit_remove_named(edit, "Content-Encoding");
	sip_edit_body(edit, more->type, more->body);
}

struct sip_buf *core_forward(struct core_relay *relay, const struct core_target *target,
			     const struct sip_dest *dest, const char *branch, unsigned breadth)
{
	struct sip_edit *edit = sip_edit_new(relay->msg);

	if (!edit || edit_via(relay, dest, branch, edit) < 0)
		return NULL;
	if (target->uri.n)
		sip_edit_uri(edit, target->uri);
	edit_hops(relay, edit);
	edit_breadth(relay, breadth, edit);
	edit_route(relay, target, edit);
	core_trust_edit(relay->core, relay->msg, relay->who, target->next, target->peer, edit);
	if (relay->edit)
		edit_more(relay->edit, edit);
	return sip_edit_buf(edit);
}
