/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_upgrade.c - see sip_upgrade.h
 *
 * One request is all that is ever read as HTTP here, so this is no HTTP server: a request line, a
 * few header fields, no body. Everything else is refused, and the connection with it.
 */
#include "sip/sip_upgrade.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>

enum { FIELDS_MAX = 64, KEY_BYTES = 24, SHA1_BYTES = 20 };

/* What the header fields said. */
struct fields {
	struct strv key; /* p NULL: none */
	unsigned n_keys, n_hosts;
	int upgrade, connection, version, other_version, sip, body;
};

static void refuse(struct sip_upgrade *out, unsigned status, const char *why)
{
	out->status = status;
	out->why = why;
}

static struct strv next_line(struct strv *rest)
{
	const char *end = memmem(rest->p, rest->n, "\r\n", 2);
	struct strv line = strv_mem(rest->p, end ? (size_t)(end - rest->p) : rest->n);
	size_t gone = end ? line.n + 2 : line.n;

	rest->p += gone;
	rest->n -= gone;
	return line;
}

/* Is TOKEN (any case) in the comma list? */
static int has_token(struct strv list, const char *token)
{
	struct strv item;

	while (list.n) {
		strv_cut(&list, ',', &item);
		if (strv_caseeq(strv_trim(item), strv_of(token)))
			return 1;
	}
	return 0;
}

static int is_key(struct strv key)
{
	if (key.n != KEY_BYTES || key.p[22] != '=' || key.p[23] != '=')
		return 0;
	for (size_t i = 0; i < 22; i++) {
		char c = key.p[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		      c == '+' || c == '/'))
			return 0;
	}
	return 1;
}

/* A name has no blank or control octet, a value no control octet but tab (RFC 9112 s5). */
static int is_field(struct strv name, struct strv value)
{
	if (!name.n)
		return 0;
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] <= ' ' || (unsigned char)name.p[i] >= 127)
			return 0;
	for (size_t i = 0; i < value.n; i++)
		if (((unsigned char)value.p[i] < ' ' && value.p[i] != '\t') || value.p[i] == 127)
			return 0;
	return 1;
}

static void note(struct fields *fields, struct strv name, struct strv value)
{
	if (strv_caseeq(name, STRV("Host"))) {
		fields->n_hosts++;
	} else if (strv_caseeq(name, STRV("Upgrade"))) {
		fields->upgrade |= has_token(value, "websocket");
	} else if (strv_caseeq(name, STRV("Connection"))) {
		fields->connection |= has_token(value, "upgrade");
	} else if (strv_caseeq(name, STRV("Sec-WebSocket-Key"))) {
		fields->key = value;
		fields->n_keys++;
	} else if (strv_caseeq(name, STRV("Sec-WebSocket-Version"))) {
		*(strv_eq(value, STRV("13")) ? &fields->version : &fields->other_version) = 1;
	} else if (strv_caseeq(name, STRV("Sec-WebSocket-Protocol"))) {
		fields->sip |= has_token(value, "sip");
	} else if (strv_caseeq(name, STRV("Transfer-Encoding")) ||
		   (strv_caseeq(name, STRV("Content-Length")) && !strv_eq(value, STRV("0")))) {
		fields->body = 1;
	}
}

static int read_fields(struct strv rest, struct fields *fields)
{
	for (unsigned n = 0; rest.n; n++) {
		struct strv value = next_line(&rest), name;

		if (n == FIELDS_MAX || !strv_cut(&value, ':', &name))
			return -1;
		value = strv_trim(value);
		if (!is_field(name, value))
			return -1;
		note(fields, name, value);
	}
	return 0;
}

static int is_target(struct strv target)
{
	if (!target.n || target.p[0] != '/')
		return 0;
	for (size_t i = 0; i < target.n; i++)
		if ((unsigned char)target.p[i] <= ' ' || (unsigned char)target.p[i] >= 127)
			return 0;
	return 1;
}

/* The key with the protocol's own string behind it, hashed (RFC 6455 s4.2.2). 0, or -1. */
static int make_accept(struct strv key, char accept[SIP_UPGRADE_ACCEPT + 1])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	char text[KEY_BYTES + sizeof(guid)];
	unsigned char hash[SHA1_BYTES];
	gnutls_datum_t raw = { hash, sizeof(hash) }, base64 = { NULL, 0 };
	int ret = -1;

	memcpy(text, key.p, KEY_BYTES);
	memcpy(text + KEY_BYTES, guid, sizeof(guid));
	if (gnutls_hash_fast(GNUTLS_DIG_SHA1, text, sizeof(text) - 1, hash) < 0 ||
	    gnutls_base64_encode2(&raw, &base64) < 0)
		return -1;
	if (base64.size == SIP_UPGRADE_ACCEPT) {
		memcpy(accept, base64.data, SIP_UPGRADE_ACCEPT);
		accept[SIP_UPGRADE_ACCEPT] = '\0';
		ret = 0;
	}
	gnutls_free(base64.data);
	return ret;
}

static void judge(const struct fields *fields, struct sip_upgrade *out)
{
	if (fields->body)
		refuse(out, 400, "a body");
	else if (fields->n_hosts != 1)
		refuse(out, 400, "not one Host");
	else if (!fields->upgrade || !fields->connection)
		refuse(out, 426, "no upgrade to a WebSocket");
	else if (!fields->version || fields->other_version)
		refuse(out, 426, "another version of WebSocket");
	else if (fields->n_keys != 1 || !is_key(fields->key))
		refuse(out, 400, "no good Sec-WebSocket-Key");
	else if (!fields->sip)
		refuse(out, 400, "no subprotocol sip"); /* RFC 7118 s4.2 */
	else if (make_accept(fields->key, out->accept) < 0)
		refuse(out, 500, "no hash");
	else
		out->status = 101;
}

void sip_upgrade_read(struct strv in, struct sip_upgrade *out)
{
	size_t window = in.n < SIP_UPGRADE_MAX ? in.n : SIP_UPGRADE_MAX;
	const char *end = in.n ? memmem(in.p, window, "\r\n\r\n", 4) : NULL;
	struct fields fields = { .key = { NULL, 0 } };
	struct strv rest, line, method, target;

	*out = (struct sip_upgrade){ 0 };
	if (!end) {
		if (window < SIP_UPGRADE_MAX)
			return;
		out->used = window;
		refuse(out, 431, "a header section too large");
		return;
	}
	out->used = (size_t)(end + 4 - in.p);
	rest = strv_mem(in.p, out->used - 2);
	line = next_line(&rest);
	if (!strv_cut(&line, ' ', &method) || !strv_cut(&line, ' ', &target) ||
	    !is_target(target) || !strv_starts(line, STRV("HTTP/")))
		refuse(out, 400, "no HTTP request");
	else if (!strv_eq(method, STRV("GET")))
		refuse(out, 405, "only GET");
	else if (!strv_eq(line, STRV("HTTP/1.1")))
		refuse(out, 505, "only HTTP/1.1");
	else if (read_fields(rest, &fields) < 0)
		refuse(out, 400, "a bad header field");
	else
		judge(&fields, out);
}

static const char *phrase(unsigned status)
{
	switch (status) {
	case 400:
		return "Bad Request";
	case 405:
		return "Method Not Allowed";
	case 426:
		return "Upgrade Required";
	case 431:
		return "Request Header Fields Too Large";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "Internal Server Error";
	}
}

size_t sip_upgrade_answer(const struct sip_upgrade *upgrade, char *text, size_t size)
{
	int n;

	if (upgrade->status == 101)
		n = snprintf(text, size,
			     "HTTP/1.1 101 Switching Protocols\r\n"
			     "Upgrade: websocket\r\n"
			     "Connection: Upgrade\r\n"
			     "Sec-WebSocket-Accept: %s\r\n"
			     "Sec-WebSocket-Protocol: sip\r\n\r\n",
			     upgrade->accept);
	else
		n = snprintf(text, size,
			     "HTTP/1.1 %u %s\r\n"
			     "%s%s"
			     "Content-Type: text/plain\r\n"
			     "Content-Length: %zu\r\n"
			     "Connection: close\r\n\r\n%s\n",
			     upgrade->status, phrase(upgrade->status),
			     upgrade->status == 426 ? "Upgrade: websocket\r\n"
						      "Sec-WebSocket-Version: 13\r\n"
						    : "",
			     upgrade->status == 405 ? "Allow: GET\r\n" : "",
			     strlen(upgrade->why) + 1, upgrade->why);
	return n > 0 && (size_t)n < size ? (size_t)n : 0;
}
