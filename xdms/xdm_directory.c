/* SPDX-License-Identifier: Apache-2.0 */
/* xdms/xdm_directory.c - see xdm_directory.h */
#include "xdms/xdm_directory.h"

#include <stdio.h>
#include <time.h>

#include "xdms/auid_priv.h"
#include "xdms/xcap_cond.h"
#include "xdms/xdm_diff.h"

enum { ENTRIES_MAX = 5000, TRIES_MAX = 8 };

struct listed {
	const struct listed *next; /* of the same usage */
	struct xdm_head head;
};

/* What was read, by the number of the usage. */
struct directory {
	const struct xdm_directory *about;
	struct xdm_store *store;
	struct strv owner;
	struct arena *arena;
	struct listed **first, **last;
	size_t n_usages;
};

/* The usage of document NAME ("x/AUID/..."). */
static size_t usage_of(const struct directory *d, struct strv name)
{
	struct strv rest = strv_mem(name.p + 2, name.n - 2), auid;
	const struct auid_ops *usage;

	strv_cut(&rest, '/', &auid);
	for (size_t i = 0; (usage = auid_at(d->about->table, i)) != NULL; i++)
		if (strv_eq(strv_of(usage->name), auid))
			return i;
	return d->n_usages;
}

static int add(struct directory *d, const struct xdm_head *head)
{
	size_t i = usage_of(d, head->name);
	struct listed *one;

	if (i == d->n_usages) /* of a usage that is not in service any more */
		return 0;
	one = arena_zalloc(d->arena, 1, sizeof(*one));
	if (!one)
		return -1;
	one->head = *head;
	if (d->last[i])
		d->last[i]->next = one;
	else
		d->first[i] = one;
	d->last[i] = one;
	return 0;
}

/* All heads as of one version of the owner, in VERSION_OUT; KV_CONFLICT: it changed meanwhile. */
static enum kv_status read_all(struct directory *d, uint64_t *version_out)
{
	struct strv after = { NULL, 0 };
	enum kv_status status;
	struct xdm_head head;
	uint64_t version;

	memset(d->first, 0, d->n_usages * sizeof(struct listed *));
	memset(d->last, 0, d->n_usages * sizeof(struct listed *));
	for (unsigned n = 0; n <= ENTRIES_MAX; n++) {
		status = xdm_head_sync(d->store, d->owner, after, d->arena, &head, &version);
		if (status != KV_DONE)
			return status;
		if (n > 0 && version != *version_out)
			return KV_CONFLICT;
		*version_out = version;
		if (!head.name.n)
			break;
		if (add(d, &head) < 0)
			return KV_BUSY;
		after = head.name;
	}
	return KV_DONE;
}

/* ---- printing ---- */

static void print_attr(struct xcap_print *out, const char *name, struct strv value)
{
	xcap_print_str(out, " ");
	xcap_print_str(out, name);
	xcap_print_str(out, "=\"");
	xcap_print_xml(out, value);
	xcap_print_str(out, "\"");
}

/* xcap-directory has tags without their quotes (xdm.md 1.8). */
static struct strv bare_etag(const struct directory *d, uint64_t version, char buf[])
{
	xcap_etag_print(xdm_store_epoch(d->store), version, buf);
	return strv_mem(buf + 1, strlen(buf) - 2);
}

static void print_entry(struct xcap_print *out, const struct directory *d,
			const struct xdm_head *head)
{
	char etag[XCAP_ETAG_BYTES], text[40];
	struct strv sel = xdm_diff_sel(d->owner, head->name, d->arena);
	time_t time = (time_t)head->time_s;
	struct tm tm;

	xcap_print_str(out, "<entry uri=\"");
	xcap_print_xml(out, d->about->root);
	xcap_print_str(out, "/");
	xcap_print_xml(out, sel);
	xcap_print_str(out, "\"");
	print_attr(out, "etag", bare_etag(d, head->version, etag));
	if (time > 0 && gmtime_r(&time, &tm) &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
		print_attr(out, "last-modified", strv_of(text));
	snprintf(text, sizeof(text), "%zu", head->octets);
	print_attr(out, "size", strv_of(text));
	xcap_print_str(out, "/>");
	if (!sel.n)
		out->failed = 1;
}

static struct strv print_all(const struct directory *d)
{
	struct xcap_print out = { .arena = d->arena };
	const struct auid_ops *usage;

	xcap_print_str(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			     "<xcap-directory xmlns=\"" NS_DIRECTORY "\">");
	for (size_t i = 0; (usage = auid_at(d->about->table, i)) != NULL; i++) {
		if (!(usage->trees & AUID_USERS) || (usage->computed & AUID_USERS))
			continue;
		xcap_print_str(&out, "<folder");
		print_attr(&out, "auid", strv_of(usage->name));
		xcap_print_str(&out, ">");
		for (const struct listed *one = d->first[i]; one; one = one->next)
			print_entry(&out, d, &one->head);
		xcap_print_str(&out, "</folder>");
	}
	xcap_print_str(&out, "</xcap-directory>\n");
	return xcap_print_end(&out);
}

static enum kv_status make(void *arg, struct xdm_store *store, struct strv owner,
			   struct arena *arena, struct strv *text_out, uint64_t *version_out)
{
	struct directory d = { .about = arg, .store = store, .owner = owner, .arena = arena };
	enum kv_status status = KV_CONFLICT;

	while (auid_at(d.about->table, d.n_usages))
		d.n_usages++;
	d.first = arena_zalloc(arena, d.n_usages, sizeof(struct listed *));
	d.last = arena_zalloc(arena, d.n_usages, sizeof(struct listed *));
	if (!d.first || !d.last)
		return KV_BUSY;
	for (unsigned i = 0; i < TRIES_MAX && status == KV_CONFLICT; i++)
		status = read_all(&d, version_out);
	if (status != KV_DONE)
		return status == KV_CONFLICT ? KV_BUSY : status;
	if (!*version_out)
		*version_out = 1; /* nothing was ever there */
	*text_out = print_all(&d);
	return text_out->n ? KV_DONE : KV_BUSY;
}

int xdm_directory_serve(const struct xdm_directory *directory, struct xdm_store *store,
			struct err *err)
{
	const struct xdm_maker maker = {
		.name = STRV("x/org.openmobilealliance.xcap-directory/directory.xml"),
		.needs = STRV("x/"),
		.make = make,
		.arg = (void *)(uintptr_t)directory,
	};

	return xdm_store_maker(store, &maker, err);
}
