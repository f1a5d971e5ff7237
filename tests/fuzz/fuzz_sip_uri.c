/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_sip_uri.c - any octets as a URI, a name-addr, a Via, parameters, features
 *
 * Every piece lies within what it was read from, and a piece that was read is read again alone.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "sip/sip_content.h"
#include "sip/sip_feature.h"
#include "sip/sip_field.h"

#define REQUIRE(condition)                                                      \
	do {                                                                    \
		if (!(condition)) {                                             \
			fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
			abort();                                                \
		}                                                               \
	} while (0)

static void within(struct strv part, struct strv whole)
{
	REQUIRE(!part.n || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static void walk_uri(const struct sip_uri *uri)
{
	struct sip_uri again;

	within(uri->scheme, uri->text);
	within(uri->user, uri->text);
	within(uri->host, uri->text);
	within(uri->params, uri->text);
	within(uri->headers, uri->text);
	if (uri->scheme.n)
		REQUIRE(sip_uri_parse(uri->text, &again) == 0 && strv_eq(again.host, uri->host));
	if (sip_uri_is_sip(uri))
		REQUIRE(uri->host.n && uri->port <= 65535 &&
			!memchr(uri->text.p, '\r', uri->text.n));
}

static void walk_addrs(struct strv s)
{
	struct sip_name_addr one, alone;

	while (sip_name_addr_next(&s, &one) > 0) {
		struct strv text = one.text;

		within(one.params, one.text);
		within(one.display, one.text);
		walk_uri(&one.uri);
		REQUIRE(sip_name_addr_next(&text, &alone) > 0 && !text.n);
		REQUIRE(strv_eq(alone.uri.text, one.uri.text) && strv_eq(alone.params, one.params));
	}
}

static void walk_vias(struct strv s)
{
	struct sip_via one, alone;

	while (sip_via_next(&s, &one) > 0) {
		struct strv text = one.text;

		REQUIRE(one.host.n && one.port <= 65535);
		REQUIRE(sip_via_next(&text, &alone) > 0 && !text.n);
		REQUIRE(strv_eq(alone.branch, one.branch) && alone.port == one.port);
	}
}

static void walk_features(struct strv s)
{
	struct sip_features *features;
	struct sip_feature_match match;

	if (sip_features_parse(s, NULL, &features, NULL) < 0)
		return;
	sip_features_match(features, features, &match);
	REQUIRE(match.present == match.wanted);
	sip_features_has(features, "+g.3gpp.icsi-ref", "urn%3Aurn-7");
	sip_features_free(&features);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strv s = strv_mem(data, size), name, value, rest = s;
	struct sip_media media;
	struct sip_addr addr;
	struct sip_uri uri;
	unsigned n = 0;

	if (sip_uri_parse(s, &uri) == 0)
		walk_uri(&uri);
	walk_addrs(s);
	walk_vias(s);
	while (sip_param_next(&rest, &name, &value)) {
		within(name, s);
		within(value, s);
		REQUIRE(name.n && ++n <= size);
	}
	walk_features(s);
	sip_media_parse(s, &media);
	if (sip_addr_parse(s, 5060, &addr) == 0) {
		char text[SIP_ADDR_TEXT];
		struct sip_addr again;

		sip_addr_print_host(&addr, 1, text);
		REQUIRE(sip_addr_parse(strv_of(text), 5060, &again) == 0 &&
			sip_addr_eq(&addr, &again));
	}
	return 0;
}
