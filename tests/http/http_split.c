/* SPDX-License-Identifier: Apache-2.0 */
/* tests/http/http_split.c - see http_split.h */
#include "tests/http/http_split.h"

#include <string.h>

struct rest {
	char *p;
	size_t n;
};

/* The next line, its end overwritten by NUL; 0 when there is no whole one. */
static int next_line(struct rest *rest, char **line_out, size_t *n_out)
{
	for (size_t i = 0; i < rest->n; i++) {
		int crlf = rest->p[i] == '\r' && i + 1 < rest->n && rest->p[i + 1] == '\n';

		if (!crlf && rest->p[i] != '\n')
			continue;
		*line_out = rest->p;
		*n_out = i;
		rest->p[i] = '\0';
		if (crlf)
			rest->p[++i] = '\0';
		rest->p += i + 1;
		rest->n -= i + 1;
		return 1;
	}
	return 0;
}

static int split_line(char *line, size_t n, struct http_head *head)
{
	char *target = memchr(line, ' ', n), *version = line + n - 1;

	if (!target)
		return 0;
	*target++ = '\0';
	while (target < line + n && *target == ' ')
		target++;
	if (target == line + n)
		return 0;
	while (version > target && *version == ' ')
		version--;
	while (version > target && *version != ' ')
		version--;
	if (version <= target)
		return 0;
	*version++ = '\0';
	/* The library answers other versions by itself; here they are left to the fence. */
	if ((size_t)(line + n - version) != 8)
		return 0;
	head->p = line;
	head->method = strv_of(line);
	head->target = strv_of(target);
	head->version = (struct strv){ version, 8 };
	return 1;
}

static int split_field(char *line, struct http_field *field)
{
	char *colon = strchr(line, ':');

	if (!colon)
		return 0;
	*colon++ = '\0';
	while (*colon == ' ' || *colon == '\t')
		colon++;
	field->name = strv_of(line);
	field->value = strv_of(colon);
	return 1;
}

int http_split(char *p, size_t n, struct http_field *fields, unsigned max,
	       struct http_head *head_out)
{
	struct rest rest = { p, n };
	unsigned n_fields = 0;
	size_t line_n;
	char *line;

	memset(head_out, 0, sizeof(*head_out));
	do {
		if (!next_line(&rest, &line, &line_n))
			return 0;
	} while (!line[0]);
	if (!split_line(line, line_n, head_out))
		return 0;
	for (;;) {
		if (!next_line(&rest, &line, &line_n))
			return 0;
		if (!line[0])
			break;
		if (n_fields && (line[0] == ' ' || line[0] == '\t')) {
			/* The library moves a folded field elsewhere to put it together. */
			if (n_fields <= max)
				fields[n_fields - 1].name.p = NULL;
			continue;
		}
		if (n_fields < max ? !split_field(line, &fields[n_fields]) : !strchr(line, ':'))
			return 0;
		n_fields++;
	}
	head_out->bytes = (size_t)(rest.p - head_out->p);
	head_out->fields = fields;
	head_out->n_fields = n_fields < max ? n_fields : max;
	return 1;
}
