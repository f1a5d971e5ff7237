/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/pol_compile_cond.c - conditions of a rule become predicates
 *
 * One row per element in the table below. Repeated elements are all of them needed (RFC 4745
 * s10.1). An element that no row knows makes its rule never apply (s7), with one exception: in the
 * operator's caps and bans it cannot tell, so that they hold rather than vanish.
 */
#include "policy/pol_compile_priv.h"

#include <stdio.h>

static int add_cond(struct pol_conds *conds, enum pol_cond_kind kind, unsigned flag, size_t n,
		    uint32_t off, struct err *err)
{
	if (conds->n == POL_CONDS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d conditions", POL_CONDS_MAX);
	conds->item[conds->n++] =
		(struct pol_cond){ (uint8_t)kind, (uint8_t)flag, (uint16_t)n, off, 0 };
	return 0;
}

static uint32_t put_name(struct pol_compile *c, struct strv text)
{
	struct pol_name name = pol_block_name(&c->block, text);

	return pol_block_put(&c->block, &name, sizeof(name), _Alignof(struct pol_name));
}

/* ---- identity (RFC 4745 s7.1, s7.2) ---- */

/* The canonical form of one@id and except@id, in the arena. */
static int identity_text(struct pol_compile *c, const xmlNode *node, const char *attr,
			 struct strv *text_out, struct err *err)
{
	char buf[POL_SPELL_BYTES];
	struct strv text, spelled;
	int ret = pol_xml_attr(node, attr, c->arena, &text, err);

	if (ret <= 0)
		return ret;
	spelled = pol_spell_identity(c->source->spell, text, buf);
	if (spelled.p == buf)
		text = strv_mem(arena_strdup(c->arena, spelled), spelled.n);
	*text_out = text;
	return text.p ? 1 : err_set(err, ERR_NOMEM, "out of memory");
}

enum { NO_DOMAIN = 2 };

/* 1, 0 without the attribute, NO_DOMAIN. */
static int domain_text(struct pol_compile *c, const xmlNode *node, struct strv *text_out,
		       struct err *err)
{
	char buf[POL_SPELL_BYTES];
	struct strv text, spelled;
	int ret = pol_xml_attr(node, "domain", c->arena, &text, err);

	if (ret <= 0)
		return ret;
	spelled = pol_spell_domain(c->source->spell, text, buf);
	if (!spelled.n) {
		err_set(err, ERR_SYNTAX, "\"%.*s\" is no domain", STRV_ARG(text));
		return NO_DOMAIN;
	}
	*text_out = strv_mem(arena_strdup(c->arena, spelled), spelled.n);
	return text_out->p ? 1 : err_set(err, ERR_NOMEM, "out of memory");
}

/* Room for as many texts as NODE has children. */
static struct strv *texts_new(struct pol_compile *c, const xmlNode *node, size_t *n_out,
			      struct err *err)
{
	struct strv *text;

	*n_out = xmlChildElementCount((xmlNode *)node);
	text = arena_zalloc(c->arena, *n_out + 1, sizeof(*text));
	if (!text)
		err_set(err, ERR_NOMEM, "out of memory");
	return text;
}

/* A domain that is none equals no other (s7.1.3). In an except that would let in who should stay
 * outside, so the whole of MANY matches nobody; the operator is told at once. */
static int many_is_bad(struct pol_compile *c, const char *what, struct err *err)
{
	if (c->source->kind == POL_OPERATOR)
		return err_set(err, ERR_SYNTAX, "%.100s in a many cannot be used", what);
	pol_compile_note(c, "%.100s in a many cannot be used: it matches nobody", what);
	return 0;
}

/* 1 when MANY can match, 0 when something in it makes it match nobody. */
static int compile_many(struct pol_compile *c, const xmlNode *node, struct pol_many *many,
			struct err *err)
{
	size_t n, n_ids = 0, n_domains = 0;
	struct strv domain = { NULL, 0 };
	struct strv *ids = texts_new(c, node, &n, err), *domains = texts_new(c, node, &n, err);

	int own;

	if (!ids || !domains || pol_compile_count(c, n, err) < 0 ||
	    (own = domain_text(c, node, &domain, err)) < 0)
		return -1;
	if (own == NO_DOMAIN)
		return many_is_bad(c, "the domain", err);
	for (const xmlNode *child = pol_xml_element(node->children); child;
	     child = pol_xml_element(child->next)) {
		int id, in;

		if (!pol_xml_is(child, NS_COMMON_POLICY, "except"))
			return many_is_bad(c, (const char *)child->name, err);
		id = identity_text(c, child, "id", &ids[n_ids], err);
		in = domain_text(c, child, &domains[n_domains], err);
		if (id < 0 || in < 0)
			return -1;
		if (in == NO_DOMAIN)
			return many_is_bad(c, "the domain of an except", err);
		n_ids += (size_t)id;
		n_domains += (size_t)in;
	}
	if (domain.n)
		many->domain = pol_block_name(&c->block, domain);
	many->except_ids = pol_block_names(&c->block, ids, n_ids);
	many->except_domains = pol_block_names(&c->block, domains, n_domains);
	return 1;
}

/* What is foreign below identity is false by itself, the others still count (s7.1.1). */
static int compile_identity(struct pol_compile *c, const xmlNode *node, struct pol_conds *conds,
			    struct err *err)
{
	struct pol_identity identity = { .n_many = 0 };
	struct pol_many *many;
	size_t n, n_ones = 0;
	struct strv *ones = texts_new(c, node, &n, err);

	many = arena_zalloc(c->arena, n + 1, sizeof(*many));
	if (!ones || !many)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (pol_compile_count(c, n, err) < 0)
		return -1;
	for (const xmlNode *child = pol_xml_element(node->children); child;
	     child = pol_xml_element(child->next)) {
		int ret = 0;

		if (pol_xml_is(child, NS_COMMON_POLICY, "many")) {
			ret = compile_many(c, child, &many[identity.n_many], err);
			identity.n_many += ret > 0 ? 1 : 0;
		} else if (pol_xml_is(child, NS_COMMON_POLICY, "one") &&
			   !pol_xml_element(child->children)) {
			ret = identity_text(c, child, "id", &ones[n_ones], err);
			n_ones += ret > 0 ? 1 : 0;
		} else {
			pol_compile_note(c, "\"%s\" in an identity is not known: it matches nobody",
					 (const char *)child->name);
		}
		if (ret < 0)
			return -1;
	}
	identity.ones = pol_block_names(&c->block, ones, n_ones);
	identity.many = pol_block_put(&c->block, many, identity.n_many * sizeof(*many),
				      _Alignof(struct pol_many));
	if (add_cond(conds, POL_COND_IDENTITY, 0, 1,
		     pol_block_put(&c->block, &identity, sizeof(identity),
				   _Alignof(struct pol_identity)),
		     err) < 0)
		return -1;
	for (size_t i = 0; i < n_ones && !identity.n_many; i++)
		conds->item[conds->n - 1].tags |= pol_tag(pol_hash(ones[i]));
	return 0;
}

/* ---- lists ---- */

int pol_compile_texts(struct pol_compile *c, const xmlNode *list, const char *ns, const char *entry,
		      const char *attr, struct strv **text_out, struct err *err)
{
	size_t n, found = 0;
	struct strv *text = texts_new(c, list, &n, err);

	if (!text)
		return -1;
	for (const xmlNode *child = list->children; child; child = child->next) {
		int ret;

		if (!pol_xml_is(child, ns, entry))
			continue;
		ret = pol_xml_attr(child, attr, c->arena, &text[found], err);
		if (ret < 0)
			return -1;
		found += (size_t)ret;
	}
	*text_out = text;
	return (int)found;
}

/* The numbers of the references in LIST's children. */
static int put_refs(struct pol_compile *c, const xmlNode *list, const char *ns, const char *entry,
		    const char *attr, uint32_t *off_out, struct err *err)
{
	uint16_t refs[POL_REFS_MAX];
	struct strv *text;
	int n = pol_compile_texts(c, list, ns, entry, attr, &text, err);

	if (n > POL_REFS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d lists", POL_REFS_MAX);
	for (int i = 0; i < n; i++) {
		int ref = pol_compile_ref(c, text[i], err);

		if (ref < 0)
			return -1;
		refs[i] = (uint16_t)ref;
	}
	if (n >= 0)
		*off_out = pol_block_put(&c->block, refs, (size_t)n * sizeof(refs[0]),
					 _Alignof(uint16_t));
	return n;
}

static int compile_list(struct pol_compile *c, const xmlNode *node, struct pol_conds *conds,
			struct err *err)
{
	uint32_t off = 0;
	int n = put_refs(c, node, NS_OMA_POLICY, "entry", "anc", &off, err);

	return n < 0 ? -1 : add_cond(conds, POL_COND_LIST, 0, (size_t)n, off, err);
}

static int compile_member(struct pol_compile *c, const xmlNode *node, struct pol_conds *conds,
			  struct err *err)
{
	const xmlNode *list = pol_xml_child(c->service, NS_GROUPS, "list");
	uint32_t off = 0;
	int n = 0;

	(void)node;
	if (list)
		n = put_refs(c, list, NS_GROUPS, "external", "anchor", &off, err);
	return n < 0 ? -1 : add_cond(conds, POL_COND_MEMBER, 0, (size_t)n, off, err);
}

static int compile_other(struct pol_compile *c, const xmlNode *node, struct pol_conds *conds,
			 struct err *err)
{
	(void)c, (void)node;
	return add_cond(conds, POL_COND_OTHER, 0, 0, 0, err);
}

static int compile_anonymous(struct pol_compile *c, const xmlNode *node, struct pol_conds *conds,
			     struct err *err)
{
	(void)c, (void)node;
	return add_cond(conds, POL_COND_ANONYMOUS, 0, 0, 0, err);
}

/* ---- when ---- */

static int compile_sphere(struct pol_compile *c, const xmlNode *node, struct pol_conds *conds,
			  struct err *err);

/* Pairs of from and until (RFC 4745 s7.4). One without a time zone never matches: nobody said which
 * moment it is; our own policy says so at once. */
static int compile_validity(struct pol_compile *c, const xmlNode *node, struct pol_conds *conds,
			    struct err *err)
{
	size_t n = xmlChildElementCount((xmlNode *)node) / 2, found = 0;
	int64_t *pair = arena_zalloc(c->arena, 2 * n + 2, sizeof(*pair));
	const xmlNode *child = pol_xml_element(node->children);

	if (!pair)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (pol_compile_count(c, n, err) < 0)
		return -1;
	for (; child && pol_xml_element(child->next);
	     child = pol_xml_element(pol_xml_element(child->next)->next)) {
		const xmlNode *until = pol_xml_element(child->next);
		struct strv text[2];
		int told = 1;

		if (pol_xml_text(child, c->arena, &text[0], err) < 0 ||
		    pol_xml_text(until, c->arena, &text[1], err) < 0)
			return -1;
		for (unsigned i = 0; i < 2; i++) {
			int ret = pol_text_time(text[i], &pair[2 * found + i]);

			if (ret < 0)
				return err_set(err, ERR_SYNTAX, "\"%.*s\" is no date and time",
					       STRV_ARG(text[i]));
			told &= ret;
		}
		if (!told && c->source->kind == POL_OPERATOR)
			return err_set(err, ERR_SYNTAX, "a validity without a time zone");
		if (!told)
			pol_compile_note(c, "a validity without a time zone: it never applies");
		found += (size_t)told;
	}
	return add_cond(conds, POL_COND_VALIDITY, 0, found,
			pol_block_put(&c->block, pair, 2 * found * sizeof(*pair),
				      _Alignof(int64_t)),
			err);
}

static int parse_daytime(struct strv text, int32_t *seconds_out)
{
	struct strv hour, minute;
	uint64_t h, m, s = 0;

	if (!strv_cut(&text, ':', &hour))
		return -1;
	if (strv_cut(&text, ':', &minute) && strv_u64(text, 59, &s) < 0)
		return -1;
	if (hour.n != 2 || minute.n != 2 || strv_u64(hour, 24, &h) < 0 ||
	    strv_u64(minute, 59, &m) < 0 || (h == 24 && (m || s)))
		return -1;
	*seconds_out = (int32_t)(h * 3600 + m * 60 + s);
	return 0;
}

/* "Z" or "+02:00". Names of time zones would need a table that changes: not here. */
static int parse_offset(struct strv text, int32_t *seconds_out)
{
	struct strv hour;
	uint64_t h, m;
	int sign;

	*seconds_out = 0;
	if (!text.n || strv_eq(text, STRV("Z")))
		return 0;
	sign = text.p[0] == '+' ? 1 : text.p[0] == '-' ? -1 : 0;
	text.p++, text.n--;
	if (!sign || text.n != 5 || !strv_cut(&text, ':', &hour) || hour.n != 2 || text.n != 2 ||
	    strv_u64(hour, 14, &h) < 0 || strv_u64(text, 59, &m) < 0)
		return -1;
	*seconds_out = sign * (int32_t)(h * 3600 + m * 60);
	return 0;
}

static int compile_daytime(struct pol_compile *c, const xmlNode *node, struct pol_conds *conds,
			   struct err *err)
{
	struct pol_daytime time;
	struct strv from, until, tz;

	if (pol_xml_attr(node, "from", c->arena, &from, err) < 0 ||
	    pol_xml_attr(node, "until", c->arena, &until, err) < 0 ||
	    pol_xml_attr(node, "tz", c->arena, &tz, err) < 0)
		return -1;
	if (parse_daytime(from, &time.from_s) < 0 || parse_daytime(until, &time.until_s) < 0)
		return err_set(err, ERR_SYNTAX, "from and until of a time-of-day are HH:MM");
	if (parse_offset(tz, &time.offset_s) < 0)
		return err_set(err, ERR_SYNTAX, "tz of a time-of-day is Z or +HH:MM, not \"%.*s\"",
			       STRV_ARG(tz));
	return add_cond(conds, POL_COND_TIME, 0, 1,
			pol_block_put(&c->block, &time, sizeof(time), _Alignof(struct pol_daytime)),
			err);
}

/* ---- words ---- */

enum { WORDS_MAX = 64 };

/* The words in ATTR, separated by blanks, as SPELL wants them. */
static int add_words(struct pol_compile *c, const xmlNode *node, const char *attr,
		     enum pol_cond_kind kind, struct pol_conds *conds, struct err *err)
{
	struct pol_name name[WORDS_MAX];
	struct strv text, word;
	char buf[POL_SPELL_BYTES];
	unsigned n = 0;

	if (pol_xml_attr(node, attr, c->arena, &text, err) < 0)
		return -1;
	for (int more = 1; more;) {
		for (size_t i = 0; i < text.n; i++)
			if (strchr("\t\r\n", text.p[i]) && text.p[i])
				((char *)text.p)[i] = ' '; /* our copy */
		more = strv_cut(&text, ' ', &word);
		if (kind == POL_COND_PEER && word.n) {
			struct strv bare = word;

			word = pol_spell_domain(c->source->spell, bare, buf);
			if (!word.n)
				return err_set(err, ERR_SYNTAX, "\"%.*s\" is no domain",
					       STRV_ARG(bare));
		} else if (kind == POL_COND_GROUP) {
			word = pol_spell_identity(c->source->spell, word, buf);
		}
		if (!word.n)
			continue;
		if (n == WORDS_MAX || pol_compile_count(c, 1, NULL) < 0)
			return err_set(err, ERR_LIMIT, "more than %d words in \"%s\"", WORDS_MAX,
				       attr);
		name[n++] = pol_block_name(&c->block, word);
	}
	if (add_cond(conds, kind, 0, n,
		     pol_block_put(&c->block, name, n * sizeof(name[0]), _Alignof(struct pol_name)),
		     err) < 0)
		return -1;
	for (unsigned i = 0; i < n; i++)
		conds->item[conds->n - 1].tags |= pol_tag(name[i].hash);
	return 0;
}

static int compile_sphere(struct pol_compile *c, const xmlNode *node, struct pol_conds *conds,
			  struct err *err)
{
	return add_words(c, node, "value", POL_COND_SPHERE, conds, err);
}

static int compile_service(struct pol_compile *c, const xmlNode *node, struct pol_conds *conds,
			   struct err *err)
{
	return add_words(c, node, "name", POL_COND_SERVICE, conds, err);
}

static int compile_class(struct pol_compile *c, const xmlNode *node, struct pol_conds *conds,
			 struct err *err)
{
	return add_words(c, node, "name", POL_COND_CLASS, conds, err);
}

static int compile_peer(struct pol_compile *c, const xmlNode *node, struct pol_conds *conds,
			struct err *err)
{
	return add_words(c, node, "name", POL_COND_PEER, conds, err);
}

static int compile_in_group(struct pol_compile *c, const xmlNode *node, struct pol_conds *conds,
			    struct err *err)
{
	return add_words(c, node, "uri", POL_COND_GROUP, conds, err);
}

static int compile_direction(struct pol_compile *c, const xmlNode *node, struct pol_conds *conds,
			     struct err *err)
{
	struct strv text;
	unsigned direction;

	if (pol_xml_text(node, c->arena, &text, err) < 0)
		return -1;
	if (strv_eq(text, STRV("originating")))
		direction = POL_ORIGINATING;
	else if (strv_eq(text, STRV("terminating")))
		direction = POL_TERMINATING;
	else
		return err_set(err, ERR_SYNTAX, "a direction is originating or terminating");
	return add_cond(conds, POL_COND_DIRECTION, 0, 1, direction, err);
}

static int compile_roaming(struct pol_compile *c, const xmlNode *node, struct pol_conds *conds,
			   struct err *err)
{
	struct strv text;
	int value;

	if (pol_xml_text(node, c->arena, &text, err) < 0)
		return -1;
	if (pol_text_bool(text, &value) < 0)
		return err_set(err, ERR_SYNTAX, "roaming is true or false");
	return add_cond(conds, POL_COND_ROAMING, 0, 1, (uint32_t)value, err);
}

static int compile_size(struct pol_compile *c, const xmlNode *node, struct pol_conds *conds,
			struct err *err)
{
	struct strv text;
	uint64_t value;
	int64_t max;

	if (pol_xml_attr(node, "max", c->arena, &text, err) < 0)
		return -1;
	if (strv_u64(text, INT64_MAX, &value) < 0)
		return err_set(err, ERR_SYNTAX, "max of a message-size is a number of octets");
	max = (int64_t)value;
	return add_cond(conds, POL_COND_SIZE, 0, 1,
			pol_block_put(&c->block, &max, sizeof(max), _Alignof(int64_t)), err);
}

/* ---- media and services (OMA extensions) ---- */

static const struct {
	const char *local;
	unsigned bit;
} media_names[] = {
	{ "audio", POL_MEDIA_AUDIO },
	{ "video", POL_MEDIA_VIDEO },
	{ "message-session", POL_MEDIA_MESSAGE_SESSION },
	{ "file-transfer", POL_MEDIA_FILE_TRANSFER },
	{ "pager-mode-message", POL_MEDIA_PAGER_MESSAGE },
	{ "poc-speech", POL_MEDIA_POC_SPEECH },
	{ "group-advertisement", POL_MEDIA_GROUP_ADVERTISEMENT },
};

/* The media below NODE, or below its all-media-except. A medium that we do not know covers
 * nothing. */
static unsigned media_of(const xmlNode *node, int *except_out)
{
	const xmlNode *except = pol_xml_child(node, NS_OMA_EXTENSIONS, "all-media-except");
	unsigned mask = 0;

	*except_out = except != NULL;
	for (const xmlNode *child = except ? except->children : node->children; child;
	     child = child->next)
		for (size_t i = 0; i < sizeof(media_names) / sizeof(media_names[0]); i++)
			if (pol_xml_is(child, NS_OMA_EXTENSIONS, media_names[i].local))
				mask |= media_names[i].bit;
	return mask;
}

static int compile_media(struct pol_compile *c, const xmlNode *node, struct pol_conds *conds,
			 struct err *err)
{
	int except;
	unsigned mask = media_of(node, &except);

	(void)c;
	return add_cond(conds, POL_COND_MEDIA, (unsigned)except, 1, mask, err);
}

static int compile_services(struct pol_compile *c, const xmlNode *node, struct pol_conds *conds,
			    struct err *err)
{
	const xmlNode *except = pol_xml_child(node, NS_OMA_EXTENSIONS, "all-services-except");
	struct pol_service service[WORDS_MAX];
	unsigned n = 0;

	if (except)
		node = except;
	for (const xmlNode *child = node->children; child; child = child->next) {
		const xmlNode *media = pol_xml_child(child, NS_OMA_EXTENSIONS, "group-media");
		struct strv enabler;
		int all_but = 0;

		if (!pol_xml_is(child, NS_OMA_EXTENSIONS, "service"))
			continue;
		if (n == WORDS_MAX)
			return err_set(err, ERR_LIMIT, "more than %d services", WORDS_MAX);
		if (pol_xml_attr(child, "enabler", c->arena, &enabler, err) < 0)
			return -1;
		memset(&service[n], 0, sizeof(service[n]));
		if (enabler.n)
			service[n].enabler = pol_block_name(&c->block, enabler);
		service[n].any_media = !media;
		service[n].media = (uint16_t)(media ? media_of(media, &all_but) : 0);
		service[n++].media_except = (uint8_t)all_but;
	}
	return add_cond(conds, POL_COND_SERVICES, except != NULL, n,
			pol_block_put(&c->block, service, n * sizeof(service[0]),
				      _Alignof(struct pol_service)),
			err);
}

/* ---- the table ---- */

static const struct {
	const char *ns, *local;
	int (*compile)(struct pol_compile *c, const xmlNode *node, struct pol_conds *conds,
		       struct err *err);
} table[] = {
	{ NS_COMMON_POLICY, "identity", compile_identity },
	{ NS_COMMON_POLICY, "sphere", compile_sphere },
	{ NS_COMMON_POLICY, "validity", compile_validity },
	{ NS_OMA_POLICY, "external-list", compile_list },
	{ NS_OMA_POLICY, "other-identity", compile_other },
	{ NS_OMA_POLICY, "anonymous-request", compile_anonymous },
	{ NS_GROUPS, "is-list-member", compile_member },
	{ NS_OMA_EXTENSIONS, "media-list", compile_media },
	{ NS_OMA_EXTENSIONS, "service-list", compile_services },
	{ NS_OPERATOR, "service", compile_service },
	{ NS_OPERATOR, "direction", compile_direction },
	{ NS_OPERATOR, "subscriber-class", compile_class },
	{ NS_OPERATOR, "peer-domain", compile_peer },
	{ NS_OPERATOR, "message-size", compile_size },
	{ NS_OPERATOR, "group", compile_in_group },
	{ NS_OPERATOR, "roaming", compile_roaming },
	{ NS_OPERATOR, "time-of-day", compile_daytime },
};

static int compile_unknown(struct pol_compile *c, const xmlNode *node, struct pol_conds *conds,
			   struct err *err)
{
	if (c->source->kind == POL_OPERATOR && node->ns &&
	    strcmp((const char *)node->ns->href, NS_OPERATOR) == 0)
		return err_set(err, ERR_SYNTAX, "there is no condition \"%.80s\"",
			       (const char *)node->name);
	pol_compile_note(c, "condition \"%.80s\" is not known", (const char *)node->name);
	return add_cond(conds, POL_COND_UNKNOWN, 0, 1,
			put_name(c, strv_of((const char *)node->name)), err);
}

static int compile_one(struct pol_compile *c, const xmlNode *node, struct pol_conds *conds,
		       struct err *err)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (pol_xml_is(node, table[i].ns, table[i].local))
			return table[i].compile(c, node, conds, err);
	return compile_unknown(c, node, conds, err);
}

/* Those about who come first (pol_rule.n_who). */
static void sort(struct pol_conds *conds)
{
	for (unsigned i = 1; i < conds->n; i++) {
		struct pol_cond cond = conds->item[i];
		unsigned at = i;

		for (; at && conds->item[at - 1].kind > cond.kind; at--)
			conds->item[at] = conds->item[at - 1];
		conds->item[at] = cond;
	}
}

int pol_compile_conditions(struct pol_compile *c, const xmlNode *conditions,
			   struct pol_conds *conds, struct err *err)
{
	conds->n = 0;
	for (const xmlNode *node = pol_xml_element(conditions ? conditions->children : NULL); node;
	     node = pol_xml_element(node->next))
		if (compile_one(c, node, conds, err) < 0)
			return -1;
	sort(conds);
	return 0;
}
