/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cab/cab_contact_print.c - a card as a contact: see cab_contact.h
 *
 * The element is written section by section; each takes the properties that belong to it and marks
 * them. What is left at the end becomes vc:x-property. The other direction is cab_contact_card.c,
 * which has to know each place that is used here.
 */
#include <stdio.h>
#include <time.h>

#include "cab/cab_contact.h"
#include "cab/cab_contact_priv.h"

/* What became of a property. */
struct mark {
	int used;
	int shadow; /* LEFT, a group or an exact value is kept beside it */
	int keeps_group;
	struct vcard_prop left; /* the parameters that had no place */
};

struct filling {
	const struct vcard *card;
	struct mark *mark;
	struct arena *arena;
	struct cab_buf *out;
	unsigned left_out;
	int is_org, has_photo;
	int failed;
};

static int is_name(const struct vcard_prop *prop, const char *name)
{
	return strv_eq(prop->name, strv_of(name));
}

static void put(struct filling *f, const char *text)
{
	cab_buf_put(f->out, strv_of(text));
}

/* ---- elements ---- */

/* An escaped VALUE as text, without blanks around it. */
static struct strv plain(struct filling *f, struct strv value)
{
	struct strv text = vcard_unescape(value, f->arena);

	if (value.n && !text.p)
		f->failed = 1;
	return strv_trim(text);
}

/* <NAME>TEXT</NAME>, when there is text. */
static void element(struct filling *f, const char *name, struct strv text)
{
	if (!text.n)
		return;
	cab_buf_char(f->out, '<');
	put(f, name);
	cab_buf_char(f->out, '>');
	cab_buf_xml(f->out, text);
	put(f, "</");
	put(f, name);
	cab_buf_char(f->out, '>');
}

static void attribute(struct filling *f, const char *name, struct strv value)
{
	if (!value.n)
		return;
	cab_buf_char(f->out, ' ');
	put(f, name);
	put(f, "=\"");
	cab_buf_xml(f->out, value);
	cab_buf_char(f->out, '"');
}

/* ---- what has a place, and what not ---- */

static void keep_param(struct filling *f, struct mark *mark, const struct vcard_param *param)
{
	struct cab_maker maker = { .arena = f->arena };

	cab_make_param(&maker, &mark->left, "", param->value);
	if (maker.failed)
		f->failed = 1;
	else
		mark->left.param[mark->left.n_params - 1].name = param->name;
	mark->shadow = 1;
}

static int is_number(struct strv s, unsigned max)
{
	uint64_t n;

	return strv_u64(s, max, &n) == 0 && n > 0;
}

/* Take TYPE and PREF of property I: TYPE_OUT is the first of TYPES that it has. */
static void take_types(struct filling *f, unsigned i, const struct cab_type *types,
		       const char **type_out, struct strv *pref_out)
{
	const struct vcard_prop *prop = &f->card->prop[i];
	struct mark *mark = &f->mark[i];
	const struct cab_type *taken = types;

	*pref_out = strv_mem(NULL, 0);
	while (taken->vcard && !vcard_prop_has(prop, "TYPE", taken->vcard))
		taken++;
	*type_out = taken->cab;
	for (unsigned k = 0; k < prop->n_params; k++) {
		const struct vcard_param *param = &prop->param[k];
		int is_type = strv_eq(param->name, STRV("TYPE"));

		if (is_type && taken->vcard && strv_caseeq(param->value, strv_of(taken->vcard)))
			continue;
		if (is_type && strv_caseeq(param->value, STRV("PREF")))
			*pref_out = STRV("1");
		else if (strv_eq(param->name, STRV("PREF")) && is_number(param->value, 100))
			*pref_out = param->value;
		else if (strv_eq(param->name, STRV("VALUE")) ||
			 (is_type && (strv_caseeq(param->value, STRV("INTERNET")) ||
				      strv_caseeq(param->value, STRV("VOICE")))))
			continue; /* what is so anyway */
		else
			keep_param(f, mark, param);
	}
	mark->used = 1;
}

static int same_group(const struct vcard_prop *a, const struct vcard_prop *b)
{
	return a->group.n && strv_caseeq(a->group, b->group);
}

/* The label of property I, from the X-ABLABEL of its group; something else in the group keeps it
 * together. */
static struct strv take_label(struct filling *f, unsigned i)
{
	const struct vcard_prop *prop = &f->card->prop[i];
	struct strv label = { NULL, 0 };

	for (unsigned k = 0; prop->group.n && k < f->card->n; k++) {
		if (k == i || !same_group(&f->card->prop[k], prop))
			continue;
		if (is_name(&f->card->prop[k], "X-ABLABEL") && !label.n && !f->mark[k].used) {
			label = plain(f, f->card->prop[k].value);
			f->mark[k].used = label.n != 0;
		} else {
			f->mark[i].shadow = f->mark[i].keeps_group = 1;
		}
	}
	return label;
}

/* ---- comm-addr ---- */

static void put_uri_entry(struct filling *f, unsigned i, const char *type, struct strv pref,
			  struct strv uri)
{
	put(f, "<uri-entry");
	attribute(f, "addr-uri-type", strv_of(type));
	attribute(f, "pref", pref);
	put(f, ">");
	element(f, "addr-uri", uri);
	element(f, "custom-label", take_label(f, i));
	put(f, "</uri-entry>");
}

static void take_tel(struct filling *f, unsigned i)
{
	const struct vcard_prop *prop = &f->card->prop[i];
	struct strv text = plain(f, prop->value), pref;
	const char *type;

	if (!text.n)
		return;
	if (cab_has_scheme(text, "tel")) {
		text = strv_mem(text.p + 4, text.n - 4);
		if (memchr(text.p, '%', text.n))
			return; /* kept as it is */
	} else if (cab_is_uri(text) && vcard_prop_has(prop, "VALUE", "uri")) {
		return;
	}
	take_types(f, i, cab_tel_types, &type, &pref);
	put(f, "<tel");
	attribute(f, "tel-type", strv_of(type));
	if (vcard_prop_has(prop, "X-CAB-XUI", "1"))
		put(f, " xui-type=\"CAB\"");
	attribute(f, "pref", pref);
	put(f, "><tel-nb>");
	element(f, "tel-str", text);
	put(f, "</tel-nb>");
	element(f, "custom-label", take_label(f, i));
	put(f, "</tel>");
}

static void take_email(struct filling *f, unsigned i)
{
	static const struct cab_type none[] = { { NULL, NULL } };
	struct strv text = plain(f, f->card->prop[i].value), pref, uri;
	const char *type;

	if (cab_has_scheme(text, "mailto"))
		text = strv_mem(text.p + 7, text.n - 7);
	uri = cab_uri_make("mailto:", text, f->arena);
	if (!text.n || !uri.n)
		return;
	take_types(f, i, none, &type, &pref);
	put_uri_entry(f, i, "Email", pref, uri);
}

static void take_impp(struct filling *f, unsigned i)
{
	static const struct cab_type none[] = { { NULL, NULL } };
	struct strv text = plain(f, f->card->prop[i].value), pref;
	int is_sip = cab_has_scheme(text, "sip") || cab_has_scheme(text, "sips");
	const char *type;

	if (is_name(&f->card->prop[i], "X-SIP") && !is_sip && text.n) {
		text = cab_uri_make("sip:", text, f->arena);
		is_sip = 1;
	}
	if (!cab_is_uri(text) || cab_has_scheme(text, "mailto"))
		return;
	take_types(f, i, none, &type, &pref);
	put_uri_entry(f, i, is_sip ? "SIP-URI" : "IM", pref, text);
}

/* The section NAME of what TAKE makes of the properties that IS fits; nothing when it made none. */
static void section(struct filling *f, const char *name,
		    void (*const *take)(struct filling *f, unsigned i), const char *const *names)
{
	size_t start = f->out->n, open;

	cab_buf_char(f->out, '<');
	put(f, name);
	cab_buf_char(f->out, '>');
	open = f->out->n;
	for (unsigned i = 0; i < f->card->n; i++)
		for (unsigned k = 0; names[k]; k++)
			if (!f->mark[i].used && is_name(&f->card->prop[i], names[k]))
				take[k](f, i);
	if (f->out->n == open) {
		f->out->n = start;
		return;
	}
	put(f, "</");
	put(f, name);
	cab_buf_char(f->out, '>');
}

static void put_comm_addr(struct filling *f)
{
	static const char *const names[] = { "TEL", "EMAIL", "IMPP", "X-SIP", NULL };
	static void (*const take[])(struct filling * f, unsigned i) = { take_tel, take_email,
									take_impp, take_impp };

	section(f, "comm-addr", take, names);
}

/* ---- name ---- */

static const char *const name_parts[] = { "family", "given", "middle", "prefix", "suffix" };
enum { NAME_PARTS = 5, NAME_ORDER = 5 };

/* PROP's value as elements; 1 when a part has several values, which one element cannot tell. */
static int put_name_parts(struct filling *f, const struct vcard_prop *prop, int with_phonetic)
{
	static const unsigned order[NAME_ORDER] = { 3, 1, 2, 0, 4 };
	struct strv part[NAME_PARTS] = { { NULL, 0 } }, rest = prop->value;
	int several = 0;

	for (unsigned i = 0; i < NAME_PARTS && vcard_part(&rest, ';', &part[i]); i++) {
		struct strv list = part[i], first;

		vcard_part(&list, ',', &first);
		several |= list.p != NULL;
	}
	several |= rest.p != NULL;
	for (unsigned i = 0; i < NAME_ORDER; i++) {
		unsigned at = order[i];
		struct strv text = plain(f, part[at]), phonetic = { NULL, 0 };
		const char *from = at == 1 ? "X-PHONETIC-FIRST-NAME" : "X-PHONETIC-LAST-NAME";

		if (!text.n)
			continue;
		cab_buf_char(f->out, '<');
		put(f, name_parts[at]);
		for (unsigned k = 0; with_phonetic && at < 2 && k < f->card->n; k++) {
			if (phonetic.n || !is_name(&f->card->prop[k], from))
				continue;
			phonetic = plain(f, f->card->prop[k].value);
			f->mark[k].used = phonetic.n != 0;
		}
		attribute(f, "phonetic", phonetic);
		cab_buf_char(f->out, '>');
		cab_buf_xml(f->out, text);
		put(f, "</");
		put(f, name_parts[at]);
		cab_buf_char(f->out, '>');
	}
	return several;
}

static void mark_params(struct filling *f, unsigned i)
{
	const struct vcard_prop *prop = &f->card->prop[i];

	for (unsigned k = 0; k < prop->n_params; k++)
		if (!strv_eq(prop->param[k].name, STRV("X-CAB-TYPE")) &&
		    !strv_eq(prop->param[k].name, STRV("X-CAB-NAME")))
			keep_param(f, &f->mark[i], &prop->param[k]);
	f->mark[i].used = 1;
}

static int find(const struct filling *f, const char *name)
{
	for (unsigned i = 0; i < f->card->n; i++)
		if (!f->mark[i].used && is_name(&f->card->prop[i], name) &&
		    f->card->prop[i].value.n)
			return (int)i;
	return -1;
}

/* A card without FN is called by what it has. */
static struct strv substitute_name(struct filling *f, int n)
{
	static const char *const names[] = { "NICKNAME", "ORG", "EMAIL", "TEL", NULL };
	struct strv rest = n < 0 ? strv_mem(NULL, 0) : f->card->prop[n].value, part[3];
	char *text;

	memset(part, 0, sizeof(part));
	for (unsigned i = 0; i < 3 && vcard_part(&rest, ';', &part[i]); i++)
		part[i] = plain(f, part[i]);
	if (part[0].n || part[1].n) {
		text = arena_printf(f->arena, "%.*s%s%.*s", STRV_ARG(part[1]),
				    part[0].n && part[1].n ? " " : "", STRV_ARG(part[0]));
		f->failed |= !text;
		return strv_of(text);
	}
	for (unsigned i = 0; names[i]; i++) {
		const struct vcard_prop *prop = vcard_find(f->card, names[i]);
		struct strv first;

		if (!prop)
			continue;
		rest = prop->value;
		vcard_part(&rest, ';', &first);
		first = plain(f, first);
		if (first.n)
			return first;
	}
	return strv_mem(NULL, 0);
}

static void put_main_name(struct filling *f)
{
	int n = find(f, "N"), fn = find(f, "FN");
	struct strv display = fn < 0 ? strv_mem(NULL, 0) : plain(f, f->card->prop[fn].value);

	if (!display.n)
		display = substitute_name(f, n);
	if (n < 0 && !display.n)
		return;
	put(f, "<name-entry name-type=\"LegalName\">");
	if (n >= 0) {
		if (put_name_parts(f, &f->card->prop[n], 1))
			f->mark[n].shadow = 1;
		mark_params(f, (unsigned)n);
	}
	element(f, "display-name", display);
	put(f, "</name-entry>");
	if (fn >= 0)
		mark_params(f, (unsigned)fn);
}

static void put_nickname(struct filling *f, unsigned i)
{
	struct strv type = vcard_prop_param(&f->card->prop[i], "X-CAB-TYPE"), rest, one;

	rest = f->card->prop[i].value;
	while (vcard_part(&rest, ',', &one)) {
		one = plain(f, one);
		if (!one.n)
			continue;
		put(f, "<name-entry");
		attribute(f, "name-type", type.n ? type : STRV("KnownAs"));
		put(f, ">");
		element(f, "display-name", one);
		put(f, "</name-entry>");
	}
	mark_params(f, i);
}

static void put_other_name(struct filling *f, unsigned i)
{
	const struct vcard_prop *prop = &f->card->prop[i];

	put(f, "<name-entry");
	attribute(f, "name-type", vcard_prop_param(prop, "X-CAB-TYPE"));
	put(f, ">");
	if (put_name_parts(f, prop, 0))
		f->mark[i].shadow = 1;
	element(f, "display-name", vcard_prop_param(prop, "X-CAB-NAME"));
	put(f, "</name-entry>");
	mark_params(f, i);
}

static void put_name(struct filling *f)
{
	size_t start = f->out->n, open;

	put(f, "<name>");
	open = f->out->n;
	put_main_name(f);
	for (unsigned i = 0; i < f->card->n; i++) {
		if (is_name(&f->card->prop[i], "NICKNAME") && f->card->prop[i].value.n)
			put_nickname(f, i);
		else if (is_name(&f->card->prop[i], "X-CAB-NAME"))
			put_other_name(f, i);
	}
	if (f->out->n == open)
		f->out->n = start;
	else
		put(f, "</name>");
}

/* ---- birth, career ---- */

static void put_birth(struct filling *f)
{
	int day = find(f, "BDAY"), place = find(f, "BIRTHPLACE");
	char date[CAB_DATE_BYTES] = "";
	const struct vcard_prop *prop = day < 0 ? NULL : &f->card->prop[day];
	struct strv text = prop ? plain(f, prop->value) : strv_mem(NULL, 0);
	int is_text = prop && vcard_prop_has(prop, "VALUE", "text");

	if (place < 0)
		place = find(f, "X-CAB-BIRTHPLACE");
	if (prop && !is_text && cab_date_read(text, prop, date) < 0)
		day = -1;
	if (day < 0 && place < 0)
		return;
	put(f, "<birth>");
	if (day >= 0) {
		put(f, "<birth-date>");
		if (is_text) {
			put(f, "<non-greg-date");
			attribute(f, "cal-type", vcard_prop_param(prop, "X-CAB-CALENDAR"));
			put(f, ">");
			cab_buf_xml(f->out, text);
			put(f, "</non-greg-date>");
		} else {
			element(f, "date", strv_of(date));
		}
		put(f, "</birth-date>");
		f->mark[day].used = 1;
	}
	if (place >= 0) {
		element(f, "place", plain(f, f->card->prop[place].value));
		f->mark[place].used = 1;
	}
	put(f, "</birth>");
}

/* The departments behind the company stay in the shadow. */
static void put_career(struct filling *f)
{
	int org = find(f, "ORG"), title = find(f, "TITLE");
	struct strv rest, first = { NULL, 0 };

	if (org >= 0) {
		rest = f->card->prop[org].value;
		vcard_part(&rest, ';', &first);
		first = plain(f, first);
		if (first.n) {
			mark_params(f, (unsigned)org);
			f->mark[org].shadow |= rest.p != NULL;
		}
	}
	if (!first.n && title < 0)
		return;
	put(f, "<career>");
	element(f, "employer", first);
	if (title >= 0) {
		element(f, "duty", plain(f, f->card->prop[title].value));
		mark_params(f, (unsigned)title);
	}
	put(f, "</career>");
}

/* ---- address ---- */

/* 3.0 has the label as a property of its own. */
static struct strv take_address_label(struct filling *f, const struct vcard_prop *adr)
{
	struct strv label = vcard_prop_param(adr, "LABEL");

	for (unsigned i = 0; !label.n && i < f->card->n; i++) {
		const struct vcard_prop *prop = &f->card->prop[i];
		int same = 1;

		if (!is_name(prop, "LABEL") || f->mark[i].used)
			continue;
		for (unsigned k = 0; k < cab_n_address_types; k++)
			same &= vcard_prop_has(prop, "TYPE", cab_address_types[k].vcard) ==
				vcard_prop_has(adr, "TYPE", cab_address_types[k].vcard);
		if (!same)
			continue;
		label = plain(f, prop->value);
		f->mark[i].used = 1;
	}
	return label;
}

static void take_address(struct filling *f, unsigned i)
{
	const struct vcard_prop *prop = &f->card->prop[i];
	struct strv rest = prop->value, part, pref, list, first;
	struct mark *mark = &f->mark[i];
	const char *type;
	unsigned n = 0;

	take_types(f, i, cab_address_types, &type, &pref);
	/* LABEL has its place. */
	for (unsigned k = 0; k < mark->left.n_params; k++)
		if (strv_eq(mark->left.param[k].name, STRV("LABEL")))
			mark->left.param[k--] = mark->left.param[--mark->left.n_params];
	mark->shadow = mark->left.n_params != 0;
	for (unsigned k = 0; k < f->card->n; k++)
		if (k != i && same_group(&f->card->prop[k], prop))
			mark->shadow = mark->keeps_group = 1;
	put(f, "<address-entry");
	attribute(f, "address-type", strv_of(type));
	attribute(f, "pref", pref);
	put(f, ">");
	element(f, "label", take_address_label(f, prop));
	put(f, "<address-data>");
	for (; n < CAB_ADDRESS_PARTS && vcard_part(&rest, ';', &part); n++) {
		list = part;
		vcard_part(&list, ',', &first);
		mark->shadow |= list.p != NULL;
		element(f, cab_address_parts[n], plain(f, part));
	}
	mark->shadow |= rest.p != NULL;
	put(f, "</address-data></address-entry>");
}

static void put_addresses(struct filling *f)
{
	static const char *const names[] = { "ADR", NULL };
	static void (*const take[])(struct filling * f, unsigned i) = { take_address };

	section(f, "address", take, names);
}

/* ---- media ---- */

/* What PROP shows: a URL, or base64 of TYPE. 0 when it cannot stand in a contact. */
static int read_media(struct filling *f, const struct vcard_prop *prop, struct strv *url,
		      struct strv *base64, struct strv *type)
{
	struct strv value = prop->value, head;

	*url = *base64 = strv_mem(NULL, 0);
	*type = vcard_prop_param(prop, "MEDIATYPE");
	if (vcard_prop_has(prop, "ENCODING", "B") || vcard_prop_has(prop, "ENCODING", "BASE64")) {
		*base64 = value;
		if (!type->n)
			*type = cab_media_type(prop, f->arena);
		return cab_base64_sound(value);
	}
	value = plain(f, value);
	if (cab_has_scheme(value, "data")) {
		value = strv_mem(value.p + 5, value.n - 5);
		strv_cut(&value, ',', &head);
		if (head.n < 7 || !strv_caseeq(strv_mem(head.p + head.n - 7, 7), STRV(";base64")))
			return 0;
		*type = strv_mem(head.p, head.n - 7);
		*base64 = value;
		return cab_base64_sound(value);
	}
	*url = value;
	return cab_has_scheme(value, "https") && value.n > 8 && cab_is_uri(value);
}

static void put_media(struct filling *f, unsigned i, const char *element_name, const char *xmlns,
		      const char *kind)
{
	const struct vcard_prop *prop = &f->card->prop[i];
	struct strv url, base64, type;

	if (!read_media(f, prop, &url, &base64, &type))
		return;
	f->mark[i].used = 1;
	if (base64.n > CAB_PICTURE_MAX) {
		f->left_out |= CAB_LEFT_PICTURE;
		return;
	}
	cab_buf_char(f->out, '<');
	put(f, element_name);
	attribute(f, "media-type", strv_of(kind));
	cab_buf_char(f->out, '>');
	put(f, "<media");
	put(f, xmlns);
	cab_buf_char(f->out, '>');
	element(f, "media-url", url);
	element(f, "content", base64);
	put(f, "</media>");
	if (type.n) {
		put(f, "<media-content");
		put(f, xmlns);
		cab_buf_char(f->out, '>');
		cab_buf_xml(f->out, type);
		put(f, "</media-content>");
	}
	put(f, "</");
	put(f, element_name);
	cab_buf_char(f->out, '>');
}

static void take_logo(struct filling *f, unsigned i)
{
	put_media(f, i, "media-entry", "", "logo");
}

static void take_sound(struct filling *f, unsigned i)
{
	put_media(f, i, "media-entry", "", "sound");
}

/* The first is the contact's photo. */
static void take_picture(struct filling *f, unsigned i)
{
	if (f->has_photo++)
		put_media(f, i, "media-entry", "", "picture");
}

static void put_media_list(struct filling *f)
{
	static const char *const names[] = { "LOGO", "SOUND", "PHOTO", NULL };
	static void (*const take[])(struct filling * f, unsigned i) = { take_logo, take_sound,
									take_picture };

	section(f, "media-list", take, names);
}

static void put_photo(struct filling *f)
{
	int photo = find(f, "PHOTO");

	if (photo >= 0)
		put_media(f, (unsigned)photo, "photo", " xmlns=\"" CAB_NS_PCC "\"", "picture");
}

/* ---- web, notes ---- */

static void take_url(struct filling *f, unsigned i)
{
	const struct vcard_prop *prop = &f->card->prop[i];
	struct strv url = plain(f, prop->value);

	if (url.n > 4 && strv_caseeq(strv_mem(url.p, 4), STRV("www.")))
		url = strv_of(arena_printf(f->arena, "http://%.*s", STRV_ARG(url)));
	if (!cab_is_uri(url))
		return;
	for (unsigned k = 0; k < prop->n_params; k++)
		if (!strv_eq(prop->param[k].name, STRV("VALUE")))
			keep_param(f, &f->mark[i], &prop->param[k]);
	f->mark[i].used = 1;
	put(f, "<web-entry>");
	element(f, "url", url);
	element(f, "custom-label", take_label(f, i));
	put(f, "</web-entry>");
}

static void put_web(struct filling *f)
{
	static const char *const names[] = { "URL", NULL };
	static void (*const take[])(struct filling * f, unsigned i) = { take_url };

	section(f, "web-resources", take, names);
}

static void put_notes(struct filling *f)
{
	for (unsigned i = 0; i < f->card->n; i++) {
		const struct vcard_prop *prop = &f->card->prop[i];

		if (!is_name(prop, "NOTE") || f->mark[i].used)
			continue;
		if (prop->value.n > CAB_PROPERTY_MAX) {
			f->left_out |= CAB_LEFT_PROPERTY;
		} else if (plain(f, prop->value).n) {
			element(f, "note", plain(f, prop->value));
			mark_params(f, i);
			continue;
		}
		f->mark[i].used = 1;
	}
}

/* ---- the rest ---- */

/* Property I with the parameters of FROM. */
static void put_x_property(struct filling *f, unsigned i, const struct vcard_prop *from)
{
	const struct vcard_prop *prop = &f->card->prop[i];
	struct cab_buf params = { 0 };
	int is_shadow = f->mark[i].used;
	struct strv text;

	if (prop->value.n > CAB_PROPERTY_MAX ||
	    (prop->value.n > CAB_PICTURE_MAX && is_name(prop, "PHOTO"))) {
		f->left_out |= is_name(prop, "PHOTO") ? CAB_LEFT_PICTURE : CAB_LEFT_PROPERTY;
		return;
	}
	if (is_shadow)
		cab_buf_put(&params, STRV(";" CAB_SHADOW "=1"));
	vcard_params_print(from, VCARD_4_0, &params);
	f->failed |= params.failed;
	text = cab_buf_text(&params);
	if (text.n)
		text = strv_mem(text.p + 1, text.n - 1);
	put(f, "<x-property xmlns=\"" CAB_NS_VCARD "\"");
	attribute(f, "name", prop->name);
	attribute(f, "params", text);
	if (!is_shadow || f->mark[i].keeps_group)
		attribute(f, "group", prop->group);
	put(f, ">");
	cab_buf_xml(f->out, prop->value);
	put(f, "</x-property>");
	cab_buf_fini(&params);
}

static void put_rest(struct filling *f)
{
	for (unsigned i = 0; i < f->card->n; i++) {
		if (!f->mark[i].used)
			put_x_property(f, i, &f->card->prop[i]);
		else if (f->mark[i].shadow)
			put_x_property(f, i, &f->mark[i].left);
	}
}

/* What the frame says, or the element of the details does. */
static void mark_frame(struct filling *f)
{
	for (unsigned i = 0; i < f->card->n; i++) {
		const struct vcard_prop *prop = &f->card->prop[i];
		int kind = is_name(prop, "KIND") || is_name(prop, "X-ADDRESSBOOKSERVER-KIND");

		if (is_name(prop, "UID") || is_name(prop, "REV") || is_name(prop, "CATEGORIES"))
			f->mark[i].used = 1;
		else if (kind && strv_caseeq(prop->value, STRV("org")))
			f->mark[i].used = f->is_org = 1;
		else if (kind && strv_caseeq(prop->value, STRV("individual")))
			f->mark[i].used = 1;
	}
}

static void put_details(struct filling *f)
{
	const char *name = f->is_org ? "org-details" : "person-details";

	cab_buf_char(f->out, '<');
	put(f, name);
	put(f, " xmlns=\"" CAB_NS_PCC "\">");
	put_comm_addr(f);
	put_name(f);
	if (!f->is_org)
		put_birth(f);
	put_addresses(f);
	if (!f->is_org)
		put_career(f);
	put_media_list(f);
	put_web(f);
	put(f, "</");
	put(f, name);
	cab_buf_char(f->out, '>');
}

int cab_contact_print(const struct vcard *card, const struct cab_frame *frame, struct arena *arena,
		      struct cab_buf *out, unsigned *left_out, struct err *err)
{
	struct filling f = { .card = card, .arena = arena, .out = out };

	f.mark = arena_zalloc(arena, card->n + 1, sizeof(*f.mark));
	if (!f.mark)
		return err_set(err, ERR_NOMEM, "no memory for a contact");
	mark_frame(&f);
	put(&f, "<contact");
	cab_buf_put(out, frame->xmlns);
	attribute(&f, "id", frame->id);
	attribute(&f, "last-modified", frame->modified);
	put(&f, ">");
	cab_buf_put(out, frame->before);
	put_details(&f);
	put_notes(&f);
	put_photo(&f);
	for (unsigned i = 0; i < frame->n_groups; i++) {
		put(&f, "<group-ref");
		attribute(&f, "id", frame->group_id[i]);
		put(&f, "/>");
	}
	put_rest(&f);
	cab_buf_put(out, frame->after);
	put(&f, "</contact>");
	*left_out = f.left_out;
	return f.failed ? err_set(err, ERR_NOMEM, "no memory for a contact") : 0;
}
