/* SPDX-License-Identifier: Apache-2.0 */
/* daemon/cpmctl_print.c - saying things to people and scripts: see cpmctl.h */
#include <stdlib.h>
#include <string.h>

#include "daemon/cpmctl.h"

void ctl_print_json(const json_t *json)
{
	size_t bytes;
	char *text = json_print(json, &bytes);

	fputs(text ? text : "", stdout);
	free(text);
}

void ctl_say_error(const struct ctl *ctl, const char *code, const char *message, const char *remedy)
{
	if (ctl->json) {
		json_t *json = json_object();

		json_set_octets(json, "error", strv_of(code));
		json_set_octets(json, "message", strv_of(message));
		if (remedy)
			json_set_octets(json, "remedy", strv_of(remedy));
		ctl_print_json(json);
		json_decref(json);
		return;
	}
	fputs("cpmctl: ", stderr);
	ctl_print_safe(stderr, message);
	if (remedy && *remedy) {
		fputs("; ", stderr);
		ctl_print_safe(stderr, remedy);
	}
	fputc('\n', stderr);
}

/* Length of the UTF-8 sequence at P; 0 when there is none, or it may not be shown. */
static size_t showable(const unsigned char *p)
{
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if (len == 1)
		return p[0] >= 0x20 && p[0] != 0x7f;
	if (len == 2 && p[0] == 0xc2 && p[1] < 0xa0)
		return 0; /* C1 controls */
	if (len == 3 && p[0] == 0xe2 &&
	    ((p[1] == 0x80 && (p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae))) ||
	     (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)))
		return 0; /* direction marks, line separators */
	return p[0] > 0xf4 ? 0 : len;
}

void ctl_print_safe(FILE *out, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	while (*p) {
		size_t len = showable(p);

		if (len)
			fwrite(p, 1, len, out);
		else
			fprintf(out, "\\x%02x", *p);
		p += len ? len : 1;
	}
}

void ctl_say_faults(const json_t *faults, const char *kind)
{
	json_t *fault;
	size_t i;

	json_array_foreach(faults, i, fault)
	{
		ctl_print_safe(stderr, ctl_text(fault, "file"));
		if (ctl_number(fault, "line"))
			fprintf(stderr, ":%llu:%llu", (unsigned long long)ctl_number(fault, "line"),
				(unsigned long long)ctl_number(fault, "column"));
		fprintf(stderr, ": %s", kind);
		ctl_print_safe(stderr, ctl_text(fault, "text"));
		fputc('\n', stderr);
	}
}

const char *ctl_text(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));
	char name64[64];

	if (text)
		return text;
	snprintf(name64, sizeof(name64), "%s64", name);
	text = json_string_value(json_object_get(json, name64));
	return text ? text : "";
}

uint64_t ctl_number(const json_t *json, const char *name)
{
	const json_t *value = json_object_get(json, name);

	return json_is_integer(value) && json_integer_value(value) > 0
		       ? (uint64_t)json_integer_value(value)
		       : 0;
}

const char *ctl_bytes_text(char buf[32], uint64_t bytes)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
	double value = (double)bytes;
	int unit = -1;

	while (value >= 1023.5 && unit < 5) {
		value /= 1024;
		unit++;
	}
	if (unit < 0)
		snprintf(buf, 32, "%llu B", (unsigned long long)bytes);
	else
		snprintf(buf, 32, value < 99.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return buf;
}

const char *ctl_span_text(char buf[32], uint64_t ms)
{
	unsigned long long s = ms / 1000;

	if (ms < 10000)
		snprintf(buf, 32, "%llu.%llu s", s, (unsigned long long)(ms % 1000 / 100));
	else if (s < 60)
		snprintf(buf, 32, "%llu s", s);
	else if (s < 3600)
		snprintf(buf, 32, "%llu min %llu s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, 32, "%llu h %llu min", s / 3600, s / 60 % 60);
	else
		snprintf(buf, 32, "%llu d %llu h", s / 86400, s / 3600 % 24);
	return buf;
}
