/* SPDX-License-Identifier: Apache-2.0 */
/* sip/sip_field.c - see sip_field.h; the grammar is that of RFC 3261 s25.1 */
#include "sip/sip_field.h"

#include "sip/sip_text_priv.h"

/* Cut header parameters up to a comma or the end from *S, check them, and take the comma away.
 * 0, or -1. */
static int cut_params(struct strv *s, struct strv *params_out)
{
	size_t n = sip_span(*s, ',');

	*params_out = sip_trim(strv_mem(s->p, n));
	if (params_out->n && !sip_params_ok(*params_out))
		return -1;
	*s = sip_from(*s, n);
	if (!s->n)
		return 0;
	*s = sip_skip_blanks(sip_from(*s, 1));
	return s->n ? 0 : -1; /* a comma wants another value */
}

/* Tokens with blanks between them; octets from 0x80 on are taken too, phones send them. */
static int is_display(struct strv s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!sip_is(s.p[i], SIP_C_TOKEN | SIP_C_BLANK) && !(s.p[i] & 0x80))
			return 0;
	return 1;
}

/* "<URI>" at the beginning of *S, which then stands behind it. */
static int cut_bracketed(struct strv *s, struct sip_uri *uri)
{
	const char *end = memchr(s->p, '>', s->n);
	size_t n = end ? (size_t)(end - s->p) : 0;

	if (!n || sip_uri_parse(strv_mem(s->p + 1, n - 1), uri) < 0)
		return -1;
	*s = sip_skip_blanks(sip_from(*s, n + 1));
	return 0;
}

/* A URI without brackets: it has no comma, "?" or ";" (RFC 3261 s20.10); "*" of Contact. */
static int cut_bare(struct strv *s, struct sip_uri *uri)
{
	size_t n = 0;

	while (n < s->n && !sip_is(s->p[n], SIP_C_BLANK) && s->p[n] != ',' && s->p[n] != ';')
		n++;
	if (n == 1 && s->p[0] == '*')
		*uri = (struct sip_uri){ .text = strv_mem(s->p, 1) };
	else if (memchr(s->p, '?', n) || sip_uri_parse(strv_mem(s->p, n), uri) < 0)
		return -1;
	*s = sip_skip_blanks(sip_from(*s, n));
	return 0;
}

/* Display name, if there is one, and URI. */
static int cut_addr(struct strv *s, struct sip_name_addr *out)
{
	size_t n = 0;

	out->display = strv_mem(NULL, 0);
	if (s->p[0] == '"') {
		n = sip_quoted_len(*s);
		if (!n)
			return -1;
		out->display = strv_mem(s->p, n);
		*s = sip_skip_blanks(sip_from(*s, n));
		return s->n && s->p[0] == '<' ? cut_bracketed(s, &out->uri) : -1;
	}
	while (n < s->n && s->p[n] != '<' && s->p[n] != ',' && s->p[n] != ';')
		n++;
	if (n == s->n || s->p[n] != '<')
		return cut_bare(s, &out->uri);
	out->display = sip_trim(strv_mem(s->p, n));
	if (!is_display(out->display))
		return -1;
	*s = sip_from(*s, n);
	return cut_bracketed(s, &out->uri);
}

int sip_name_addr_next(struct strv *rest, struct sip_name_addr *out)
{
	struct strv s = sip_trim(*rest);
	const char *begin = s.p;

	*rest = s;
	if (!s.n)
		return 0;
	if (cut_addr(&s, out) < 0)
		return -1;
	out->text = strv_mem(begin, sip_span(s, ',') + (size_t)(s.p - begin));
	out->text = sip_trim(out->text);
	if (cut_params(&s, &out->params) < 0)
		return -1;
	*rest = s;
	return 1;
}

/* One token of sent-protocol and the slash behind it. */
static int cut_slashed(struct strv *s, struct strv *token_out)
{
	size_t n = 0;

	*s = sip_skip_blanks(*s);
	while (n < s->n && sip_is(s->p[n], SIP_C_TOKEN))
		n++;
	*token_out = strv_mem(s->p, n);
	*s = sip_skip_blanks(sip_from(*s, n));
	return n ? 0 : -1;
}

static int cut_slash(struct strv *s)
{
	if (!s->n || s->p[0] != '/')
		return -1;
	*s = sip_from(*s, 1);
	return 0;
}

static int cut_sent_protocol(struct strv *s, struct sip_via *out)
{
	struct strv name, number, transport;
	const char *end;

	if (cut_slashed(s, &name) < 0 || cut_slash(s) < 0 || cut_slashed(s, &number) < 0 ||
	    cut_slash(s) < 0 || cut_slashed(s, &transport) < 0)
		return -1;
	if (!strv_caseeq(name, STRV("SIP")) || !strv_eq(number, STRV("2.0")))
		return -1;
	end = transport.p + transport.n;
	out->known = sip_proto_find(transport, &out->proto) == 0;
	return s->p > end ? 0 : -1; /* a blank before sent-by */
}

/* branch and rport out of the parameters; each at most once. */
static int read_via_params(struct sip_via *out)
{
	struct strv rest = out->params, name, value;

	while (sip_param_next(&rest, &name, &value)) {
		if (strv_caseeq(name, STRV("branch"))) {
			if (out->branch.p || !value.n || !sip_all(value, SIP_C_TOKEN))
				return -1;
			out->branch = value;
		} else if (strv_caseeq(name, STRV("rport"))) {
			out->rport = 1;
		}
	}
	return 0;
}

int sip_via_next(struct strv *rest, struct sip_via *out)
{
	struct strv s = sip_trim(*rest);
	const char *begin = s.p;
	size_t n;

	*rest = s;
	if (!s.n)
		return 0;
	memset(out, 0, sizeof(*out));
	if (cut_sent_protocol(&s, out) < 0)
		return -1;
	n = sip_hostport_cut(s, 1, &out->host, &out->port);
	if (!n)
		return -1;
	s = sip_skip_blanks(sip_from(s, n));
	if (s.n && s.p[0] != ';' && s.p[0] != ',')
		return -1;
	out->text = sip_trim(strv_mem(begin, (size_t)(s.p - begin) + sip_span(s, ',')));
	if (cut_params(&s, &out->params) < 0 || read_via_params(out) < 0)
		return -1;
	*rest = s;
	return 1;
}
