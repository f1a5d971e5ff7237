/* SPDX-License-Identifier: Apache-2.0 */
/* sip/sip_sdp.c - see sip_sdp.h */
#include "sip/sip_sdp.h"

#include <osipparser2/sdp_message.h>

#include "sip/sip_osip.h"

/* ---- before libosip2 ---- */

static int bad(struct err *err, const char *why)
{
	return err_set(err, ERR_SYNTAX, "session description: %s", why);
}

/* "media SP port[/count] SP proto SP fmt *(SP fmt)": what libosip2 does not see to. */
static int media_ok(struct strv value)
{
	struct strv word;
	uint64_t port;
	unsigned words = 0;

	for (int more = 1; more; words++) {
		more = strv_cut(&value, ' ', &word);
		if (!word.n)
			return 0;
		if (words == 1) {
			struct strv count = word, number;
			int has_count = strv_cut(&count, '/', &number);

			if (strv_u64(number, 65535, &port) < 0 ||
			    (has_count && strv_u64(count, 65535, &port) < 0))
				return 0;
		}
	}
	return words >= 4;
}

static int line_ok(struct strv line)
{
	if (line.n < 2 || line.p[0] < 'a' || line.p[0] > 'z' || line.p[1] != '=')
		return 0;
	for (size_t i = 2; i < line.n; i++)
		if (((unsigned char)line.p[i] < ' ' && line.p[i] != '\t') || line.p[i] == 0x7f)
			return 0;
	return line.p[0] != 'm' || media_ok(strv_mem(line.p + 2, line.n - 2));
}

/* TEXT with each line checked and ended by CRLF, terminated, in ARENA. */
static int mend(struct strv text, struct arena *arena, char **mended_out, struct err *err)
{
	char *to;
	unsigned lines = 0, media = 0;
	size_t n = 0;
	struct strv line;

	if (text.n > SIP_SDP_MAX)
		return err_set(err, ERR_LIMIT, "session description of %zu octets", text.n);
	to = *mended_out = arena_alloc(arena, text.n + 2 * SIP_SDP_LINES_MAX + 3);
	if (!to)
		return err_set(err, ERR_NOMEM, "no memory for a session description");
	while (text.n) {
		strv_cut(&text, '\n', &line);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (!line_ok(line))
			return bad(err, "a line is not of the form");
		media += line.p[0] == 'm';
		if (++lines > SIP_SDP_LINES_MAX || media > SIP_SDP_MEDIA_MAX)
			return err_set(err, ERR_LIMIT, "session description of too many lines");
		memcpy(to + n, line.p, line.n);
		n += line.n;
		if (line.n == 2 && line.p[0] == 's')
			to[n++] = '-'; /* an empty name, which RFC 4566 s5.3 has written so */
		to[n++] = '\r';
		to[n++] = '\n';
	}
	to[n] = '\0';
	if (n < 5 || memcmp(to, "v=0\r\n", 5) != 0)
		return bad(err, "it does not begin with v=0");
	return 0;
}

/* ---- out of libosip2's lists ---- */

static int copy_attrs(osip_list_t *list, struct arena *arena, const struct sip_sdp_attr **attrs_out,
		      unsigned *n_out)
{
	int n = osip_list_size(list);
	struct sip_sdp_attr *attrs = arena_alloc(arena, sizeof(*attrs) * (size_t)(n > 0 ? n : 1));
	osip_list_iterator_t it;
	sdp_attribute_t *attr = osip_list_get_first(list, &it);

	*attrs_out = attrs;
	*n_out = 0;
	if (!attrs)
		return -1;
	for (; attr && *n_out < (unsigned)(n > 0 ? n : 0); attr = osip_list_get_next(&it))
		attrs[(*n_out)++] = (struct sip_sdp_attr){ strv_of(attr->a_att_field),
							   strv_of(attr->a_att_value) };
	return 0;
}

/* Formats as one text again. */
static struct strv join(osip_list_t *list, struct arena *arena)
{
	osip_list_iterator_t it;
	const char *one;
	size_t n = 0;
	char *text;

	for (one = osip_list_get_first(list, &it); one; one = osip_list_get_next(&it))
		n += strlen(one) + 1;
	text = arena_alloc(arena, n + 1);
	if (!text || !n)
		return strv_mem(NULL, 0);
	n = 0;
	for (one = osip_list_get_first(list, &it); one; one = osip_list_get_next(&it)) {
		memcpy(text + n, one, strlen(one));
		n += strlen(one);
		text[n++] = ' ';
	}
	return strv_mem(text, n - 1);
}

static int copy_media(sdp_media_t *from, struct arena *arena, struct sip_sdp_media *to,
		      struct err *err)
{
	sdp_connection_t *connection = osip_list_get(&from->c_connections, 0);
	uint64_t port = 0;

	if (!from->m_media || !from->m_proto || strv_u64(strv_of(from->m_port), 65535, &port) < 0)
		return bad(err, "a medium is not of the form");
	*to = (struct sip_sdp_media){
		.media = strv_of(from->m_media),
		.port = (unsigned)port,
		.proto = strv_of(from->m_proto),
		.formats = join(&from->m_payloads, arena),
		.info = strv_of(from->i_info),
		.addr = strv_of(connection ? connection->c_addr : NULL),
	};
	if (!to->formats.n)
		return bad(err, "a medium has no format");
	return copy_attrs(&from->a_attributes, arena, &to->attrs, &to->n_attrs) < 0
		       ? err_set(err, ERR_NOMEM, "no memory for a session description")
		       : 0;
}

static int copy(sdp_message_t *from, struct arena *arena, struct sip_sdp *to, struct err *err)
{
	int n = osip_list_size(&from->m_medias);
	struct sip_sdp_media *media = arena_alloc(arena, sizeof(*media) * (size_t)(n > 0 ? n : 1));

	if (!media || copy_attrs(&from->a_attributes, arena, &to->attrs, &to->n_attrs) < 0)
		return err_set(err, ERR_NOMEM, "no memory for a session description");
	to->user = strv_of(from->o_username);
	to->session_id = strv_of(from->o_sess_id);
	to->session_version = strv_of(from->o_sess_version);
	to->origin_type = strv_of(from->o_addrtype);
	to->origin_addr = strv_of(from->o_addr);
	to->name = from->s_name && *from->s_name ? strv_of(from->s_name) : STRV("-");
	if (from->c_connection) {
		to->addr_type = strv_of(from->c_connection->c_addrtype);
		to->addr = strv_of(from->c_connection->c_addr);
	}
	if (!to->user.n || !to->session_id.n || !to->origin_type.n || !to->origin_addr.n)
		return bad(err, "no origin");
	to->media = media;
	for (int i = 0; i < n; i++, to->n_media++)
		if (copy_media(osip_list_get(&from->m_medias, i), arena, &media[i], err) < 0)
			return -1;
	return 0;
}

int sip_sdp_parse(struct strv text, struct arena *arena, struct sip_sdp **sdp_out, struct err *err)
{
	struct sip_sdp *sdp = arena_zalloc(arena, 1, sizeof(*sdp));
	sdp_message_t *osip = NULL;
	char *mended = NULL;
	int ret;

	*sdp_out = NULL;
	if (!sdp)
		return err_set(err, ERR_NOMEM, "no memory for a session description");
	if (mend(text, arena, &mended, err) < 0)
		return -1;
	sip_osip_begin(arena);
	ret = sdp_message_init(&osip);
	if (ret == 0)
		ret = sdp_message_parse(osip, mended);
	sip_osip_end();
	if (ret != 0)
		return bad(err, "it is not of the form");
	if (copy(osip, arena, sdp, err) < 0)
		return -1;
	*sdp_out = sdp;
	return 0;
}

int sip_sdp_attr(const struct sip_sdp_attr *attrs, unsigned n_attrs, const char *name,
		 struct strv *value_out)
{
	for (unsigned i = 0; i < n_attrs; i++)
		if (strv_eq(attrs[i].name, strv_of(name))) {
			*value_out = attrs[i].value;
			return 1;
		}
	*value_out = strv_mem(NULL, 0);
	return 0;
}

/* ---- writing ---- */

struct out {
	char *at; /* NULL: only count */
	size_t n;
};

static void put(struct out *out, struct strv s)
{
	if (out->at && s.n)
		memcpy(out->at + out->n, s.p, s.n);
	out->n += s.n;
}

/* Texts with one SP between them, then CRLF. */
static void put_line(struct out *out, const char *type, const struct strv *words, unsigned n)
{
	put(out, strv_of(type));
	for (unsigned i = 0; i < n; i++) {
		if (i)
			put(out, STRV(" "));
		put(out, words[i]);
	}
	put(out, STRV("\r\n"));
}

static void put_attrs(struct out *out, const struct sip_sdp_attr *attrs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		put(out, STRV("a="));
		put(out, attrs[i].name);
		if (attrs[i].value.p) {
			put(out, STRV(":"));
			put(out, attrs[i].value);
		}
		put(out, STRV("\r\n"));
	}
}

static struct strv family_of(struct strv addr)
{
	return addr.n && memchr(addr.p, ':', addr.n) ? STRV("IP6") : STRV("IP4");
}

static void put_media(struct out *out, const struct sip_sdp_media *media)
{
	char port[8];
	unsigned value = media->port % 65536, at = sizeof(port);

	do
		port[--at] = (char)('0' + value % 10);
	while (value /= 10);
	put_line(out, "m=",
		 (struct strv[]){ media->media, strv_mem(port + at, sizeof(port) - at),
				  media->proto, media->formats },
		 4);
	if (media->info.p)
		put_line(out, "i=", &media->info, 1);
	if (media->addr.p)
		put_line(out,
			 "c=", (struct strv[]){ STRV("IN"), family_of(media->addr), media->addr },
			 3);
	put_attrs(out, media->attrs, media->n_attrs);
}

static void print(struct out *out, const struct sip_sdp *sdp)
{
	put(out, STRV("v=0\r\n"));
	put_line(out, "o=",
		 (struct strv[]){ sdp->user, sdp->session_id, sdp->session_version, STRV("IN"),
				  sdp->origin_type, sdp->origin_addr },
		 6);
	put_line(out, "s=", &sdp->name, 1);
	if (sdp->addr.p)
		put_line(out, "c=", (struct strv[]){ STRV("IN"), sdp->addr_type, sdp->addr }, 3);
	put(out, STRV("t=0 0\r\n"));
	put_attrs(out, sdp->attrs, sdp->n_attrs);
	for (unsigned i = 0; i < sdp->n_media; i++)
		put_media(out, &sdp->media[i]);
}

struct strv sip_sdp_print(const struct sip_sdp *sdp, struct arena *arena)
{
	struct out out = { NULL, 0 };
	char *text;

	print(&out, sdp);
	text = arena_alloc(arena, out.n ? out.n : 1);
	if (!text)
		return strv_mem(NULL, 0);
	out = (struct out){ text, 0 };
	print(&out, sdp);
	return strv_mem(text, out.n);
}
