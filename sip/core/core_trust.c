/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/core_trust.c - the trust domain: who may be called what, and who is told
 *
 * Identities are asserted here for the users that we know (RFC 3325), believed of trusted peers and
 * of nobody else, and kept from those outside when the sender wants that (RFC 3323). The other
 * fields that only have a meaning among servers (RFC 6050, 5502, 7315) end at the boundary.
 */
#include "auth/auth_asserted.h"
#include "sip/core/core_priv.h"

/* ---- what the sender says of itself ---- */

static int has_identity(const struct core_who *who, const struct auth_identity *identity)
{
	for (unsigned i = 0; i < who->n_identities; i++)
		if (strv_eq(auth_identity_text(&who->identity[i]), auth_identity_text(identity)))
			return 1;
	return 0;
}

/* RFC 3323 s4.1.1.3. */
static int is_anonymous(const struct sip_uri *uri)
{
	return strv_caseeq(uri->host, STRV("anonymous.invalid"));
}

/* Every P-Preferred-Identity is the user's own; the first is who they want to be. */
static int check_preferred(const struct core *core, struct sip_msg *msg, struct core_who *who)
{
	struct auth_identity list[AUTH_ASSERTED_MAX];
	struct strv value;
	int found = 0;
	unsigned n;

	for (unsigned i = 0; (value = sip_msg_value(msg, SIP_H_P_PREFERRED_IDENTITY, i)).p; i++) {
		if (auth_asserted_parse(value, &core->policy.domains, list, &n, NULL) < 0)
			return -1;
		for (unsigned k = 0; k < n; k++)
			if (!has_identity(who, &list[k]))
				return -1;
		if (!found++)
			who->self = list[0];
	}
	return found;
}

unsigned core_trust_check(const struct core *core, struct sip_msg *msg, struct core_who *who,
			  const char **why_out)
{
	struct auth_identity from;
	int preferred;

	*why_out = NULL;
	if (who->means == AUTH_BY_ASSERTION)
		return 0; /* the peer has seen to it */
	if (is_anonymous(&msg->from.uri)) {
		who->self = who->home;
	} else if (auth_identity_parse(msg->from.uri.text, &core->policy.domains, &from, NULL) <
			   0 ||
		   !has_identity(who, &from)) {
		*why_out = "From";
		return 403;
	} else {
		who->self = from;
	}
	preferred = check_preferred(core, msg, who);
	if (preferred < 0) {
		*why_out = "P-Preferred-Identity";
		return 403;
	}
	return 0;
}

/* ---- privacy ---- */

/* 1 when WORD is one of the values of Privacy (RFC 3323 s4.2: ";" between them). */
static int wants_privacy(struct sip_msg *msg, struct strv word)
{
	struct strv rest, one;

	for (unsigned i = 0; (rest = sip_msg_value(msg, SIP_H_PRIVACY, i)).p; i++)
		while (rest.n) {
			struct strv list;

			strv_cut(&rest, ',', &list);
			while (list.n) {
				strv_cut(&list, ';', &one);
				if (strv_caseeq(strv_trim(one), word))
					return 1;
			}
		}
	return 0;
}

unsigned core_trust_privacy(struct sip_msg *msg, const char **why_out)
{
	if (!sip_msg_raw(msg, SIP_H_PRIVACY).p || !wants_privacy(msg, STRV("critical")))
		return 0;
	/* "id" is what we give; for the rest the message would have to be made anew. */
	if (!wants_privacy(msg, STRV("header")) && !wants_privacy(msg, STRV("session")) &&
	    !wants_privacy(msg, STRV("user")))
		return 0;
	*why_out = "Privacy Cannot Be Given";
	return 500;
}

static int hides_identity(struct sip_msg *msg)
{
	if (!sip_msg_raw(msg, SIP_H_PRIVACY).p)
		return is_anonymous(&msg->from.uri);
	return wants_privacy(msg, STRV("id")) ||
	       (is_anonymous(&msg->from.uri) && !wants_privacy(msg, STRV("none")));
}

/* ---- requests that go on ---- */

static struct strv printed(struct sip_msg *msg, const char *before, struct strv text,
			   const char *behind)
{
	char *line = arena_printf(msg->arena, "%s%.*s%s", before, STRV_ARG(text), behind);

	return line ? strv_of(line) : strv_mem(NULL, 0);
}

static void edit_identity(struct sip_msg *msg, const struct core_who *who, enum core_next next,
			  struct sip_edit *edit)
{
	int is_hidden = next != CORE_TO_TRUSTED && hides_identity(msg);

	if (sip_msg_raw(msg, SIP_H_P_PREFERRED_IDENTITY).p)
		sip_edit_remove(edit, SIP_H_P_PREFERRED_IDENTITY);
	if (who->means == AUTH_BY_DIGEST && who->self.n && !is_hidden)
		sip_edit_set(edit, SIP_H_P_ASSERTED_IDENTITY,
			     printed(msg, "<", auth_identity_text(&who->self), ">"));
	else if ((who->means != AUTH_BY_ASSERTION || is_hidden) &&
		 sip_msg_raw(msg, SIP_H_P_ASSERTED_IDENTITY).p)
		sip_edit_remove(edit, SIP_H_P_ASSERTED_IDENTITY);
}

/* RFC 6050 s4.1. */
static int may_name_service(enum sip_method method)
{
	return method != SIP_ACK && method != SIP_BYE && method != SIP_CANCEL &&
	       method != SIP_REGISTER && method != SIP_NOTIFY && method != SIP_UPDATE &&
	       method != SIP_PRACK && method != SIP_INFO;
}

static void edit_service(struct sip_msg *msg, int is_from_trusted, int is_to_trusted,
			 struct sip_edit *edit)
{
	struct strv preferred = sip_msg_value(msg, SIP_H_P_PREFERRED_SERVICE, 0);

	if (preferred.p)
		sip_edit_remove(edit, SIP_H_P_PREFERRED_SERVICE);
	if (is_from_trusted && is_to_trusted)
		return;
	if (preferred.p && is_to_trusted && may_name_service(msg->method))
		sip_edit_set(edit, SIP_H_P_ASSERTED_SERVICE, preferred);
	else if (sip_msg_raw(msg, SIP_H_P_ASSERTED_SERVICE).p)
		sip_edit_remove(edit, SIP_H_P_ASSERTED_SERVICE);
}

/* What is for servers of one trust domain only; the vector is edit_vector's. */
static void strip_inner(struct sip_msg *msg, struct sip_edit *edit)
{
	static const enum sip_h inner[] = { SIP_H_P_SERVED_USER,
					    SIP_H_P_CHARGING_FUNCTION_ADDRESSES };

	for (unsigned i = 0; i < sizeof(inner) / sizeof(inner[0]); i++)
		if (sip_msg_raw(msg, inner[i]).p)
			sip_edit_remove(edit, inner[i]);
	if (sip_msg_named(msg, "P-Access-Network-Info", 0).p)
		sip_edit_remove_named(edit, "P-Access-Network-Info");
}

/* RFC 7315 s4.6: the first server of the domain makes the vector, later ones carry it, and it ends
 * at the boundary. The id is the trace's, so that a charging record leads to the log. */
static void edit_vector(struct sip_msg *msg, const struct core_who *who, int is_from_trusted,
			int is_to_trusted, struct sip_edit *edit)
{
	int has_one = sip_msg_raw(msg, SIP_H_P_CHARGING_VECTOR).p != NULL;
	char host[SIP_ADDR_TEXT];
	char *value;

	if (has_one && is_from_trusted && is_to_trusted)
		return;
	if (!is_to_trusted) {
		if (has_one)
			sip_edit_remove(edit, SIP_H_P_CHARGING_VECTOR);
		return;
	}
	value = arena_printf(msg->arena, "icid-value=%s;icid-generated-at=%s", msg->trace.hex,
			     sip_addr_print_host(&msg->local, 1, host));
	if (value && who->home.host_n)
		value = arena_printf(msg->arena, "%s;orig-ioi=%.*s", value,
				     STRV_ARG(auth_identity_host(&who->home)));
	sip_edit_set(edit, SIP_H_P_CHARGING_VECTOR, value ? strv_of(value) : strv_mem(NULL, 0));
}

/* Credentials that were for us go no further; of several, those for others must, and which is whose
 * was only known to auth/. */
static void strip_credentials(struct sip_msg *msg, const struct core_who *who,
			      struct sip_edit *edit)
{
	const struct sip_line *line = sip_msg_line(msg, SIP_H_PROXY_AUTHORIZATION);

	if (line && who->means == AUTH_BY_DIGEST && !sip_msg_line_next(msg, line))
		sip_edit_remove(edit, SIP_H_PROXY_AUTHORIZATION);
}

/* Names as configured. */
static void strip_named(struct sip_msg *msg, const struct strv *names, unsigned n,
			struct sip_edit *edit)
{
	for (unsigned i = 0; i < n; i++) {
		char *name = arena_strdup(msg->arena, names[i]);

		if (name)
			sip_edit_remove_named(edit, name);
	}
}

void core_trust_edit(struct core *core, struct sip_msg *msg, const struct core_who *who,
		     enum core_next next, const struct peer *peer, struct sip_edit *edit)
{
	int is_from_trusted = who->peer && who->peer->trusted;

	(void)core;
	edit_identity(msg, who, next, edit);
	edit_service(msg, is_from_trusted, next == CORE_TO_TRUSTED, edit);
	if (!is_from_trusted || next != CORE_TO_TRUSTED)
		strip_inner(msg, edit);
	edit_vector(msg, who, is_from_trusted, next == CORE_TO_TRUSTED, edit);
	strip_credentials(msg, who, edit);
	if (who->peer)
		strip_named(msg, who->peer->strip_in, who->peer->n_strip_in, edit);
	if (peer)
		strip_named(msg, peer->strip_out, peer->n_strip_out, edit);
}

void core_trust_edit_response(struct sip_msg *msg, int from_trusted, int to_trusted,
			      struct sip_edit *edit)
{
	if (from_trusted && to_trusted)
		return;
	if (sip_msg_raw(msg, SIP_H_P_ASSERTED_IDENTITY).p &&
	    (!from_trusted || wants_privacy(msg, STRV("id"))))
		sip_edit_remove(edit, SIP_H_P_ASSERTED_IDENTITY);
	if (sip_msg_raw(msg, SIP_H_P_PREFERRED_IDENTITY).p)
		sip_edit_remove(edit, SIP_H_P_PREFERRED_IDENTITY);
	if (sip_msg_raw(msg, SIP_H_P_CHARGING_VECTOR).p)
		sip_edit_remove(edit, SIP_H_P_CHARGING_VECTOR);
	strip_inner(msg, edit);
}
