/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/core/number.h - from a telephone number to a SIP URI: a table, then ENUM (RFC 6116)
 */
#ifndef SIP_CORE_NUMBER_H
#define SIP_CORE_NUMBER_H

#include "base/err.h"
#include "base/strv.h"
#include "sip/sip_dns.h"

/* Numbers that begin with PREFIX ("+4930"; "+" for all) go to URI, in which "{number}" stands for
 * the number: "sip:{number}@gw.example.net;user=phone". */
struct number_route {
	const char *prefix;
	const char *uri;
};

struct number_options {
	const struct number_route *routes; /* the longest prefix wins */
	unsigned n_routes;
	const char *enum_suffix; /* "e164.arpa"; NULL or "": ENUM is not asked */
};

struct numbers; /* immutable */

/* 0; -1: ERR says which route and what. Texts are copied. */
int numbers_new(const struct number_options *options, struct numbers **numbers_out,
		struct err *err);
void numbers_free(struct numbers **numbers);

enum { NUMBER_DIGITS_MAX = 15, NUMBER_URI_MAX = 512 };

/* Part of the asker's struct; the finder's from number_find until FOUND is called or
 * number_forget. STATUS 0 and the URI, valid during the call; 404: nobody knows the number, or it
 * is none; 503: DNS did not answer. */
struct number_ask {
	struct sip_dns_ask ask;
	char number[NUMBER_DIGITS_MAX + 2]; /* "+" and digits */
	void (*found)(struct number_ask *ask, unsigned status, struct strv uri);
};

/* NUMBER in global form, "+4930123", without separators. FOUND may be called before this returns.
 * DNS may be NULL: only the table is asked. */
void number_find(const struct numbers *numbers, struct sip_dns_worker *dns, struct strv number,
		 struct number_ask *ask);
void number_forget(struct number_ask *ask);

/* What the regular expression field of a NAPTR makes of NUMBER (RFC 3402 s3.2), into URI_OUT,
 * terminated. Its octets; -1 when it does not match, is malformed, or uses what could take forever
 * (back references and counted repetition in the pattern). */
int number_rewrite(const char *regexp, const char *number, char uri_out[NUMBER_URI_MAX]);

#endif
