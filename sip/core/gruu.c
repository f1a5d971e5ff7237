/* SPDX-License-Identifier: Apache-2.0 */
/* sip/core/gruu.c - see gruu.h */
#include "sip/core/gruu.h"

#include <string.h>

/* RFC 3261 s25: paramchar, that is unreserved and param-unreserved. */
static int is_param_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("-_.!~*'()[]/:&+$", c));
}

/* TEXT as the value of a URI parameter, terminated; NULL: no memory. */
static char *escape(struct arena *arena, struct strv text)
{
	static const char digits[] = "0123456789ABCDEF";
	char *out = arena_alloc(arena, 3 * text.n + 1), *at = out;

	if (!out)
		return NULL;
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (is_param_char((char)c)) {
			*at++ = (char)c;
			continue;
		}
		*at++ = '%';
		*at++ = digits[c >> 4];
		*at++ = digits[c & 15];
	}
	*at = '\0';
	return out;
}

const char *gruu_public_print(struct arena *arena, struct strv aor,
			      const struct loc_binding *binding)
{
	char *gr;

	if (!binding->gruu.n || !strv_starts(aor, STRV("sip:")))
		return "";
	gr = escape(arena, binding->gruu);
	return gr ? arena_printf(arena, "%.*s;gr=%s", STRV_ARG(aor), gr) : NULL;
}

const char *gruu_params_print(struct arena *arena, const struct gruu_key *key, struct strv aor,
			      const struct loc_binding *binding)
{
	const char *uri = gruu_public_print(arena, aor, binding), *temp;

	if (!uri || !*uri)
		return uri;
	temp = gruu_temp_print(arena, key, aor, binding);
	if (!temp)
		return NULL;
	return *temp ? arena_printf(arena, ";pub-gruu=\"%s\";temp-gruu=\"%s\"", uri, temp)
		     : arena_printf(arena, ";pub-gruu=\"%s\"", uri);
}

void gruu_read(const struct sip_uri *uri, struct gruu *gruu_out)
{
	gruu_out->gr = strv_mem(NULL, 0);
	gruu_out->is_gruu = sip_param(uri->params, "gr", &gruu_out->gr) == 1;
}

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

int gruu_fits(const struct gruu *gruu, const struct loc_binding *binding)
{
	struct strv gr = gruu->gr, want = binding->gruu;

	while (gr.n && want.n) {
		char c = gr.p[0];
		size_t n = 1;

		if (c == '%' && gr.n > 2 && hex(gr.p[1]) >= 0 && hex(gr.p[2]) >= 0) {
			c = (char)(hex(gr.p[1]) << 4 | hex(gr.p[2]));
			n = 3;
		}
		if (c != want.p[0])
			return 0;
		gr = strv_mem(gr.p + n, gr.n - n);
		want = strv_mem(want.p + 1, want.n - 1);
	}
	return !gr.n && !want.n && binding->gruu.n > 0;
}
