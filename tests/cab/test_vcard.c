/* SPDX-License-Identifier: Apache-2.0 */
/* vCards of other programs with their faults: what is read of them, and what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cab/cab_charset.h"
#include "cab/vcard.h"

#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))
#define CARD3(x)  "BEGIN:VCARD\r\nVERSION:3.0\r\n" x "END:VCARD\r\n"
#define CARD4(x)  "BEGIN:VCARD\r\nVERSION:4.0\r\n" x "END:VCARD\r\n"
#define CARD21(x) "BEGIN:VCARD\r\nVERSION:2.1\r\n" x "END:VCARD\r\n"

/* "group.NAME;P=v:value|" for each property, "#faults" behind each card. */
static void show(const struct vcard *card, struct cab_buf *out)
{
	for (unsigned i = 0; i < card->n; i++) {
		const struct vcard_prop *prop = &card->prop[i];

		if (prop->group.n)
			cab_buf_printf(out, "%.*s.", STRV_ARG(prop->group));
		cab_buf_put(out, prop->name);
		for (unsigned k = 0; k < prop->n_params; k++)
			cab_buf_printf(out, ";%.*s=%.*s", STRV_ARG(prop->param[k].name),
				       STRV_ARG(prop->param[k].value));
		cab_buf_char(out, ':');
		cab_buf_put(out, prop->value);
		cab_buf_char(out, '|');
	}
	if (card->faults)
		cab_buf_printf(out, "#%u", card->faults);
	cab_buf_char(out, '\n');
}

static void show_all(struct strv file, const struct vcard_limits *limits, struct cab_buf *out)
{
	struct arena *arena = arena_new(0);
	struct vcard_reader reader;
	struct vcard card;
	struct strv text;
	struct err err;
	int ret;

	assert_int_equal(cab_charset_file(file, arena, &text, &err), 0);
	vcard_reader_init(&reader, text, limits);
	while ((ret = vcard_read(&reader, arena, &card, &err)) != 0) {
		if (ret > 0)
			show(&card, out);
		else
			cab_buf_printf(out, "! %s\n", err_code_name(err.code));
	}
	cab_buf_char(out, '\0');
	arena_free(&arena);
}

static const struct {
	const char *why, *text, *shown;
} reads[] = {
	{ "nothing", "", "" },
	{ "no card", "hello\r\nworld\r\n", "" },
	{ "a card", CARD4("FN:Ana\r\n"), "FN:Ana|\n" },
	{ "two cards", CARD4("FN:A\r\n") CARD3("FN:B\r\n"), "FN:A|\nFN:B|\n" },
	{ "lines end in LF", "BEGIN:VCARD\nVERSION:4.0\nFN:A\nEND:VCARD\n", "FN:A|\n" },
	{ "lines end in CR", "BEGIN:VCARD\rVERSION:4.0\rFN:A\rEND:VCARD\r", "FN:A|\n" },
	{ "the last line does not end", "BEGIN:VCARD\nVERSION:4.0\nFN:A\nEND:VCARD", "FN:A|\n" },
	{ "any case", "begin:vcard\nversion:4.0\nfn:A\nend:vcard\n", "FN:A|\n" },
	{ "a byte order mark", "\xEF\xBB\xBF" CARD4("FN:A\r\n"), "FN:A|\n" },
	{ "text before and between", "x\n" CARD4("FN:A\r\n") "y\n" CARD4("FN:B\r\n"),
	  "FN:A|\nFN:B|\n" },
	{ "folded", CARD4("NOTE:on\r\n e, t\r\n\twwo\r\n"), "NOTE:one, twwo|\n" },
	{ "folded inside a character", CARD4("FN:\xC3\r\n \xA4\r\n"), "FN:\xC3\xA4|\n" },
	{ "2.1 folds where there is a blank already", CARD21("NOTE:one\r\n two\r\n"),
	  "NOTE:one two|\n" },
	{ "groups", CARD3("item1.TEL:1\r\nitem1.X-ABLabel:a\r\n"),
	  "item1.TEL:1|item1.X-ABLABEL:a|\n" },
	{ "parameters", CARD4("TEL;TYPE=\"home,cell\";PREF=1;TYPE=a,b:1\r\n"),
	  "TEL;TYPE=home,cell;PREF=1;TYPE=a;TYPE=b:1|\n" },
	{ "a colon in quotes", CARD4("ADR;LABEL=\"a:b;c\":;;x\r\n"), "ADR;LABEL=a:b;c:;;x|\n" },
	{ "carets", CARD4("ADR;LABEL=a^nb^^^'c^x:;\r\n"), "ADR;LABEL=a\nb^\"c^x:;|\n" },
	{ "a quote that does not end", CARD4("FN;X=\"a:b\r\n"), "FN;X=a:b|\n" },
	{ "bare parameters", CARD21("TEL;HOME;CELL:1\r\n"), "TEL;TYPE=HOME;TYPE=CELL:1|\n" },
	{ "quoted-printable", CARD21("FN;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:=C3=A4=3B\r\n"),
	  "FN:\xC3\xA4;|\n" },
	{ "quoted-printable, bare", CARD21("NOTE;QUOTED-PRINTABLE:a=0D=0Ab\r\n"), "NOTE:a\\nb|\n" },
	{ "soft line ends", CARD21("NOTE;ENCODING=QUOTED-PRINTABLE:one=\r\ntwo=\r\n=20x\r\n"),
	  "NOTE:onetwo x|\n" },
	{ "a soft end before the card's", CARD21("NOTE;ENCODING=QUOTED-PRINTABLE:one=\r\n"),
	  "NOTE:one|\n" },
	{ "broken quoted-printable stays", CARD21("NOTE;ENCODING=QUOTED-PRINTABLE:a=ZZ=4\r\n"),
	  "NOTE:a=ZZ=4|\n" },
	{ "quoted-printable where it does not belong",
	  CARD3("NOTE;ENCODING=QUOTED-PRINTABLE:a=0Ab\r\n"), "NOTE:a\\nb|\n" },
	{ "a charset", CARD21("FN;CHARSET=ISO-8859-1:M\xFCller\r\n"), "FN:M\xC3\xBCller|\n" },
	{ "a charset of two octets",
	  CARD21("FN;CHARSET=SHIFT_JIS;ENCODING=QUOTED-PRINTABLE:=93=FA=96=7B\r\n"),
	  "FN:\xE6\x97\xA5\xE6\x9C\xAC|\n" },
	{ "no charset and no UTF-8", CARD21("FN:M\xFCller \x80\r\n"),
	  "FN:M\xC3\xBCller \xE2\x82\xAC|#4\n" },
	{ "a charset that nobody knows", CARD21("FN;CHARSET=X-KLINGON:\xFC\r\n"),
	  "FN:\xC3\xBC|\n" },
	{ "a charset with more to it", CARD21("FN;CHARSET=ASCII//TRANSLIT:\xFC\r\n"),
	  "FN:\xC3\xBC|\n" },
	{ "commas mean nothing in 2.1", CARD21("N:a,b;c\\;d;e\\f\r\n"), "N:a\\,b;c\\;d;e\\\\f|\n" },
	{ "base64, folded", CARD3("PHOTO;ENCODING=b;TYPE=JPEG:AAAA\r\n  BBBB\r\n"),
	  "PHOTO;ENCODING=b;TYPE=JPEG:AAAABBBB|\n" },
	{ "base64 of 2.1 ends with an empty line",
	  CARD21("PHOTO;BASE64;JPEG:\r\n AAAA\r\n BBBB\r\n\r\nFN:A\r\n"),
	  "PHOTO;ENCODING=BASE64;TYPE=JPEG:AAAABBBB|FN:A|\n" },
	{ "base64, not folded", CARD3("PHOTO;ENCODING=B:AAAA\r\nBBB=\r\nFN:A\r\n"),
	  "PHOTO;ENCODING=B:AAAABBB=|FN:A|\n" },
	{ "no END before the next", "BEGIN:VCARD\nVERSION:4.0\nFN:A\n" CARD4("FN:B\r\n"),
	  "FN:A|#1\nFN:B|\n" },
	{ "no END at all", "BEGIN:VCARD\nVERSION:4.0\nFN:A", "FN:A|#1\n" },
	{ "BEGIN alone", "BEGIN:VCARD", "#17\n" },
	{ "no VERSION", "BEGIN:VCARD\nFN:A\nEND:VCARD\n", "FN:A|#16\n" },
	{ "an unknown VERSION", "BEGIN:VCARD\nVERSION:5\nFN:A\nEND:VCARD\n", "FN:A|#16\n" },
	{ "VERSION behind others", "BEGIN:VCARD\nN:a,b\nVERSION:2.1\nEND:VCARD\n", "N:a\\,b|\n" },
	{ "a line without a colon", CARD4("hello\r\nFN:A\r\n"), "FN:A|#2\n" },
	{ "a name that is none", CARD4("F N:A\r\n:x\r\nFN:B\r\n"), "FN:B|#2\n" },
	{ "empty lines", CARD4("\r\n\r\nFN:A\r\n\r\n"), "FN:A|\n" },
	{ "a card as an agent", CARD21("AGENT:\r\nBEGIN:VCARD\r\nFN:B\r\nEND:VCARD\r\nFN:A\r\n"),
	  "FN:A|\n" },
	{ "blanks around names", CARD3("TEL ; type = home :1\r\n"), "TEL;TYPE=home:1|\n" },
	{ "colons in the value", CARD4("URL:http://a/b:c\r\n"), "URL:http://a/b:c|\n" },
	{ "too many properties", CARD4("A:1\r\nB:2\r\nC:3\r\nD:4\r\nE:5\r\n"),
	  "A:1|B:2|C:3|D:4|#8\n" },
	{ "too many parameters", CARD4("A;P=1,2,3,4:1\r\n"), "A;P=1;P=2;P=3:1|#8\n" },
	{ "a long value", CARD4("A:123456789012345678901234567890123\r\nB:2\r\n"), "B:2|#8\n" },
	{ "a large card, and the next",
	  CARD4("A:1234567890123456789012\r\nA:1234567890123456789012\r\n"
		"A:1234567890123456789012\r\nA:1234567890123456789012\r\n") CARD4("FN:A\r\n"),
	  "! limit\nFN:A|\n" },
};

static void test_read(void **state)
{
	const struct vcard_limits small = { 90, 32, 4, 3 };

	(void)state;
	for (size_t i = 0; i < COUNT(reads); i++) {
		struct cab_buf out = { 0 };

		show_all(strv_of(reads[i].text), i + 4 < COUNT(reads) ? NULL : &small, &out);
		if (strcmp(out.p, reads[i].shown) != 0)
			fail_msg("%s: %s", reads[i].why, out.p);
		cab_buf_fini(&out);
	}
}

static void test_utf16(void **state)
{
	static const char text[] = "BEGIN:VCARD\nVERSION:4.0\nFN:A\nEND:VCARD\n";
	char wide[2 + 2 * sizeof(text)];

	(void)state;
	for (unsigned kind = 0; kind < 4; kind++) {
		unsigned big = kind & 1, mark = kind & 2, n = 0;
		struct cab_buf out = { 0 };

		if (mark) {
			wide[n++] = big ? '\xFE' : '\xFF';
			wide[n++] = big ? '\xFF' : '\xFE';
		}
		for (size_t i = 0; i < sizeof(text) - 1; i++) {
			wide[n++] = big ? '\0' : text[i];
			wide[n++] = big ? text[i] : '\0';
		}
		show_all(strv_mem(wide, n), NULL, &out);
		assert_string_equal(out.p, "FN:A|\n");
		cab_buf_fini(&out);
	}
}

/* What is read of 4.0 and written again is the same, folded. */
static void test_print(void **state)
{
	static const struct {
		const char *why, *text, *three, *four;
	} rows[] = {
		{ "plain", "FN:Ana\r\n", "FN:Ana\r\n", "FN:Ana\r\n" },
		{ "parameters side by side share a name", "TEL;TYPE=home;TYPE=cell;PREF=1:1\r\n",
		  "TEL;TYPE=home,cell;PREF=1:1\r\n", "TEL;TYPE=home,cell;PREF=1:1\r\n" },
		{ "quotes", "ADR;LABEL=\"a,b^'c\":x\r\n", "ADR;LABEL=\"a,b'c\":x\r\n",
		  "ADR;LABEL=\"a,b^'c\":x\r\n" },
		{ "a line end in a parameter", "ADR;LABEL=a^nb:x\r\n", "ADR;LABEL=a b:x\r\n",
		  "ADR;LABEL=a^nb:x\r\n" },
		{ "a long line",
		  "NOTE:12345678901234567890123456789012345678901234567890"
		  "1234567890123456789012345\r\n",
		  "NOTE:12345678901234567890123456789012345678901234567890"
		  "12345678901234567890\r\n 12345\r\n",
		  "NOTE:12345678901234567890123456789012345678901234567890"
		  "12345678901234567890\r\n 12345\r\n" },
		{ "never inside a character",
		  "NOTE:12345678901234567890123456789012345678901234567890"
		  "1234567890123456789\xC3\xA4x\r\n",
		  "NOTE:12345678901234567890123456789012345678901234567890"
		  "1234567890123456789\r\n \xC3\xA4x\r\n",
		  "NOTE:12345678901234567890123456789012345678901234567890"
		  "1234567890123456789\r\n \xC3\xA4x\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (int four = 0; four < 2; four++) {
			struct arena *arena = arena_new(0);
			struct cab_buf in = { 0 }, out = { 0 };
			struct vcard_reader reader;
			struct vcard card;
			struct err err;
			char want[512];

			cab_buf_printf(&in, CARD4("%s"), rows[i].text);
			vcard_reader_init(&reader, cab_buf_text(&in), NULL);
			assert_int_equal(vcard_read(&reader, arena, &card, &err), 1);
			vcard_print(&card, four ? VCARD_4_0 : VCARD_3_0, &out);
			snprintf(want, sizeof(want), "BEGIN:VCARD\r\nVERSION:%s\r\n%sEND:VCARD\r\n",
				 four ? "4.0" : "3.0", four ? rows[i].four : rows[i].three);
			if (!strv_eq(cab_buf_text(&out), strv_of(want)))
				fail_msg("%s: %.*s", rows[i].why, STRV_ARG(out));
			cab_buf_fini(&in);
			cab_buf_fini(&out);
			arena_free(&arena);
		}
	}
}

static void test_parts(void **state)
{
	struct strv value = STRV("a\\;b;;c\\"), part;
	struct arena *arena = arena_new(0);

	(void)state;
	assert_int_equal(vcard_part(&value, ';', &part), 1);
	assert_true(strv_eq(vcard_unescape(part, arena), STRV("a;b")));
	assert_int_equal(vcard_part(&value, ';', &part), 1);
	assert_int_equal(part.n, 0);
	assert_int_equal(vcard_part(&value, ';', &part), 1);
	assert_true(strv_eq(vcard_unescape(part, arena), STRV("c\\")));
	assert_int_equal(vcard_part(&value, ';', &part), 0);
	arena_free(&arena);
}

static void test_xml(void **state)
{
	static const struct {
		const char *why, *text, *shown;
	} rows[] = {
		{ "markup", "<a b=\"c\">&", "&lt;a b=&quot;c&quot;&gt;&amp;" },
		{ "line ends", "a\nb\tc\r", "a&#10;b&#9;c&#13;" },
		{ "what XML has no place for",
		  "a\x01\x1F"
		  "b\xEF\xBF\xBF"
		  "c",
		  "abc" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct cab_buf out = { 0 };

		cab_buf_xml(&out, strv_of(rows[i].text));
		if (!strv_eq(cab_buf_text(&out), strv_of(rows[i].shown)))
			fail_msg("%s: %.*s", rows[i].why, STRV_ARG(out));
		cab_buf_fini(&out);
	}
}

static void test_buf_limit(void **state)
{
	struct cab_buf out = { .max = 4 };
	struct err err;

	(void)state;
	cab_buf_put(&out, STRV("1234"));
	assert_int_equal(cab_buf_check(&out, &err), 0);
	cab_buf_char(&out, '5');
	assert_int_equal(cab_buf_check(&out, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(out.n, 4);
	cab_buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),  cmocka_unit_test(test_utf16),
		cmocka_unit_test(test_print), cmocka_unit_test(test_parts),
		cmocka_unit_test(test_xml),   cmocka_unit_test(test_buf_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
