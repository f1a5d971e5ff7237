/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/number.c - from a telephone number to a SIP URI
 *
 * See number.h. What DNS says is not trusted more than a message: its pattern is bounded by its
 * length and by what it may use, its result by its length and, later, by the URI's grammar.
 */
#include "sip/core/number.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS = 10, ENUM_NAME_MAX = 2 * NUMBER_DIGITS_MAX + 128 };

struct numbers {
	struct number_route *route;
	unsigned n_routes;
	char *enum_suffix;
};

static const char PLACE[] = "{number}";

/* ---- making ---- */

static int is_prefix(const char *prefix)
{
	size_t n = strlen(prefix);

	return n >= 1 && n <= NUMBER_DIGITS_MAX + 1 && prefix[0] == '+' &&
	       strspn(prefix + 1, "0123456789") == n - 1;
}

static int add_route(struct numbers *numbers, const struct number_route *from, struct err *err)
{
	struct number_route *to = &numbers->route[numbers->n_routes];

	if (!is_prefix(from->prefix))
		return err_set(err, ERR_SYNTAX, "\"%.32s\" is no prefix: \"+\" and digits",
			       from->prefix);
	if (strncmp(from->uri, "sip:", 4) != 0 && strncmp(from->uri, "sips:", 5) != 0)
		return err_set(err, ERR_SYNTAX, "the route of %s leads to \"%.64s\": no sip: URI",
			       from->prefix, from->uri);
	if (strlen(from->uri) + NUMBER_DIGITS_MAX + 2 > NUMBER_URI_MAX)
		return err_set(err, ERR_RANGE, "the route of %s is too long", from->prefix);
	for (unsigned i = 0; i < numbers->n_routes; i++)
		if (strcmp(numbers->route[i].prefix, from->prefix) == 0)
			return err_set(err, ERR_EXISTS, "there are two routes of %s", from->prefix);
	to->prefix = strdup(from->prefix);
	to->uri = strdup(from->uri);
	numbers->n_routes++;
	if (!to->prefix || !to->uri)
		return err_set(err, ERR_NOMEM, "no memory for the routes of numbers");
	return 0;
}

int numbers_new(const struct number_options *options, struct numbers **numbers_out, struct err *err)
{
	struct numbers *numbers = calloc(1, sizeof(*numbers));
	int ret = 0;

	*numbers_out = NULL;
	if (numbers) {
		numbers->route = calloc(options->n_routes + 1, sizeof(*numbers->route));
		numbers->enum_suffix = strdup(options->enum_suffix ? options->enum_suffix : "");
	}
	if (!numbers || !numbers->route || !numbers->enum_suffix)
		ret = err_set(err, ERR_NOMEM, "no memory for the routes of numbers");
	else if (strlen(numbers->enum_suffix) > 100)
		ret = err_set(err, ERR_RANGE, "the suffix of ENUM has more than 100 octets");
	for (unsigned i = 0; ret == 0 && i < options->n_routes; i++)
		ret = add_route(numbers, &options->routes[i], err);
	if (ret < 0)
		numbers_free(&numbers);
	*numbers_out = numbers;
	return ret;
}

void numbers_free(struct numbers **numbers_at)
{
	struct numbers *numbers = *numbers_at;

	*numbers_at = NULL;
	if (!numbers)
		return;
	for (unsigned i = 0; i < numbers->n_routes; i++) {
		free((char *)(uintptr_t)numbers->route[i].prefix);
		free((char *)(uintptr_t)numbers->route[i].uri);
	}
	free(numbers->route);
	free(numbers->enum_suffix);
	free(numbers);
}

/* ---- the table ---- */

static const struct number_route *longest(const struct numbers *numbers, const char *number)
{
	const struct number_route *best = NULL;

	for (unsigned i = 0; i < numbers->n_routes; i++) {
		const struct number_route *route = &numbers->route[i];
		size_t n = strlen(route->prefix);

		if (strncmp(number, route->prefix, n) == 0 && (!best || n > strlen(best->prefix)))
			best = route;
	}
	return best;
}

static size_t fill_in(const char *pattern, const char *number, char uri[NUMBER_URI_MAX])
{
	const char *place = strstr(pattern, PLACE);
	int n = place ? snprintf(uri, NUMBER_URI_MAX, "%.*s%s%s", (int)(place - pattern), pattern,
				 number, place + sizeof(PLACE) - 1)
		      : snprintf(uri, NUMBER_URI_MAX, "%s", pattern);

	return n < 0 || n >= NUMBER_URI_MAX ? 0 : (size_t)n;
}

/* ---- NAPTR's regular expression ---- */

/* The part of *AT up to the delimiter, which a backslash takes its meaning from; into PART. */
static int take_part(const char **at, char delimiter, char *part, size_t size)
{
	const char *from = *at;
	size_t n = 0;

	while (*from && *from != delimiter) {
		if (*from == '\\' && from[1] == delimiter)
			from++;
		else if (*from == '\\' && from[1]) {
			if (n + 1 >= size)
				return -1;
			part[n++] = *from++;
		}
		if (n + 1 >= size)
			return -1;
		part[n++] = *from++;
	}
	part[n] = '\0';
	*at = from;
	return *from == delimiter ? 0 : -1;
}

static int may_take_forever(const char *pattern)
{
	for (const char *at = pattern; *at; at++) {
		if (*at == '{')
			return 1;
		if (*at == '\\' && at[1]) {
			if (at[1] >= '1' && at[1] <= '9')
				return 1;
			at++;
		}
	}
	return 0;
}

static int substitute(const char *replacement, const char *number, const regmatch_t group[GROUPS],
		      char uri[NUMBER_URI_MAX])
{
	size_t n = 0;

	for (const char *at = replacement; *at; at++) {
		const char *from = at;
		size_t part = 1;

		if (*at == '\\' && at[1] >= '0' && at[1] <= '9') {
			const regmatch_t *match = &group[*++at - '0'];

			part = match->rm_so < 0 ? 0 : (size_t)(match->rm_eo - match->rm_so);
			from = number + (part ? match->rm_so : 0);
		} else if (*at == '\\' && at[1]) {
			from = ++at;
		}
		if (n + part >= NUMBER_URI_MAX)
			return -1;
		memcpy(uri + n, from, part);
		n += part;
	}
	uri[n] = '\0';
	return (int)n;
}

int number_rewrite(const char *regexp, const char *number, char uri_out[NUMBER_URI_MAX])
{
	char pattern[SIP_DNS_TEXT_MAX + 1], replacement[SIP_DNS_TEXT_MAX + 1];
	char delimiter = regexp[0];
	const char *at = regexp + 1;
	regmatch_t group[GROUPS];
	regex_t compiled;
	int flags = REG_EXTENDED, ret = -1;

	/* RFC 3402 s3.2: the delimiter is neither a digit nor the flag, nor a backslash. */
	if (!delimiter || (delimiter >= '0' && delimiter <= '9') || delimiter == 'i' ||
	    delimiter == '\\' || take_part(&at, delimiter, pattern, sizeof(pattern)) < 0)
		return -1;
	at++;
	if (take_part(&at, delimiter, replacement, sizeof(replacement)) < 0)
		return -1;
	at++;
	if (*at == 'i')
		flags |= REG_ICASE;
	else if (*at)
		return -1;
	if (may_take_forever(pattern) || regcomp(&compiled, pattern, flags) != 0)
		return -1;
	if (regexec(&compiled, number, GROUPS, group, 0) == 0)
		ret = substitute(replacement, number, group, uri_out);
	regfree(&compiled);
	return ret;
}

/* ---- ENUM ---- */

/* RFC 6116 s3.4.3: "E2U+sip", possibly among others ("E2U+sms:sip" is another type). */
static int is_sip_service(const char *service)
{
	struct strv rest = strv_of(service), part;

	if (!strv_cut(&rest, '+', &part) || !strv_caseeq(part, STRV("E2U")))
		return 0;
	do {
		struct strv type;

		strv_cut(&rest, '+', &part);
		strv_cut(&part, ':', &type);
		if (strv_caseeq(type, STRV("sip")))
			return 1;
	} while (rest.n);
	return 0;
}

static int is_better(const struct sip_dns_record *a, const struct sip_dns_record *b)
{
	return !b || a->priority < b->priority ||
	       (a->priority == b->priority && a->weight < b->weight);
}

static int try_record(const struct sip_dns_record *record, const char *number,
		      char uri[NUMBER_URI_MAX])
{
	int n;

	if (!strv_caseeq(strv_of(record->flags), STRV("u")) || !is_sip_service(record->service))
		return -1;
	n = number_rewrite(record->regexp, number, uri);
	if (n <= 0 || (strncasecmp(uri, "sip:", 4) != 0 && strncasecmp(uri, "sips:", 5) != 0))
		return -1;
	return n;
}

static void on_naptr(struct sip_dns_ask *dns_ask, const struct sip_dns_answer *answer)
{
	struct number_ask *ask =
		(struct number_ask *)((char *)dns_ask - offsetof(struct number_ask, ask));
	const struct sip_dns_record *best = NULL;
	char uri[NUMBER_URI_MAX], tried[NUMBER_URI_MAX];
	int n = 0;

	for (unsigned i = 0; answer && i < answer->n; i++) {
		int tried_n;

		if (!is_better(&answer->record[i], best))
			continue;
		tried_n = try_record(&answer->record[i], ask->number, tried);
		if (tried_n < 0)
			continue;
		best = &answer->record[i];
		memcpy(uri, tried, (size_t)tried_n + 1);
		n = tried_n;
	}
	if (best)
		ask->found(ask, 0, strv_mem(uri, (size_t)n));
	else
		ask->found(ask, answer && answer->status != SIP_DNS_FAILED ? 404 : 503,
			   (struct strv){ NULL, 0 });
}

/* "+4930123" is 3.2.1.0.3.9.4.<suffix> (RFC 6116 s3.2). */
static size_t enum_name(const char *number, const char *suffix, char name[ENUM_NAME_MAX])
{
	size_t n = 0;

	for (size_t i = strlen(number); i-- > 1;) {
		name[n++] = number[i];
		name[n++] = '.';
	}
	memcpy(name + n, suffix, strlen(suffix));
	return n + strlen(suffix);
}

static int take_number(struct number_ask *ask, struct strv number)
{
	if (number.n < 2 || number.n > NUMBER_DIGITS_MAX + 1 || number.p[0] != '+')
		return -1;
	for (size_t i = 1; i < number.n; i++)
		if (number.p[i] < '0' || number.p[i] > '9')
			return -1;
	memcpy(ask->number, number.p, number.n);
	ask->number[number.n] = '\0';
	return 0;
}

void number_find(const struct numbers *numbers, struct sip_dns_worker *dns, struct strv number,
		 struct number_ask *ask)
{
	const struct number_route *route;
	char name[ENUM_NAME_MAX];

	ask->ask.link = NULL;
	if (take_number(ask, number) < 0) {
		ask->found(ask, 404, (struct strv){ NULL, 0 });
		return;
	}
	route = longest(numbers, ask->number);
	if (route) {
		char uri[NUMBER_URI_MAX];
		size_t n = fill_in(route->uri, ask->number, uri);

		ask->found(ask, n ? 0 : 404, strv_mem(uri, n));
		return;
	}
	if (!dns || !*numbers->enum_suffix) {
		ask->found(ask, 404, (struct strv){ NULL, 0 });
		return;
	}
	ask->ask.answered = on_naptr;
	sip_dns_ask(dns, SIP_DNS_NAPTR,
		    strv_mem(name, enum_name(ask->number, numbers->enum_suffix, name)), &ask->ask);
}

void number_forget(struct number_ask *ask)
{
	sip_dns_forget(&ask->ask);
}
