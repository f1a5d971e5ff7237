/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/policy/pol_check.h - documents, facts and verdicts as short texts
 *
 * A document is the inside of its root element, with the prefixes below; the default namespace is
 * common policy, of user preferences up and of groups ls. References are answered by the lists of
 * pol_check.c. Facts and expectations are words: "id=sip:bo@x anon now=2026-05-01T12:00:00Z",
 * "deliver=reject ?sub-handling=block by=r1,r2 ret=-1"; "?" wants the value to be unsure.
 */
#ifndef TESTS_POLICY_POL_CHECK_H
#define TESTS_POLICY_POL_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/pol_doc.h"
#include "policy/pol_eval.h"
#include "policy/pol_facts.h"

#define POL_CHECK_NAMESPACES                                                             \
	"xmlns:cp='urn:ietf:params:xml:ns:common-policy' xmlns:pr='urn:ietf:params:xml:" \
	"ns:pres-rules' xmlns:ocp='urn:oma:xml:xdm:common-policy' "                      \
	"xmlns:oxe='urn:oma:xml:xdm:extensions' xmlns:opr='urn:oma:xml:prs:pres-rules' " \
	"xmlns:ls='urn:oma:xml:poc:list-service' xmlns:up='urn:opencpm:xml:user-prefs' " \
	"xmlns:op='urn:opencpm:xml:operator-policy' "                                    \
	"xmlns:rl='urn:ietf:params:xml:ns:resource-lists'"

/* The whole document whose root holds INSIDE, for the caller to free. */
char *pol_check_text(enum pol_kind kind, const char *inside);

/* Compile that document; unbound. 0 or -1 as pol_doc_parse. */
int pol_check_compile(enum pol_kind kind, const char *inside, struct pol_report *report,
		      struct pol_doc **doc_out, struct err *err);

/* The same, bound to the lists; the test fails when it cannot be compiled. NULL: NULL. */
struct pol_doc *pol_check_doc(const char *why, enum pol_kind kind, const char *inside);

/* Facts from TEXT; valid until the next call. */
const struct pol_facts *pol_check_facts(const char *text);

/* A list by the name in a reference "list:NAME"; a reference of the caller's, or NULL. */
struct pol_set *pol_check_list(const char *name);

/* VERDICT and what pol_eval returned are as EXPECTED. */
void pol_check_verdict(const char *why, int ret, const struct pol_verdict *verdict,
		       const char *expected);

/* Identities and domains as auth/ reduces them; no domain is ours. */
extern const struct pol_spell pol_check_spell;

int pol_check_open(void **state);
int pol_check_close(void **state);

#endif
