/* SPDX-License-Identifier: Apache-2.0 */
/* auth/auth_target.c - see auth_target.h */
#include "auth/auth_target.h"

#include "auth/auth_text.h"

/* The next octet, an escape undone; a broken escape is its own octets. */
static unsigned char next(struct strv *s, int *escaped_out)
{
	unsigned char c = 0;

	if (auth_pct_next(s, &c, escaped_out) == 1)
		return c;
	c = (unsigned char)s->p[0];
	*escaped_out = 0;
	s->p++;
	s->n--;
	return c;
}

static int same_decoded(struct strv a, struct strv b)
{
	while (a.n && b.n) {
		int a_escaped, b_escaped;
		unsigned char c = next(&a, &a_escaped);

		if (c != next(&b, &b_escaped))
			return 0;
		if (a_escaped != b_escaped && (c == '/' || c == '?' || c == '%'))
			return 0;
	}
	return !a.n && !b.n;
}

static int take_prefix(struct strv *s, struct strv prefix)
{
	if (s->n < prefix.n || !strv_caseeq((struct strv){ s->p, prefix.n }, prefix))
		return 0;
	s->p += prefix.n;
	s->n -= prefix.n;
	return 1;
}

/* The path and query of an absolute URI; anything else as it is. */
static struct strv from_path(struct strv uri)
{
	struct strv rest = uri;
	const char *slash;

	if (!take_prefix(&rest, STRV("http://")) && !take_prefix(&rest, STRV("https://")))
		return uri;
	slash = rest.n ? memchr(rest.p, '/', rest.n) : NULL;
	return slash ? (struct strv){ slash, (size_t)(rest.p + rest.n - slash) } : uri;
}

int auth_target_same_http(struct strv uri, struct strv target)
{
	return strv_eq(uri, target) || same_decoded(from_path(uri), from_path(target));
}

struct sip_uri {
	struct strv scheme, user, host; /* host: with port; all of a tel: number is the user */
};

static int split(struct strv uri, struct sip_uri *out)
{
	struct strv rest = uri, ignored;
	const char *at;

	*out = (struct sip_uri){ { NULL, 0 }, { NULL, 0 }, { NULL, 0 } };
	if (!strv_cut(&rest, ':', &out->scheme))
		return -1;
	at = rest.n ? memchr(rest.p, '@', rest.n) : NULL;
	if (at) {
		out->user = (struct strv){ rest.p, (size_t)(at - rest.p) };
		rest = (struct strv){ at + 1, rest.n - out->user.n - 1 };
	}
	strv_cut(&rest, ';', &out->host);
	rest = out->host;
	strv_cut(&rest, '?', &ignored);
	out->host = ignored;
	return out->host.n ? 0 : -1;
}

int auth_target_same_sip(struct strv uri, struct strv target)
{
	struct sip_uri a, b;

	if (strv_eq(uri, target))
		return 1;
	return split(uri, &a) == 0 && split(target, &b) == 0 && strv_caseeq(a.scheme, b.scheme) &&
	       same_decoded(a.user, b.user) && strv_caseeq(a.host, b.host);
}
