/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_feature.c - see sip_feature.h
 *
 * Tags and values are places in one copy of the text. Numbers are read when they are compared: few
 * tags have any.
 */
#include "sip/sip_feature.h"

#include <math.h>
#include <stdlib.h>

#include "sip/sip_text_priv.h"
#include "sip/sip_uri.h"

enum kind { KIND_TOKEN, KIND_STRING, KIND_NUMBER };

struct value {
	uint16_t at, n;
	uint8_t kind;
	uint8_t negated;
};

struct tag {
	uint16_t at, n; /* without "+" */
	uint8_t is_base;
	uint8_t first, n_values;
};

struct sip_features {
	uint16_t text_n;
	uint8_t n_tags, n_values;
	char mem[]; /* values, tags, text */
};

static const struct value *values_of(const struct sip_features *features)
{
	return (const struct value *)(const void *)features->mem;
}

static const struct tag *tags_of(const struct sip_features *features)
{
	return (const struct tag *)(const void *)(values_of(features) + features->n_values);
}

static struct strv text_of(const struct sip_features *features, size_t at, size_t n)
{
	return strv_mem((const char *)(tags_of(features) + features->n_tags) + at, n);
}

static struct strv tag_name(const struct sip_features *features, const struct tag *tag)
{
	return text_of(features, tag->at, tag->n);
}

/* ---- parsing ---- */

/* RFC 3840 s9, base-tags. */
static const char *const base_tags[] = {
	"audio",       "automata", "class",    "duplex",  "data",    "control",	    "mobility",
	"description", "events",   "priority", "methods", "schemes", "application", "video",
	"language",    "type",	   "isfocus",  "actor",	  "text",    "extensions",
};

static int is_base_tag(struct strv name)
{
	for (size_t i = 0; i < sizeof(base_tags) / sizeof(base_tags[0]); i++)
		if (strv_caseeq(name, strv_of(base_tags[i])))
			return 1;
	return 0;
}

/* While it is built: places are relative to PARAMS. */
struct build {
	const char *base;
	struct tag tags[SIP_FEATURE_TAGS_MAX];
	struct value values[SIP_FEATURE_VALUES_MAX];
	unsigned n_tags, n_values;
};

static int add_value(struct build *build, struct strv text, enum kind kind)
{
	struct value *value;
	int negated = kind == KIND_TOKEN && text.n && text.p[0] == '!';

	if (negated)
		text = sip_from(text, 1);
	if (kind == KIND_TOKEN && text.n && text.p[0] == '#') {
		kind = KIND_NUMBER;
		text = sip_from(text, 1);
	}
	if (!text.n)
		return 0;
	if (build->n_values == SIP_FEATURE_VALUES_MAX)
		return -1;
	value = &build->values[build->n_values++];
	*value = (struct value){ .at = (uint16_t)(text.p - build->base),
				 .n = (uint16_t)text.n,
				 .kind = (uint8_t)kind,
				 .negated = (uint8_t)negated };
	return 0;
}

/* RAW is the value with its quotes; p NULL: none, which means TRUE and is kept as no value. */
static int add_values(struct build *build, struct strv raw)
{
	struct strv one;

	if (raw.n >= 2 && raw.p[0] == '"' && raw.p[raw.n - 1] == '"')
		raw = strv_mem(raw.p + 1, raw.n - 2);
	raw = sip_trim(raw);
	if (raw.n >= 2 && raw.p[0] == '<' && raw.p[raw.n - 1] == '>')
		return add_value(build, strv_mem(raw.p + 1, raw.n - 2), KIND_STRING);
	while (raw.n) {
		strv_cut(&raw, ',', &one);
		if (add_value(build, sip_trim(one), KIND_TOKEN) < 0)
			return -1;
	}
	return 0;
}

/* 0, also when it is no feature parameter; -1: too many. */
static int add_tag(struct build *build, struct strv name, struct strv raw)
{
	int is_base = is_base_tag(name);
	struct tag *tag;

	if (!is_base && (name.n < 2 || name.p[0] != '+'))
		return 0;
	if (!is_base)
		name = sip_from(name, 1);
	if (build->n_tags == SIP_FEATURE_TAGS_MAX)
		return -1;
	tag = &build->tags[build->n_tags];
	*tag = (struct tag){ .at = (uint16_t)(name.p - build->base),
			     .n = (uint16_t)name.n,
			     .is_base = (uint8_t)is_base,
			     .first = (uint8_t)build->n_values };
	if (add_values(build, raw) < 0)
		return -1;
	tag->n_values = (uint8_t)(build->n_values - tag->first);
	/* A value there, but an empty one: it says nothing. */
	build->n_tags += tag->n_values || !raw.p;
	return 0;
}

static struct sip_features *finish(const struct build *build, struct strv text, struct arena *arena)
{
	size_t values = build->n_values * sizeof(struct value);
	size_t tags = build->n_tags * sizeof(struct tag);
	size_t bytes = sizeof(struct sip_features) + values + tags + text.n;
	struct sip_features *features = arena ? arena_alloc(arena, bytes) : malloc(bytes);

	if (!features)
		return NULL;
	features->text_n = (uint16_t)text.n;
	features->n_tags = (uint8_t)build->n_tags;
	features->n_values = (uint8_t)build->n_values;
	memcpy(features->mem, build->values, values);
	memcpy(features->mem + values, build->tags, tags);
	if (text.n)
		memcpy(features->mem + values + tags, text.p, text.n);
	return features;
}

int sip_features_parse(struct strv params, struct arena *arena, struct sip_features **features_out,
		       struct err *err)
{
	struct strv rest = params, name, raw;
	struct build build;

	*features_out = NULL;
	if (params.n > SIP_FEATURE_TEXT_MAX)
		return err_set(err, ERR_LIMIT, "feature parameters of %zu octets", params.n);
	build.base = params.p;
	build.n_tags = build.n_values = 0;
	while (sip_param_next_raw(&rest, &name, &raw))
		if (add_tag(&build, name, raw) < 0)
			return err_set(err, ERR_LIMIT, "too many feature parameters");
	if (!build.n_tags)
		params.n = 0; /* no text to keep */
	*features_out = finish(&build, params, arena);
	return *features_out ? 0 : err_set(err, ERR_NOMEM, "no memory for feature parameters");
}

void sip_features_free(struct sip_features **features)
{
	free(*features);
	*features = NULL;
}

unsigned sip_features_count(const struct sip_features *features)
{
	return features->n_tags;
}

size_t sip_features_bytes(const struct sip_features *features)
{
	return sizeof(*features) + features->n_values * sizeof(struct value) +
	       features->n_tags * sizeof(struct tag) + features->text_n;
}

/* ---- matching ---- */

/* "+sip.audio" is the long form of "audio"; language and type have no prefix (RFC 3841 s8). */
static int base_is(struct strv base, struct strv other)
{
	if (strv_caseeq(base, STRV("language")) || strv_caseeq(base, STRV("type")))
		return strv_caseeq(base, other);
	return other.n == base.n + 4 && strv_caseeq(strv_mem(other.p, 4), STRV("sip.")) &&
	       strv_caseeq(sip_from(other, 4), base);
}

static int same_tag(struct strv a, int a_is_base, struct strv b, int b_is_base)
{
	if (a_is_base == b_is_base)
		return strv_caseeq(a, b);
	return a_is_base ? base_is(a, b) : base_is(b, a);
}

/* number of RFC 3840 s9; *S stands behind it. 0, or -1. */
static int read_number(struct strv *s, double *out)
{
	size_t i = 0, digits = 0;
	double sign = 1, value = 0, unit = 1;

	if (s->n && (s->p[0] == '+' || s->p[0] == '-'))
		sign = s->p[i++] == '-' ? -1 : 1;
	for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++, digits++)
		value = value * 10 + (s->p[i] - '0');
	if (digits && i < s->n && s->p[i] == '.')
		for (i++; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++) {
			value = value * 10 + (s->p[i] - '0');
			unit *= 10;
		}
	*s = sip_from(*s, i);
	*out = sign * value / unit;
	return digits ? 0 : -1;
}

/* What stands behind "#": ">=n", "<=n", "=n" or "n:m". 0, or -1: nothing of these. */
static int read_range(struct strv s, double *low, double *high)
{
	int least = strv_starts(s, STRV(">=")), most = strv_starts(s, STRV("<="));

	*low = -INFINITY;
	*high = INFINITY;
	if (least || most) {
		s = sip_from(s, 2);
		return read_number(&s, least ? low : high) < 0 || s.n ? -1 : 0;
	}
	if (strv_starts(s, STRV("="))) {
		s = sip_from(s, 1);
		if (read_number(&s, low) < 0 || s.n)
			return -1;
		*high = *low;
		return 0;
	}
	if (read_number(&s, low) < 0 || !s.n || s.p[0] != ':')
		return -1;
	s = sip_from(s, 1);
	return read_number(&s, high) < 0 || s.n ? -1 : 0;
}

/* Two ranges, either of them negated, have a number in common. */
static int ranges_meet(struct strv a, int a_negated, struct strv b, int b_negated)
{
	double low_a, high_a, low_b, high_b;

	if (read_range(a, &low_a, &high_a) < 0 || read_range(b, &low_b, &high_b) < 0)
		return 0;
	if (a_negated && b_negated)
		return 1;
	if (a_negated)
		return low_b < low_a || high_b > high_a;
	if (b_negated)
		return low_a < low_b || high_a > high_b;
	return low_a <= high_b && low_b <= high_a;
}

/* One value as it is compared: no value at all is TRUE, not-TRUE is FALSE. */
struct seen {
	struct strv text;
	int kind, negated;
};

static struct seen see(const struct sip_features *features, const struct tag *tag, unsigned i)
{
	const struct value *value = &values_of(features)[tag->first + i];
	struct seen seen = { STRV("TRUE"), KIND_TOKEN, 0 };

	if (!tag->n_values)
		return seen;
	seen.text = text_of(features, value->at, value->n);
	seen.kind = value->kind;
	seen.negated = value->negated;
	if (seen.negated && seen.kind == KIND_TOKEN) {
		int yes = strv_caseeq(seen.text, STRV("TRUE"));

		if (yes || strv_caseeq(seen.text, STRV("FALSE"))) {
			seen.text = yes ? STRV("FALSE") : STRV("TRUE");
			seen.negated = 0;
		}
	}
	return seen;
}

static int meet(const struct seen *a, const struct seen *b)
{
	int same;

	if (a->kind == KIND_NUMBER && b->kind == KIND_NUMBER)
		return ranges_meet(a->text, a->negated, b->text, b->negated);
	if (a->negated && b->negated)
		return 1;
	same = a->kind == b->kind &&
	       (a->kind == KIND_STRING ? strv_eq(a->text, b->text) : strv_caseeq(a->text, b->text));
	return a->negated || b->negated ? !same : same;
}

static int tags_meet(const struct sip_features *a, const struct tag *a_tag,
		     const struct sip_features *b, const struct tag *b_tag)
{
	unsigned n = a_tag->n_values ? a_tag->n_values : 1;
	unsigned m = b_tag->n_values ? b_tag->n_values : 1;

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < m; k++) {
			struct seen x = see(a, a_tag, i), y = see(b, b_tag, k);

			if (meet(&x, &y))
				return 1;
		}
	return 0;
}

static const struct tag *find_tag(const struct sip_features *features, struct strv name,
				  int is_base)
{
	const struct tag *tags = tags_of(features);

	for (unsigned i = 0; i < features->n_tags; i++)
		if (same_tag(tag_name(features, &tags[i]), tags[i].is_base, name, is_base))
			return &tags[i];
	return NULL;
}

void sip_features_match(const struct sip_features *wanted, const struct sip_features *have,
			struct sip_feature_match *match_out)
{
	const struct tag *tags = tags_of(wanted), *found;

	*match_out = (struct sip_feature_match){ .wanted = wanted->n_tags };
	for (unsigned i = 0; i < wanted->n_tags; i++) {
		found = find_tag(have, tag_name(wanted, &tags[i]), tags[i].is_base);
		if (!found)
			continue;
		match_out->present++;
		match_out->differs |= !tags_meet(wanted, &tags[i], have, found);
	}
}

int sip_features_has(const struct sip_features *features, const char *tag, const char *value)
{
	int is_base = tag[0] != '+';
	const struct tag *found = find_tag(features, strv_of(is_base ? tag : tag + 1), is_base);
	unsigned n = found && found->n_values ? found->n_values : 1;

	if (!found || !value)
		return found != NULL;
	for (unsigned i = 0; i < n; i++) {
		struct seen seen = see(features, found, i);

		if (!seen.negated && seen.kind == KIND_TOKEN &&
		    strv_caseeq(seen.text, strv_of(value)))
			return 1;
	}
	return 0;
}
