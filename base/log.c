/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/log.c - log lines as text or JSON
 *
 * See log.h. A line is built in a buffer of the caller's stack and leaves with one write(2), alone
 * or with others of its thread; no more octets than a pipe takes at once, so lines of many threads
 * never mix. What cannot be written is lost: a log must not stop a server.
 */
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

_Atomic unsigned char log_levels[LOG_CATS] = { [0 ... LOG_CATS - 1] = LOG_INFO };
static _Atomic int out_fd = STDERR_FILENO;
static _Atomic int out_format = LOG_TEXT;

static const char *const level_names[LOG_LEVELS] = { "error", "warn", "info", "debug" };
static const char *const cat_names[LOG_CATS] = { "daemon", "conf", "http", "kv",
						 "admin",  "sip",  "cpm" };

_Static_assert((int)LOG_LINE_BYTES <= (int)PIPE_BUF, "a write to a pipe is not split");

/* Lines of this thread that have not left yet. */
struct gathered {
	size_t n;
	char text[LOG_LINE_BYTES];
};
static __thread struct gathered *gathered; /* NULL: they leave one by one */

/* Room that is kept for ` cut=1` and the end of the line. */
enum { TAIL = 24 };

struct line {
	char *p;
	size_t n, max;
	int full; /* something did not fit */
};

static void add(struct line *line, const char *p, size_t n)
{
	if (n > line->max - line->n) {
		line->full = 1;
		return;
	}
	memcpy(line->p + line->n, p, n);
	line->n += n;
}

static void add_str(struct line *line, const char *s)
{
	add(line, s, strlen(s));
}

/* Length of the UTF-8 sequence at P, at most N octets; 0 when it is none. */
static size_t utf8_len(const unsigned char *p, size_t n)
{
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

	if (len == 0 || len > n || p[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

/* Characters that would break a line or make it read as something else: controls (C0, C1, DEL),
 * line and paragraph separators, direction marks and the byte order mark. */
static int is_deceptive(const unsigned char *p, size_t len)
{
	unsigned c;

	if (len == 1)
		return p[0] < 0x20 || p[0] == 0x7f;
	if (len == 2)
		return (p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xd8 && p[1] == 0x9c);
	if (len != 3)
		return 0;
	c = (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
	return c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* A value with everything escaped that could pass for structure. JSON has no form for single
 * octets, so what is not UTF-8 becomes the text \xHH in both formats. */
static void add_escaped(struct line *line, struct strv s, enum log_format format)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t end = s.n < LOG_VALUE_BYTES ? s.n : LOG_VALUE_BYTES;
	char hex[8];

	for (size_t i = 0; i < end && !line->full;) {
		size_t len = utf8_len(p + i, s.n - i);

		if (len && i + len > LOG_VALUE_BYTES)
			break;
		if (len && !is_deceptive(p + i, len)) {
			if (p[i] == '"' || p[i] == '\\')
				add_str(line, "\\");
			add(line, s.p + i, len);
			i += len;
			continue;
		}
		for (size_t j = 0; j < (len ? len : 1); j++, i++) {
			snprintf(hex, sizeof(hex), format == LOG_JSON ? "\\\\x%02x" : "\\x%02x",
				 p[i]);
			add_str(line, hex);
		}
	}
	if (s.n > LOG_VALUE_BYTES)
		add_str(line, "...");
}

/* Text values stand bare when nothing in them needs quotes. */
static int is_bare(struct strv s)
{
	if (s.n == 0 || s.n > LOG_VALUE_BYTES)
		return 0;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '"' || s.p[i] == '\\' ||
		    s.p[i] == '=')
			return 0;
	return 1;
}

static void add_int(struct line *line, int64_t num)
{
	char text[24], *at = text + sizeof(text);
	uint64_t rest = num < 0 ? -(uint64_t)num : (uint64_t)num;

	do {
		*--at = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (num < 0)
		*--at = '-';
	add(line, at, (size_t)(text + sizeof(text) - at));
}

static void add_value(struct line *line, const struct log_field *field, enum log_format format)
{
	if (field->kind == LOG_F_INT) {
		add_int(line, field->num);
	} else if (format == LOG_TEXT && is_bare(field->str)) {
		add(line, field->str.p, field->str.n);
	} else {
		add_str(line, "\"");
		add_escaped(line, field->str, format);
		add_str(line, "\"");
	}
}

static void add_field(struct line *line, const struct log_field *field, enum log_format format)
{
	size_t before = line->n;

	if (format == LOG_JSON) {
		add_str(line, ",\"");
		add_str(line, field->key);
		add_str(line, "\":");
	} else {
		add_str(line, " ");
		add_str(line, field->key);
		add_str(line, "=");
	}
	add_value(line, field, format);
	if (line->full)
		line->n = before; /* a field stands whole or not at all */
}

enum { SECOND_TEXT = 19 }; /* YYYY-MM-DDTHH:MM:SS */

static void print_second(int64_t s, char text[SECOND_TEXT + 1])
{
	time_t t = (time_t)s;
	struct tm tm;

	gmtime_r(&t, &tm);
	if (strftime(text, SECOND_TEXT + 1, "%Y-%m-%dT%H:%M:%S", &tm) != SECOND_TEXT)
		memset(text, '?', SECOND_TEXT);
}

static void add_time(struct line *line, int64_t time_us)
{
	/* The date costs more than the rest of a line, and a busy thread writes many a second. */
	static __thread int64_t last_s = INT64_MIN;
	static __thread char last_text[SECOND_TEXT + 1];
	int64_t s = time_us / 1000000, us = time_us % 1000000;
	char text[8] = { '.', '0', '0', '0', '0', '0', '0', 'Z' };

	if (us < 0) {
		us += 1000000;
		s--;
	}
	if (s != last_s) {
		print_second(s, last_text);
		last_s = s;
	}
	add(line, last_text, SECOND_TEXT);
	for (int i = 6; us; us /= 10)
		text[i--] = (char)('0' + us % 10);
	add(line, text, sizeof(text));
}

size_t log_format_line(char buf[LOG_LINE_BYTES], enum log_format format, int64_t time_us,
		       enum log_level level, enum log_cat cat, const char *event,
		       const struct log_field *fields)
{
	struct line line = { buf, 0, LOG_LINE_BYTES - TAIL, 0 };
	int json = format == LOG_JSON;

	add_str(&line, json ? "{\"time\":\"" : "");
	add_time(&line, time_us);
	add_str(&line, json ? "\",\"level\":\"" : " ");
	add_str(&line, log_level_name(level));
	add_str(&line, json ? "\",\"cat\":\"" : " ");
	add_str(&line, log_cat_name(cat));
	add_str(&line, json ? "\",\"event\":\"" : " ");
	add_escaped(&line, strv_of(event), format);
	add_str(&line, json ? "\"" : "");
	for (; fields->kind != LOG_F_END && !line.full; fields++)
		add_field(&line, fields, format);
	line.max = LOG_LINE_BYTES;
	if (line.full) {
		line.full = 0;
		add_str(&line, json ? ",\"cut\":1" : " cut=1");
	}
	add_str(&line, json ? "}\n" : "\n");
	return line.n;
}

static void put(const char *text, size_t n)
{
	int saved = errno;

	while (write(atomic_load(&out_fd), text, n) < 0 && errno == EINTR)
		;
	errno = saved;
}

void log_flush(void)
{
	if (!gathered || !gathered->n)
		return;
	put(gathered->text, gathered->n);
	gathered->n = 0;
}

void log_gather(void)
{
	if (!gathered)
		gathered = calloc(1, sizeof(*gathered));
}

void log_gather_end(void)
{
	log_flush();
	free(gathered);
	gathered = NULL;
}

void log_write(enum log_level level, enum log_cat cat, const char *event,
	       const struct log_field *fields)
{
	char buf[LOG_LINE_BYTES];
	struct timespec now;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	n = log_format_line(buf, (enum log_format)atomic_load(&out_format),
			    (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000, level, cat, event,
			    fields);
	if (gathered && n > sizeof(gathered->text) - gathered->n)
		log_flush();
	if (!gathered || level <= LOG_WARN) {
		log_flush();
		put(buf, n);
		return;
	}
	memcpy(gathered->text + gathered->n, buf, n);
	gathered->n += n;
}

void log_output(int fd, enum log_format format)
{
	atomic_store(&out_fd, fd);
	atomic_store(&out_format, (int)format);
}

void log_set_level(enum log_cat cat, enum log_level level)
{
	atomic_store(&log_levels[cat], (unsigned char)level);
}

void log_set_levels(enum log_level level)
{
	for (unsigned cat = 0; cat < LOG_CATS; cat++)
		log_set_level((enum log_cat)cat, level);
}

const char *log_level_name(enum log_level level)
{
	return (unsigned)level < LOG_LEVELS ? level_names[level] : "unknown";
}

const char *log_cat_name(enum log_cat cat)
{
	return (unsigned)cat < LOG_CATS ? cat_names[cat] : "unknown";
}

int log_level_find(struct strv name, enum log_level *level_out)
{
	for (unsigned i = 0; i < LOG_LEVELS; i++)
		if (strv_eq(name, strv_of(level_names[i]))) {
			*level_out = (enum log_level)i;
			return 0;
		}
	return -1;
}

int log_cat_find(struct strv name, enum log_cat *cat_out)
{
	for (unsigned i = 0; i < LOG_CATS; i++)
		if (strv_eq(name, strv_of(cat_names[i]))) {
			*cat_out = (enum log_cat)i;
			return 0;
		}
	return -1;
}
