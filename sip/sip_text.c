/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_text.c - see sip_text_priv.h
 *
 * The table is made of the ABNF by hand's rules; tests/sip/test_fence.c derives it again from the
 * names of the classes and compares.
 */
#include "sip/sip_text_priv.h"

/* Octets from 0x80 on belong to no class. */
/* clang-format off */
const unsigned char sip_class[256] = {
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x20, 0x20, 0x00, 0x00, 0x20, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x20, 0x4f, 0x00, 0x40, 0x4e, 0x41, 0x4e, 0x4f, 0x4e, 0x4e, 0x4f, 0x4f, 0x42, 0x5f, 0x5f, 0x4e,
	0xdf, 0xdf, 0xdf, 0xdf, 0xdf, 0xdf, 0xdf, 0xdf, 0xdf, 0xdf, 0x4c, 0x46, 0x00, 0x4e, 0x00, 0x4a,
	0x40, 0xdf, 0xdf, 0xdf, 0xdf, 0xdf, 0xdf, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f,
	0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x4c, 0x00, 0x4c, 0x00, 0x5f,
	0x01, 0xdf, 0xdf, 0xdf, 0xdf, 0xdf, 0xdf, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f,
	0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x00, 0x00, 0x00, 0x4f, 0x00,
};
/* clang-format on */

size_t sip_quoted_len(struct strv s)
{
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '"')
			return i + 1;
		if (s.p[i] == '\\')
			i++;
	}
	return 0;
}

size_t sip_span(struct strv s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
	size_t i = 0, before = at ? (size_t)(at - s.p) : s.n;
	int in_uri = 0;

	/* Most values have neither quotes nor brackets in front of it. */
	if (!before || (!memchr(s.p, '"', before) && !memchr(s.p, '<', before)))
		return before;
	while (i < s.n) {
		if (!in_uri && s.p[i] == '"') {
			size_t n = sip_quoted_len(sip_from(s, i));

			if (!n)
				return s.n;
			i += n;
			continue;
		}
		if (s.p[i] == '<')
			in_uri = 1;
		else if (s.p[i] == '>')
			in_uri = 0;
		else if (s.p[i] == c && !in_uri)
			return i;
		i++;
	}
	return s.n;
}

/* Octets of a gen-value: a quoted string, or what holds no separator. A host in it may have ":"
 * and "[]" (received). 0: none. */
static size_t value_len(struct strv s)
{
	size_t n = 0;

	if (s.n && s.p[0] == '"')
		return sip_quoted_len(s);
	while (n < s.n && !sip_is(s.p[n], SIP_C_BLANK) && !strchr(";,<>\"\\", s.p[n]))
		n++;
	return n;
}

int sip_params_ok(struct strv params)
{
	struct strv s = sip_skip_blanks(params);
	size_t n;

	while (s.n) {
		if (s.p[0] != ';')
			return 0;
		s = sip_skip_blanks(sip_from(s, 1));
		for (n = 0; n < s.n && sip_is(s.p[n], SIP_C_TOKEN);)
			n++;
		if (!n)
			return 0;
		s = sip_skip_blanks(sip_from(s, n));
		if (!s.n || s.p[0] != '=')
			continue;
		s = sip_skip_blanks(sip_from(s, 1));
		n = value_len(s);
		if (!n)
			return 0;
		s = sip_skip_blanks(sip_from(s, n));
	}
	return 1;
}
