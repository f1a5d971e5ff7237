/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests of sip/core/number.c: the table, ENUM, and what NAPTR's expressions make of a number
 */
#include "sip/core/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/gate.h"
#include "tests/sip/dns_server.h"

#define ENUM(name, order, flags, service, regexp)                      \
	{                                                              \
		name, 35, 60, order, 10, 0, "", flags, service, regexp \
	}

static const struct dns_row zone[] = {
	ENUM("3.2.1.0.3.9.4.e164.test", 20, "u", "E2U+sip", "!^.*$!sip:second@enum.test!"),
	ENUM("3.2.1.0.3.9.4.e164.test", 10, "U", "e2u+SIP", "!^\\+49(.*)$!sip:0\\1@enum.test!"),
	ENUM("3.2.1.0.3.9.4.e164.test", 1, "u", "E2U+mailto", "!^.*$!mailto:x@enum.test!"),
	ENUM("1.1.4.e164.test", 10, "u", "E2U+web:http", "!^.*$!http://enum.test/!"),
	ENUM("2.1.4.e164.test", 10, "u", "E2U+sip", "!^.*$!tel:+412!"),
	{ 0 },
};

static const struct number_route routes[] = {
	{ "+4940", "sip:{number}@hamburg.test;user=phone" },
	{ "+49401", "sips:alster.test" },
};

struct find {
	struct number_ask ask;
	struct post post;
	const struct numbers *numbers;
	struct sip_dns_worker *dns;
	const char *number;
	unsigned status;
	char uri[NUMBER_URI_MAX];
	struct gate gate;
};

static void on_found(struct number_ask *ask, unsigned status, struct strv uri)
{
	struct find *find = (struct find *)ask;

	find->status = status;
	snprintf(find->uri, sizeof(find->uri), "%.*s", STRV_ARG(uri));
	gate_raise(&find->gate);
}

static void run_find(struct post *post)
{
	struct find *find = (struct find *)((char *)post - offsetof(struct find, post));

	find->ask.found = on_found;
	number_find(find->numbers, find->dns, strv_of(find->number), &find->ask);
	gate_raise(&find->gate);
}

static void numbers_lead_to_uris(void **state)
{
	static const struct {
		const char *why, *number;
		unsigned status;
		const char *uri;
	} rows[] = {
		{ "the table", "+49402", 0, "sip:+49402@hamburg.test;user=phone" },
		{ "the longest prefix wins", "+494012", 0, "sips:alster.test" },
		{ "ENUM: the lowest order of those that are SIP", "+4930123", 0,
		  "sip:030123@enum.test" },
		{ "no SIP service", "+411", 404, "" },
		{ "SIP that leads to tel:", "+412", 404, "" },
		{ "nobody knows it", "+4999", 404, "" },
		{ "not global", "030123", 404, "" },
		{ "separators are not ours to undo", "+49-30", 404, "" },
		{ "longer than E.164", "+4930123456789012", 404, "" },
		{ "no digits", "+", 404, "" },
	};
	struct number_options options = { routes, 2, "e164.test" };
	struct dns_server *server = dns_server_start(zone, DNS_HONEST);
	struct sip_dns_options dns_options;
	struct sip_dns_worker *dns_worker;
	struct workers *workers;
	struct numbers *numbers;
	struct sip_dns *dns;
	char servers[32];
	struct err err;

	(void)state;
	snprintf(servers, sizeof(servers), "127.0.0.1:%u", dns_server_port(server));
	sip_dns_options_init(&dns_options);
	dns_options.servers = servers;
	assert_int_equal(numbers_new(&options, &numbers, &err), 0);
	assert_int_equal(workers_new(1, &workers, &err), 0);
	assert_int_equal(sip_dns_new(&dns_options, &dns, &err), 0);
	assert_int_equal(sip_dns_worker_new(dns, workers_at(workers, 0), &dns_worker, &err), 0);
	assert_int_equal(workers_start(workers, &err), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct find find = { .numbers = numbers,
				     .dns = dns_worker,
				     .number = rows[i].number,
				     .gate = GATE_INIT,
				     .post.run = run_find };

		worker_post(workers_at(workers, 0), &find.post);
		assert_true(gate_wait(&find.gate, 2));
		if (find.status != rows[i].status || strcmp(find.uri, rows[i].uri) != 0)
			fail_msg("%s: %s gives %u %s", rows[i].why, rows[i].number, find.status,
				 find.uri);
	}
	workers_stop(workers);
	sip_dns_worker_free(&dns_worker);
	sip_dns_free(&dns);
	workers_free(&workers);
	numbers_free(&numbers);
	dns_server_stop(server);
}

static void expressions_are_bounded(void **state)
{
	static const struct {
		const char *why, *regexp, *uri;
	} rows[] = {
		{ "the whole", "!^.*$!sip:a@b!", "sip:a@b" },
		{ "groups", "!^\\+(4.)(.*)$!sip:\\2@\\1!", "sip:30123@49" },
		{ "case is not looked at", "!^\\+4930(A|1).*$!sip:x\\1!i", "sip:x1" },
		{ "another delimiter", "#^.*$#sip:a!b#", "sip:a!b" },
		{ "an escaped delimiter", "!^.*$!sip:a\\!b!", "sip:a!b" },
		{ "no match", "!^\\+1!sip:a!", NULL },
		{ "a back reference", "!^(.*)\\1$!sip:a!", NULL },
		{ "counted repetition", "!^(.{1,99}){1,99}$!sip:a!", NULL },
		{ "no end", "!^.*$!sip:a", NULL },
		{ "no parts", "!", NULL },
		{ "empty", "", NULL },
		{ "a digit delimits", "1^.*$1sip:a1", NULL },
		{ "an unknown flag", "!^.*$!sip:a!x", NULL },
		{ "a broken pattern", "!^($!sip:a!", NULL },
	};
	char uri[NUMBER_URI_MAX], longer[256] = "!^(.*)$!";

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int n = number_rewrite(rows[i].regexp, "+4930123", uri);

		if ((n < 0) != !rows[i].uri || (n >= 0 && strcmp(uri, rows[i].uri) != 0))
			fail_msg("%s: %d %s", rows[i].why, n, n < 0 ? "" : uri);
	}
	while (strlen(longer) < 250)
		strcat(longer, "\\1");
	strcat(longer, "!");
	assert_int_equal(number_rewrite(longer, "+49301234567890", uri), -1);
}

static void routes_that_cannot_be_are_refused(void **state)
{
	static const struct number_route bad[] = {
		{ "49", "sip:a" },
		{ "+4x", "sip:a" },
		{ "+49", "tel:+49" },
		{ "+12345678901234567", "sip:a" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct number_route twice[] = { bad[i], bad[i] };
		struct number_options options = { twice, 1, NULL };
		struct numbers *numbers;
		struct err err;

		assert_int_equal(numbers_new(&options, &numbers, &err), -1);
		assert_null(numbers);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_lead_to_uris),
		cmocka_unit_test(expressions_are_bounded),
		cmocka_unit_test(routes_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
