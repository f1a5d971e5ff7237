/* SPDX-License-Identifier: Apache-2.0 */
/* xdms/xcap_ns.c - see xcap_ns.h: one flat array and its strings in one allocation */
#include "xdms/xcap_ns.h"

#include <stdatomic.h>
#include <stdlib.h>

struct xcap_ns {
	_Atomic unsigned refs;
	unsigned n;
	struct xcap_binding b[];
};

static int declares(const struct xcap_binding *decl, unsigned n, struct strv prefix)
{
	for (unsigned i = 0; i < n; i++)
		if (strv_eq(decl[i].prefix, prefix))
			return 1;
	return 0;
}

static struct strv copy(char **to, struct strv s)
{
	char *p = *to;

	if (s.n)
		memcpy(p, s.p, s.n);
	*to += s.n;
	return strv_mem(p, s.n);
}

static void append(struct xcap_ns *ns, char **text, const struct xcap_binding *b)
{
	if (!b->uri.n)
		return;
	ns->b[ns->n].prefix = copy(text, b->prefix);
	ns->b[ns->n].uri = copy(text, b->uri);
	ns->n++;
}

int xcap_ns_extend(const struct xcap_ns *outer, const struct xcap_binding *decl, unsigned n,
		   const struct xcap_ns **ns_out)
{
	unsigned most = (outer ? outer->n : 0) + n;
	struct xcap_ns *ns;
	size_t bytes = 0;
	char *text;

	*ns_out = xcap_ns_hold(outer);
	if (!n)
		return 0;
	for (unsigned i = 0; i < most; i++) {
		const struct xcap_binding *b = i < n ? &decl[i] : &outer->b[i - n];

		bytes += b->prefix.n + b->uri.n;
	}
	ns = malloc(sizeof(*ns) + most * sizeof(ns->b[0]) + bytes);
	if (!ns) {
		xcap_ns_drop(ns_out);
		return -1;
	}
	atomic_init(&ns->refs, 1);
	ns->n = 0;
	text = (char *)&ns->b[most];
	for (unsigned i = 0; outer && i < outer->n; i++)
		if (!declares(decl, n, outer->b[i].prefix))
			append(ns, &text, &outer->b[i]);
	for (unsigned i = 0; i < n; i++)
		append(ns, &text, &decl[i]);
	xcap_ns_drop(ns_out);
	*ns_out = ns;
	return 0;
}

const struct xcap_ns *xcap_ns_hold(const struct xcap_ns *ns)
{
	if (ns)
		atomic_fetch_add_explicit(&((struct xcap_ns *)ns)->refs, 1, memory_order_relaxed);
	return ns;
}

void xcap_ns_drop(const struct xcap_ns **ns)
{
	struct xcap_ns *old = (struct xcap_ns *)*ns;

	*ns = NULL;
	if (old && atomic_fetch_sub_explicit(&old->refs, 1, memory_order_acq_rel) == 1)
		free(old);
}

int xcap_ns_find(const struct xcap_ns *ns, struct strv prefix, struct strv *uri_out)
{
	for (unsigned i = 0; ns && i < ns->n; i++)
		if (strv_eq(ns->b[i].prefix, prefix)) {
			*uri_out = ns->b[i].uri;
			return 1;
		}
	*uri_out = strv_mem(NULL, 0);
	if (strv_eq(prefix, STRV("xml"))) {
		*uri_out = XCAP_NS_XML;
		return 1;
	}
	return prefix.n == 0;
}

unsigned xcap_ns_count(const struct xcap_ns *ns)
{
	return ns ? ns->n : 0;
}

const struct xcap_binding *xcap_ns_at(const struct xcap_ns *ns, unsigned index)
{
	return &ns->b[index];
}
