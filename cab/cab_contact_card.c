/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cab/cab_contact_card.c - a contact as a card: see cab_contact.h
 *
 * Properties are made of the address book's own elements first; then the shadows complete those
 * that still say what they said, and what had no place is added as it is.
 */
#include <stdio.h>

#include "cab/cab_contact_priv.h"
#include "xdms/xcap_text.h"

struct reading {
	struct cab_maker m;
	enum vcard_version version;
	unsigned n_labels;	       /* itemN groups so far */
	struct strv given[5], display; /* of the main name */
	int has_name;
	struct err *err;
};

static const char *const name_parts[] = { "family", "given", "middle", "prefix", "suffix" };

/* ---- the tree ---- */

static int is(const xmlNode *node, const char *ns, const char *name)
{
	return node->type == XML_ELEMENT_NODE && node->ns && node->ns->href &&
	       strcmp((const char *)node->name, name) == 0 &&
	       strcmp((const char *)node->ns->href, ns) == 0;
}

static const xmlNode *child(const xmlNode *parent, const char *name)
{
	const xmlNode *node = parent ? parent->children : NULL;

	while (node && !is(node, CAB_NS_PCC, name))
		node = node->next;
	return node;
}

/* All text in NODE, in the arena when there is more than one piece. */
static struct strv raw_text(struct reading *r, const xmlNode *node)
{
	const xmlNode *first = node ? node->children : NULL;
	xmlChar *all;
	char *copy;

	if (!first)
		return strv_mem(NULL, 0);
	if (!first->next && first->type == XML_TEXT_NODE)
		return strv_of((const char *)first->content);
	all = xmlNodeGetContent(node);
	copy = all ? arena_strdup(r->m.arena, strv_of((const char *)all)) : NULL;
	r->m.failed |= !copy;
	xmlFree(all);
	return strv_of(copy);
}

static struct strv text(struct reading *r, const xmlNode *node)
{
	return strv_trim(raw_text(r, node));
}

static struct strv attr(const xmlNode *node, const char *name)
{
	const xmlAttr *a = node->properties;

	while (a && (a->ns || strcmp((const char *)a->name, name) != 0))
		a = a->next;
	return a && a->children && a->children->content
		       ? strv_trim(strv_of((const char *)a->children->content))
		       : strv_mem(NULL, 0);
}

/* ---- what most have ---- */

static void add_type(struct reading *r, struct vcard_prop *prop, struct strv type,
		     const struct cab_type *types)
{
	for (; types->vcard; types++)
		if (strv_caseeq(type, strv_of(types->cab))) {
			cab_make_param(&r->m, prop, "TYPE", strv_of(types->vcard));
			return;
		}
}

static void add_pref(struct reading *r, struct vcard_prop *prop, struct strv pref)
{
	uint64_t n;

	if (strv_u64(pref, 100, &n) < 0 || n == 0)
		return;
	if (r->version == VCARD_4_0)
		cab_make_param(&r->m, prop, "PREF", pref);
	else if (n == 1)
		cab_make_param(&r->m, prop, "TYPE", STRV("PREF"));
}

/* The label of what NODE became, the last property made. */
static void add_label(struct reading *r, const xmlNode *node)
{
	struct strv label = text(r, child(node, "custom-label"));
	unsigned at = r->m.card.n - 1;
	char *group;

	if (!label.n)
		label = text(r, child(node, "label"));
	if (!label.n || r->m.failed)
		return;
	group = arena_printf(r->m.arena, "item%u", ++r->n_labels);
	r->m.failed |= !group;
	r->m.card.prop[at].group = strv_of(group);
	cab_make_text(&r->m, "X-ABLABEL", label)->group = strv_of(group);
}

/* ---- comm-addr ---- */

static void read_tel(struct reading *r, const xmlNode *node)
{
	const xmlNode *number = child(node, "tel-nb");
	const xmlNode *str = child(number, "tel-str");
	struct strv value = text(r, str ? str : child(number, "tel-string"));
	struct vcard_prop *prop;

	if (!value.n)
		return;
	prop = cab_make_text(&r->m, "TEL", value);
	add_type(r, prop, attr(node, "tel-type"), cab_tel_types);
	if (strv_eq(attr(node, "xui-type"), STRV("CAB")))
		cab_make_param(&r->m, prop, "X-CAB-XUI", STRV("1"));
	add_pref(r, prop, attr(node, "pref"));
	add_label(r, node);
}

static void read_uri(struct reading *r, const xmlNode *node)
{
	struct strv uri = text(r, child(node, "addr-uri")), type = attr(node, "addr-uri-type");
	struct vcard_prop *prop;

	if (!uri.n)
		return;
	if (cab_has_scheme(uri, "mailto")) {
		struct strv address = cab_uri_decode(strv_mem(uri.p + 7, uri.n - 7), r->m.arena);

		if (!xcap_utf8_valid(address))
			address = strv_mem(uri.p + 7, uri.n - 7);
		prop = cab_make_text(&r->m, "EMAIL", address);
		if (r->version == VCARD_3_0)
			cab_make_param(&r->m, prop, "TYPE", STRV("INTERNET"));
	} else if (cab_has_scheme(uri, "tel")) {
		prop = cab_make_text(&r->m, "TEL", strv_mem(uri.p + 4, uri.n - 4));
		if (strv_caseeq(type, STRV("Pager")) || strv_caseeq(type, STRV("Video")))
			cab_make_param(&r->m, prop, "TYPE",
				       strv_caseeq(type, STRV("Pager")) ? STRV("PAGER")
									: STRV("VIDEO"));
		else
			add_type(r, prop, type, cab_tel_types);
	} else {
		prop = cab_make(&r->m, "IMPP", uri);
	}
	add_pref(r, prop, attr(node, "pref"));
	add_label(r, node);
}

static void read_comm_addr(struct reading *r, const xmlNode *comm)
{
	for (const xmlNode *node = comm->children; node; node = node->next) {
		if (is(node, CAB_NS_PCC, "tel"))
			read_tel(r, node);
		else if (is(node, CAB_NS_PCC, "uri-entry"))
			read_uri(r, node);
	}
}

/* ---- name ---- */

/* The parts of ENTRY as the value of N. */
static struct strv name_value(struct reading *r, const struct strv part[5])
{
	struct cab_buf buf = { 0 };
	char *copy = NULL;
	size_t n;

	for (unsigned i = 0; i < 5; i++) {
		if (i)
			cab_buf_char(&buf, ';');
		vcard_escape(&buf, part[i]);
	}
	n = buf.n;
	if (!buf.failed)
		copy = arena_strdup(r->m.arena, cab_buf_text(&buf));
	r->m.failed |= !copy;
	cab_buf_fini(&buf);
	return strv_mem(copy, copy ? n : 0);
}

static void read_parts(struct reading *r, const xmlNode *entry, struct strv part[5])
{
	for (unsigned i = 0; i < 5; i++)
		part[i] = text(r, child(entry, name_parts[i]));
	if (!part[1].n)
		part[1] = text(r, child(entry, "first"));
}

static void read_main_name(struct reading *r, const xmlNode *entry)
{
	static const char *const phonetic[] = { "X-PHONETIC-LAST-NAME", "X-PHONETIC-FIRST-NAME" };

	r->has_name = 1;
	read_parts(r, entry, r->given);
	r->display = text(r, child(entry, "display-name"));
	for (unsigned i = 0; i < 2; i++) {
		const xmlNode *part = child(entry, name_parts[i]);

		if (part && attr(part, "phonetic").n)
			cab_make_text(&r->m, phonetic[i], attr(part, "phonetic"));
	}
}

static void read_nickname(struct reading *r, const xmlNode *entry, struct strv type)
{
	struct strv name = text(r, child(entry, "display-name"));
	struct vcard_prop *prop;

	if (!name.n)
		name = text(r, child(entry, "given"));
	if (!name.n)
		return;
	prop = cab_make_text(&r->m, "NICKNAME", name);
	if (!strv_eq(type, STRV("KnownAs")))
		cab_make_param(&r->m, prop, "X-CAB-TYPE", type);
}

static void read_other_name(struct reading *r, const xmlNode *entry, struct strv type)
{
	struct strv part[5], display = text(r, child(entry, "display-name"));
	struct vcard_prop *prop;

	read_parts(r, entry, part);
	prop = cab_make(&r->m, "X-CAB-NAME", name_value(r, part));
	cab_make_param(&r->m, prop, "X-CAB-TYPE", type);
	if (display.n)
		cab_make_param(&r->m, prop, "X-CAB-NAME", display);
}

/* The legal name, else the first that is no nickname, is the card's. */
static const xmlNode *main_entry(const xmlNode *name)
{
	const xmlNode *found = NULL;

	for (const xmlNode *node = name->children; node; node = node->next) {
		struct strv type;

		if (!is(node, CAB_NS_PCC, "name-entry"))
			continue;
		type = attr(node, "name-type");
		if (!type.n || strv_eq(type, STRV("LegalName")) ||
		    strv_eq(type, STRV("OfficialName")))
			return node;
		if (!found && !strv_eq(type, STRV("KnownAs")) && !strv_eq(type, STRV("Alias")))
			found = node;
	}
	return found;
}

static void read_name(struct reading *r, const xmlNode *name)
{
	const xmlNode *main = main_entry(name);

	if (main)
		read_main_name(r, main);
	for (const xmlNode *node = name->children; node; node = node->next) {
		struct strv type;

		if (node == main || !is(node, CAB_NS_PCC, "name-entry"))
			continue;
		type = attr(node, "name-type");
		if (strv_eq(type, STRV("KnownAs")) || strv_eq(type, STRV("Alias")))
			read_nickname(r, node, type);
		else
			read_other_name(r, node, type);
	}
}

/* ---- birth, career, addresses ---- */

/* 1990-05-01 in 4.0 is 19900501, --05-01 is --0501, 1990-05 stays (RFC 6350 s4.3.1). */
static void add_date(struct reading *r, struct strv date)
{
	static const char omitted[] = "1604";
	struct vcard_prop *prop;
	size_t n = 0;
	char *out;

	if (r->version == VCARD_3_0 && strv_starts(date, STRV("--")) && date.n == 7) {
		out = arena_printf(r->m.arena, "%s%.*s", omitted, (int)date.n - 1, date.p + 1);
		r->m.failed |= !out;
		prop = cab_make(&r->m, "BDAY", strv_of(out));
		cab_make_param(&r->m, prop, "X-APPLE-OMIT-YEAR", STRV("1604"));
		return;
	}
	if (r->version == VCARD_3_0 || (date.n != 10 && date.n != 7) ||
	    (date.n == 7 && date.p[0] != '-')) {
		cab_make(&r->m, "BDAY", date);
		return;
	}
	out = arena_alloc(r->m.arena, date.n);
	for (size_t i = 0; out && i < date.n; i++)
		if (date.p[i] != '-' || i < 2)
			out[n++] = date.p[i];
	r->m.failed |= !out;
	cab_make(&r->m, "BDAY", strv_mem(out, n));
}

static void read_birth(struct reading *r, const xmlNode *birth)
{
	const xmlNode *day = child(birth, "birth-date");
	const xmlNode *other = child(day, "non-greg-date");
	struct strv date = text(r, child(day, "date")), place = text(r, child(birth, "place"));
	struct vcard_prop *prop;

	if (date.n)
		add_date(r, date);
	if (other && text(r, other).n) {
		prop = cab_make_text(&r->m, "BDAY", text(r, other));
		cab_make_param(&r->m, prop, "VALUE", STRV("text"));
		if (attr(other, "cal-type").n)
			cab_make_param(&r->m, prop, "X-CAB-CALENDAR", attr(other, "cal-type"));
	}
	if (place.n)
		cab_make_text(&r->m, r->version == VCARD_4_0 ? "BIRTHPLACE" : "X-CAB-BIRTHPLACE",
			      place);
}

static void read_career(struct reading *r, const xmlNode *career)
{
	struct strv employer = text(r, child(career, "employer"));
	struct strv duty = text(r, child(career, "duty"));

	if (employer.n)
		cab_make_text(&r->m, "ORG", employer);
	if (duty.n)
		cab_make_text(&r->m, "TITLE", duty);
}

static void read_address(struct reading *r, const xmlNode *entry)
{
	const xmlNode *data = child(entry, "address-data");
	struct strv label = text(r, child(entry, "label")), part;
	struct cab_buf buf = { 0 };
	struct vcard_prop *prop;
	char *value;
	size_t n;

	if (!label.n)
		label = text(r, child(data, "addr-string"));
	for (unsigned i = 0; i < CAB_ADDRESS_PARTS; i++) {
		if (i)
			cab_buf_char(&buf, ';');
		part = text(r, child(data, cab_address_parts[i]));
		if (i == 2 && !part.n)
			part = text(r, child(data, "area"));
		vcard_escape(&buf, part);
	}
	n = buf.n;
	value = buf.failed ? NULL : arena_strdup(r->m.arena, cab_buf_text(&buf));
	cab_buf_fini(&buf);
	r->m.failed |= !value;
	prop = cab_make(&r->m, "ADR", strv_mem(value, value ? n : 0));
	add_type(r, prop, attr(entry, "address-type"), cab_address_types);
	add_pref(r, prop, attr(entry, "pref"));
	if (label.n && r->version == VCARD_4_0)
		cab_make_param(&r->m, prop, "LABEL", label);
	if (!label.n || r->version == VCARD_4_0)
		return;
	prop = cab_make_text(&r->m, "LABEL", label);
	add_type(r, prop, attr(entry, "address-type"), cab_address_types);
}

/* ---- media, web ---- */

/* "JPEG" of image/jpeg. */
static struct strv short_type(struct reading *r, struct strv type)
{
	const char *slash = type.n ? memchr(type.p, '/', type.n) : NULL;
	char *copy;

	if (slash)
		type = strv_mem(slash + 1, type.n - (size_t)(slash + 1 - type.p));
	copy = arena_strdup(r->m.arena, type);
	r->m.failed |= !copy;
	for (char *p = copy; p && *p; p++)
		*p = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
	return strv_of(copy);
}

static void read_media(struct reading *r, const xmlNode *entry)
{
	const xmlNode *media = child(entry, "media");
	struct strv kind = attr(entry, "media-type"), url = text(r, child(media, "media-url"));
	struct strv content = text(r, child(media, "content"));
	struct strv type = text(r, child(entry, "media-content"));
	const char *name = strv_caseeq(kind, STRV("logo"))    ? "LOGO"
			   : strv_caseeq(kind, STRV("sound")) ? "SOUND"
							      : "PHOTO";
	struct vcard_prop *prop;
	char *value;

	if (url.n) {
		prop = cab_make(&r->m, name, url);
		cab_make_param(&r->m, prop, "VALUE", STRV("uri"));
		if (type.n && r->version == VCARD_4_0)
			cab_make_param(&r->m, prop, "MEDIATYPE", type);
	} else if (content.n && r->version == VCARD_3_0) {
		prop = cab_make(&r->m, name, content);
		cab_make_param(&r->m, prop, "ENCODING", STRV("b"));
		if (type.n)
			cab_make_param(&r->m, prop, "TYPE", short_type(r, type));
	} else if (content.n) {
		value = arena_printf(r->m.arena, "data:%.*s;base64,%.*s", STRV_ARG(type),
				     STRV_ARG(content));
		r->m.failed |= !value;
		cab_make(&r->m, name, strv_of(value));
	}
}

static void read_web(struct reading *r, const xmlNode *entry)
{
	struct strv url = text(r, child(entry, "url"));

	if (!url.n)
		return;
	cab_make(&r->m, "URL", url);
	add_label(r, entry);
}

static void read_each(struct reading *r, const xmlNode *parent, const char *name,
		      void (*read)(struct reading *r, const xmlNode *node))
{
	for (const xmlNode *node = parent->children; node; node = node->next)
		if (is(node, CAB_NS_PCC, name))
			read(r, node);
}

/* ---- all of it ---- */

static void read_details(struct reading *r, const xmlNode *details)
{
	for (const xmlNode *node = details->children; node; node = node->next) {
		if (is(node, CAB_NS_PCC, "comm-addr"))
			read_comm_addr(r, node);
		else if (is(node, CAB_NS_PCC, "name"))
			read_name(r, node);
		else if (is(node, CAB_NS_PCC, "birth"))
			read_birth(r, node);
		else if (is(node, CAB_NS_PCC, "address"))
			read_each(r, node, "address-entry", read_address);
		else if (is(node, CAB_NS_PCC, "career"))
			read_career(r, node);
		else if (is(node, CAB_NS_PCC, "media-list"))
			read_each(r, node, "media-entry", read_media);
		else if (is(node, CAB_NS_PCC, "web-resources"))
			read_each(r, node, "web-entry", read_web);
		else if (is(node, CAB_NS_PCC, "org-description") && text(r, node).n)
			cab_make_text(&r->m, "NOTE", text(r, node));
	}
}

/* A card has to have both (RFC 2426 s3.1.1, s3.1.2; RFC 6350 s6.2.1). */
static void add_names(struct reading *r)
{
	struct strv display = r->display;
	char *made;

	if (r->has_name || r->version == VCARD_3_0)
		cab_make(&r->m, "N", name_value(r, r->given));
	if (!display.n && (r->given[0].n || r->given[1].n)) {
		made = arena_printf(r->m.arena, "%.*s%s%.*s", STRV_ARG(r->given[1]),
				    r->given[0].n && r->given[1].n ? " " : "",
				    STRV_ARG(r->given[0]));
		r->m.failed |= !made;
		display = strv_of(made);
	}
	for (unsigned i = 0; !display.n && i < r->m.card.n; i++) {
		static const char *const names[] = { "NICKNAME", "ORG", "EMAIL", "TEL" };

		for (unsigned k = 0; k < 4 && !display.n; k++)
			if (strv_eq(r->m.card.prop[i].name, strv_of(names[k])))
				display = vcard_unescape(r->m.card.prop[i].value, r->m.arena);
	}
	cab_make_text(&r->m, "FN", display.n ? display : STRV("?"));
}

/* TEXT without blanks around it and without the scheme that a number or address may have. */
static struct strv bare(struct strv s)
{
	s = strv_trim(s);
	if (cab_has_scheme(s, "tel"))
		return strv_mem(s.p + 4, s.n - 4);
	if (cab_has_scheme(s, "mailto"))
		return strv_mem(s.p + 7, s.n - 7);
	return s;
}

/* Does what was made of the address book still say what the shadow VALUE said? */
static int says_the_same(struct reading *r, const struct vcard_prop *made, struct strv value)
{
	struct strv rest = value;

	if (strv_eq(made->name, STRV("ORG")) || strv_eq(made->name, STRV("NICKNAME")))
		vcard_part(&rest, made->name.p[0] == 'O' ? ';' : ',', &value);
	return strv_eq(bare(vcard_unescape(made->value, r->m.arena)),
		       bare(vcard_unescape(value, r->m.arena)));
}

/* The first of the FROM first properties that SHADOW completes, by DONE not completed yet. */
static void complete(struct reading *r, const struct vcard_prop *shadow, unsigned from,
		     unsigned char *done)
{
	for (unsigned i = 0; i < from && !r->m.failed; i++) {
		struct vcard_prop *made = &r->m.card.prop[i];

		if (done[i] || !strv_eq(made->name, shadow->name) ||
		    !says_the_same(r, made, shadow->value))
			continue;
		done[i] = 1;
		made->value = shadow->value;
		if (shadow->group.n)
			made->group = shadow->group;
		for (unsigned k = 0; k < shadow->n_params; k++) {
			const struct vcard_param *param = &shadow->param[k];

			if (strv_eq(param->name, STRV(CAB_SHADOW)))
				continue;
			cab_make_param(&r->m, made, "", param->value);
			if (!r->m.failed)
				made->param[made->n_params - 1].name = param->name;
		}
		return;
	}
}

static int is_property_name(struct strv s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'A' && s.p[i] <= 'Z') || (s.p[i] >= '0' && s.p[i] <= '9') ||
		      s.p[i] == '-' || s.p[i] == '_'))
			return 0;
	return s.n > 0;
}

/* Clients write these elements too: what is no property is left out. */
static void read_x_properties(struct reading *r, const xmlNode *contact)
{
	unsigned made = r->m.card.n;
	unsigned char *done = arena_zalloc(r->m.arena, made + 1, 1);

	r->m.failed |= !done;
	for (const xmlNode *node = contact->children; node && !r->m.failed; node = node->next) {
		struct vcard_prop prop = { .n_params = 0 }, *added;

		if (!is(node, CAB_NS_VCARD, "x-property"))
			continue;
		prop.name = attr(node, "name");
		prop.group = attr(node, "group");
		prop.value = raw_text(r, node);
		if (!is_property_name(prop.name) ||
		    (prop.group.n && memchr(prop.group.p, ' ', prop.group.n)))
			continue;
		if (vcard_params_read(attr(node, "params"), r->m.arena, &prop, r->err) < 0) {
			r->m.failed = 1;
		} else if (vcard_prop_has(&prop, CAB_SHADOW, "1")) {
			complete(r, &prop, made, done);
		} else {
			added = cab_make(&r->m, "", prop.value);
			*added = prop;
		}
	}
}

static void add_frame(struct reading *r, const xmlNode *contact, int is_org)
{
	struct strv id = attr(contact, "id"), modified = attr(contact, "last-modified");
	struct vcard_prop *prop;
	char *rev;
	size_t n = 0;

	if (is_org)
		cab_make(&r->m, r->version == VCARD_4_0 ? "KIND" : "X-ADDRESSBOOKSERVER-KIND",
			 STRV("org"));
	prop = cab_make_text(&r->m, "UID", id);
	if (r->version == VCARD_4_0 && !cab_is_uri(id))
		cab_make_param(&r->m, prop, "VALUE", STRV("text"));
	if (!modified.n)
		return;
	rev = arena_alloc(r->m.arena, modified.n);
	for (size_t i = 0; rev && i < modified.n; i++)
		if (r->version == VCARD_3_0 || (modified.p[i] != '-' && modified.p[i] != ':'))
			rev[n++] = modified.p[i];
	r->m.failed |= !rev;
	cab_make(&r->m, "REV", strv_mem(rev, n));
}

int cab_contact_card(const xmlNode *contact, enum vcard_version version, struct arena *arena,
		     struct vcard *card_out, struct err *err)
{
	struct reading r = { .m = { .arena = arena }, .version = version, .err = err };
	const xmlNode *person = child(contact, "person-details");
	const xmlNode *org = person ? NULL : child(contact, "org-details");

	add_frame(&r, contact, org != NULL);
	/* Before those of the details, which are further ones. */
	for (const xmlNode *node = contact->children; node; node = node->next)
		if (is(node, CAB_NS_BOOK, "photo"))
			read_media(&r, node);
	if (person || org)
		read_details(&r, person ? person : org);
	add_names(&r);
	for (const xmlNode *node = contact->children; node; node = node->next)
		if (is(node, CAB_NS_BOOK, "note") && text(&r, node).n)
			cab_make_text(&r.m, "NOTE", text(&r, node));
	read_x_properties(&r, contact);
	r.m.card.version = version;
	*card_out = r.m.card;
	return r.m.failed ? err_set(err, ERR_NOMEM, "no memory for a card") : 0;
}
