/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_feature.h - what a contact can do: its feature parameters as a parsed set (RFC 3840)
 *
 * A set is a conjunction of tags, each a disjunction of values. It is one allocation, some ten
 * octets a value over its text, and immutable. sip_prefs.h matches it with what a caller wants.
 */
#ifndef SIP_SIP_FEATURE_H
#define SIP_SIP_FEATURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/strv.h"

enum {
	SIP_FEATURE_TAGS_MAX = 64,
	SIP_FEATURE_VALUES_MAX = 255, /* of all tags together */
	SIP_FEATURE_TEXT_MAX = 8192,
};

struct sip_features;

/* The set of PARAMS (";audio;+g.x=\"a,b\"": header parameters of a Contact, Accept-Contact or
 * Reject-Contact); what is no feature parameter is left out. In ARENA, or on the heap when that is
 * NULL. 0 and a set, which may be empty; -1: ERR_LIMIT or ERR_NOMEM. */
int sip_features_parse(struct strv params, struct arena *arena, struct sip_features **features_out,
		       struct err *err);
void sip_features_free(struct sip_features **features); /* of the heap; accepts NULL */

/* Tags in it; 0: immune to preferences (RFC 3841 s7.2.3). */
unsigned sip_features_count(const struct sip_features *features);
size_t sip_features_bytes(const struct sip_features *features); /* of memory */

/* How WANTED meets what HAVE says: tag by tag, each with at least one value in common, numbers by
 * range, tokens in any case, strings ("<...>") as they are, "!" the other way round. */
struct sip_feature_match {
	unsigned wanted, present; /* tags of WANTED; those of them that HAVE carries at all */
	int differs;		  /* a tag that HAVE carries has no value in common */
};
void sip_features_match(const struct sip_features *wanted, const struct sip_features *have,
			struct sip_feature_match *match_out);

/* 1 when the set carries TAG ("+g.3gpp.icsi-ref", "audio"; any case) and, when VALUE is not NULL,
 * the token VALUE among its values, not negated; else 0. */
int sip_features_has(const struct sip_features *features, const char *tag, const char *value);

#endif
