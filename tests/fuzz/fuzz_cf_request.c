/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_cf_request.c - any octets as the body of a message to a group, up to its copies
 *
 * The first line is the Content-Type, the second one "anonymous" or not. What was taken makes a
 * copy, and a copy that was made can be read as what it says it is.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xml.h"
#include "cpm/controlling/cf_priv.h"

enum { MAX_LIST = 50 };

static void check_copy(const struct cpm_message_draft *d, struct arena *arena)
{
	struct cf_request again;
	struct strv unsupported;
	const char *why;
	unsigned status = cf_request_read(d, 2 * MAX_LIST, NULL, arena, &again, &why, &unsupported);

	if ((status && status != 413) || again.has_list) {
		fprintf(stderr, "%u %s:\n%.*s\n", status, why ? why : "", STRV_ARG(d->body));
		abort();
	}
}

static void try(const struct cpm_message_draft *m, struct arena *arena)
{
	struct pol_verdict known;
	struct cf_request request;
	struct cf_facts facts = { .request = &request,
				  .focus = STRV("sip:f@x"),
				  .known = &known,
				  .max_list = MAX_LIST,
				  .max_members = 10 };
	unsigned char random[CF_RANDOM_BYTES] = { 1, 2, 3 };
	struct cpm_message *copy, *one;
	struct strv unsupported;
	struct cf_plan plan;
	struct cf_head head;
	const char *why;

	memset(&known, 0, sizeof(known));
	known.value[POL_DELIVER] = POL_DELIVER_ALLOW;
	known.value[POL_MAX_RECIPIENTS] = POL_UNLIMITED;
	if (cf_request_read(m, MAX_LIST, NULL, arena, &request, &why, &unsupported) ||
	    cf_decide(&facts, NULL, arena, &plan) < 0 || plan.status != 202)
		return;
	if (cf_copy_make(&request, &plan, facts.focus, 8192, random, arena, &copy, &head) < 0)
		return; /* a boundary that is in the body: so unlikely that it is not tried again */
	one = cf_copy_for(copy, plan.member[0]);
	if (!one)
		abort();
	check_copy(cpm_message_of(one), arena);
	cpm_message_drop(&one);
	cpm_message_drop(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int ready;
	struct strv rest = strv_mem(data, size), type, hidden;
	struct cpm_message_draft m = { .sender = { STRV("sip:ann@x") },
				       .n_sender = 1,
				       .recipient = STRV("sip:f@x"),
				       .from = STRV("<sip:ann@x>;tag=1"),
				       .to = STRV("<sip:f@x>") };
	struct arena *arena = arena_new(0);
	struct cf_head head;
	struct err err;

	if (!arena || (!ready && xml_init(NULL, NULL) < 0))
		abort();
	ready = 1;
	if (cf_head_decode(rest, arena, &head, &err) == 0 &&
	    !strv_eq(cf_head_encode(&head, arena), rest))
		abort();
	strv_cut(&rest, '\n', &type);
	strv_cut(&rest, '\n', &hidden);
	m.content_type = type;
	m.anonymous = strv_eq(hidden, STRV("anonymous"));
	m.body = rest;
	try(&m, arena);
	arena_free(&arena);
	return 0;
}
