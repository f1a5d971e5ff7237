/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/pol_explain.h - why: the way from facts through rules to a verdict, for people
 *
 *	{
 *	  "facts": { "identities": [...], "now": 1767225600, ... },
 *	  "documents": [ { "name": "...", "kind": "access-rules", "rules": [
 *	    { "id": "a", "layer": "user", "applies": "yes" | "no" | "cannot tell" | "set aside",
 *	      "conditions": [ { "condition": "sphere", "met": "no", "wants": [ "work" ] } ],
 *	      "says": { "deliver": "silent" } } ] } ],
 *	  "blocked": "no",
 *	  "verdict": { "answer": "silent", "values": { "deliver": { "value": "silent",
 *	    "layer": "user", "unsure": false } }, "made-by": [ { "layer": "user",
 *	    "document": "...", "rule": "a", "sure": true } ],
 *	    "contradictions": [] }
 *	}
 *
 * "set aside" is a rule whose conditions are met while another rule says more exactly who is meant.
 * "contradictions" are permissions about which forced rules differ. Values that nobody spoke about
 * are left out. Identities are in it: it is for those who may read them. This allocates, and is not
 * for the path of a message.
 */
#ifndef POLICY_POL_EXPLAIN_H
#define POLICY_POL_EXPLAIN_H

#include "base/json.h"
#include "policy/pol_eval.h"

/* The explanation, a reference of the caller's; NULL when memory is short. */
json_t *pol_explain(const struct pol_layers *layers, const struct pol_facts *facts);

/* An explanation as lines of text, for the caller to free; NULL when memory is short or it is not
 * one. */
char *pol_explain_text(const json_t *explanation);

#endif
