/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/test_edit.c - splices: a table of single edits, and random ones beside a simple model
 *
 * The model keeps one text a line and concatenates; whatever no edit names must come out octet for
 * octet. What comes out passes the fence again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <cmocka.h>

#include "sip/sip_edit.h"
#include "sip/sip_msg.h"

#define START  "MESSAGE sip:bob@example.com SIP/2.0\r\n"
#define VIA    "Via: SIP/2.0/UDP a.example;branch=z9hG4bK1;rport;x, SIP/2.0/TCP b.example\r\n"
#define ROUTES "Route: <sip:r1;lr>,\r\n <sip:r2;lr>\r\nRoute: <sip:r3;lr>\r\n"
#define PARTIES                                                                      \
	"f: \"A, B\" <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\n" \
	"Call-ID: c1\r\nCSeq: 1 MESSAGE\r\n"
#define TAIL "Max-Forwards: 70\r\nX-One: 1\r\nx-one : 2\r\nContent-Type: text/plain\r\n"
#define BODY "l: 5\r\n\r\nhello"

static const char whole[] = START VIA ROUTES PARTIES TAIL BODY "octets behind";

static struct sip_fence fence;

static struct sip_msg *parse(struct arena *arena, struct strv bytes)
{
	struct sip_msg *msg;
	struct err err = { 0 };

	assert_int_equal(sip_fence_check(bytes, 0, &fence), SIP_FENCE_PASS);
	if (sip_msg_parse(arena, bytes, &fence, &msg, &err) < 0)
		fail_msg("%s", err.text);
	return msg;
}

static void nothing(struct sip_edit *edit)
{
	(void)edit;
}

static void uri(struct sip_edit *edit)
{
	sip_edit_uri(edit, STRV("sip:bob@192.0.2.9:5070"));
}

static void relay(struct sip_edit *edit)
{
	sip_edit_set(edit, SIP_H_MAX_FORWARDS, STRV("69"));
	sip_edit_push(edit, SIP_H_VIA, STRV("Via: SIP/2.0/UDP we;branch=z9hG4bK2"));
	sip_edit_via_param(edit, "rport", STRV("5071"));
	sip_edit_via_param(edit, "received", STRV("192.0.2.1"));
	sip_edit_pop(edit, SIP_H_ROUTE);
}

static void response_via(struct sip_edit *edit)
{
	sip_edit_pop(edit, SIP_H_VIA);
}

static void all_routes(struct sip_edit *edit)
{
	sip_edit_pop(edit, SIP_H_ROUTE);
	sip_edit_pop(edit, SIP_H_ROUTE);
	sip_edit_pop(edit, SIP_H_ROUTE);
	sip_edit_pop(edit, SIP_H_ROUTE); /* there is none any more */
}

static void two_routes(struct sip_edit *edit)
{
	sip_edit_pop(edit, SIP_H_ROUTE);
	sip_edit_pop(edit, SIP_H_ROUTE);
}

static void push_twice(struct sip_edit *edit)
{
	sip_edit_push(edit, SIP_H_RECORD_ROUTE, STRV("Record-Route: <sip:one>"));
	sip_edit_push(edit, SIP_H_RECORD_ROUTE, STRV("Record-Route: <sip:two>"));
}

static void named(struct sip_edit *edit)
{
	sip_edit_remove_named(edit, "X-ONE");
	sip_edit_remove_named(edit, "f");
	sip_edit_append(edit, STRV("X-Two: a"));
	sip_edit_append(edit, STRV("X-Three: b"));
}

static void set_twice(struct sip_edit *edit)
{
	sip_edit_set(edit, SIP_H_EXPIRES, STRV("1"));
	sip_edit_set(edit, SIP_H_ROUTE, STRV("<sip:x>"));
	sip_edit_set(edit, SIP_H_EXPIRES, STRV("2"));
}

static void remove_and_set(struct sip_edit *edit)
{
	sip_edit_remove(edit, SIP_H_ROUTE);
	sip_edit_set(edit, SIP_H_ROUTE, STRV("<sip:x>"));
}

static void set_and_remove(struct sip_edit *edit)
{
	sip_edit_set(edit, SIP_H_ROUTE, STRV("<sip:x>"));
	sip_edit_remove(edit, SIP_H_ROUTE);
}

static void body(struct sip_edit *edit)
{
	sip_edit_body(edit, STRV("a/b"), STRV("other text"));
}

static void no_body(struct sip_edit *edit)
{
	sip_edit_remove(edit, SIP_H_CONTENT_TYPE);
	sip_edit_body(edit, strv_mem(NULL, 0), STRV(""));
}

#define OUT_ROUTE "Route: <sip:x>\r\n"

static const struct {
	const char *why;
	void (*edit)(struct sip_edit *edit);
	const char *result;
} rows[] = {
	{ "no edit: all but what is behind the body", nothing, START VIA ROUTES PARTIES TAIL BODY },
	{ "the Request-URI alone", uri,
	  "MESSAGE sip:bob@192.0.2.9:5070 SIP/2.0\r\n" VIA ROUTES PARTIES TAIL BODY },
	{ "what a relay does", relay,
	  START "Via: SIP/2.0/UDP we;branch=z9hG4bK2\r\n"
		"Via: SIP/2.0/UDP a.example;branch=z9hG4bK1;rport=5071;x;received=192.0.2.1, "
		"SIP/2.0/TCP b.example\r\nRoute: <sip:r2;lr>\r\nRoute: <sip:r3;lr>\r\n" PARTIES
		"Max-Forwards: 69\r\nX-One: 1\r\nx-one : 2\r\nContent-Type: text/plain\r\n" BODY },
	{ "one of two values leaves the line", response_via,
	  START "Via: SIP/2.0/TCP b.example\r\n" ROUTES PARTIES TAIL BODY },
	{ "the last value takes the line with it", two_routes,
	  START VIA "Route: <sip:r3;lr>\r\n" PARTIES TAIL BODY },
	{ "and so on over all lines", all_routes, START VIA PARTIES TAIL BODY },
	{ "no such line: behind the start line, the latest on top", push_twice,
	  START
	  "Record-Route: <sip:two>\r\nRecord-Route: <sip:one>\r\n" VIA ROUTES PARTIES TAIL BODY },
	{ "by name, either form, any case", named,
	  START VIA ROUTES "To: <sip:bob@example.com>\r\nCall-ID: c1\r\nCSeq: 1 MESSAGE\r\n"
			   "Max-Forwards: 70\r\nContent-Type: text/plain\r\n"
			   "l: 5\r\nX-Two: a\r\nX-Three: b\r\n\r\nhello" },
	{ "the last value given counts; other lines go", set_twice,
	  START VIA OUT_ROUTE PARTIES TAIL "l: 5\r\nExpires: 2\r\n\r\nhello" },
	{ "a value set stays, whatever else goes", remove_and_set,
	  START VIA OUT_ROUTE PARTIES TAIL BODY },
	{ "in either order", set_and_remove, START VIA OUT_ROUTE PARTIES TAIL BODY },
	{ "another body", body,
	  START VIA ROUTES PARTIES "Max-Forwards: 70\r\nX-One: 1\r\nx-one : 2\r\n"
				   "Content-Type: a/b\r\nContent-Length: 10\r\n\r\nother text" },
	{ "no body", no_body,
	  START VIA ROUTES PARTIES "Max-Forwards: 70\r\nX-One: 1\r\nx-one : 2\r\n"
				   "Content-Length: 0\r\n\r\n" },
};

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);
		struct sip_msg *msg = parse(arena, strv_of(whole));
		struct sip_edit *edit = sip_edit_new(msg);
		struct sip_buf *buf;

		assert_non_null(edit);
		rows[i].edit(edit);
		buf = sip_edit_buf(edit);
		assert_non_null(buf);
		if (!strv_eq(sip_buf_bytes(buf), strv_of(rows[i].result)))
			fail_msg("%s:\n%.*s", rows[i].why, STRV_ARG(sip_buf_bytes(buf)));
		sip_buf_drop(&buf);
		arena_free(&arena);
	}
}

static void failures(void **state)
{
	struct arena *arena = arena_new(0);
	struct sip_edit *edit = sip_edit_new(parse(arena, strv_of(whole)));
	static char large[SIP_STREAM_MAX];

	(void)state;
	memset(large, 'x', sizeof(large));
	sip_edit_body(edit, strv_mem(NULL, 0), strv_mem(large, sizeof(large)));
	assert_null(sip_edit_buf(edit)); /* too large with its header */
	edit = sip_edit_new(parse(arena, strv_of(whole)));
	sip_edit_set(edit, SIP_H_OTHER, STRV("x"));
	assert_null(sip_edit_buf(edit)); /* no name */
	arena_free(&arena);
}

/* ---- random edits beside a model ---- */

static uint32_t seed;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

enum { LINES = 24, TEXT = 512 };

/* One line as the model has it: what is put before it, and itself. */
struct model_line {
	enum sip_h h;
	char before[TEXT], values[4][64];
	unsigned n_values, gone; /* values popped */
	int removed, is_set;
	char set[64];
};

struct model {
	struct model_line line[LINES];
	unsigned n;
	char top[TEXT], end[TEXT];
};

static const enum sip_h kinds[] = { SIP_H_VIA,	   SIP_H_ROUTE,	   SIP_H_RECORD_ROUTE,
				    SIP_H_PATH,	   SIP_H_CONTACT,  SIP_H_MAX_FORWARDS,
				    SIP_H_EXPIRES, SIP_H_SUPPORTED };

static void add_model_line(struct model *model, enum sip_h h, unsigned n_values)
{
	struct model_line *line = &model->line[model->n++];

	*line = (struct model_line){ .h = h, .n_values = n_values };
	for (unsigned i = 0; i < n_values; i++)
		switch (h) {
		case SIP_H_VIA:
			snprintf(line->values[i], 64, "SIP/2.0/UDP h%u;branch=z9hG4bKb%u",
				 random_below(9), random_below(1000));
			break;
		case SIP_H_MAX_FORWARDS:
		case SIP_H_EXPIRES:
			snprintf(line->values[i], 64, "%u", random_below(70));
			break;
		case SIP_H_SUPPORTED:
			snprintf(line->values[i], 64, "tag%u", random_below(100));
			break;
		default:
			snprintf(line->values[i], 64, "\"a,%u\" <sip:u%u@h;lr>;x=\",\"",
				 random_below(9), random_below(100));
		}
}

static void make_model(struct model *model)
{
	unsigned n = random_below(10);

	memset(model, 0, sizeof(*model));
	add_model_line(model, SIP_H_VIA, 1 + random_below(3));
	for (unsigned i = 0; i < n; i++) {
		enum sip_h h = kinds[random_below(8)];
		int once = h == SIP_H_MAX_FORWARDS || h == SIP_H_EXPIRES, there = 0;

		for (unsigned k = 0; k < model->n; k++)
			there |= model->line[k].h == h;
		if (!once || !there)
			add_model_line(model, h, once ? 1 : 1 + random_below(3));
	}
}

/* Lines of the message, with the folds and blanks of FOLD between values. */
static void print_model(const struct model *model, const char *fold, char *text, size_t room)
{
	size_t n = (size_t)snprintf(text, room, "%s%s", START, model->top);

	for (unsigned i = 0; i < model->n; i++) {
		const struct model_line *line = &model->line[i];

		n += (size_t)snprintf(text + n, room - n, "%s", line->before);
		if (line->is_set)
			n += (size_t)snprintf(text + n, room - n, "%s: %s\r\n", sip_h_name(line->h),
					      line->set);
		if (line->removed || line->is_set || line->gone == line->n_values)
			continue;
		n += (size_t)snprintf(text + n, room - n, "%s: ", sip_h_name(line->h));
		for (unsigned v = line->gone; v < line->n_values; v++)
			n += (size_t)snprintf(text + n, room - n, "%s%s", line->values[v],
					      v + 1 < line->n_values ? fold : "\r\n");
	}
	snprintf(text + n, room - n, "%sX-Other: ;,; \"\r\n%s\r\nhello", PARTIES, model->end);
}

static struct model_line *model_first(struct model *model, enum sip_h h)
{
	for (unsigned i = 0; i < model->n; i++)
		if (model->line[i].h == h)
			return &model->line[i];
	return NULL;
}

static void put_before(char *text, const char *line)
{
	char old[TEXT];

	memcpy(old, text, TEXT);
	snprintf(text, TEXT, "%s\r\n%.400s", line, old);
}

static void model_pop(struct model *model, enum sip_h h)
{
	for (unsigned i = 0; i < model->n; i++)
		if (model->line[i].h == h && model->line[i].gone < model->line[i].n_values) {
			model->line[i].gone++;
			return;
		}
}

static void model_set(struct model *model, enum sip_h h, const char *value)
{
	struct model_line *first = model_first(model, h);
	size_t n = strlen(model->end);

	if (!first) {
		snprintf(model->end + n, TEXT - n, "%s: %s\r\n", sip_h_name(h), value);
		return;
	}
	for (unsigned i = 0; i < model->n; i++)
		model->line[i].removed |= model->line[i].h == h;
	first->is_set = 1;
	snprintf(first->set, sizeof(first->set), "%s", value);
}

/* One kind of edit for each field, so that their order does not matter. */
static void edit_both(struct model *model, struct sip_edit *edit, struct arena *arena)
{
	for (unsigned k = 0; k < 8; k++) {
		enum sip_h h = kinds[k];
		struct model_line *first = model_first(model, h);
		unsigned kind = random_below(5), times = random_below(4);

		if (kind == 0)
			sip_edit_remove(edit, h);
		for (unsigned i = 0; kind == 0 && i < model->n; i++)
			model->line[i].removed |= model->line[i].h == h;
		for (unsigned i = 0; kind == 1 && i < times; i++) {
			sip_edit_pop(edit, h);
			model_pop(model, h);
		}
		if (kind == 2) {
			sip_edit_set(edit, h, STRV("7"));
			model_set(model, h, "7");
		}
		if (!random_below(3)) {
			char *line = arena_printf(arena, "%s: %u", sip_h_name(h), random_below(99));

			sip_edit_push(edit, h, strv_of(line));
			put_before(first ? first->before : model->top, line);
		}
	}
}

static void random_edits(void **state)
{
	static const char *const folds[] = { ",", ", ", " ,\t", ",\r\n ", "\r\n\t,\r\n  " };
	static struct model model;
	static char before[16384], after[16384];

	(void)state;
	for (seed = 1; seed < 20000 * 7u; seed += 7) {
		struct arena *arena = arena_new(0);
		uint32_t kept = seed;
		const char *fold = folds[random_below(5)];
		struct sip_edit *edit;
		struct sip_buf *buf;

		make_model(&model);
		print_model(&model, fold, before, sizeof(before));
		edit = sip_edit_new(parse(arena, strv_of(before)));
		edit_both(&model, edit, arena);
		print_model(&model, fold, after, sizeof(after));
		buf = sip_edit_buf(edit);
		assert_non_null(buf);
		if (!strv_eq(sip_buf_bytes(buf), strv_of(after)))
			fail_msg("seed %u\n%s\n--- wanted\n%s\n--- got\n%.*s", kept, before, after,
				 STRV_ARG(sip_buf_bytes(buf)));
		sip_buf_drop(&buf);
		arena_free(&arena);
		seed = kept;
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(failures),
		cmocka_unit_test(random_edits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
