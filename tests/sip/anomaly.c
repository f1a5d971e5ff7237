/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sip/anomaly.c - see anomaly.h */
#include "tests/sip/anomaly.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- elements ---- */

/* What a valid request is made of, in its order; an element without a name is never replaced. @H is
 * the host, @P the port, @V sent-by, @T the transport, @M the method, @L the body's length, @N the
 * number of the message. */
static const struct element {
	const char *name, *text;
} elements[] = {
	{ "method", "@M" },
	{ "first SP", " " },
	{ "scheme", "sip" },
	{ "scheme's colon", ":" },
	{ "user", "bob" },
	{ "at", "@" },
	{ "host", "@H" },
	{ "port", ":@P" },
	{ "URI parameter", ";transport=udp" },
	{ "second SP", " " },
	{ "protocol", "SIP" },
	{ "version", "/2.0" },
	{ "start line end", "\r\n" },
	{ "Via name", "Via" },
	{ "Via colon", ": " },
	{ "Via protocol", "SIP/2.0" },
	{ "Via transport", "/@T" },
	{ NULL, " " },
	{ "Via sent-by", "@V" },
	{ "Via rport", ";rport" },
	{ "Via branch name", ";branch" },
	{ "Via branch", "=z9hG4bKanomaly@N" },
	{ "Via line end", "\r\n" },
	{ "second Via", "Via: SIP/2.0/TCP b.example.com;received=192.0.2.9;branch=z9hG4bKb\r\n" },
	{ "Max-Forwards name", "Max-Forwards" },
	{ NULL, ": " },
	{ "Max-Forwards", "70" },
	{ NULL, "\r\nFrom" },
	{ "From colon", ":" },
	{ "From display", " \"Alice \\\" A\" " },
	{ "From bracket", "<" },
	{ "From URI", "sip:alice@@H" },
	{ "From closing bracket", ">" },
	{ "From tag name", ";tag" },
	{ "From tag", "=a@N" },
	{ "From parameter", ";x=\"y\"" },
	{ NULL, "\r\nTo: " },
	{ "To display", "Bob " },
	{ NULL, "<" },
	{ "To scheme", "sip:" },
	{ "To user", "bob" },
	{ NULL, "@@H" },
	{ "To URI parameters", ";user=phone" },
	{ NULL, ">" },
	{ "To parameters", ";y" },
	{ NULL, "\r\nCall-ID: " },
	{ "Call-ID", "anomaly-@N@example.com" },
	{ NULL, "\r\nCSeq: " },
	{ "CSeq number", "20" },
	{ "CSeq blank", " " },
	{ "CSeq method", "@M" },
	{ NULL, "\r\nContact: " },
	{ "Contact", "<sip:alice@192.0.2.1:5060>" },
	{ "Contact parameters", ";+sip.instance=\"<urn:uuid:1>\";q=0.5;expires=600" },
	{ NULL, "\r\nSupported: " },
	{ "Supported", "timer, gruu" },
	{ NULL, "\r\nExpires: " },
	{ "Expires", "600" },
	{ NULL, "\r\nAccept-Contact: *" },
	{ "Accept-Contact", ";+g.3gpp.icsi-ref=\"urn%3Aurn-7\";require" },
	{ NULL, "\r\nP-Preferred-Identity: " },
	{ "P-Preferred-Identity", "<sip:alice@example.com>" },
	{ NULL, "\r\nSubject: " },
	{ "Subject", "one" },
	{ NULL, "\r\n" },
	{ "unknown name", "X-Unknown" },
	{ NULL, ": " },
	{ "unknown value", "a;b, \"c\"" },
	{ NULL, "\r\nContent-Type: " },
	{ "Content-Type", "application" },
	{ "Content-Type slash", "/sdp" },
	{ "Content-Type parameter", ";charset=utf-8" },
	{ NULL, "\r\n" },
	{ "Content-Length name", "Content-Length" },
	{ NULL, ": " },
	{ "Content-Length", "@L" },
	{ "last line end", "\r\n" },
	{ "empty line", "\r\n" },
};

static const char body[] = "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\n"
			   "t=0 0\r\nm=message 9 TCP/MSRP *\r\na=accept-types:text/plain\r\n";

enum { ELEMENTS = sizeof(elements) / sizeof(elements[0]) };

/* ---- anomalies ---- */

/* A text N times, a length of 0 standing for all of it; octets may be NUL. */
static const struct anomaly {
	const char *text;
	size_t length;
	unsigned times;
} anomalies[] = {
	{ "", 0, 0 },
	/* length */
	{ "a", 0, 32 },
	{ "a", 0, 128 },
	{ "a", 0, 256 },
	{ "a", 0, 1024 },
	{ "a", 0, 4096 },
	{ "a", 0, 8192 },
	{ "a", 0, 20000 },
	{ "a", 0, 66000 },
	{ "ab ", 0, 2000 },
	/* numbers */
	{ "-1", 0, 1 },
	{ "0", 0, 1 },
	{ "+5", 0, 1 },
	{ "0x5", 0, 1 },
	{ "1.5", 0, 1 },
	{ "255", 0, 1 },
	{ "65535", 0, 1 },
	{ "65536", 0, 1 },
	{ "2147483648", 0, 1 },
	{ "4294967295", 0, 1 },
	{ "4294967296", 0, 1 },
	{ "18446744073709551616", 0, 1 },
	{ "9", 0, 100 },
	{ "00000000000000000007", 0, 1 },
	/* formats and escapes */
	{ "%s%n%x%d", 0, 16 },
	{ "%", 0, 1 },
	{ "%0", 0, 1 },
	{ "%00", 0, 1 },
	{ "%0d%0a", 0, 8 },
	{ "%zz", 0, 1 },
	{ "%41", 0, 300 },
	{ "\\", 0, 1 },
	{ "\\\"", 0, 1 },
	{ "$(id)`id`", 0, 1 },
	{ "../../../../etc/passwd", 0, 1 },
	{ "<script>alert(1)</script>", 0, 1 },
	{ "' OR 1=1 --", 0, 1 },
	/* delimiters, once and often */
	{ "\"", 0, 1 },
	{ "\"", 0, 63 },
	{ "\"\"", 0, 1 },
	{ "<", 0, 1 },
	{ "<", 0, 200 },
	{ ">", 0, 1 },
	{ "<>", 0, 1 },
	{ "@", 0, 1 },
	{ "@", 0, 100 },
	{ ",", 0, 1 },
	{ ",", 0, 64 },
	{ ",", 0, 5000 },
	{ ";", 0, 1 },
	{ ";", 0, 64 },
	{ ";a=", 0, 2000 },
	{ ";a", 0, 64 },
	{ ":", 0, 1 },
	{ ":", 0, 100 },
	{ "/", 0, 1 },
	{ "=", 0, 1 },
	{ "?", 0, 1 },
	{ "?a=b&c=d", 0, 1 },
	{ "*", 0, 1 },
	{ "#", 0, 1 },
	{ "&", 0, 10 },
	{ "[", 0, 1 },
	{ "]", 0, 1 },
	{ "[::1]", 0, 1 },
	{ "[::1", 0, 1 },
	{ "[2001:db8:::192.0.2.1]", 0, 1 },
	{ "[:::::::::::::::::::::::]", 0, 1 },
	{ "{}|^~`", 0, 1 },
	{ "(", 0, 100 },
	{ "(a\\)b)", 0, 1 },
	/* blanks and line ends */
	{ " ", 0, 1 },
	{ " ", 0, 1000 },
	{ "\t", 0, 1 },
	{ "\r", 0, 1 },
	{ "\n", 0, 1 },
	{ "\r\n", 0, 1 },
	{ "\r\n\r\n", 0, 1 },
	{ "\r\n ", 0, 1 },
	{ "\r\n\t\r\n ", 0, 1 },
	{ "\r\n ", 0, 500 },
	{ "\n ", 0, 1 },
	{ "\r ", 0, 1 },
	{ "\n\r", 0, 1 },
	{ "\r\nTo: <sip:c@d>;tag=\r\nX:", 0, 1 },
	{ "\r\nP-Asserted-Identity: <sip:ceo@example.com>\r\nX:", 0, 1 },
	{ "\r\nX: ", 0, 140 },
	{ "\rP-Asserted-Identity: <sip:ceo@example.com>", 0, 1 },
	/* octets */
	{ "\0", 1, 1 },
	{ "\0", 1, 100 },
	{ "a\0b", 3, 1 },
	{ "\x01", 0, 1 },
	{ "\x07", 0, 1 },
	{ "\x08", 0, 1 },
	{ "\x0b", 0, 1 },
	{ "\x0c", 0, 1 },
	{ "\x1b[31m", 0, 1 },
	{ "\x7f", 0, 1 },
	{ "\x80", 0, 1 },
	{ "\xff", 0, 1 },
	{ "\xff", 0, 500 },
	{ "\xc0\x80", 0, 1 },
	{ "\xed\xa0\x80", 0, 1 },
	{ "\xf4\x90\x80\x80", 0, 1 },
	{ "\xe2\x80\xae", 0, 1 },
	{ "\xef\xbb\xbf", 0, 1 },
	{ "\"\\\x01\"", 0, 1 },
	{ "\"\\\0\"", 4, 1 },
};

enum { ANOMALIES = sizeof(anomalies) / sizeof(anomalies[0]) };

static unsigned named_elements(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ELEMENTS; i++)
		n += elements[i].name != NULL;
	return n;
}

/* The index of the K-th element with a name. */
static unsigned element_at(size_t k)
{
	unsigned i = 0;

	for (;; i++)
		if (elements[i].name && !k--)
			return i;
}

size_t anomaly_count(void)
{
	return (size_t)named_elements() * ANOMALIES;
}

const char *anomaly_name(size_t n)
{
	static char name[160];
	const struct anomaly *anomaly = &anomalies[n % ANOMALIES];
	size_t at;

	if (n >= anomaly_count())
		return "valid";
	at = (size_t)snprintf(name, sizeof(name), "%s / %u times \"",
			      elements[element_at(n / ANOMALIES)].name, anomaly->times);
	for (const char *p = anomaly->text; *p && at < sizeof(name) - 6; p++)
		at += (size_t)snprintf(name + at, sizeof(name) - at,
				       *p >= ' ' && *p < 0x7f ? "%c" : "\\x%02x",
				       (unsigned char)*p);
	snprintf(name + at, sizeof(name) - at, "\"");
	return name;
}

/* ---- making ---- */

static size_t put_anomaly(char *to, const struct anomaly *anomaly)
{
	size_t length = anomaly->length ? anomaly->length : strlen(anomaly->text);

	for (unsigned i = 0; i < anomaly->times; i++)
		memcpy(to + i * length, anomaly->text, length);
	return anomaly->times * length;
}

static size_t put_element(char *to, const char *text, const char *method, size_t n,
			  const struct anomaly_ids *ids)
{
	char *at = to;

	for (; *text; text++) {
		if (*text != '@' || !text[1]) {
			*at++ = *text;
			continue;
		}
		switch (*++text) {
		case 'H':
			at += sprintf(at, "%s", ids->host);
			break;
		case 'P':
			at += sprintf(at, "%u", ids->port);
			break;
		case 'V':
			at += sprintf(at, "%s", ids->via);
			break;
		case 'T':
			at += sprintf(at, "%s", ids->transport);
			break;
		case 'M':
			at += sprintf(at, "%s", method);
			break;
		case 'L':
			at += sprintf(at, "%zu", sizeof(body) - 1);
			break;
		case 'N':
			at += sprintf(at, "%s%zu", method, n);
			break;
		default:
			*at++ = '@';
			text--;
		}
	}
	return (size_t)(at - to);
}

size_t anomaly_make(const char *method, size_t n, const struct anomaly_ids *ids, char *text)
{
	unsigned replaced = n < anomaly_count() ? element_at(n / ANOMALIES) : ELEMENTS;
	size_t at = 0;

	for (unsigned i = 0; i < ELEMENTS; i++)
		at += i == replaced ? put_anomaly(text + at, &anomalies[n % ANOMALIES])
				    : put_element(text + at, elements[i].text, method, n, ids);
	memcpy(text + at, body, sizeof(body) - 1);
	return at + sizeof(body) - 1;
}
