/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_uri.c - see sip_uri.h
 *
 * Strict where a URI decides where something goes: exactly one "@", a host that is a host, a port
 * that is one. What is percent-encoded stays so (RFC 4475 s3.1.1.3: decoded once, by its reader).
 */
#include "sip/sip_uri.h"

#include "sip/sip_text_priv.h"

/* Every octet of S is of CLASS, or "%" and two hexadecimal digits. */
static int all_escaped(struct strv s, unsigned class)
{
	for (size_t i = 0; i < s.n; i++) {
		if (sip_is(s.p[i], class))
			continue;
		if (s.p[i] != '%' || s.n - i < 3 || !sip_is(s.p[i + 1], SIP_C_HEX) ||
		    !sip_is(s.p[i + 2], SIP_C_HEX))
			return 0;
		i += 2;
	}
	return 1;
}

/* The octets between the brackets could be an IPv6 address: a resolver finds out whether they are.
 * Three colons are let through (RFC 5118 s4.10). */
static int is_reference(struct strv s)
{
	unsigned colons = 0;

	for (size_t i = 1; i + 1 < s.n; i++) {
		colons += s.p[i] == ':';
		if (s.p[i] != ':' && s.p[i] != '.' && !sip_is(s.p[i], SIP_C_HEX))
			return 0;
	}
	return colons >= 2 && s.n <= 2 + 45;
}

size_t sip_hostport_cut(struct strv s, int blanks, struct strv *host_out, unsigned *port_out)
{
	struct strv rest;
	uint64_t port;
	size_t n = 0;

	if (s.n && s.p[0] == '[') {
		const char *end = memchr(s.p, ']', s.n);

		n = end ? (size_t)(end - s.p) + 1 : 0;
		if (!n || !is_reference(strv_mem(s.p, n)))
			return 0;
	} else {
		while (n < s.n && sip_is(s.p[n], SIP_C_HOST))
			n++;
	}
	*host_out = strv_mem(s.p, n);
	*port_out = 0;
	rest = sip_from(s, n);
	if (blanks)
		rest = sip_skip_blanks(rest);
	if (!n || !rest.n || rest.p[0] != ':')
		return n;
	rest = sip_from(rest, 1);
	if (blanks)
		rest = sip_skip_blanks(rest);
	for (n = 0; n < rest.n && rest.p[n] >= '0' && rest.p[n] <= '9';)
		n++;
	if (strv_u64(strv_mem(rest.p, n), 65535, &port) < 0 || !port)
		return 0;
	*port_out = (unsigned)port;
	return (size_t)(rest.p - s.p) + n;
}

/* "user" or "user:password", the "@" already off. */
static int parse_user(struct strv s, struct sip_uri *uri)
{
	strv_cut(&s, ':', &uri->user); /* S is the password now */
	return uri->user.n && all_escaped(uri->user, SIP_C_USER) && all_escaped(s, SIP_C_USER) ? 0
											       : -1;
}

/* What stands behind "sip:". */
static int parse_sip(struct strv s, struct sip_uri *uri)
{
	struct strv user, params;
	size_t n;

	if (s.n && memchr(s.p, '@', s.n)) {
		strv_cut(&s, '@', &user);
		if (parse_user(user, uri) < 0)
			return -1;
	}
	n = sip_hostport_cut(s, 0, &uri->host, &uri->port);
	if (!n)
		return -1;
	s = sip_from(s, n);
	if (s.n && s.p[0] == '?') {
		uri->headers = sip_from(s, 1);
	} else if (s.n && s.p[0] == ';') {
		s = sip_from(s, 1);
		strv_cut(&s, '?', &params);
		uri->params = params;
		uri->headers = s;
	} else if (s.n) {
		return -1;
	}
	return all_escaped(uri->params, SIP_C_PARAM) && all_escaped(uri->headers, SIP_C_HEADERS)
		       ? 0
		       : -1;
}

/* telephone-subscriber of RFC 3966 s3: digits with their separators, parameters behind. */
static int parse_tel(struct strv s, struct sip_uri *uri)
{
	int digits = 0;

	strv_cut(&s, ';', &uri->user);
	uri->params = s;
	for (size_t i = 0; i < uri->user.n; i++) {
		char c = uri->user.p[i];

		if (sip_is(c, SIP_C_HEX) || c == '*' || c == '#')
			digits = 1;
		else if (!strchr("-.()", c) && (c != '+' || i))
			return -1;
	}
	return digits && all_escaped(s, SIP_C_PARAM) ? 0 : -1;
}

static int is_scheme(struct strv s)
{
	if (!s.n || (s.p[0] | 0x20) < 'a' || (s.p[0] | 0x20) > 'z')
		return 0;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '+' && s.p[i] != '-' && s.p[i] != '.' &&
		    !(sip_is(s.p[i], SIP_C_TOKEN) && sip_is(s.p[i], SIP_C_HOST)))
			return 0;
	return memchr(s.p, '_', s.n) == NULL;
}

int sip_uri_is_sip(const struct sip_uri *uri)
{
	return strv_caseeq(uri->scheme, STRV("sip")) || strv_caseeq(uri->scheme, STRV("sips"));
}

int sip_uri_parse(struct strv text, struct sip_uri *uri_out)
{
	struct strv s = text;

	*uri_out = (struct sip_uri){ .text = text };
	if (!strv_cut(&s, ':', &uri_out->scheme) || !is_scheme(uri_out->scheme))
		return -1;
	if (sip_uri_is_sip(uri_out))
		return parse_sip(s, uri_out);
	if (strv_caseeq(uri_out->scheme, STRV("tel")))
		return parse_tel(s, uri_out);
	return s.n && sip_all(s, SIP_C_URI) ? 0 : -1;
}

int sip_param_next_raw(struct strv *rest, struct strv *name_out, struct strv *raw_out)
{
	struct strv s = *rest, one;
	const char *equals;

	do {
		s = sip_skip_blanks(s);
		while (s.n && s.p[0] == ';')
			s = sip_skip_blanks(sip_from(s, 1));
		if (!s.n) {
			*rest = s;
			return 0;
		}
		one = strv_mem(s.p, sip_span(s, ';'));
		s = sip_from(s, one.n);
		equals = memchr(one.p, '=', one.n);
		*raw_out = (struct strv){ NULL, 0 };
		*name_out = sip_trim(one);
		if (equals) {
			*name_out = sip_trim(strv_mem(one.p, (size_t)(equals - one.p)));
			*raw_out = sip_trim(sip_from(one, (size_t)(equals - one.p) + 1));
		}
	} while (!name_out->n);
	*rest = s;
	return 1;
}

int sip_param_next(struct strv *rest, struct strv *name_out, struct strv *value_out)
{
	int ret = sip_param_next_raw(rest, name_out, value_out);

	if (ret && value_out->n >= 2 && value_out->p[0] == '"' &&
	    sip_quoted_len(*value_out) == value_out->n)
		*value_out = strv_mem(value_out->p + 1, value_out->n - 2);
	return ret;
}

int sip_param(struct strv params, const char *name, struct strv *value_out)
{
	struct strv found, wanted = strv_of(name);

	while (sip_param_next(&params, &found, value_out))
		if (strv_caseeq(found, wanted))
			return 1;
	*value_out = (struct strv){ NULL, 0 };
	return 0;
}
