/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/xml_fence.c - see xml_fence.h
 *
 * libxml2 compares each attribute of a start tag with all before it, and calls back only when it is
 * done: 100,000 attributes hold it for half a minute. So they are counted here, in front. The
 * count cannot be evaded by confusing the two about comments or quotes: it is taken at every "<",
 * wherever that stands, and no start tag that libxml2 accepts contains another "<".
 *
 * Depth, nodes and the document type declaration are stopped by callbacks in xml.c, in time.
 */
#include "base/xml_fence.h"

#include <strings.h>

static enum xml_fault refuse(struct xml_fence_report *report, size_t at, enum xml_fault fault,
			     const char *why)
{
	report->at = at;
	report->why = why;
	return fault;
}

/* 1 when the first octets say UTF-16 or UTF-32, with or without a byte order mark. */
static int is_wide(struct strv bytes)
{
	const unsigned char *p = (const unsigned char *)bytes.p;

	if (bytes.n < 2)
		return 0;
	return (p[0] == 0xfe && p[1] == 0xff) || (p[0] == 0xff && p[1] == 0xfe) ||
	       (p[0] == 0 && p[1] == '<') || (p[0] == '<' && p[1] == 0) ||
	       (bytes.n >= 4 && p[0] == 0 && p[1] == 0 && p[2] == 0 && p[3] == '<') ||
	       (bytes.n >= 4 && p[0] == 0 && p[1] == 0 && p[2] == 0xfe && p[3] == 0xff);
}

/* Octets of the UTF-8 sequence at P, of which LEFT are there; 0 when it is ill-formed (Unicode
 * table 3-7: no overlong form, no surrogate, nothing above U+10FFFF). */
static size_t sequence(const unsigned char *p, size_t left)
{
	static const struct {
		unsigned char lead_min, lead_max, second_min, second_max, len;
	} rows[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (p[0] < rows[i].lead_min || p[0] > rows[i].lead_max)
			continue;
		if (left < rows[i].len || p[1] < rows[i].second_min || p[1] > rows[i].second_max)
			return 0;
		for (size_t k = 2; k < rows[i].len; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return rows[i].len;
	}
	return 0;
}

/* 1 when none of the eight octets at P is above 0x7e or below 0x20. */
static int eight_plain(const unsigned char *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones * 0x80;
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return ((w | ((w - ones * 0x20) & ~w)) & high) == 0;
}

/* UTF-8, and nothing but what XML 1.0 calls Char. */
static enum xml_fault check_characters(struct strv bytes, struct xml_fence_report *report)
{
	const unsigned char *p = (const unsigned char *)bytes.p;
	size_t i = 0, len;

	while (i < bytes.n) {
		if (bytes.n - i >= 8 && eight_plain(p + i)) {
			i += 8;
		} else if (p[i] < 0x80) {
			if (p[i] < 0x20 && p[i] != '\t' && p[i] != '\n' && p[i] != '\r')
				return refuse(report, i, XML_FAULT_NOT_WELL_FORMED,
					      "a control character");
			i++;
		} else {
			len = sequence(p + i, bytes.n - i);
			if (len == 0)
				return refuse(report, i, XML_FAULT_NOT_UTF8, "ill-formed UTF-8");
			if (len == 3 && p[i] == 0xef && p[i + 1] == 0xbf && p[i + 2] >= 0xbe)
				return refuse(report, i, XML_FAULT_NOT_WELL_FORMED,
					      "U+FFFE or U+FFFF");
			i += len;
		}
	}
	return XML_FAULT_NONE;
}

static int is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next NAME = "VALUE" of an XML declaration. Returns 1, or 0 when nothing of that form is
 * there. */
static int next_pseudo_attribute(struct strv *decl, struct strv *name_out, struct strv *value_out)
{
	const char *p = decl->p, *end = decl->p + decl->n, *from;
	char quote;

	while (p < end && is_blank(*p))
		p++;
	for (from = p; p < end && *p != '=' && !is_blank(*p); p++)
		;
	*name_out = strv_mem(from, (size_t)(p - from));
	while (p < end && is_blank(*p))
		p++;
	if (p == end || *p++ != '=')
		return 0;
	while (p < end && is_blank(*p))
		p++;
	if (p == end || (*p != '"' && *p != '\''))
		return 0;
	quote = *p++;
	for (from = p; p < end && *p != quote; p++)
		;
	if (p == end)
		return 0;
	*value_out = strv_mem(from, (size_t)(p - from));
	*decl = strv_mem(p + 1, (size_t)(end - p - 1));
	return 1;
}

/* Version 1.0 and no encoding but UTF-8. What else is wrong with the declaration libxml2 finds. */
static enum xml_fault check_declaration(struct strv bytes, struct xml_fence_report *report)
{
	struct strv decl, name, value;
	const char *close;

	if (bytes.n < 6 || memcmp(bytes.p, "<?xml", 5) != 0 || !is_blank(bytes.p[5]))
		return XML_FAULT_NONE;
	close = memmem(bytes.p, bytes.n, "?>", 2);
	if (!close)
		return refuse(report, 0, XML_FAULT_NOT_WELL_FORMED,
			      "an XML declaration without an end");
	decl = strv_mem(bytes.p + 5, (size_t)(close - bytes.p - 5));
	while (next_pseudo_attribute(&decl, &name, &value)) {
		if (strv_eq(name, STRV("version")) && !strv_eq(value, STRV("1.0")))
			return refuse(report, 0, XML_FAULT_NOT_WELL_FORMED,
				      "the XML version is not 1.0");
		if (strv_eq(name, STRV("encoding")) && !strv_caseeq(value, STRV("utf-8")))
			return refuse(report, 0, XML_FAULT_NOT_UTF8,
				      "the declared encoding is not UTF-8");
	}
	return XML_FAULT_NONE;
}

/* How many "=" stand outside quotes between the "<" at P and the end of its tag; counting ends
 * above LIMIT. */
static unsigned tag_attributes(const char *p, const char *end, unsigned limit)
{
	unsigned n = 0;
	char quote = 0;

	for (p++; p < end && *p != '<' && n <= limit; p++) {
		if (quote) {
			if (*p == quote)
				quote = 0;
		} else if (*p == '>') {
			break;
		} else if (*p == '"' || *p == '\'') {
			quote = *p;
		} else if (*p == '=') {
			n++;
		}
	}
	return n;
}

static enum xml_fault check_attributes(struct strv bytes, unsigned limit,
				       struct xml_fence_report *report)
{
	const char *p = bytes.p, *end = bytes.p + bytes.n;

	while (p < end && (p = memchr(p, '<', (size_t)(end - p))) != NULL) {
		if (tag_attributes(p, end, limit) > limit)
			return refuse(report, (size_t)(p - bytes.p), XML_FAULT_TOO_MANY_ATTRIBUTES,
				      "too many attributes on one element");
		p++;
	}
	return XML_FAULT_NONE;
}

enum xml_fault xml_fence_check(struct strv bytes, const struct xml_limits *limits, int fragment,
			       struct xml_fence_report *report)
{
	enum xml_fault fault;

	if (bytes.n > limits->bytes)
		return refuse(report, 0, XML_FAULT_TOO_LARGE, "too many octets");
	if (is_wide(bytes))
		return refuse(report, 0, XML_FAULT_NOT_UTF8, "UTF-16 or UTF-32, not UTF-8");
	fault = check_characters(bytes, report);
	if (!fault && !fragment)
		fault = check_declaration(bytes, report);
	if (!fault)
		fault = check_attributes(bytes, limits->attributes, report);
	return fault;
}
