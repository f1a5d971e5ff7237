/* SPDX-License-Identifier: Apache-2.0 */
/* cab/cab_maker.c - cards that grow: see cab_contact.h */
#include "cab/cab_contact.h"

enum { PROPS_FIRST = 16, PARAMS_STEP = 4 };

struct vcard_prop *cab_make(struct cab_maker *maker, const char *name, struct strv value)
{
	static _Thread_local struct vcard_prop nowhere;

	if (maker->card.n == maker->room && !maker->failed) {
		unsigned room = maker->room ? maker->room * 2 : PROPS_FIRST;
		struct vcard_prop *more = arena_alloc(maker->arena, room * sizeof(*more));

		if (!more) {
			maker->failed = 1;
		} else {
			if (maker->card.n)
				memcpy(more, maker->card.prop, maker->card.n * sizeof(*more));
			maker->card.prop = more;
			maker->room = room;
		}
	}
	if (maker->failed) {
		nowhere = (struct vcard_prop){ .name = strv_of(name) };
		return &nowhere;
	}
	maker->card.prop[maker->card.n] =
		(struct vcard_prop){ .name = strv_of(name), .value = value };
	return &maker->card.prop[maker->card.n++];
}

static struct strv escaped(struct cab_maker *maker, struct strv text)
{
	struct cab_buf buf = { 0 };
	char *copy = NULL;
	size_t n;

	vcard_escape(&buf, text);
	n = buf.n;
	if (!buf.failed)
		copy = arena_strdup(maker->arena, cab_buf_text(&buf));
	if (!copy)
		maker->failed = 1;
	cab_buf_fini(&buf);
	return strv_mem(copy, copy ? n : 0);
}

struct vcard_prop *cab_make_text(struct cab_maker *maker, const char *name, struct strv text)
{
	for (size_t i = 0; i < text.n; i++)
		if (strchr("\\,;\n\r", text.p[i]) && text.p[i])
			return cab_make(maker, name, escaped(maker, text));
	return cab_make(maker, name, text);
}

void cab_make_param(struct cab_maker *maker, struct vcard_prop *prop, const char *name,
		    struct strv value)
{
	struct vcard_param *more;

	if (maker->failed)
		return;
	if (prop->n_params % PARAMS_STEP == 0) {
		more = arena_alloc(maker->arena, (prop->n_params + PARAMS_STEP) * sizeof(*more));
		if (!more) {
			maker->failed = 1;
			return;
		}
		if (prop->n_params)
			memcpy(more, prop->param, prop->n_params * sizeof(*more));
		prop->param = more;
	}
	prop->param[prop->n_params++] = (struct vcard_param){ strv_of(name), value };
}
