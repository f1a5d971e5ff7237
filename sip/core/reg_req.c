/* SPDX-License-Identifier: Apache-2.0 */
/* sip/core/reg_req.c - a REGISTER as the decision wants it; see reg.h */
#include "sip/core/reg.h"

/* RFC 3261 s10.2.1.1: what cannot be read is as an hour. */
enum { EXPIRES_BAD_S = 3600 };

/* "0", "1", "0.5", "0.333", "1.000" (RFC 3261 s25: qvalue); anything else is 1. */
static unsigned read_q(struct strv text)
{
	unsigned q = 0, weight = 1000;

	if (!text.n || (text.p[0] != '0' && text.p[0] != '1') || text.n > 5 ||
	    (text.n > 1 && text.p[1] != '.'))
		return 1000;
	q = text.p[0] == '1' ? 1000 : 0;
	for (size_t i = 2; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return 1000;
		weight /= 10;
		q += (unsigned)(text.p[i] - '0') * weight;
	}
	return q > 1000 ? 1000 : q;
}

static uint32_t read_seconds(struct strv text)
{
	uint64_t s;
	int digits = text.n > 0;

	for (size_t i = 0; i < text.n; i++)
		digits = digits && text.p[i] >= '0' && text.p[i] <= '9';
	if (!digits)
		return EXPIRES_BAD_S;
	return strv_u64(text, UINT32_MAX, &s) < 0 ? UINT32_MAX : (uint32_t)s;
}

/* "<urn:...>" in quotes (RFC 5626 s4.1); empty when it is not of the form. */
static struct strv read_instance(struct strv text)
{
	if (text.n < 5 || text.p[0] != '"' || text.p[1] != '<' || text.p[text.n - 2] != '>' ||
	    text.p[text.n - 1] != '"')
		return (struct strv){ NULL, 0 };
	text = strv_mem(text.p + 2, text.n - 4);
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] <= ' ' || text.p[i] == '"' || text.p[i] == '<' || text.p[i] == '>' ||
		    text.p[i] == '\\' || (unsigned char)text.p[i] >= 0x7f)
			return (struct strv){ NULL, 0 };
	return text;
}

/* 1: TAKEN knows what to do with it, and it does not stay among the parameters. */
static int take_param(struct reg_contact *c, struct strv name, struct strv value)
{
	uint64_t n;

	if (strv_caseeq(name, STRV("expires"))) {
		c->has_expires = 1;
		c->expires_s = read_seconds(value);
		return 1;
	}
	if (strv_caseeq(name, STRV("q"))) {
		c->q = read_q(value);
		return 1;
	}
	if (strv_caseeq(name, STRV("+sip.instance")))
		c->instance = read_instance(value);
	else if (strv_caseeq(name, STRV("reg-id")) &&
		 strv_u64(value, INT32_MAX, &n) == 0) /* 1 to 2^31-1 */
		c->reg_id = (uint32_t)n;
	/* RFC 5627 s5.1: only we say these. */
	return strv_caseeq(name, STRV("pub-gruu")) || strv_caseeq(name, STRV("temp-gruu"));
}

static unsigned read_contact(struct sip_msg *msg, const struct sip_name_addr *value,
			     struct reg_contact *c)
{
	struct strv rest = value->params, name, text;
	char *params, *at;

	*c = (struct reg_contact){ .uri = value->uri, .q = 1000 };
	if (value->uri.text.n > LOC_TEXT_MAX || value->params.n > LOC_TEXT_MAX - 2)
		return 400;
	params = at = arena_alloc(msg->arena, value->params.n + 2);
	if (!params)
		return 500;
	while (sip_param_next_raw(&rest, &name, &text)) {
		/* The room is that of the parameters as written: what is put is cut out of them. */
		if (take_param(c, name, text) ||
		    (size_t)(at - params) + name.n + text.n + 2 > value->params.n + 2)
			continue;
		*at++ = ';';
		memcpy(at, name.p, name.n);
		at += name.n;
		if (text.p) {
			*at++ = '=';
			memcpy(at, text.p, text.n);
			at += text.n;
		}
	}
	c->params = strv_mem(params, (size_t)(at - params));
	if (!c->instance.n)
		c->reg_id = 0; /* RFC 5626 s6: ignored */
	return 0;
}

static unsigned read_contacts(struct sip_msg *msg, struct reg_req *req, const char **why_out)
{
	struct strv rest = sip_msg_list(msg, SIP_H_CONTACT);
	struct sip_name_addr value;
	unsigned status;
	int got;

	if (!rest.p && sip_msg_value(msg, SIP_H_CONTACT, 0).p)
		return 500;
	while ((got = rest.n ? sip_name_addr_next(&rest, &value) : 0) > 0) {
		if (strv_eq(value.uri.text, STRV("*"))) {
			req->star++;
			continue;
		}
		if (req->n_contacts == REG_CONTACTS_MAX) {
			*why_out = "Too Many Contacts";
			return 400;
		}
		status = read_contact(msg, &value, &req->contact[req->n_contacts++]);
		if (status)
			return status;
	}
	if (got < 0) {
		*why_out = "Bad Contact";
		return 400;
	}
	/* RFC 3261 s10.3 step 6. */
	if (req->star &&
	    (req->star > 1 || req->n_contacts || !req->has_expires || req->expires_s)) {
		*why_out = "Invalid Wildcard";
		return 400;
	}
	return 0;
}

static unsigned read_path(struct sip_msg *msg, struct reg_req *req, const char **why_out)
{
	struct strv rest = req->path = sip_msg_list(msg, SIP_H_PATH), ignored;
	struct sip_name_addr value;
	unsigned n = 0;
	int got;

	if (!rest.p)
		return sip_msg_value(msg, SIP_H_PATH, 0).p ? 500 : 0;
	while ((got = rest.n ? sip_name_addr_next(&rest, &value) : 0) > 0) {
		if (!n++)
			req->path_ob = sip_param(value.uri.params, "ob", &ignored);
		if (!sip_uri_is_sip(&value.uri))
			got = -1;
		if (got < 0)
			break;
	}
	if (got < 0 || !n || req->path.n > LOC_TEXT_MAX) {
		*why_out = "Bad Path";
		return 400;
	}
	return 0;
}

static int is_first_hop(struct sip_msg *msg)
{
	struct strv rest = sip_msg_list(msg, SIP_H_VIA);
	struct sip_via via;
	unsigned n = 0;

	while (rest.n && n < 2 && sip_via_next(&rest, &via) > 0)
		n++;
	return n < 2;
}

unsigned reg_req_read(struct sip_msg *msg, struct reg_req *req, const char **why_out)
{
	struct strv expires = sip_msg_value(msg, SIP_H_EXPIRES, 0);
	unsigned status;

	*why_out = NULL;
	req->call_id = msg->call_id;
	req->cseq = msg->cseq;
	req->star = 0;
	req->n_contacts = 0;
	req->has_expires = expires.p != NULL;
	req->expires_s = expires.p ? read_seconds(expires) : 0;
	req->path_ob = 0;
	req->supports_outbound = sip_msg_has_token(msg, SIP_H_SUPPORTED, "outbound");
	req->supports_gruu = sip_msg_has_token(msg, SIP_H_SUPPORTED, "gruu");
	req->supports_path = sip_msg_has_token(msg, SIP_H_SUPPORTED, "path");
	req->user_agent = sip_msg_value(msg, SIP_H_USER_AGENT, 0);
	req->proto = msg->proto;
	req->source = msg->source;
	req->flow = msg->flow;
	req->is_first_hop = is_first_hop(msg);
	status = read_contacts(msg, req, why_out);
	return status ? status : read_path(msg, req, why_out);
}
