/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/reg_uri.c - are two URIs the same contact? (RFC 3261 s19.1.4)
 *
 * Nothing is resolved and no default is filled in: "sip:a@b" and "sip:a@b:5060" differ.
 */
#include "sip/core/reg.h"

#include <strings.h>

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* The next octet with its escape undone; a broken escape is its own octets. */
static unsigned char next(struct strv *s)
{
	unsigned char c = (unsigned char)s->p[0];
	size_t n = 1;

	if (c == '%' && s->n >= 3 && hex(s->p[1]) >= 0 && hex(s->p[2]) >= 0) {
		c = (unsigned char)(hex(s->p[1]) << 4 | hex(s->p[2]));
		n = 3;
	}
	s->p += n;
	s->n -= n;
	return c;
}

static int same_text(struct strv a, struct strv b, int any_case)
{
	while (a.n && b.n) {
		unsigned char c = next(&a), d = next(&b);

		if (any_case) {
			c |= c >= 'A' && c <= 'Z' ? 0x20 : 0;
			d |= d >= 'A' && d <= 'Z' ? 0x20 : 0;
		}
		if (c != d)
			return 0;
	}
	return !a.n && !b.n;
}

/* Those that make a difference when only one of the two has them; the last ones are of RFC 5627 s3
 * and RFC 8599 s4. */
static int is_weighty(struct strv name)
{
	static const char *const names[] = { "user",	    "ttl",	 "method",
					     "maddr",	    "transport", "gr",
					     "pn-provider", "pn-param",	 "pn-prid" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strv_caseeq(name, strv_of(names[i])))
			return 1;
	return 0;
}

/* No parameter of A contradicts B. */
static int params_fit(struct strv a, struct strv b)
{
	struct strv name, value, other_name, other;

	while (sip_param_next(&a, &name, &value)) {
		struct strv rest = b;
		int found = 0;

		while (!found && sip_param_next(&rest, &other_name, &other))
			found = same_text(name, other_name, 1);
		if (!found && is_weighty(name))
			return 0;
		/* RFC 8599 s4.1: what the provider made is compared with its case. */
		if (found &&
		    !same_text(value, other,
			       !strv_starts(name, STRV("pn-")) && !strv_caseeq(name, STRV("gr"))))
			return 0;
	}
	return 1;
}

int reg_uri_same(const struct sip_uri *a, const struct sip_uri *b)
{
	if (!sip_uri_is_sip(a) || !sip_uri_is_sip(b))
		return strv_eq(a->text, b->text);
	return strv_caseeq(a->scheme, b->scheme) && !a->user.p == !b->user.p &&
	       same_text(a->user, b->user, 0) && strv_caseeq(a->host, b->host) &&
	       a->port == b->port && params_fit(a->params, b->params) &&
	       params_fit(b->params, a->params) && same_text(a->headers, b->headers, 0);
}
