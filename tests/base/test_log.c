/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/base/test_log.c - log lines: form, hostile values, levels, whole lines from many threads
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"

#include <cmocka.h>

#define FIELDS(...)                  \
	((const struct log_field[]){ \
		__VA_ARGS__ __VA_OPT__(, ){ LOG_F_END, NULL, { NULL, 0 }, 0 } })

static const int64_t some_time = INT64_C(1760000000123456); /* microseconds */

/* ---- the form of a line ---- */

static const char *line_of(enum log_format format, int64_t time_us, const struct log_field *fields)
{
	static char buf[LOG_LINE_BYTES + 1];

	buf[log_format_line(buf, format, time_us, LOG_WARN, LOG_CONF, "event", fields)] = '\0';
	return buf;
}

static void a_line_has_its_form(void **state)
{
	(void)state;
	assert_string_equal(line_of(LOG_TEXT, some_time, FIELDS()),
			    "2025-10-09T08:53:20.123456Z warn conf event\n");
	assert_string_equal(line_of(LOG_JSON, some_time, FIELDS()),
			    "{\"time\":\"2025-10-09T08:53:20.123456Z\",\"level\":\"warn\","
			    "\"cat\":\"conf\",\"event\":\"event\"}\n");
}

static void fields_follow_in_order(void **state)
{
	struct trace_id id = { "0af7651916cd43dd8448eb211c80319c" };
	const struct log_field *fields =
		FIELDS(L_STR("bare", "a/b?c:d"), L_STR("blank", "a b"), L_STR("empty", ""),
		       L_STR("none", NULL), L_INT("least", INT64_MIN), L_ID(&id));

	(void)state;
	assert_string_equal(
		line_of(LOG_TEXT, some_time, fields),
		"2025-10-09T08:53:20.123456Z warn conf event bare=a/b?c:d blank=\"a b\" "
		"empty=\"\" none=\"\" least=-9223372036854775808 "
		"id=0af7651916cd43dd8448eb211c80319c\n");
	assert_string_equal(line_of(LOG_JSON, some_time, fields),
			    "{\"time\":\"2025-10-09T08:53:20.123456Z\",\"level\":\"warn\","
			    "\"cat\":\"conf\",\"event\":\"event\",\"bare\":\"a/b?c:d\","
			    "\"blank\":\"a b\",\"empty\":\"\",\"none\":\"\","
			    "\"least\":-9223372036854775808,"
			    "\"id\":\"0af7651916cd43dd8448eb211c80319c\"}\n");
}

static void times_before_1970_are_times(void **state)
{
	(void)state;
	assert_string_equal(line_of(LOG_TEXT, 0, FIELDS()),
			    "1970-01-01T00:00:00.000000Z warn conf event\n");
	assert_string_equal(line_of(LOG_TEXT, -1, FIELDS()),
			    "1969-12-31T23:59:59.999999Z warn conf event\n");
}

/* ---- hostile values ---- */

static const struct strv hostile[] = {
	STRV("a\nb"),
	STRV("a\r\nb"),
	STRV("a\r2025-10-09T08:53:20Z error daemon forged"),
	STRV("\n{\"level\":\"error\",\"event\":\"forged\"}"),
	STRV("\",\"event\":\"forged"),
	STRV("\\\",\"event\":\"forged"),
	STRV("\\"),
	STRV("\\\\\""),
	STRV("a\\"),
	STRV("x level=error event=forged"),
	STRV("a=b"),
	STRV("a\tb"),
	STRV("a\0b"),
	STRV("\x1b[31mred\x1b[0m"),
	STRV("\x1b]0;title\x07"),
	STRV("\x7f"),
	STRV("\xc2\x9b"
	     "31m"),	      /* CSI as a C1 control */
	STRV("\xc2\x85"),     /* next line */
	STRV("\xe2\x80\xa8"), /* line separator */
	STRV("\xe2\x80\xa9"), /* paragraph separator */
	STRV("\xe2\x80\xae"
	     "gpj.exe"),		   /* right-to-left override */
	STRV("\xe2\x81\xa6x\xe2\x81\xa9"), /* isolates */
	STRV("\xe2\x80\x8f"),		   /* right-to-left mark */
	STRV("\xd8\x9c"),		   /* Arabic letter mark */
	STRV("\xef\xbb\xbf"),		   /* byte order mark */
	STRV("\xff\xfe"),
	STRV("\xc3"), /* cut short */
	STRV("\xe2\x82"),
	STRV("\xc0\xaf"), /* overlong */
	STRV("\xe0\x80\xaf"),
	STRV("\xf0\x80\x80\xaf"),
	STRV("\xed\xa0\x80"),	  /* surrogate */
	STRV("\xf4\x90\x80\x80"), /* beyond U+10FFFF */
	STRV("\xf8\x88\x80\x80\x80"),
	STRV("\x80\x80"),
	STRV("%0d%0aSet-Cookie: x"),
	STRV("${jndi:ldap://x/y}"),
	STRV("%s%n%x"),
	STRV("</script><script>alert(1)</script>"),
	STRV("'; DROP TABLE users; --"),
	STRV("Zo\xc3\xab \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80"), /* nothing wrong with it */
};

/* 1 when TEXT is UTF-8 without controls, separators and direction marks. Written apart from the
 * code under test: by decoding whole characters. */
static int is_harmless(const char *text, size_t n)
{
	for (size_t i = 0; i < n;) {
		unsigned char first = (unsigned char)text[i];
		int more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
		unsigned c = more ? first & (0x3fu >> more) : first;

		if (first >= 0x80 && (first < 0xc2 || first > 0xf4))
			return 0;
		for (int j = 1; j <= more; j++) {
			if (i + (size_t)j >= n ||
			    ((unsigned char)text[i + (size_t)j] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | ((unsigned char)text[i + (size_t)j] & 0x3fu);
		}
		if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e ||
		    c == 0x200f || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
		    c == 0xfeff || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
			return 0;
		if ((more == 2 && c < 0x800) || (more == 3 && c < 0x10000))
			return 0;
		i += 1 + (size_t)more;
	}
	return 1;
}

/* The line is one line of harmless text, with nothing behind the field but what we put there. */
static void check_text_line(struct strv value)
{
	const char *line = line_of(LOG_TEXT, some_time, FIELDS(L_SV("v", value), L_INT("end", 1)));
	const char *p = strstr(line, " v=") + 3;
	size_t n = strlen(line);

	assert_true(n > 1 && line[n - 1] == '\n');
	assert_true(is_harmless(line, n - 1));
	/* The value ends where it should: at a blank, or at its closing quotes. */
	if (*p == '"') {
		for (p++; *p != '"'; p++)
			p += *p == '\\';
		p++;
	} else {
		p += strcspn(p, " \n");
	}
	assert_string_equal(p, " end=1\n");
}

static void check_json_line(struct strv value)
{
	const char *line = line_of(LOG_JSON, some_time, FIELDS(L_SV("v", value), L_INT("end", 1)));
	size_t n = strlen(line);
	struct err err;
	json_t *parsed;

	assert_true(n > 1 && line[n - 1] == '\n');
	assert_true(is_harmless(line, n - 1));
	parsed = json_parse(strv_mem(line, n), 2, &err);
	if (!parsed)
		fail_msg("%s in %s", err.text, line);
	assert_int_equal(json_object_size(parsed), 6);
	assert_string_equal(json_string_value(json_object_get(parsed, "event")), "event");
	assert_int_equal(json_integer_value(json_object_get(parsed, "end")), 1);
	assert_true(json_is_string(json_object_get(parsed, "v")));
	json_decref(parsed);
}

static void hostile_values_stay_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		check_text_line(hostile[i]);
		check_json_line(hostile[i]);
	}
}

/* Every value of two octets, and every octet before and behind a character of three. */
static void no_octets_break_a_line(void **state)
{
	char value[8];

	(void)state;
	for (int a = 0; a < 256; a++)
		for (int b = 0; b < 256; b++) {
			value[0] = (char)a;
			value[1] = (char)b;
			check_text_line(strv_mem(value, 2));
			if (a % 3 == 0)
				check_json_line(strv_mem(value, 2));
		}
	for (int a = 0; a < 256; a++) {
		memcpy(value, "\0\xe2\x82\xac\0", 5);
		value[0] = value[4] = (char)a;
		check_text_line(strv_mem(value, 5));
		check_json_line(strv_mem(value, 5));
	}
}

static void what_is_not_utf8_can_still_be_read(void **state)
{
	(void)state;
	assert_string_equal(line_of(LOG_TEXT, 0, FIELDS(L_SV("v", STRV("a\xff\n\xe2\x80\xae")))),
			    "1970-01-01T00:00:00.000000Z warn conf event "
			    "v=\"a\\xff\\x0a\\xe2\\x80\\xae\"\n");
	assert_non_null(strstr(line_of(LOG_JSON, 0, FIELDS(L_SV("v", STRV("a\xff\n")))),
			       "\"v\":\"a\\\\xff\\\\x0a\"}"));
	assert_non_null(strstr(line_of(LOG_TEXT, 0, FIELDS(L_SV("v", STRV("Zo\xc3\xab")))),
			       "v=\"Zo\xc3\xab\""));
}

/* ---- what is too long ---- */

static void long_values_are_cut_at_a_character(void **state)
{
	char value[LOG_VALUE_BYTES * 2];

	(void)state;
	memset(value, 'x', sizeof(value));
	for (size_t n = LOG_VALUE_BYTES - 4; n < LOG_VALUE_BYTES + 4; n++) {
		const char *line;

		/* A character of three octets across, or just before, the cut. */
		memcpy(value + n - 3, "\xe2\x82\xac", 3);
		check_text_line(strv_mem(value, sizeof(value)));
		check_json_line(strv_mem(value, sizeof(value)));
		line = line_of(LOG_TEXT, some_time,
			       FIELDS(L_SV("v", strv_mem(value, sizeof(value)))));
		assert_non_null(strstr(line, "...\"\n"));
		assert_true(strlen(strstr(line, "v=\"")) <=
			    strlen("v=\"...\"\n") + LOG_VALUE_BYTES);
		memset(value, 'x', sizeof(value));
	}
	/* Exactly as long as allowed: whole. */
	assert_null(strstr(line_of(LOG_TEXT, some_time,
				   FIELDS(L_SV("v", strv_mem(value, LOG_VALUE_BYTES)))),
			   "..."));
}

/* LINE, of BYTES, is JSON. Returns how many of the fields f0, f1, ... it still has. */
static int fields_left(const char *line)
{
	struct err err;
	json_t *parsed = json_parse(strv_of(line), 2, &err);
	char key[16];
	int n = 0;

	if (!parsed)
		fail_msg("%s in %s", err.text, line);
	for (;; n++) {
		snprintf(key, sizeof(key), "f%d", n);
		if (!json_object_get(parsed, key))
			break;
	}
	assert_int_equal(json_object_size(parsed),
			 4 + n + (json_object_get(parsed, "cut") != NULL));
	json_decref(parsed);
	return n;
}

static void long_lines_lose_their_last_fields_and_say_so(void **state)
{
	static char keys[64][16];
	struct log_field fields[64];
	char value[LOG_VALUE_BYTES];

	(void)state;
	/* Escaped, each octet takes four or five. */
	memset(value, '\x01', sizeof(value));
	for (int i = 0; i < 64; i++) {
		snprintf(keys[i], sizeof(keys[i]), "f%d", i);
		fields[i] = L_SV(keys[i], strv_mem(value, (size_t)(i % (int)sizeof(value))));
	}
	for (int n = 0; n < 64; n++) {
		struct log_field last = fields[n];
		const char *line;
		size_t bytes;
		int is_cut;

		fields[n].kind = LOG_F_END;
		line = line_of(LOG_TEXT, some_time, fields);
		bytes = strlen(line);
		assert_true(bytes <= LOG_LINE_BYTES && line[bytes - 1] == '\n');
		assert_true(is_harmless(line, bytes - 1));
		is_cut = strstr(line, " cut=1\n") != NULL;
		/* Each field is whole: its closing quotes are there. */
		assert_true(n == 0 || line[bytes - (is_cut ? 8 : 2)] == '"');
		line = line_of(LOG_JSON, some_time, fields);
		assert_true(strlen(line) <= LOG_LINE_BYTES);
		is_cut = strstr(line, ",\"cut\":1}\n") != NULL;
		assert_true(is_cut ? fields_left(line) < n : fields_left(line) == n);
		assert_true(is_cut || n < 63);
		fields[n] = last;
	}
}

/* ---- levels ---- */

static int evaluated;

static const char *evaluate(void)
{
	evaluated++;
	return "x";
}

static void levels_are_switched_by_category(void **state)
{
	int null = open("/dev/null", O_WRONLY);

	(void)state;
	assert_true(null >= 0);
	log_output(null, LOG_TEXT);
	log_set_levels(LOG_WARN);
	log_set_level(LOG_HTTP, LOG_DEBUG);
	assert_true(log_on(LOG_HTTP, LOG_DEBUG));
	assert_true(log_on(LOG_KV, LOG_WARN));
	assert_false(log_on(LOG_KV, LOG_INFO));
	log_info(LOG_KV, "event", L_STR("v", evaluate()));
	assert_int_equal(evaluated, 0);
	log_debug(LOG_HTTP, "event", L_STR("v", evaluate()));
	assert_int_equal(evaluated, 1);
	log_output(STDERR_FILENO, LOG_TEXT);
	log_set_levels(LOG_INFO);
	close(null);
}

static void names_are_found_again(void **state)
{
	enum log_level level = LOG_DEBUG;
	enum log_cat cat = LOG_ADMIN;

	(void)state;
	for (int i = 0; i < LOG_LEVELS; i++) {
		assert_int_equal(log_level_find(strv_of(log_level_name((enum log_level)i)), &level),
				 0);
		assert_int_equal(level, i);
	}
	for (int i = 0; i < LOG_CATS; i++) {
		assert_int_equal(log_cat_find(strv_of(log_cat_name((enum log_cat)i)), &cat), 0);
		assert_int_equal(cat, i);
	}
	assert_int_equal(log_level_find(STRV("Info"), &level), -1);
	assert_int_equal(log_level_find(STRV(""), &level), -1);
	assert_int_equal(log_cat_find(STRV("none"), &cat), -1);
	assert_string_equal(log_level_name(LOG_LEVELS), "unknown");
	assert_string_equal(log_cat_name(LOG_CATS), "unknown");
}

/* ---- writing ---- */

static void what_cannot_be_written_is_lost_quietly(void **state)
{
	int full = open("/dev/full", O_WRONLY);

	(void)state;
	log_output(full, LOG_TEXT);
	errno = EAGAIN;
	log_warn(LOG_CONF, "event");
	assert_int_equal(errno, EAGAIN);
	log_output(STDERR_FILENO, LOG_TEXT);
	if (full >= 0)
		close(full);
}

enum { THREADS = 8, LINES = 500 };

static void *write_lines(void *arg)
{
	char value[LOG_VALUE_BYTES];

	if ((intptr_t)arg % 2)
		log_gather();
	memset(value, 'a' + (int)(intptr_t)arg, sizeof(value));
	for (int i = 0; i < LINES; i++)
		log_info(LOG_DAEMON, "event", L_INT("thread", (intptr_t)arg), L_INT("i", i),
			 L_SV("a", strv_mem(value, (size_t)(i % (int)sizeof(value)))),
			 L_SV("b", strv_mem(value, sizeof(value))), L_INT("end", 1));
	log_gather_end();
	return NULL;
}

/* The line is whole, and the next of its thread. */
static void check_whole(const char *line, int next[THREADS])
{
	struct err err;
	json_t *parsed = json_parse(strv_of(line), 2, &err);
	long thread;
	const char *a;

	if (!parsed)
		fail_msg("%s in %s", err.text, line);
	thread = (long)json_integer_value(json_object_get(parsed, "thread"));
	assert_in_range(thread, 0, THREADS - 1);
	assert_int_equal(json_integer_value(json_object_get(parsed, "i")), next[thread]);
	a = json_string_value(json_object_get(parsed, "a"));
	assert_int_equal(strlen(a), next[thread] % LOG_VALUE_BYTES);
	for (; *a; a++)
		assert_int_equal(*a, 'a' + thread);
	assert_int_equal(json_integer_value(json_object_get(parsed, "end")), 1);
	next[thread]++;
	json_decref(parsed);
}

/* A pipe takes up to PIPE_BUF octets in one piece, and a line is no longer. */
static void lines_of_many_threads_are_whole(void **state)
{
	pthread_t threads[THREADS];
	int ends[2], next[THREADS] = { 0 }, n = 0;
	char line[LOG_LINE_BYTES + 1];
	FILE *in;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	log_output(ends[1], LOG_JSON);
	for (int t = 0; t < THREADS; t++)
		assert_int_equal(pthread_create(&threads[t], NULL, write_lines,
						(void *)(intptr_t)t),
				 0);
	in = fdopen(ends[0], "r");
	assert_non_null(in);
	for (; n < THREADS * LINES && fgets(line, sizeof(line), in); n++)
		check_whole(line, next);
	assert_int_equal(n, THREADS * LINES);
	for (int t = 0; t < THREADS; t++)
		assert_int_equal(pthread_join(threads[t], NULL), 0);
	log_output(STDERR_FILENO, LOG_TEXT);
	close(ends[1]);
	assert_int_equal(fgetc(in), EOF);
	fclose(in);
}

/* What has come out of FD so far, up to the last octet. */
static const char *drained(int fd)
{
	static char text[2 * LOG_LINE_BYTES];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static unsigned lines_in(const char *text)
{
	unsigned n = 0;

	for (; (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

static void gathered_lines_leave_together_and_in_order(void **state)
{
	const char *text;
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	log_output(ends[1], LOG_TEXT);
	log_gather();
	log_info(LOG_DAEMON, "one");
	log_info(LOG_DAEMON, "two");
	assert_string_equal(drained(ends[0]), "");
	log_flush();
	text = drained(ends[0]);
	assert_int_equal(lines_in(text), 2);
	assert_true(strstr(text, "one") < strstr(text, "two"));

	log_info(LOG_DAEMON, "before");
	log_error(LOG_DAEMON, "urgent");
	text = drained(ends[0]);
	assert_int_equal(lines_in(text), 2);
	assert_true(strstr(text, "before") < strstr(text, "urgent"));

	/* As many as a pipe takes in one piece, no more. */
	for (int i = 0; i < 100; i++)
		log_info(LOG_DAEMON, "a line of some fifty octets", L_INT("i", i));
	text = drained(ends[0]);
	assert_in_range(lines_in(text), 30, 99);
	log_gather_end();
	log_info(LOG_DAEMON, "alone");
	assert_non_null(strstr(drained(ends[0]), "alone"));
	log_output(STDERR_FILENO, LOG_TEXT);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_its_form),
		cmocka_unit_test(fields_follow_in_order),
		cmocka_unit_test(times_before_1970_are_times),
		cmocka_unit_test(hostile_values_stay_values),
		cmocka_unit_test(no_octets_break_a_line),
		cmocka_unit_test(what_is_not_utf8_can_still_be_read),
		cmocka_unit_test(long_values_are_cut_at_a_character),
		cmocka_unit_test(long_lines_lose_their_last_fields_and_say_so),
		cmocka_unit_test(levels_are_switched_by_category),
		cmocka_unit_test(names_are_found_again),
		cmocka_unit_test(what_cannot_be_written_is_lost_quietly),
		cmocka_unit_test(lines_of_many_threads_are_whole),
		cmocka_unit_test(gathered_lines_leave_together_and_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
