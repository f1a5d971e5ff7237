/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_diff.c - see xcap_diff.h
 *
 * Each operation declares the bindings in scope where its element goes, so that the element's
 * octets can stand in it unchanged (RFC 5261 s4.2.3). Hence the names of this document itself
 * always have a prefix, one that no patch binds.
 */
#include "xdms/xcap_diff.h"

#include <stdio.h>

static void print_attr(struct xcap_print *print, const char *name, struct strv value)
{
	xcap_print_str(print, " ");
	xcap_print_str(print, name);
	xcap_print_str(print, "=\"");
	xcap_print_xml(print, value);
	xcap_print_str(print, "\"");
}

static void print_binding(struct xcap_print *print, const struct xcap_binding *b)
{
	xcap_print_str(print, b->prefix.n ? " xmlns:" : " xmlns");
	xcap_print(print, b->prefix);
	xcap_print_str(print, "=\"");
	xcap_print_xml(print, b->uri);
	xcap_print_str(print, "\"");
}

static void open_name(struct xcap_print *print, struct strv prefix, const char *name)
{
	xcap_print_str(print, "<");
	xcap_print(print, prefix);
	xcap_print_str(print, ":");
	xcap_print_str(print, name);
}

static void close_name(struct xcap_print *print, struct strv prefix, const char *name)
{
	xcap_print_str(print, "</");
	xcap_print(print, prefix);
	xcap_print_str(print, ":");
	xcap_print_str(print, name);
	xcap_print_str(print, ">");
}

static void print_op(struct xcap_print *print, const struct xcap_patch *patch,
		     const struct xcap_op *op, struct strv prefix)
{
	static const char *const names[] = { "add", "replace", "remove" };
	static const char *const pos[] = { NULL, "before", "after" };
	const char *name = names[op->kind];

	open_name(print, prefix, name);
	for (unsigned i = 0; i < patch->n_bindings; i++)
		print_binding(print, &patch->binding[i]);
	print_attr(print, "sel", op->sel);
	if (op->type.n)
		print_attr(print, "type", op->type);
	if (op->kind == XCAP_OP_ADD && pos[op->pos])
		print_attr(print, "pos", strv_of(pos[op->pos]));
	if (op->kind == XCAP_OP_REMOVE) {
		xcap_print_str(print, "/>");
		return;
	}
	xcap_print_str(print, ">");
	if (op->is_xml)
		xcap_print(print, op->content);
	else
		xcap_print_xml(print, op->content);
	close_name(print, prefix, name);
}

void xcap_patch_print(struct xcap_print *print, const struct xcap_patch *patch, struct strv prefix)
{
	for (unsigned i = 0; i < patch->n; i++)
		print_op(print, patch, &patch->op[i], prefix);
}

static void print_document(struct xcap_print *print, const struct xcap_diff_entry *entry,
			   struct strv prefix)
{
	open_name(print, prefix, "document");
	print_attr(print, "sel", entry->sel);
	if (entry->previous_etag.n)
		print_attr(print, "previous-etag", entry->previous_etag);
	if (entry->new_etag.n)
		print_attr(print, "new-etag", entry->new_etag);
	if (!entry->not_changed && !entry->n_patches) {
		xcap_print_str(print, "/>");
		return;
	}
	xcap_print_str(print, ">");
	if (entry->not_changed) {
		open_name(print, prefix, "body-not-changed");
		xcap_print_str(print, "/>");
	}
	for (unsigned i = 0; i < entry->n_patches; i++)
		xcap_patch_print(print, entry->patch[i], prefix);
	close_name(print, prefix, "document");
}

static void print_node(struct xcap_print *print, const struct xcap_diff_entry *entry,
		       struct strv prefix)
{
	const char *name = entry->kind == XCAP_DIFF_ELEMENT ? "element" : "attribute";

	open_name(print, prefix, name);
	for (unsigned i = 0; i < xcap_ns_count(entry->ns); i++)
		print_binding(print, xcap_ns_at(entry->ns, i));
	print_attr(print, "sel", entry->sel);
	if (!entry->exists)
		print_attr(print, "exists", STRV("false"));
	if (!entry->exists || !entry->content.n) {
		xcap_print_str(print, "/>");
		return;
	}
	xcap_print_str(print, ">");
	if (entry->kind == XCAP_DIFF_ELEMENT)
		xcap_print(print, entry->content);
	else
		xcap_print_xml(print, entry->content);
	close_name(print, prefix, name);
}

static int binds(const struct xcap_diff_entry *entry, struct strv prefix)
{
	for (unsigned i = 0; i < xcap_ns_count(entry->ns); i++)
		if (strv_eq(xcap_ns_at(entry->ns, i)->prefix, prefix))
			return 1;
	for (unsigned p = 0; p < entry->n_patches; p++)
		for (unsigned i = 0; i < entry->patch[p]->n_bindings; i++)
			if (strv_eq(entry->patch[p]->binding[i].prefix, prefix))
				return 1;
	return 0;
}

/* "d", or "d1", "d2" ... */
static struct strv own_prefix(const struct xcap_diff_entry *entry, unsigned n, char text[16])
{
	struct strv prefix = STRV("d");
	unsigned i = 0, number = 0;

	while (i < n) {
		if (!binds(&entry[i], prefix)) {
			i++;
			continue;
		}
		prefix = strv_mem(text, (size_t)snprintf(text, 16, "d%u", ++number));
		i = 0;
	}
	return prefix;
}

struct strv xcap_diff_print(struct strv root, const struct xcap_diff_entry *entry, unsigned n,
			    struct arena *arena)
{
	struct xcap_print print = { .arena = arena };
	char text[16];
	struct strv prefix = own_prefix(entry, n, text);
	struct xcap_binding own = { prefix, STRV("urn:ietf:params:xml:ns:xcap-diff") };

	xcap_print_str(&print, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	open_name(&print, prefix, "xcap-diff");
	print_binding(&print, &own);
	print_attr(&print, "xcap-root", root);
	xcap_print_str(&print, ">");
	for (unsigned i = 0; i < n; i++)
		if (entry[i].kind == XCAP_DIFF_DOCUMENT)
			print_document(&print, &entry[i], prefix);
		else
			print_node(&print, &entry[i], prefix);
	close_name(&print, prefix, "xcap-diff");
	xcap_print_str(&print, "\n");
	return xcap_print_end(&print);
}
