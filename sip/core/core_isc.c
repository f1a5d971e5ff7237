/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/core_isc.c - third-party REGISTER: an IMS core tells who is registered with it
 *
 * 3GPP TS 24.229 s5.7.1.1. To is the user, Contact the S-CSCF, Expires what was granted (0: gone).
 * The device's own REGISTER may be in the body (message/sip, alone or in a multipart); then its
 * contacts with their feature tags are what we keep. Else it is the one contact that is the user's
 * address itself, until the core has told of the devices (core_watch.c). All are reached by the
 * S-CSCF.
 */
#include "sip/core/core_priv.h"
#include "sip/sip_content.h"

enum { GRACE_S = 30, GRANTED_MAX_S = 864000 };

/* The REGISTER within MSG's body; p NULL: there is none. */
static struct strv find_embedded(struct sip_msg *msg)
{
	struct strv type = sip_msg_value(msg, SIP_H_CONTENT_TYPE, 0), rest = msg->body;
	struct sip_media media, inner;
	struct sip_part part;

	if (!type.p || sip_media_parse(type, &media) < 0)
		return strv_mem(NULL, 0);
	if (sip_media_is(&media, "message", "sip"))
		return strv_starts(rest, STRV("REGISTER ")) ? rest : strv_mem(NULL, 0);
	if (!sip_media_is(&media, "multipart", NULL))
		return strv_mem(NULL, 0);
	while (sip_part_next(&media, &rest, &part) == 1) {
		type = sip_part_value(&part, "Content-Type");
		if (type.p && sip_media_parse(type, &inner) == 0 &&
		    sip_media_is(&inner, "message", "sip") &&
		    strv_starts(part.body, STRV("REGISTER ")))
			return part.body;
	}
	return strv_mem(NULL, 0);
}

/* The embedded message, read like one from the wire; NULL: there is none, or none that can be read.
 */
static struct sip_msg *read_embedded(struct sip_msg *msg)
{
	struct strv bytes = find_embedded(msg);
	struct sip_fence *fence = bytes.p ? arena_alloc(msg->arena, sizeof(*fence)) : NULL;
	struct sip_msg *embedded;

	if (!fence || sip_fence_check(bytes, 0, fence) != SIP_FENCE_PASS ||
	    sip_msg_parse(msg->arena, bytes, fence, &embedded, NULL) < 0 ||
	    embedded->method != SIP_REGISTER)
		return NULL;
	embedded->proto = msg->proto;
	embedded->source = msg->source;
	embedded->flow = 0;
	return embedded;
}

/* Route to the S-CSCF, as Path of its contacts. */
static int read_core(struct sip_msg *msg, struct reg_req *req)
{
	struct strv rest = sip_msg_value(msg, SIP_H_CONTACT, 0), lr;
	struct sip_name_addr core;
	char *path;

	if (!rest.p || sip_name_addr_next(&rest, &core) < 1 || !sip_uri_is_sip(&core.uri))
		return -1;
	path = arena_printf(msg->arena, "<%.*s%s>", STRV_ARG(core.uri.text),
			    sip_param(core.uri.params, "lr", &lr) ? "" : ";lr");
	req->path = path ? strv_of(path) : strv_mem(NULL, 0);
	return path && req->path.n <= LOC_TEXT_MAX ? 0 : -1;
}

unsigned core_isc_read(const struct core *core, struct sip_msg *msg, struct reg_req *req,
		       struct core_isc *isc, const char **why_out)
{
	struct auth_identity user;
	struct sip_msg *embedded;
	char *aor;

	*why_out = NULL;
	if (auth_identity_parse(msg->to.uri.text, &core->policy.domains, &user, NULL) < 0)
		return 404;
	aor = arena_strdup(msg->arena, auth_identity_text(&user));
	if (!aor)
		return 500;
	*isc = (struct core_isc){ .aor = strv_of(aor) };
	if (sip_msg_number(msg, SIP_H_EXPIRES, &isc->granted_s) < 1) {
		*why_out = "Expires Is Missing";
		return 400;
	}
	if (isc->granted_s > GRANTED_MAX_S)
		isc->granted_s = GRANTED_MAX_S;
	embedded = isc->granted_s ? read_embedded(msg) : NULL;
	if (!embedded || reg_req_read(embedded, req, why_out) || req->star) {
		req->n_contacts = 0;
		req->call_id = msg->call_id;
		req->cseq = msg->cseq;
		req->proto = msg->proto;
		req->source = msg->source;
	}
	*why_out = NULL;
	req->star = isc->granted_s == 0;
	req->has_expires = 1;
	req->expires_s = 0;
	req->is_first_hop = 0;
	req->path_ob = 1; /* between the device and its P-CSCF: they have seen to it */
	req->flow = 0;
	/* What the device asked for is not what it got; and it may be late by a little. */
	for (unsigned i = 0; i < req->n_contacts; i++)
		if (!req->contact[i].has_expires || req->contact[i].expires_s) {
			req->contact[i].has_expires = 1;
			req->contact[i].expires_s = isc->granted_s + GRACE_S;
		}
	isc->n_told = req->n_contacts;
	if (isc->granted_s && read_core(msg, req) < 0) {
		*why_out = "Bad Contact";
		return 400;
	}
	return 0;
}

/* Devices of the user that the core told of before (core_watch.c). */
static int knows_devices(const struct loc_user *old, struct strv aor, int64_t now_us)
{
	for (unsigned i = 0; old && i < old->n_bindings; i++)
		if (loc_binding_lives(&old->bindings[i], now_us) &&
		    !strv_eq(old->bindings[i].uri, aor))
			return 1;
	return 0;
}

void core_isc_settle(const struct core_isc *isc, const struct loc_user *old, struct reg_req *req)
{
	struct reg_contact *c;
	struct sip_uri uri;

	req->n_contacts = isc->n_told;
	if (!isc->granted_s || req->n_contacts == REG_CONTACTS_MAX ||
	    sip_uri_parse(req->aor, &uri) < 0 || !sip_uri_is_sip(&uri))
		return;
	c = &req->contact[req->n_contacts++];
	*c = (struct reg_contact){ .uri = uri, .params = STRV(""), .q = 1000, .has_expires = 1 };
	if (!isc->n_told && !knows_devices(old, req->aor, req->now_us))
		c->expires_s = isc->granted_s + GRACE_S;
}
