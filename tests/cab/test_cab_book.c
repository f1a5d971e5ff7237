/* SPDX-License-Identifier: Apache-2.0 */
/* Address books as a whole: what cards become, what comes back, and that the usage takes it. */
#include "tests/xdms/usage/usage_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xml.h"
#include "cab/cab_book.h"
#include "cab/cab_csv.h"
#include "cab/cab_contact.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define CARD(x)	 "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:c1\r\n" x "END:VCARD\r\n"
#define HEAD	 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<address-book xmlns=\"" CAB_NS_BOOK "\">"

enum { NOW = 1767225600 }; /* 2026-01-01 */

static const struct auid_table *table;

/* TEXT is an address book that may be stored. */
static void check_valid(const char *why, struct strv text)
{
	const struct auid_ops *usage =
		auid_find(table, STRV("org.openmobilealliance.cab-address-book"));
	const struct auid_context context = { .xui = STRV(USAGE_OWNER),
					      .xcap_root = STRV(USAGE_XCAP_ROOT) };
	struct arena *arena = arena_new(0);
	struct auid_fault fault;
	struct err err = { 0 };
	xmlDoc *doc;

	if (xml_parse(text, NULL, &doc, NULL, &err) < 0 ||
	    auid_validate(table, usage, doc, &context, arena, &fault, &err) < 0)
		fail_msg("%s: %s\n%.*s", why, err.text, STRV_ARG(text));
	xmlFreeDoc(doc);
	arena_free(&arena);
}

static struct cab_buf import(const char *why, struct strv old, const char *cards, int want,
			     struct cab_report *report)
{
	struct cab_buf out = { 0 };
	struct cab_vcards vcards;
	struct cab_source source;
	struct err err = { 0 };
	int ret;

	cab_vcards_source(&vcards, strv_of(cards), &source);
	ret = cab_book_import(old, &source, NOW, &out, report, &err);
	if (ret != want)
		fail_msg("%s: %d %s", why, ret, err.text);
	if (ret == 1)
		check_valid(why, cab_buf_text(&out));
	return out;
}

static struct cab_buf export(const char *why, struct strv book, enum cab_format format)
{
	struct cab_buf out = { 0 };
	struct err err = { 0 };
	uint64_t n;

	if (cab_book_export(book, format, &out, &n, &err) < 0)
		fail_msg("%s: %s", why, err.text);
	cab_buf_char(&out, '\0');
	return out;
}

/* The properties of a card, what becomes of them in a contact (somewhere in it, NULL: not looked
 * at), and of the export to 4.0 and 3.0, (NULL: the same). */
static const struct {
	const char *why, *in, *xml, *four, *three;
} cards[] = {
	{ "a name", "FN:Ana Test\r\nN:Test;Ana;M;Dr.;Jr.\r\n",
	  "<name-entry name-type=\"LegalName\"><prefix>Dr.</prefix><given>Ana</given>"
	  "<middle>M</middle><family>Test</family><suffix>Jr.</suffix>"
	  "<display-name>Ana Test</display-name></name-entry>",
	  NULL, NULL },
	{ "markup in a name", "FN:<a>&\"b\"\r\n", "<display-name>&lt;a&gt;&amp;&quot;b&quot;</",
	  NULL, "FN:<a>&\"b\"\r\nN:;;;;\r\n" },
	{ "a name in two parts", "FN:A\r\nN:Test;Ana,Maria;;;\r\n", "params=\"X-CAB-SHADOW=1\"",
	  NULL, NULL },
	{ "no FN", "N:Test;Ana;;;\r\n", "<display-name>Ana Test</display-name>",
	  "FN:Ana Test\r\nN:Test;Ana;;;\r\n", "FN:Ana Test\r\nN:Test;Ana;;;\r\n" },
	{ "nothing but a number", "TEL:12345\r\n", "<display-name>12345</display-name>",
	  "FN:12345\r\nN:;;;;\r\nTEL:12345\r\n", "FN:12345\r\nN:;;;;\r\nTEL:12345\r\n" },
	{ "nicknames", "FN:A\r\nNICKNAME:Anni\r\n", "name-type=\"KnownAs\"><display-name>Anni<",
	  NULL, NULL },
	{ "another name", "FN:A\r\nX-CAB-NAME;X-CAB-TYPE=MaidenName:Alt;;;;\r\n",
	  "name-type=\"MaidenName\"><family>Alt</family>", NULL, NULL },
	{ "how it sounds", "FN:A\r\nN:T;A;;;\r\nX-PHONETIC-FIRST-NAME:Ah\r\n",
	  "<given phonetic=\"Ah\">A</given>", NULL, NULL },
	{ "numbers",
	  "FN:A\r\nTEL;TYPE=CELL;PREF=1:+49 1\r\nTEL;TYPE=WORK:2\r\nTEL;TYPE=FAX:3\r\nTEL:4\r\n",
	  "<tel tel-type=\"Mobile\" pref=\"1\"><tel-nb><tel-str>+49 1</tel-str></tel-nb></tel>",
	  NULL,
	  "FN:A\r\nTEL;TYPE=CELL,PREF:+49 1\r\nTEL;TYPE=WORK:2\r\nTEL;TYPE=FAX:3\r\nTEL:4\r\n" },
	{ "a number with more to it", "FN:A\r\nTEL;TYPE=HOME,X-BOAT;X-A=b:1\r\n",
	  "params=\"X-CAB-SHADOW=1;TYPE=X-BOAT;X-A=b\"", NULL, NULL },
	{ "a number as a URI", "FN:A\r\nTEL;VALUE=uri;TYPE=CELL:tel:+491\r\n", "<tel-str>+491<",
	  "FN:A\r\nTEL;TYPE=CELL:+491\r\n", "FN:A\r\nTEL;TYPE=CELL:+491\r\n" },
	{ "a label", "FN:A\r\nitem1.TEL:1\r\nitem1.X-ABLABEL:boat\r\n",
	  "<custom-label>boat</custom-label>", NULL, NULL },
	{ "a group of other properties", "FN:A\r\nitem1.ADR:;;S;C;;1;DE\r\nitem1.X-ABADR:de\r\n",
	  "group=\"item1\"", NULL, NULL },
	{ "addresses", "FN:A\r\nEMAIL:a b@x\r\nEMAIL;PREF=1:c%d@x\r\n",
	  "<addr-uri>mailto:a%20b@x</addr-uri>", NULL,
	  "FN:A\r\nEMAIL;TYPE=INTERNET:a b@x\r\nEMAIL;TYPE=INTERNET,PREF:c%d@x\r\n" },
	{ "other ways", "FN:A\r\nIMPP:sip:a@x\r\nIMPP:xmpp:a@x\r\n",
	  "<uri-entry addr-uri-type=\"SIP-URI\"><addr-uri>sip:a@x</addr-uri></uri-entry>", NULL,
	  NULL },
	{ "SIP without a scheme", "FN:A\r\nX-SIP:a@x\r\n", "<addr-uri>sip:a@x<",
	  "FN:A\r\nIMPP:sip:a@x\r\n", "FN:A\r\nIMPP:sip:a@x\r\n" },
	{ "IMPP that is no URI", "FN:A\r\nIMPP:hello\r\n", "name=\"IMPP\">hello<", NULL, NULL },
	{ "a birthday", "FN:A\r\nBDAY:19900501\r\n", "<date>1990-05-01</date>", NULL,
	  "FN:A\r\nBDAY:1990-05-01\r\n" },
	{ "a birthday without a year", "FN:A\r\nBDAY:--0501\r\n", "<date>--05-01</date>", NULL,
	  "FN:A\r\nBDAY;X-APPLE-OMIT-YEAR=1604:1604-05-01\r\n" },
	{ "a birthday without a day", "FN:A\r\nBDAY:1990-05\r\n", "<date>1990-05</date>", NULL,
	  NULL },
	{ "a birthday that never was", "FN:A\r\nBDAY:19900231\r\n", "name=\"BDAY\">19900231<", NULL,
	  NULL },
	{ "a birthday with a time", "FN:A\r\nBDAY:19900501T120000Z\r\n", "name=\"BDAY\"", NULL,
	  NULL },
	{ "a birthday in words", "FN:A\r\nBDAY;VALUE=text:in May\r\n",
	  "<non-greg-date>in May</non-greg-date>", NULL, NULL },
	{ "where", "FN:A\r\nBIRTHPLACE:Ulm\r\n", "<place>Ulm</place>", NULL,
	  "FN:A\r\nX-CAB-BIRTHPLACE:Ulm\r\n" },
	{ "work", "FN:A\r\nORG:Bakers\r\nTITLE:Baker\r\n",
	  "<career><employer>Bakers</employer><duty>Baker</duty></career>", NULL, NULL },
	{ "a department", "FN:A\r\nORG:Bakers;Bread\\; rolls;Dough\r\n", "<employer>Bakers<", NULL,
	  NULL },
	{ "an address", "FN:A\r\nADR;TYPE=HOME:;;Weg 1;Ulm;;89073;DE\r\n",
	  "<address-entry address-type=\"Home\"><address-data><street>Weg 1</street>"
	  "<locality>Ulm</locality><postal-code>89073</postal-code><country>DE</country>",
	  NULL, NULL },
	{ "a label of an address", "FN:A\r\nADR;LABEL=\"a^nb;c\":;;S;;;;\r\n",
	  "<label>a&#10;b;c</label>", NULL, "FN:A\r\nADR:;;S;;;;\r\nLABEL:a\\nb\\;c\r\n" },
	{ "a picture by reference", "FN:A\r\nPHOTO;VALUE=uri:https://x/y.jpg\r\n",
	  "<photo media-type=\"picture\"><media xmlns=\"" CAB_NS_PCC
	  "\"><media-url>https://x/y.jpg</media-url>",
	  NULL, NULL },
	{ "a picture in the clear", "FN:A\r\nPHOTO:http://x/y.jpg\r\n", "name=\"PHOTO\"", NULL,
	  NULL },
	{ "a picture inside", "FN:A\r\nPHOTO:data:image/jpeg;base64,AAAA\r\n",
	  "<content>AAAA</content>", NULL, "FN:A\r\nPHOTO;ENCODING=b;TYPE=JPEG:AAAA\r\n" },
	{ "two pictures", "FN:A\r\nPHOTO;VALUE=uri:https://x/1\r\nPHOTO;VALUE=uri:https://x/2\r\n",
	  "<media-list><media-entry media-type=\"picture\">", NULL, NULL },
	{ "base64 that is none", "FN:A\r\nPHOTO;ENCODING=b:AAA\r\n", "name=\"PHOTO\"", NULL, NULL },
	{ "a logo", "FN:A\r\nLOGO;VALUE=uri:https://x/1\r\n", "media-type=\"logo\"", NULL, NULL },
	{ "the web", "FN:A\r\nURL:https://x/a?b=c,d\r\n", "<url>https://x/a?b=c,d</url>", NULL,
	  NULL },
	{ "the web without a scheme", "FN:A\r\nURL:www.x.example\r\n",
	  "<url>http://www.x.example</url>", "FN:A\r\nURL:http://www.x.example\r\n",
	  "FN:A\r\nURL:http://www.x.example\r\n" },
	{ "no URL", "FN:A\r\nURL:a b\r\n", "name=\"URL\">a b<", NULL, NULL },
	{ "notes", "FN:A\r\nNOTE:a\\, b\\nc\r\nNOTE;LANGUAGE=de:d\r\n", "<note>a, b&#10;c</note>",
	  NULL, NULL },
	{ "what has no place", "FN:A\r\nX-SHOE-SIZE;X-A=\"b,c\":4\\;2\r\nROLE:r\r\nGENDER:F\r\n",
	  "name=\"X-SHOE-SIZE\" params=\"X-A=&quot;b,c&quot;\">4\\;2<", NULL, NULL },
	{ "an organization", "KIND:org\r\nFN:Bakers\r\nORG:Bakers\r\nTEL:1\r\n", "<org-details",
	  NULL, "X-ADDRESSBOOKSERVER-KIND:org\r\nFN:Bakers\r\nORG:Bakers\r\nTEL:1\r\nN:;;;;\r\n" },
	{ "a kind that has no place", "KIND:location\r\nFN:A\r\n", "name=\"KIND\">location<", NULL,
	  NULL },
};

static int by_line(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of CARD but those that every card has, in order of their text. */
static void lines(char *card, char **line, unsigned *n)
{
	*n = 0;
	for (char *p = strtok(card, "\r\n"); p; p = strtok(NULL, "\r\n"))
		if (*p == ' ')
			strcat(line[*n - 1], p + 1); /* it stood further in front */
		else if (strncmp(p, "BEGIN", 5) && strncmp(p, "VERSION", 7) &&
			 strncmp(p, "UID", 3) && strncmp(p, "REV", 3) && strncmp(p, "END", 3) &&
			 strcmp(p, "N:;;;;"))
			line[(*n)++] = p;
	qsort(line, *n, sizeof(*line), by_line);
}

static void check_same(const char *why, const char *what, const char *want, const char *got)
{
	char *a = strdup(want), *b = strdup(got), *line[2][40];
	unsigned n[2];

	lines(a, line[0], &n[0]);
	lines(b, line[1], &n[1]);
	for (unsigned i = 0; i < n[0] || i < n[1]; i++)
		if (i >= n[0] || i >= n[1] || strcmp(line[0][i], line[1][i]) != 0)
			fail_msg("%s, %s: %s\nwanted %s", why, what, got, want);
	free(a);
	free(b);
}

static void test_cards(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cards); i++) {
		struct cab_buf in = { 0 }, book, again, out;
		struct cab_report report;

		cab_buf_printf(&in, CARD("%s"), cards[i].in);
		cab_buf_char(&in, '\0');
		book = import(cards[i].why, STRV(""), in.p, 1, &report);
		if (!memmem(book.p, book.n, cards[i].xml, strlen(cards[i].xml)))
			fail_msg("%s: %.*s", cards[i].why, STRV_ARG(book));
		out = export(cards[i].why, cab_buf_text(&book), CAB_VCARD3);
		check_same(cards[i].why, "3.0", cards[i].three ? cards[i].three : cards[i].in,
			   out.p);
		cab_buf_fini(&out);
		out = export(cards[i].why, cab_buf_text(&book), CAB_VCARD4);
		check_same(cards[i].why, "4.0", cards[i].four ? cards[i].four : cards[i].in, out.p);
		/* What was exported says nothing new. */
		if (!cards[i].four) {
			again = import(cards[i].why, cab_buf_text(&book), out.p, 0, &report);
			cab_buf_fini(&again);
		}
		cab_buf_fini(&out);
		cab_buf_fini(&book);
		cab_buf_fini(&in);
	}
}

static const char known[] =
	"<?xml version=\"1.0\"?>\n"
	"<ab:address-book xmlns:ab=\"" CAB_NS_BOOK "\" xmlns:p=\"" CAB_NS_PCC "\" version=\"3\">\n"
	"  <ab:contact id=\"c1\" last-modified=\"2025-01-01T00:00:00Z\" xmlns:o=\"urn:o\">"
	"<ab:contact-status cab-user=\"true\" xui=\"sip:a@x\" origin=\"subscription\"/>"
	"<p:person-details/><ab:group-ref id=\"g1\"/><o:own>mine</o:own></ab:contact>\n"
	"  <ab:contact id=\"c&amp;2\" last-modified=\"2025-01-01T00:00:00Z\">"
	"<p:person-details/></ab:contact><!-- c -->\n"
	"  <ab:group id=\"g1\"><ab:display-name>Hikers</ab:display-name></ab:group>\n"
	"</ab:address-book>\n";

static void has(const char *why, const struct cab_buf *text, const char *what)
{
	if (!memmem(text->p, text->n, what, strlen(what)))
		fail_msg("%s: no %s in\n%.*s", why, what, STRV_ARG(*text));
}

static void test_update(void **state)
{
	struct cab_report report;
	struct cab_buf book;

	(void)state;
	check_valid("known", strv_of(known));
	book = import("update", strv_of(known),
		      CARD("FN:Ana\r\nREV:20260101T000000Z\r\n") "BEGIN:VCARD\nUID:c&2\nFN:B\n"
								 "CATEGORIES:Hikers,New\nEND:"
								 "VCARD\nBEGIN:VCARD\nUID:c3\nFN:"
								 "C\nEND:VCARD\n",
		      1, &report);
	has("what the server owns stays", &book, "xui=\"sip:a@x\" origin=\"subscription\"/>");
	has("what others own stays", &book, "<o:own>mine</o:own></contact>");
	has("the declaration comes with it", &book, " xmlns:o=\"urn:o\"");
	has("groups stay", &book, "<group-ref id=\"g1\"/><o:own>");
	has("the change says when", &book, "last-modified=\"2026-01-01T00:00:00Z\"");
	has("an id with a reference", &book, "id=\"c&amp;2\"");
	has("what is not meant stays", &book, "</contact><!-- c -->\n");
	has("a new contact", &book, "id=\"c3\"");
	has("a new group", &book, "<display-name>New</display-name>");
	assert_int_equal(report.cards, 3);
	assert_int_equal(report.updated, 2);
	assert_int_equal(report.added, 1);
	assert_int_equal(report.groups, 1);
	cab_buf_fini(&book);
}

static void test_again(void **state)
{
	static const char file[] = CARD("FN:A\r\n") "BEGIN:VCARD\nFN:no id\nTEL:1\nEND:VCARD\n";
	struct cab_report report;
	struct cab_buf book, again;

	(void)state;
	book = import("once", STRV(""), file, 1, &report);
	assert_int_equal(report.added, 2);
	again = import("again", cab_buf_text(&book), file, 0, &report);
	assert_int_equal(report.same, 2);
	assert_int_equal(again.n, 0);
	cab_buf_fini(&book);
	cab_buf_fini(&again);
}

static void test_report(void **state)
{
	struct cab_report report;
	struct cab_buf file = { 0 }, book;

	(void)state;
	cab_buf_put(&file, STRV(CARD("FN:old\r\n") CARD("FN:new\r\n")));
	cab_buf_put(&file, STRV("BEGIN:VCARD\r\nFN:big\r\nPHOTO;ENCODING=b:"));
	for (unsigned i = 0; i < CAB_PICTURE_MAX + 4; i++)
		cab_buf_char(&file, 'A');
	cab_buf_put(&file, STRV("\r\nno property\r\n"));
	cab_buf_char(&file, '\0');
	book = import("report", STRV(""), file.p, 1, &report);
	assert_int_equal(report.cards, 3);
	assert_int_equal(report.twice, 1);
	assert_int_equal(report.added, 2);
	assert_int_equal(report.faulty, 1);
	assert_int_equal(report.no_pictures, 1);
	assert_int_equal(report.n_remarks, 1);
	assert_int_equal(report.remark[0].line, 11);
	has("the later one", &book, "new");
	cab_buf_fini(&file);
	cab_buf_fini(&book);
}

static void test_bare(void **state)
{
	struct cab_report report;
	struct cab_buf book;

	(void)state;
	book = import("an empty element", STRV("<x:address-book xmlns:x=\"" CAB_NS_BOOK "\" />"),
		      CARD("FN:A\r\n"), 1, &report);
	has("its end tag", &book, "</x:address-book>");
	cab_buf_fini(&book);
	book = import("no contacts",
		      STRV("<address-book xmlns=\"" CAB_NS_BOOK "\"></address-book>"),
		      CARD("FN:A\r\n"), 1, &report);
	has("its end tag", &book, "\n</address-book>");
	cab_buf_fini(&book);
}

static void test_groups(void **state)
{
	static const char file[] =
		"BEGIN:VCARD\nVERSION:4.0\nKIND:group\nUID:g7\nFN:Bakers\nMEMBER:c1\nMEMBER:c2\n"
		"END:VCARD\n" CARD(
			"FN:A\r\nCATEGORIES:Hikers\\, fast\r\n") "BEGIN:VCARD\nVERSION:4.0\nUID:"
								 "c2\nFN:B\nEND:VCARD\n";
	struct cab_report report;
	struct cab_buf book, again, out;

	(void)state;
	book = import("groups", STRV(""), file, 1, &report);
	assert_int_equal(report.groups, 2);
	assert_int_equal(report.cards, 2);
	has("a group", &book, "<group id=\"g7\"><display-name>Bakers</display-name></group>");
	has("a member", &book, "<group-ref id=\"g7\"/></contact>");
	for (int format = CAB_VCARD3; format <= CAB_VCARD4; format++) {
		out = export("groups", cab_buf_text(&book), (enum cab_format)format);
		has("categories", &out, "CATEGORIES:Hikers\\, fast,Bakers\r\n");
		has("a group's card", &out, "UID:g7\r\n");
		again = import("groups again", cab_buf_text(&book), out.p, 0, &report);
		cab_buf_fini(&again);
		/* Elsewhere they are the same groups. */
		again = import("groups elsewhere", STRV(""), out.p, 1, &report);
		has("a group", &again, "<group id=\"g7\">");
		assert_int_equal(report.groups, 2);
		cab_buf_fini(&again);
		cab_buf_fini(&out);
	}
	cab_buf_fini(&book);
}

static void test_refused(void **state)
{
	static const struct {
		const char *why, *old;
		enum err_code code;
	} rows[] = {
		{ "no XML", "hello", ERR_SYNTAX },
		{ "another document", "<resource-lists/>", ERR_SYNTAX },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct cab_buf out = { 0 };
		struct cab_report report;
		struct cab_vcards vcards;
		struct cab_source source;
		struct err err;

		cab_vcards_source(&vcards, STRV(CARD("FN:A\r\n")), &source);
		assert_int_equal(cab_book_import(strv_of(rows[i].old), &source, NOW, &out, &report,
						 &err),
				 -1);
		if (err.code != rows[i].code)
			fail_msg("%s: %s", rows[i].why, err.text);
		cab_buf_fini(&out);
	}
}

/* A client changed the value: what completed the old one is gone. */
static void test_stale(void **state)
{
	struct cab_report report;
	struct cab_buf book =
		import("stale", STRV(""), CARD("FN:A\r\nTEL;X-A=b:11\r\n"), 1, &report);
	struct cab_buf out;
	char *at = memmem(book.p, book.n, "<tel-str>11", 11);

	(void)state;
	memcpy(at, "<tel-str>22", 11);
	out = export("stale", cab_buf_text(&book), CAB_VCARD4);
	has("the new number", &out, "\r\nTEL:22\r\n");
	assert_null(strstr(out.p, "X-A"));
	cab_buf_fini(&book);
	cab_buf_fini(&out);
}

static const struct {
	const char *why, *csv, *card;
} tables[] = {
	{ "Google's names",
	  "Given Name,Family Name,Phone 1 - Type,Phone 1 - Value\r\nAna,Test,* Mobile,1\r\n",
	  "FN:Ana Test\r\nN:Test;Ana;;;\r\nTEL;TYPE=CELL;PREF=1:1\r\n" },
	{ "Outlook's names",
	  "First Name,Last Name,Mobile Phone,E-mail Address,E-mail 2 Address,Home Street,Home "
	  "City\n"
	  "Ana,Test,1,a@x,b@x,Weg 1,Ulm\n",
	  "FN:Ana Test\r\nN:Test;Ana;;;\r\nTEL;TYPE=CELL:1\r\nEMAIL:a@x\r\nEMAIL:b@x\r\n"
	  "ADR;TYPE=HOME:;;Weg 1;Ulm;;;\r\n" },
	{ "a mark and semicolons", "\xEF\xBB\xBFName;Phone\r\nAna;1\r\n", "FN:Ana\r\nTEL:1\r\n" },
	{ "tabs", "Name\tPhone\nAna\t1\n", "FN:Ana\r\nTEL:1\r\n" },
	{ "a separator that is said", "sep=;\nName;Phone\nAna;1\n", "FN:Ana\r\nTEL:1\r\n" },
	{ "quotes", "Name,Notes\n\"Test, \"\"Ana\"\"\",\"two\r\nlines\"\n",
	  "FN:Test\\, \"Ana\"\r\nNOTE:two\\nlines\r\n" },
	{ "a quote that does not end", "Name,Notes\nAna,\"x\n", "FN:Ana\r\nNOTE:x\\n\r\n" },
	{ "windows-1252", "Name\nM\xFCller\n", "FN:M\xC3\xBCller\r\n" },
	{ "columns that are not known", "Name,Shoe Size,Phone\nAna,42,1\n", "FN:Ana\r\nTEL:1\r\n" },
	{ "cells that are missing or too many", "Name,Phone\nAna\n", "FN:Ana\r\n" },
	{ "several values in a cell", "Name,Phone 1 - Value\nAna,1 ::: 2\n",
	  "FN:Ana\r\nTEL:1\r\nTEL:2\r\n" },
	{ "empty rows", "Name\n\n,\nAna\n\n", "FN:Ana\r\n" },
};

static void test_csv(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(tables); i++) {
		struct arena *arena = arena_new(0);
		struct cab_buf book = { 0 }, out;
		struct cab_report report;
		struct cab_source source;
		struct cab_csv csv;
		struct err err = { 0 };
		struct strv text = strv_of(tables[i].csv);

		text = xml_skip_bom(text);
		if (cab_csv_source(&csv, text, arena, &source, &err) < 0 ||
		    cab_book_import(STRV(""), &source, NOW, &book, &report, &err) != 1)
			fail_msg("%s: %s", tables[i].why, err.text);
		check_valid(tables[i].why, cab_buf_text(&book));
		out = export(tables[i].why, cab_buf_text(&book), CAB_VCARD4);
		check_same(tables[i].why, "4.0", tables[i].card, out.p);
		cab_buf_fini(&out);
		/* A table that we wrote says the same, but for what has no column. */
		out = export(tables[i].why, cab_buf_text(&book), CAB_CSV);
		if (cab_csv_source(&csv, strv_of(out.p), arena, &source, &err) < 0)
			fail_msg("%s: %s", tables[i].why, err.text);
		cab_buf_fini(&out);
		cab_buf_fini(&book);
		arena_free(&arena);
	}
}

static void test_csv_refused(void **state)
{
	struct arena *arena = arena_new(0);
	struct cab_source source;
	struct cab_csv csv;
	struct err err;

	(void)state;
	assert_int_equal(cab_csv_source(&csv, STRV("a,b\n1,2\n"), arena, &source, &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_int_equal(cab_csv_source(&csv, STRV(""), arena, &source, &err), -1);
	arena_free(&arena);
}

static void test_duplicates(void **state)
{
	static const char file[] =
		"BEGIN:VCARD\nUID:a\nFN:Ana\nTEL:+49 731 1234567\nEND:VCARD\n"
		"BEGIN:VCARD\nUID:b\nFN:Ana T.\nTEL:0731/1234567\nEMAIL:ana@x\nEND:VCARD\n"
		"BEGIN:VCARD\nUID:c\nFN:A. Test\nEMAIL:ANA@x\nEND:VCARD\n"
		"BEGIN:VCARD\nUID:d\nFN:Bo\nEND:VCARD\nBEGIN:VCARD\nUID:e\nFN:bo\nEND:VCARD\n"
		"BEGIN:VCARD\nUID:f\nFN:Cy\nTEL:110\nEND:VCARD\n"
		"BEGIN:VCARD\nUID:g\nFN:Di\nTEL:110\nEND:VCARD\n";
	struct arena *arena = arena_new(0);
	struct cab_duplicates found;
	struct cab_report report;
	struct cab_buf book = import("duplicates", STRV(""), file, 1, &report);
	struct err err;

	(void)state;
	assert_int_equal(cab_book_duplicates(cab_buf_text(&book), 10, arena, &found, &err), 0);
	assert_int_equal(found.n, 2);
	assert_int_equal(found.same[0].n, 3);
	assert_string_equal(found.same[0].why, "number");
	assert_true(strv_eq(found.same[0].id[2], STRV("c")));
	assert_int_equal(found.same[1].n, 2);
	assert_string_equal(found.same[1].why, "name");
	assert_int_equal(cab_book_duplicates(cab_buf_text(&book), 1, arena, &found, &err), 0);
	assert_int_equal(found.n, 1);
	cab_buf_fini(&book);
	arena_free(&arena);
}

static void test_merge(void **state)
{
	static const char file[] =
		"BEGIN:VCARD\nVERSION:4.0\nUID:a\nFN:Ana\nTEL:+49 731 1234567\nNOTE:one\n"
		"CATEGORIES:Hikers\nEND:VCARD\n"
		"BEGIN:VCARD\nVERSION:4.0\nUID:b\nFN:Ana "
		"T.\nTEL:0731/1234567\nTEL:2\nBDAY:19900501\n"
		"item1.EMAIL:ana@x\nitem1.X-ABLABEL:boat\nX-SHOE-SIZE:42\nCATEGORIES:Bakers\nEND:"
		"VCARD\n"
		"BEGIN:VCARD\nVERSION:4.0\nUID:c\nFN:Bo\nEND:VCARD\n";
	struct cab_report report;
	struct cab_buf book = import("merge", STRV(""), file, 1, &report), next = { 0 }, out;
	struct err err;

	(void)state;
	for (int way = 0; way < 2; way++) {
		struct strv keep = way ? STRV("b") : STRV("a"), drop = way ? STRV("a") : STRV("b");

		assert_int_equal(cab_book_merge(cab_buf_text(&book), keep, drop, NOW, &next, &err),
				 0);
		check_valid("merge", cab_buf_text(&next));
		out = export("merge", cab_buf_text(&next), CAB_VCARD4);
		has("the name", &out, way ? "FN:Ana T.\r\n" : "FN:Ana\r\n");
		has("the note", &out, "NOTE:one\r\n");
		has("the other number", &out, "TEL:2\r\n");
		has("the birthday", &out, "BDAY:19900501\r\n");
		has("the label", &out, "X-ABLABEL:boat\r\n");
		has("what has no place", &out, "X-SHOE-SIZE:42\r\n");
		has("groups", &out, way ? "CATEGORIES:Bakers,Hikers" : "CATEGORIES:Hikers,Bakers");
		has("the third", &out, "FN:Bo\r\n");
		assert_null(strstr(out.p, way ? "UID;VALUE=text:a\r\n" : "UID;VALUE=text:b\r\n"));
		assert_true((strstr(out.p, "1234567") != NULL) &&
			    !strstr(strstr(out.p, "1234567") + 7, "1234567"));
		cab_buf_fini(&out);
		cab_buf_fini(&next);
	}
	assert_int_equal(cab_book_merge(cab_buf_text(&book), STRV("a"), STRV("z"), NOW, &next,
					&err),
			 -1);
	assert_int_equal(err.code, ERR_ABSENT);
	assert_int_equal(cab_book_merge(cab_buf_text(&book), STRV("a"), STRV("a"), NOW, &next,
					&err),
			 -1);
	assert_int_equal(err.code, ERR_RANGE);
	cab_buf_fini(&next);
	cab_buf_fini(&book);
}

static int open_tables(void **state)
{
	int ret = usage_open(state);

	table = *state;
	return ret;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cards),	   cmocka_unit_test(test_update),
		cmocka_unit_test(test_again),	   cmocka_unit_test(test_report),
		cmocka_unit_test(test_bare),	   cmocka_unit_test(test_groups),
		cmocka_unit_test(test_refused),	   cmocka_unit_test(test_stale),
		cmocka_unit_test(test_csv),	   cmocka_unit_test(test_csv_refused),
		cmocka_unit_test(test_duplicates), cmocka_unit_test(test_merge),
	};

	return cmocka_run_group_tests(tests, open_tables, usage_close);
}
