/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/cpm_remote_sip.c - see cpm_remote_sip.h
 *
 * An owner belongs to the worker that its name chooses; questions are posted there and their
 * answers back.
 *
 *	asking	SUBSCRIBE is under way, or begins anew	questions wait, not for long
 *	live	the first NOTIFY was read		questions become GETs
 *	lost	the other server refuses		CPM_GOT_BUSY, until it is tried again
 */
#include "cpm/cpm_remote_sip.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cpm/cpm_fetch.h"
#include "sip/sip.h"
#include "sip/sip_event.h"
#include "sip/sip_table.h"
#include "sip/sip_watch.h"
#include "xdms/xcap_diff_list.h"
#include "xdms/xcap_diff_read.h"
#include "xdms/xdm_diff.h"

enum { LOST_MS = 30000 };

/* What rules are made of (cpm_rules.h). */
static const char *const user_usages[] = {
	"org.openmobilealliance.access-rules",
	"org.opencpm.user-prefs",
	"org.openmobilealliance.pres-rules",
	"pres-rules",
	"resource-lists",
	"org.openmobilealliance.groups",
};
static const char *const global_usages[] = {
	"org.opencpm.operator-policy",
	"resource-lists",
	"org.openmobilealliance.groups",
};

enum owned_state { ASKING, LIVE, LOST };

struct remote_worker;

/* One owner, on its worker. */
struct owned {
	struct sip_node node;
	struct owned *next, **link;
	struct remote_worker *at;
	struct sip_watch *watch;
	enum owned_state state;
	int was_live; /* somebody may have something of it */
	struct question *waiting, **last;
	struct wheel_timer patience, idle;
	uint64_t asked_ms;
	struct strv owner; /* behind the struct */
};

struct remote_worker {
	struct cpm_remote *remote;
	struct worker *worker;
	struct sip_watches *watches;
	struct sip_table table;
	struct owned *first;
	unsigned n;
};

struct cpm_remote {
	struct cpm_remote_options options;
	char *uri, *identity, *contact, *asserted;
	void (*changed)(void *changed_arg, struct strv owner, struct strv name, uint64_t version);
	void *changed_arg;
	_Atomic uint64_t clock; /* orders answers */
	int is_stopped;
	unsigned n;
	struct remote_worker at[];
};

/* One question, on its way there and back. */
struct question {
	struct post post;
	struct question *next; /* of those that wait */
	struct remote_worker *at;
	struct worker *home; /* NULL: no worker asks */
	cpm_got_fn *got;
	void *got_arg;
	enum cpm_got result;
	char *body;
	size_t n_body;
	uint64_t version;
	struct strv owner, name; /* behind the struct */
};

/* ---- back ---- */

static void deliver(struct question *q)
{
	q->got(q->got_arg, q->result, strv_mem(q->body, q->n_body), q->version);
	free(q->body);
	free(q);
}

static void on_deliver(struct post *post)
{
	deliver((struct question *)(void *)post);
}

static void answer(struct question *q, enum cpm_got result)
{
	q->result = result;
	q->version = atomic_fetch_add(&q->at->remote->clock, 1) + 1;
	q->post.run = on_deliver;
	if (!q->home || q->home == worker_self())
		deliver(q);
	else
		worker_post(q->home, &q->post);
}

static void on_fetched(void *arg, unsigned status, struct strv body)
{
	struct question *q = arg;
	enum cpm_got result = status == 404 ? CPM_GOT_ABSENT : CPM_GOT_BUSY;

	if (status == 200) {
		q->body = strv_dup(body);
		q->n_body = body.n;
		if (q->body)
			result = CPM_GOT_DOC;
	} else if (status != 404 && status) {
		log_warn(LOG_CPM, "a document is not given", L_SV("owner", q->owner),
			 L_SV("name", q->name), L_INT("status", (int64_t)status));
	}
	answer(q, result);
}

/* The subscription stands: what is read now, and changes, is told. */
static void fetch(struct question *q)
{
	struct arena *arena = arena_new(0);
	struct strv sel = arena ? xdm_diff_sel(q->owner, q->name, arena) : STRV("");

	if (!sel.n || cpm_fetch_get(q->at->remote->options.fetch, sel, on_fetched, q) < 0)
		answer(q, CPM_GOT_BUSY);
	arena_free(&arena);
}

/* ---- one owner ---- */

static void release(struct owned *owned, int may_fetch)
{
	struct question *q = owned->waiting, *next;

	owned->waiting = NULL;
	owned->last = &owned->waiting;
	for (; q; q = next) {
		next = q->next;
		if (may_fetch)
			fetch(q);
		else
			answer(q, CPM_GOT_BUSY);
	}
}

static void clear(struct owned *owned, struct wheel_timer *timer)
{
	/* When the workers have ended, so have their timers. */
	if (worker_self() == owned->at->worker && wheel_timer_is_set(timer))
		worker_timer_clear(owned->at->worker, timer);
}

static void owned_free(struct owned *owned)
{
	struct remote_worker *at = owned->at;

	clear(owned, &owned->patience);
	clear(owned, &owned->idle);
	release(owned, 0);
	sip_watch_free(&owned->watch, worker_self() == at->worker);
	sip_table_remove(&at->table, &owned->node);
	*owned->link = owned->next;
	if (owned->next)
		owned->next->link = owned->link;
	at->n--;
	free(owned);
}

static void tell_all(const struct owned *owned)
{
	const struct cpm_remote *remote = owned->at->remote;

	remote->changed(remote->changed_arg, owned->owner, STRV(""), 0);
}

static void on_patience(struct wheel_timer *timer)
{
	struct owned *owned =
		(struct owned *)(void *)((char *)timer - offsetof(struct owned, patience));

	if (owned->state != LOST) {
		release(owned, 0);
		return;
	}
	if (owned->was_live)
		tell_all(owned);
	owned_free(owned); /* whoever asks next tries again */
}

/* Of whom nobody asks, nothing need be told; what was made of their documents is void then. */
static void on_idle(struct wheel_timer *timer)
{
	struct owned *owned =
		(struct owned *)(void *)((char *)timer - offsetof(struct owned, idle));
	struct worker *worker = owned->at->worker;
	unsigned idle_ms = owned->at->remote->options.idle_ms;

	if (worker_now_ms(worker) - owned->asked_ms < idle_ms || owned->waiting) {
		worker_timer_set(worker, &owned->idle, idle_ms, on_idle);
		return;
	}
	tell_all(owned);
	owned_free(owned);
}

/* ---- told ---- */

static void began(void *user)
{
	struct owned *owned = user;

	owned->state = ASKING;
}

static void tell_changes(struct owned *owned, struct strv body)
{
	const struct cpm_remote *remote = owned->at->remote;
	struct xcap_diff_told *told;
	struct arena *arena = arena_new(0);
	struct err err;
	unsigned n = 0;

	if (!arena || xcap_diff_read(body, arena, &told, &n, &err) < 0) {
		log_warn(LOG_CPM, "changes that cannot be read", L_SV("owner", owned->owner));
		tell_all(owned);
	}
	for (unsigned i = 0; i < n; i++)
		remote->changed(remote->changed_arg, owned->owner, told[i].name, 0);
	arena_free(&arena);
}

/* Called before the NOTIFY is answered. */
static int on_told(void *user, struct sip_msg *notify)
{
	struct owned *owned = user;

	if (owned->state == LIVE) {
		tell_changes(owned, notify->body);
		return 0;
	}
	/* What is being made of what is read from here on is not void. */
	if (owned->was_live)
		tell_all(owned);
	owned->state = LIVE;
	owned->was_live = 1;
	clear(owned, &owned->patience);
	release(owned, 1);
	return 0;
}

static void on_lost(void *user, unsigned status)
{
	struct owned *owned = user;

	log_error(LOG_CPM, "the other XDM server takes no subscription",
		  L_SV("owner", owned->owner), L_INT("status", (int64_t)status));
	sip_watch_free(&owned->watch, 0);
	owned->state = LOST;
	release(owned, 0);
	worker_timer_set(owned->at->worker, &owned->patience, LOST_MS, on_patience);
}

static const struct sip_watch_ops watch_ops = { .event = "xcap-diff",
						.accept = "application/xcap-diff+xml",
						.began = began,
						.told = on_told,
						.lost = on_lost };

/* ---- SUBSCRIBE ---- */

/* The list of what OWNER has that matters here; empty: no memory. */
static struct strv list_for(struct strv owner, struct arena *arena)
{
	int is_global = strv_eq(owner, STRV(XDM_GLOBAL_OWNER));
	const char *const *usage = is_global ? global_usages : user_usages;
	size_t n = is_global ? sizeof(global_usages) / sizeof(*usage)
			     : sizeof(user_usages) / sizeof(*usage);
	struct xcap_print user = { .arena = arena }, print = { .arena = arena };
	struct strv home;

	xcap_print_percent(&user, owner);
	home = xcap_print_end(&user);
	xcap_print_str(&print, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<resource-lists "
			       "xmlns=\"urn:ietf:params:xml:ns:resource-lists\"><list>");
	for (size_t i = 0; i < n; i++) {
		xcap_print_str(&print, "<entry uri=\"");
		xcap_print_str(&print, usage[i]);
		xcap_print_str(&print, is_global ? "/global/" : "/users/");
		if (!is_global) {
			xcap_print_xml(&print, home);
			xcap_print_str(&print, "/");
		}
		xcap_print_str(&print, "\"/>");
	}
	xcap_print_str(&print, "</list></resource-lists>\n");
	return home.n ? xcap_print_end(&print) : STRV("");
}

static int subscribe(struct owned *owned)
{
	const struct cpm_remote *remote = owned->at->remote;
	struct arena *arena = arena_new(0);
	struct strv lines[1] = { strv_of(remote->asserted) };
	struct sip_watch_new draft = { .uri = strv_of(remote->uri),
				       .from = strv_of(remote->identity),
				       .here = strv_of(remote->contact),
				       .lines = lines,
				       .n_lines = 1,
				       .content_type = STRV(XCAP_DIFF_LIST_TYPE),
				       .expires_s = remote->options.expires_s,
				       .ops = &watch_ops,
				       .user = owned };

	if (arena)
		draft.body = list_for(owned->owner, arena);
	if (draft.body.n)
		owned->watch = sip_watch_new(owned->at->watches, &draft);
	arena_free(&arena);
	return owned->watch ? 0 : -1;
}

static struct sip_key key_of(const struct remote_worker *at, struct strv owner)
{
	struct sip_hash hash;

	sip_hash_init(&hash, &at->table.secret);
	sip_hash_add(&hash, owner);
	return sip_hash_key(&hash);
}

static struct owned *owned_new(struct remote_worker *at, struct strv owner)
{
	const struct cpm_remote *remote = at->remote;
	struct owned *owned =
		at->n < remote->options.max_owners ? calloc(1, sizeof(*owned) + owner.n) : NULL;

	if (!owned)
		return NULL;
	memcpy(owned + 1, owner.p, owner.n);
	owned->owner = strv_mem(owned + 1, owner.n);
	owned->at = at;
	owned->last = &owned->waiting;
	owned->node.key = key_of(at, owner);
	sip_table_add(&at->table, &owned->node);
	owned->link = &at->first;
	owned->next = at->first;
	if (owned->next)
		owned->next->link = &owned->next;
	at->first = owned;
	at->n++;
	if (subscribe(owned) < 0) {
		owned_free(owned);
		return NULL;
	}
	worker_timer_set(at->worker, &owned->idle, remote->options.idle_ms, on_idle);
	return owned;
}

/* ---- asked ---- */

/* On the owner's worker. */
static void ask(struct question *q)
{
	struct remote_worker *at = q->at;
	struct sip_key key;
	struct owned *owned;

	if (!at->watches || at->remote->is_stopped) {
		answer(q, CPM_GOT_BUSY);
		return;
	}
	key = key_of(at, q->owner);
	owned = (struct owned *)(void *)sip_table_find(&at->table, &key);
	if (!owned)
		owned = owned_new(at, q->owner);
	if (!owned || owned->state == LOST) {
		answer(q, CPM_GOT_BUSY);
		return;
	}
	owned->asked_ms = worker_now_ms(at->worker);
	if (owned->state == LIVE) {
		fetch(q);
		return;
	}
	if (!owned->waiting)
		worker_timer_set(at->worker, &owned->patience, at->remote->options.patience_ms,
				 on_patience);
	q->next = NULL;
	*owned->last = q;
	owned->last = &q->next;
}

static void on_ask(struct post *post)
{
	ask((struct question *)(void *)post);
}

static struct remote_worker *worker_of(struct cpm_remote *remote, struct strv owner)
{
	return &remote->at[xcap_hash(XCAP_HASH_START, owner) % remote->n];
}

static void get(void *arg, struct strv owner, struct strv name, cpm_got_fn *got, void *got_arg)
{
	struct cpm_remote *remote = arg;
	struct question *q = owner.n ? calloc(1, sizeof(*q) + owner.n + name.n) : NULL;
	char *text;

	if (!q) {
		got(got_arg, CPM_GOT_BUSY, strv_mem(NULL, 0), 0);
		return;
	}
	text = (char *)(q + 1);
	memcpy(text, owner.p, owner.n);
	if (name.n)
		memcpy(text + owner.n, name.p, name.n);
	q->owner = strv_mem(text, owner.n);
	q->name = strv_mem(text + owner.n, name.n);
	q->at = worker_of(remote, owner);
	q->home = worker_self();
	q->got = got;
	q->got_arg = got_arg;
	q->post.run = on_ask;
	if (q->home == q->at->worker)
		ask(q);
	else
		worker_post(q->at->worker, &q->post);
}

static int watch(void *arg,
		 void (*changed)(void *changed_arg, struct strv owner, struct strv name,
				 uint64_t version),
		 void *changed_arg)
{
	struct cpm_remote *remote = arg;

	if (remote->changed)
		return -1;
	remote->changed = changed;
	remote->changed_arg = changed_arg;
	return 0;
}

static void group(void *arg, struct strv uri,
		  void (*found)(void *found_arg, enum cpm_got got, struct strv owner,
				struct strv name),
		  void *found_arg)
{
	(void)arg;
	(void)uri;
	found(found_arg, CPM_GOT_ABSENT, strv_mem(NULL, 0), strv_mem(NULL, 0));
}

void cpm_remote_fill(struct cpm_remote *remote, struct cpm_source *source_out)
{
	*source_out = (struct cpm_source){ get, watch, group, remote };
}

/* ---- NOTIFY ---- */

static int on_request(void *arg, struct sip_worker *w, struct sip_stx *stx, struct sip_msg *msg)
{
	struct cpm_remote *remote = arg;
	struct sip_watches *watches = remote->at[worker_index(w->worker)].watches;

	return stx && watches && sip_watches_notify(watches, stx, msg);
}

void cpm_remote_service(struct cpm_remote *remote, struct sip_service *service_out)
{
	*service_out = (struct sip_service){ .name = "xdm", .request = on_request, .arg = remote };
}

/* ---- open, close ---- */

static int copy_texts(struct cpm_remote *remote, const struct cpm_remote_options *options)
{
	remote->uri = strdup(options->uri);
	remote->identity = strdup(options->identity);
	remote->contact = strdup(options->contact);
	if (asprintf(&remote->asserted, "P-Asserted-Identity: <%s>", options->identity) < 0)
		remote->asserted = NULL;
	return remote->uri && remote->identity && remote->contact && remote->asserted ? 0 : -1;
}

int cpm_remote_new(const struct cpm_remote_options *options, struct cpm_remote **remote_out,
		   struct err *err)
{
	unsigned n = workers_count(options->workers);
	struct cpm_remote *remote = calloc(1, sizeof(*remote) + n * sizeof(remote->at[0]));

	*remote_out = remote;
	if (!remote)
		return err_set(err, ERR_NOMEM, "no memory for another XDM server");
	remote->options = *options;
	remote->n = n;
	for (unsigned i = 0; i < n; i++) {
		remote->at[i].remote = remote;
		remote->at[i].worker = workers_at(options->workers, i);
	}
	if (copy_texts(remote, options) < 0)
		return err_set(err, ERR_NOMEM, "no memory for another XDM server");
	return 0;
}

int cpm_remote_start(struct cpm_remote *remote, struct sip *sip, struct sip_events *events,
		     struct err *err)
{
	for (unsigned i = 0; i < remote->n; i++) {
		struct remote_worker *at = &remote->at[i];
		struct sip_dialogs *dialogs = sip_events_dialogs(events, sip_worker_at(sip, i));

		if (sip_table_init(&at->table) < 0 ||
		    sip_watches_new(dialogs, remote->options.max_owners, &at->watches, err) < 0)
			return err_set(err, ERR_NOMEM, "no memory for another XDM server");
	}
	return 0;
}

void cpm_remote_stop(struct cpm_remote *remote)
{
	if (!remote)
		return;
	remote->is_stopped = 1;
	for (unsigned i = 0; i < remote->n; i++) {
		struct remote_worker *at = &remote->at[i];

		while (at->first)
			owned_free(at->first);
		if (at->watches) {
			sip_watches_free(&at->watches);
			sip_table_fini(&at->table);
		}
	}
}

void cpm_remote_free(struct cpm_remote **remote_at)
{
	struct cpm_remote *remote = *remote_at;

	*remote_at = NULL;
	if (!remote)
		return;
	free(remote->uri);
	free(remote->identity);
	free(remote->contact);
	free(remote->asserted);
	free(remote);
}
