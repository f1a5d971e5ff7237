/* SPDX-License-Identifier: Apache-2.0 */
/* sip/core/reginfo.c - see reginfo.h */
#include "sip/core/reginfo.h"

#include <stdarg.h>
#include <stdio.h>

#include "sip/core/gruu.h"
#include "sip/sip_uri.h"

struct out {
	struct arena *arena;
	char *p;
	size_t n, room;
	int failed;
};

enum { FIRST_ROOM = 2048 };

static void put(struct out *out, struct strv text)
{
	if (out->failed)
		return;
	if (text.n > out->room - out->n) {
		size_t room = 2 * (out->n + text.n) + FIRST_ROOM;
		char *p = arena_alloc(out->arena, room);

		if (!p) {
			out->failed = 1;
			return;
		}
		if (out->n)
			memcpy(p, out->p, out->n);
		out->p = p;
		out->room = room;
	}
	if (text.n)
		memcpy(out->p + out->n, text.p, text.n);
	out->n += text.n;
}

static void __attribute__((format(printf, 2, 3))) print(struct out *out, const char *fmt, ...)
{
	char text[256];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	put(out, strv_mem(text, (size_t)n));
}

/* TEXT as character data or in an attribute. What XML cannot hold, or might not be UTF-8, becomes
 * "?": these are URIs and tokens, that have no such octets. */
static void put_text(struct out *out, struct strv text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c == '&')
			put(out, STRV("&amp;"));
		else if (c == '<')
			put(out, STRV("&lt;"));
		else if (c == '>')
			put(out, STRV("&gt;"));
		else if (c == '"')
			put(out, STRV("&quot;"));
		else
			put(out, c < ' ' || c >= 0x7f ? STRV("?") : strv_mem(&text.p[i], 1));
	}
}

static uint64_t mix(uint64_t h, struct strv text)
{
	for (size_t i = 0; i < text.n; i++)
		h = (h ^ (unsigned char)text.p[i]) * UINT64_C(0x100000001b3);
	return (h ^ text.n) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Parameters as they were registered, quotes included (RFC 3680 s5.3.2). */
static void put_params(struct out *out, struct strv params)
{
	struct strv name, value;

	while (sip_param_next_raw(&params, &name, &value)) {
		put(out, STRV("<unknown-param name=\""));
		put_text(out, name);
		put(out, STRV("\">"));
		put_text(out, value);
		put(out, STRV("</unknown-param>"));
	}
}

static void put_gruu(struct out *out, struct strv aor, const struct loc_binding *b)
{
	const char *uri = gruu_public_print(out->arena, aor, b);

	if (!uri)
		out->failed = 1;
	if (!uri || !*uri)
		return;
	put(out, STRV("<gr:pub-gruu uri=\""));
	put_text(out, strv_of(uri));
	put(out, STRV("\"/>"));
}

static void put_contact(struct out *out, struct strv aor, const struct loc_binding *b,
			int64_t now_us)
{
	/* The same device and flow have the same id in every document. */
	uint64_t id = mix(b->reg_id, b->reg_id ? b->instance : b->uri);

	print(out, "<contact id=\"c%016llx\" state=\"active\" event=\"%s\"", (unsigned long long)id,
	      b->refreshed_us == b->since_us ? "registered" : "refreshed");
	print(out, " duration-registered=\"%lld\" expires=\"%lld\"",
	      (long long)(now_us - b->since_us) / 1000000,
	      (long long)(b->expires_us - now_us) / 1000000);
	if (b->q < 1000)
		print(out, " q=\"0.%03u\"", b->q);
	put(out, STRV(" callid=\""));
	put_text(out, b->call_id);
	print(out, "\" cseq=\"%u\"><uri>", b->cseq);
	put_text(out, b->uri);
	put(out, STRV("</uri>"));
	put_params(out, b->params);
	put_gruu(out, aor, b);
	put(out, STRV("</contact>"));
}

static unsigned living(const struct loc_user *user, int64_t now_us)
{
	unsigned n = 0;

	for (unsigned i = 0; user && i < user->n_bindings; i++)
		n += (unsigned)loc_binding_lives(&user->bindings[i], now_us);
	return n;
}

static void put_registration(struct out *out, const struct loc_user *user, struct strv aor,
			     int64_t now_us)
{
	put(out, STRV("<registration aor=\""));
	put_text(out, aor);
	print(out, "\" id=\"r%016llx\" state=\"%s\">", (unsigned long long)mix(1, aor),
	      living(user, now_us) ? "active"
	      : user		   ? "terminated"
				   : "init");
	for (unsigned i = 0; user && i < user->n_bindings; i++)
		if (loc_binding_lives(&user->bindings[i], now_us))
			put_contact(out, aor, &user->bindings[i], now_us);
	put(out, STRV("</registration>"));
}

struct strv reginfo_print(const struct loc_user *user, struct strv aor, uint32_t version,
			  int64_t now_us, struct arena *arena)
{
	struct out out = { .arena = arena };

	print(&out,
	      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	      "<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" "
	      "xmlns:gr=\"urn:ietf:params:xml:ns:gruuinfo\" version=\"%u\" state=\"full\">",
	      version);
	if (!user || !user->n_identities)
		put_registration(&out, user, aor, now_us);
	else
		for (unsigned i = 0; i < user->n_identities; i++)
			put_registration(&out, user, user->identities[i], now_us);
	put(&out, STRV("</reginfo>\n"));
	return out.failed ? strv_mem(NULL, 0) : strv_mem(out.p, out.n);
}
