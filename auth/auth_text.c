/* SPDX-License-Identifier: Apache-2.0 */
/* auth/auth_text.c - see auth_text.h */
#include "auth/auth_text.h"

int auth_hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

void auth_hex_print(const unsigned char *bytes, size_t n, char *hex_out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		hex_out[2 * i] = digits[bytes[i] >> 4];
		hex_out[2 * i + 1] = digits[bytes[i] & 15];
	}
	hex_out[2 * n] = '\0';
}

int auth_hex_parse(struct strv hex, unsigned char *bytes_out, size_t n)
{
	if (hex.n != 2 * n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int high = auth_hex_value(hex.p[2 * i]), low = auth_hex_value(hex.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		bytes_out[i] = (unsigned char)(high << 4 | low);
	}
	return 0;
}

int auth_pct_next(struct strv *s, unsigned char *octet_out, int *escaped_out)
{
	size_t taken = 1;

	if (!s->n)
		return 0;
	*octet_out = (unsigned char)s->p[0];
	if (s->p[0] == '%') {
		taken = 3;
		if (s->n < taken || auth_hex_parse((struct strv){ s->p + 1, 2 }, octet_out, 1) < 0)
			return -1;
	}
	if (escaped_out)
		*escaped_out = taken == 3;
	s->p += taken;
	s->n -= taken;
	return 1;
}

size_t auth_utf8_next(struct strv s, uint32_t *code_out)
{
	/* The least code point of each length: anything below has a shorter form. */
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char first = s.n ? (unsigned char)s.p[0] : 0x80;
	uint32_t code;
	size_t n;

	if (first < 0x80) {
		*code_out = first;
		return 1;
	}
	n = first >= 0xf8 ? 0 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 0;
	if (!n || s.n < n)
		return 0;
	code = first & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)s.p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | ((unsigned char)s.p[i] & 0x3f);
	}
	if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*code_out = code;
	return n;
}

static int is_visible(uint32_t code)
{
	static const struct {
		uint32_t from, to;
	} unseen[] = {
		{ 0x0000, 0x001f },   { 0x007f, 0x009f }, { 0x00ad, 0x00ad }, { 0x061c, 0x061c },
		{ 0x180e, 0x180e },   { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0xfdd0, 0xfdef },   { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xfffe, 0xffff },
		{ 0xe0000, 0xe007f },
	};

	for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++)
		if (code >= unseen[i].from && code <= unseen[i].to)
			return 0;
	return (code & 0xfffe) != 0xfffe;
}

int auth_text_is_plain(struct strv s)
{
	while (s.n) {
		uint32_t code;
		size_t n = 1;

		/* Nearly all that comes is visible ASCII. */
		if ((unsigned char)(s.p[0] - 0x20) >= 0x5f) {
			n = auth_utf8_next(s, &code);
			if (!n || !is_visible(code))
				return 0;
		}
		s.p += n;
		s.n -= n;
	}
	return 1;
}
