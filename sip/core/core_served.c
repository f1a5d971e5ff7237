/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/core_served.c - whose request is it? Originating and terminating legs told apart on ISC
 *
 * RFC 5502 (P-Served-User) and what S-CSCFs did before it: "orig" in the Route that names us.
 */
#include "auth/auth_asserted.h"
#include "sip/core/core_priv.h"

static int read_user(const struct core *core, const struct sip_uri *uri,
		     struct auth_identity *user_out)
{
	return auth_identity_parse(uri->text, &core->policy.domains, user_out, NULL);
}

static int has_orig(const struct sip_uri *uri)
{
	struct strv value;

	return sip_param(uri->params, "orig", &value) == 1;
}

/* 1: it was there; 0: it was not; -1: not of the form. */
static int by_served_user(const struct core *core, struct sip_msg *msg, struct core_served *served)
{
	struct strv rest = sip_msg_value(msg, SIP_H_P_SERVED_USER, 0), value;
	struct sip_name_addr user;

	if (!rest.p)
		return 0;
	if (sip_name_addr_next(&rest, &user) < 1 || read_user(core, &user.uri, &served->user) < 0)
		return -1;
	served->is_unregistered = sip_param(user.params, "regstate", &value) == 1 &&
				  strv_caseeq(value, STRV("unreg"));
	/* Without a case it is the Route's to say. */
	if (sip_param(user.params, "sescase", &value) != 1 || !value.p)
		return 0;
	served->is_orig = strv_caseeq(value, STRV("orig"));
	return served->is_orig || strv_caseeq(value, STRV("term")) ? 1 : -1;
}

static int by_route(struct sip_msg *msg)
{
	struct strv rest = sip_msg_value(msg, SIP_H_ROUTE, 0);
	struct sip_name_addr route;

	return has_orig(&msg->uri) ||
	       (rest.p && sip_name_addr_next(&rest, &route) == 1 && has_orig(&route.uri));
}

/* Who asserts to have sent it. */
static int by_asserted(const struct core *core, struct sip_msg *msg, struct auth_identity *user_out)
{
	struct strv value = sip_msg_value(msg, SIP_H_P_ASSERTED_IDENTITY, 0);
	struct auth_identity list[AUTH_ASSERTED_MAX];
	unsigned n;

	if (!value.p || auth_asserted_parse(value, &core->policy.domains, list, &n, NULL) < 0)
		return -1;
	*user_out = list[0];
	return 0;
}

int core_served_user(const struct core *core, struct sip_msg *msg, struct core_served *served_out)
{
	int said;

	memset(served_out, 0, sizeof(*served_out));
	said = by_served_user(core, msg, served_out);
	if (said)
		return said < 0 ? -1 : 0;
	served_out->is_orig = by_route(msg);
	if (served_out->user.n)
		return 0;
	return served_out->is_orig ? by_asserted(core, msg, &served_out->user)
				   : read_user(core, &msg->uri, &served_out->user);
}
