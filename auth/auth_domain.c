/* SPDX-License-Identifier: Apache-2.0 */
/* auth/auth_domain.c - domains in ASCII (see auth_domain.h) */
#include "auth/auth_domain.h"

#include <gnutls/gnutls.h>

#include "auth/auth_identity.h"
#include "auth/auth_text.h"

enum { UTF8_MAX = 1024 };

/* Percent-encoding undone, ASCII in lower case. 1 when there is anything else, 0, or -1. */
static int undo(struct strv text, char *buf, size_t *n_out)
{
	int more, wide = 0;
	unsigned char c;
	size_t n = 0;

	while ((more = auth_pct_next(&text, &c, NULL)) == 1) {
		if (n == UTF8_MAX)
			return -1;
		wide |= c >= 0x80;
		buf[n++] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
	}
	*n_out = n;
	if (more < 0 || !auth_text_is_plain(strv_mem(buf, n)))
		return -1;
	return wide;
}

static int to_ascii(struct strv utf8, char *buf, size_t size, size_t *n_out)
{
	gnutls_datum_t mapped = { NULL, 0 };
	int ret = -1;

	if (gnutls_idna_map(utf8.p, (unsigned)utf8.n, &mapped, 0) < 0)
		return -1;
	if (mapped.size <= size) {
		memcpy(buf, mapped.data, mapped.size);
		*n_out = mapped.size;
		ret = 0;
	}
	gnutls_free(mapped.data);
	return ret;
}

/* By the same rules as the host of an identity, so that the two compare. */
static int canonical(struct strv host, char *buf, size_t size, size_t *n_out)
{
	char uri[AUTH_DOMAIN_BYTES + 8] = "sip:x@";
	struct auth_identity id;

	if (host.n > AUTH_DOMAIN_BYTES)
		return -1;
	memcpy(uri + 6, host.p, host.n);
	if (auth_identity_parse(strv_mem(uri, host.n + 6), NULL, &id, NULL) < 0)
		return -1;
	/* A port or parameters were in it. */
	host = auth_identity_host(&id);
	if (id.n != 6 + host.n || host.n > size)
		return -1;
	memcpy(buf, host.p, host.n);
	*n_out = host.n;
	return 0;
}

int auth_domain_ascii(struct strv text, char *buf, size_t size, size_t *n_out)
{
	char utf8[UTF8_MAX], ascii[AUTH_DOMAIN_BYTES];
	struct strv host = { utf8, 0 };
	int wide;

	text = strv_trim(text);
	wide = undo(text, utf8, &host.n);
	if (wide < 0 || !host.n || memchr(host.p, ';', host.n))
		return -1;
	if (wide) {
		if (to_ascii(host, ascii, sizeof(ascii), &host.n) < 0)
			return -1;
		host.p = ascii;
	}
	return canonical(host, buf, size, n_out);
}
