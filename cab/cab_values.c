/* SPDX-License-Identifier: Apache-2.0 */
/* cab/cab_values.c - URIs, dates, pictures and ids of cards: see cab_contact_priv.h */
#include <ctype.h>
#include <libxml/uri.h>
#include <stdio.h>
#include <time.h>

#include "cab/cab_contact_priv.h"

enum { URI_MAX = 4096 };

const struct cab_type cab_tel_types[] = {
	{ "FAX", "Fax" },   { "CELL", "Mobile" }, { "HOME", "Home" },
	{ "WORK", "Work" }, { "VOICE", "Fixed" }, { NULL, NULL },
};
const struct cab_type cab_address_types[] = { { "HOME", "Home" },
					      { "WORK", "Work" },
					      { NULL, NULL } };
const unsigned cab_n_address_types = 2;
const char *const cab_address_parts[CAB_ADDRESS_PARTS] = { "po-box",   "extended", "street",
							   "locality", "region",   "postal-code",
							   "country" };

/* ---- URIs ---- */

int cab_has_scheme(struct strv text, const char *scheme)
{
	size_t n = strlen(scheme);

	return text.n > n + 1 && text.p[n] == ':' &&
	       strv_caseeq(strv_mem(text.p, n), strv_of(scheme));
}

/* As libxml2 judges xs:anyURI: what a URI may not hold counts as something harmless. */
static int is_any_uri(struct strv text)
{
	char buf[URI_MAX + 1];
	xmlURI *uri;

	if (text.n > URI_MAX)
		return 0;
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c < 0x20)
			return 0;
		buf[i] = c >= 127 || strchr("<>\"{}|\\^`", c) ? '_' : (char)c;
	}
	buf[text.n] = '\0';
	uri = xmlParseURI(buf);
	xmlFreeURI(uri);
	return uri != NULL;
}

int cab_is_uri(struct strv text)
{
	size_t n = 0;

	while (n < text.n && (isalnum((unsigned char)text.p[n]) || (n && strchr("+-.", text.p[n]))))
		n++;
	return n > 0 && isalpha((unsigned char)text.p[0]) && n + 1 < text.n && text.p[n] == ':' &&
	       is_any_uri(text);
}

struct strv cab_uri_make(const char *prefix, struct strv text, struct arena *arena)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = strlen(prefix);
	char *out = arena_alloc(arena, n + text.n * 3 + 1);

	if (!out)
		return strv_mem(NULL, 0);
	memcpy(out, prefix, n);
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c > 0x20 && c < 0x7F && !strchr("<>\"{}|\\^`[]#?%", c)) {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '%';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
	}
	return strv_mem(out, n);
}

static int hex_value(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
				      : -1;
}

struct strv cab_uri_decode(struct strv text, struct arena *arena)
{
	char *out;
	size_t n = 0;

	if (!text.n || !memchr(text.p, '%', text.n))
		return text;
	out = arena_alloc(arena, text.n);
	for (size_t i = 0; out && i < text.n; i++) {
		int high = -1, low = -1;

		if (text.p[i] == '%' && i + 2 < text.n) {
			high = hex_value(text.p[i + 1]);
			low = hex_value(text.p[i + 2]);
		}
		/* A NUL or half a character must not come of it. */
		if (high >= 0 && low >= 0 && high * 16 + low >= 0x20) {
			out[n++] = (char)(high * 16 + low);
			i += 2;
		} else {
			out[n++] = text.p[i];
		}
	}
	return out ? strv_mem(out, n) : strv_mem(NULL, 0);
}

/* ---- pictures ---- */

int cab_base64_sound(struct strv s)
{
	size_t n = s.n;

	while (n && s.p[n - 1] == '=' && s.n - n < 2)
		n--;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '+' && s.p[i] != '/')
			return 0;
	/* The last group of a sloppy writer has bits where there are none: schemas see that. */
	if (s.n % 4 != 0 || n == 0)
		return 0;
	if (s.n - n == 1)
		return strchr("AEIMQUYcgkosw048", s.p[n - 1]) != NULL;
	return s.n - n != 2 || strchr("AQgw", s.p[n - 1]) != NULL;
}

struct strv cab_media_type(const struct vcard_prop *prop, struct arena *arena)
{
	struct strv type = vcard_prop_param(prop, "TYPE");
	char *text;

	if (!type.n || memchr(type.p, '/', type.n))
		return type;
	text = arena_printf(arena, "%s/%.*s",
			    strv_eq(prop->name, STRV("SOUND")) ? "audio" : "image", STRV_ARG(type));
	for (char *p = text; p && *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return strv_of(text);
}

/* ---- dates ---- */

/* N digits of *TEXT, which moves on. 0, -1. */
static int digits(struct strv *text, unsigned n, unsigned *out)
{
	*out = 0;
	if (text->n < n)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		if (text->p[i] < '0' || text->p[i] > '9')
			return -1;
		*out = *out * 10 + (unsigned)(text->p[i] - '0');
	}
	*text = strv_mem(text->p + n, text->n - n);
	return 0;
}

static int skip(struct strv *text, char c)
{
	if (!text->n || text->p[0] != c)
		return 0;
	*text = strv_mem(text->p + 1, text->n - 1);
	return 1;
}

static int day_exists(unsigned year, unsigned month, unsigned day)
{
	static const unsigned days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int leap = year == 0 || (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));

	return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] &&
	       (month != 2 || day < 29 || leap);
}

/* RFC 6350 s4.3.1 with either spelling, and the date of a date-time at midnight. */
int cab_date_read(struct strv text, const struct vcard_prop *prop, char out[CAB_DATE_BYTES])
{
	unsigned year = 0, month = 0, day = 0, omitted;
	struct strv omit = vcard_prop_param(prop, "X-APPLE-OMIT-YEAR");
	int has_year = 0;

	if (skip(&text, '-')) {
		if (!skip(&text, '-') || digits(&text, 2, &month) < 0)
			return -1;
	} else {
		if (digits(&text, 4, &year) < 0 || year == 0)
			return -1;
		has_year = 1;
		if (!text.n) {
			snprintf(out, CAB_DATE_BYTES, "%04u", year);
			return 0;
		}
		skip(&text, '-');
		if (digits(&text, 2, &month) < 0 || month < 1 || month > 12)
			return -1;
	}
	if (!text.n) {
		if (month < 1 || month > 12)
			return -1;
		if (has_year)
			snprintf(out, CAB_DATE_BYTES, "%04u-%02u", year, month);
		else
			snprintf(out, CAB_DATE_BYTES, "--%02u", month);
		return 0;
	}
	skip(&text, '-');
	if (digits(&text, 2, &day) < 0 || !day_exists(year, month, day))
		return -1;
	if (text.n && !strv_starts(text, STRV("T00:00")) && !strv_starts(text, STRV("T0000")))
		return -1;
	if (has_year && digits(&omit, 4, &omitted) == 0 && omitted == year)
		has_year = 0;
	if (has_year)
		snprintf(out, CAB_DATE_BYTES, "%04u-%02u-%02u", year, month, day);
	else
		snprintf(out, CAB_DATE_BYTES, "--%02u-%02u", month, day);
	return 0;
}

/* 20080424T195243Z, 2008-04-24T19:52:43+01:00, 2008-04-24: as UTC or with its zone. */
static int read_timestamp(struct strv text, struct arena *arena, struct strv *out)
{
	unsigned year, month, day, hour = 0, minute = 0, second = 0;
	char *print;

	if (digits(&text, 4, &year) < 0 || year == 0)
		return -1;
	skip(&text, '-');
	if (digits(&text, 2, &month) < 0)
		return -1;
	skip(&text, '-');
	if (digits(&text, 2, &day) < 0 || !day_exists(year, month, day))
		return -1;
	if (skip(&text, 'T')) {
		if (digits(&text, 2, &hour) < 0)
			return -1;
		skip(&text, ':');
		if (digits(&text, 2, &minute) < 0)
			return -1;
		skip(&text, ':');
		if (digits(&text, 2, &second) < 0 || hour > 23 || minute > 59 || second > 59)
			return -1;
		if (skip(&text, '.'))
			while (text.n && isdigit((unsigned char)text.p[0]))
				skip(&text, text.p[0]);
		skip(&text, 'Z');
	}
	/* A zone would have to be turned to UTC: the time of the import says as much. */
	if (text.n)
		return -1;
	print = arena_printf(arena, "%04u-%02u-%02uT%02u:%02u:%02uZ", year, month, day, hour,
			     minute, second);
	*out = strv_of(print);
	return 0;
}

struct strv cab_card_modified(const struct vcard *card, int64_t time_s, struct arena *arena)
{
	const struct vcard_prop *rev = vcard_find(card, "REV");
	time_t now = (time_t)time_s;
	struct strv out;
	struct tm tm;

	if (rev && read_timestamp(strv_trim(rev->value), arena, &out) == 0)
		return out;
	gmtime_r(&now, &tm);
	return strv_of(arena_printf(arena, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
				    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec));
}

/* ---- ids ---- */

/* xs:token: no line ends or tabs, no two blanks side by side. */
static int is_token(struct strv s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7F ||
		    (s.p[i] == ' ' && (i == 0 || i + 1 == s.n || s.p[i + 1] == ' ')))
			return 0;
	return s.n > 0 && s.n <= CAB_ID_MAX && !memmem(s.p, s.n, "\xEF\xBF\xBE", 3) &&
	       !memmem(s.p, s.n, "\xEF\xBF\xBF", 3);
}

/* FNV-1a of 64 bits. */
static uint64_t hash(uint64_t h, struct strv s)
{
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001B3);
	return (h ^ 0xFF) * UINT64_C(0x100000001B3); /* where one ends matters */
}

struct strv cab_card_id(const struct vcard *card, struct arena *arena)
{
	const struct vcard_prop *uid = vcard_find(card, "UID");
	uint64_t h = UINT64_C(0xCBF29CE484222325);
	struct strv text;

	if (uid) {
		text = vcard_unescape(uid->value, arena);
		if (uid->value.n && !text.p)
			return strv_mem(NULL, 0);
		text = strv_trim(text);
		if (is_token(text))
			return text;
		if (text.n)
			return strv_of(arena_printf(arena, "uid-%016llx",
						    (unsigned long long)hash(h, text)));
	}
	for (unsigned i = 0; i < card->n; i++) {
		if (strv_eq(card->prop[i].name, STRV("REV")))
			continue;
		h = hash(hash(h, card->prop[i].name), card->prop[i].value);
	}
	return strv_of(arena_printf(arena, "card-%016llx", (unsigned long long)h));
}

int cab_card_is_group(const struct vcard *card)
{
	for (unsigned i = 0; i < card->n; i++)
		if ((strv_eq(card->prop[i].name, STRV("KIND")) ||
		     strv_eq(card->prop[i].name, STRV("X-ADDRESSBOOKSERVER-KIND"))) &&
		    strv_caseeq(card->prop[i].value, STRV("group")))
			return 1;
	return 0;
}
