/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/pol_xml.c - reading a tree: elements by their expanded names, text, XML Schema's values
 */
#include "policy/pol_priv.h"

int pol_xml_is(const xmlNode *node, const char *ns, const char *local)
{
	return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, local) == 0 &&
	       strcmp(node->ns ? (const char *)node->ns->href : "", ns) == 0;
}

const xmlNode *pol_xml_element(const xmlNode *node)
{
	while (node && node->type != XML_ELEMENT_NODE)
		node = node->next;
	return node;
}

const xmlNode *pol_xml_child(const xmlNode *node, const char *ns, const char *local)
{
	for (const xmlNode *child = node ? node->children : NULL; child; child = child->next)
		if (pol_xml_is(child, ns, local))
			return child;
	return NULL;
}

/* XML's white space around a value goes, as XML Schema's types have it. */
static struct strv trim(struct strv s)
{
	while (s.n && strchr(" \t\r\n", s.p[0]) && s.p[0])
		s.p++, s.n--;
	while (s.n && strchr(" \t\r\n", s.p[s.n - 1]) && s.p[s.n - 1])
		s.n--;
	return s;
}

static int take(xmlChar *text, struct arena *arena, struct strv *text_out, struct err *err)
{
	char *copy = text ? arena_strdup(arena, trim(strv_of((const char *)text))) : NULL;

	xmlFree(text);
	*text_out = strv_of(copy);
	return copy ? 1 : err_set(err, ERR_NOMEM, "out of memory");
}

int pol_xml_text(const xmlNode *node, struct arena *arena, struct strv *text_out, struct err *err)
{
	return take(xmlNodeGetContent(node), arena, text_out, err);
}

int pol_xml_attr(const xmlNode *node, const char *attr, struct arena *arena, struct strv *text_out,
		 struct err *err)
{
	const xmlAttr *found = NULL;

	for (const xmlAttr *a = node->properties; a; a = a->next)
		if (strcmp((const char *)a->name, attr) == 0 && (!found || !a->ns))
			found = a;
	*text_out = (struct strv){ NULL, 0 };
	if (!found)
		return 0;
	return take(xmlNodeGetContent((const xmlNode *)(const void *)found), arena, text_out, err);
}

int pol_text_bool(struct strv text, int *value_out)
{
	if (strv_eq(text, STRV("true")) || strv_eq(text, STRV("1")))
		*value_out = 1;
	else if (strv_eq(text, STRV("false")) || strv_eq(text, STRV("0")))
		*value_out = 0;
	else
		return -1;
	return 0;
}

/* ---- xs:dateTime ---- */

/* N digits of TEXT as a number. */
static int digits(struct strv *text, size_t n, unsigned max, unsigned *value_out)
{
	uint64_t value;

	if (text->n < n || strv_u64(strv_mem(text->p, n), max, &value) < 0)
		return -1;
	text->p += n, text->n -= n;
	*value_out = (unsigned)value;
	return 0;
}

static int skip(struct strv *text, char c)
{
	if (!text->n || text->p[0] != c)
		return -1;
	text->p++, text->n--;
	return 0;
}

/* Days from 1970-01-01 of the proleptic Gregorian calendar. */
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
	int64_t era, of_era;
	unsigned of_year;

	year -= month <= 2;
	era = (year >= 0 ? year : year - 399) / 400;
	of_era = year - era * 400;
	of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static unsigned days_in(int64_t year, unsigned month)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Anything but zeroes behind the point counts as one second more. */
static int fraction(struct strv *text, int64_t *seconds)
{
	int more = 0;
	size_t n = 0;

	if (skip(text, '.') < 0)
		return 0;
	for (; text->n && text->p[0] >= '0' && text->p[0] <= '9'; n++, text->p++, text->n--)
		more |= text->p[0] != '0';
	*seconds += more;
	return n ? 0 : -1;
}

static int zone(struct strv *text, int64_t *seconds)
{
	unsigned hours, minutes;
	int east;

	if (skip(text, 'Z') == 0)
		return text->n ? -1 : 1;
	if (!text->n)
		return 0;
	east = text->p[0] == '+';
	if (!east && text->p[0] != '-')
		return -1;
	text->p++, text->n--;
	if (digits(text, 2, 14, &hours) < 0 || skip(text, ':') < 0 ||
	    digits(text, 2, 59, &minutes) < 0 || text->n || (hours == 14 && minutes))
		return -1;
	*seconds -= (east ? 1 : -1) * (int64_t)(hours * 3600 + minutes * 60);
	return 1;
}

int pol_text_time(struct strv text, int64_t *seconds_out)
{
	unsigned year, month, day, hour, minute, second;
	int before = skip(&text, '-') == 0;
	size_t n_year = 0;
	int64_t y;

	while (n_year < text.n && text.p[n_year] >= '0' && text.p[n_year] <= '9')
		n_year++;
	if (n_year < 4 || n_year > 9 || digits(&text, n_year, 999999999, &year) < 0 ||
	    skip(&text, '-') < 0 || digits(&text, 2, 12, &month) < 0 || skip(&text, '-') < 0 ||
	    digits(&text, 2, 31, &day) < 0 || skip(&text, 'T') < 0 ||
	    digits(&text, 2, 24, &hour) < 0 || skip(&text, ':') < 0 ||
	    digits(&text, 2, 59, &minute) < 0 || skip(&text, ':') < 0 ||
	    digits(&text, 2, 59, &second) < 0)
		return -1;
	y = before ? -(int64_t)year : (int64_t)year;
	if (!month || !day || day > days_in(y, month) || (hour == 24 && (minute || second)))
		return -1;
	*seconds_out = days_of(y, month, day) * 86400 + hour * 3600 + minute * 60 + second;
	if (fraction(&text, seconds_out) < 0)
		return -1;
	return zone(&text, seconds_out);
}
