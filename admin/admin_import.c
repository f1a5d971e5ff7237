/* SPDX-License-Identifier: Apache-2.0 */
/* admin/admin_import.c - see admin_import.h */
#include "admin/admin_import.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cab/cab_store.h"
#include "xdms/xdm_fill.h"

enum { FLYING_MAX = 512 }; /* users on their way */

/* One user on the way to the disk, in an arena of its own with all that belongs to it. */
struct flight {
	struct flight *next; /* of those that landed */
	struct admin_import *import;
	struct arena *arena;
	unsigned number;
	struct admin_import_user user; /* for the usual way, when it meets a conflict */
	struct xdm_filled filled[ADMIN_IMPORT_DOCS_MAX + 1];
	unsigned n_filled;
	struct cab_report *cards; /* the vCards are one of the documents */
	struct kv_commit_result result;
};

struct admin_import {
	struct users *users;
	struct kv *kv;
	const struct xdm_docs *docs;
	struct strv who;
	int dry;
	unsigned number;
	struct admin_import_report *report;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t landing;
	unsigned flying;
	struct flight *landed;
};

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for the import");
}

static void remark(struct admin_import *import, unsigned user, struct strv what, struct strv why)
{
	struct admin_import_report *report = import->report;
	struct admin_import_remark *to = &report->remark[report->n_remarks];

	report->left_out++;
	if (report->n_remarks == ADMIN_IMPORT_REMARKS_MAX)
		return;
	report->n_remarks++;
	to->user = user;
	snprintf(to->what, sizeof(to->what), "%.*s", STRV_ARG(what));
	snprintf(to->why, sizeof(to->why), "%.*s", STRV_ARG(why));
}

/* What is wrong with what came is told and passed over; what is wrong with the server ends it. */
static int is_theirs(const struct err *err)
{
	return err->code == ERR_SYNTAX || err->code == ERR_RANGE || err->code == ERR_EXISTS ||
	       err->code == ERR_ABSENT || err->code == ERR_LIMIT || err->code == ERR_CONFLICT;
}

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The full name of DOC of the user IDENTITY, in ARENA; empty without memory. */
static struct strv doc_name(struct strv identity, struct strv doc, struct arena *arena)
{
	static const char hex[] = "0123456789ABCDEF";
	struct strv auid;
	char *text;
	size_t n;

	strv_cut(&doc, '/', &auid);
	text = arena_alloc(arena, auid.n + identity.n * 3 + doc.n + 8);
	if (!text)
		return strv_mem(NULL, 0);
	n = (size_t)sprintf(text, "%.*s/users/", STRV_ARG(auid));
	for (size_t i = 0; i < identity.n; i++) {
		unsigned char c = (unsigned char)identity.p[i];

		if (c > 0x20 && c < 0x7F && !strchr("/?#%\"<>[]\\^`{|}", c)) {
			text[n++] = (char)c;
			continue;
		}
		text[n++] = '%';
		text[n++] = hex[c >> 4];
		text[n++] = hex[c & 15];
	}
	text[n++] = '/';
	memcpy(text + n, doc.p, doc.n);
	return strv_mem(text, n + doc.n);
}

static int find_home(void *arg, struct strv identity, struct arena *arena, struct strv *home_out,
		     struct err *err)
{
	struct users *users = arg;
	struct auth_user *user = arena_alloc(arena, sizeof(*user));

	if (!user)
		return no_memory(err);
	if (users_get_sync(users, identity, arena, user, err) < 0)
		return -1;
	*home_out = user->identity[0];
	return 0;
}

static struct xdm_ask ask_of(struct admin_import *import, struct arena *arena)
{
	return (struct xdm_ask){ .who = import->who,
				 .time_us = now_us(),
				 .arena = arena,
				 .home = find_home,
				 .home_arg = import->users };
}

/* ---- the usual way ---- */

static int put_doc(struct admin_import *import, struct flight *flight,
		   const struct admin_import_doc *doc, struct err *err)
{
	struct xdm_ask ask = ask_of(import, flight->arena);
	struct xdm_refusal refusal;
	struct xdm_filled filled;
	struct xdm_state state;
	int ret;

	ask.doc = doc_name(flight->user.identity, doc->name, flight->arena);
	if (!ask.doc.n)
		return no_memory(err);
	if (import->dry) {
		ret = xdm_fill(import->docs, &ask, doc->content, NULL, &filled, &refusal, err);
		ret = ret == 2 ? 0 : ret;
	} else {
		ret = xdm_docs_put_sync(import->docs, &ask,
					doc->content.p ? doc->content : STRV(""), &state, &refusal,
					err);
	}
	if (ret == 1)
		remark(import, flight->number, ask.doc, refusal.why);
	import->report->docs += ret == 0;
	return ret < 0 ? -1 : 0;
}

static void count_cards(struct admin_import *import, struct flight *flight,
			const struct cab_report *report, struct strv what)
{
	import->report->contacts += report->cards;
	for (unsigned i = 0; i < report->n_remarks; i++)
		remark(import, flight->number, what, strv_of(report->remark[i].why));
}

static int put_cards(struct admin_import *import, struct flight *flight, struct strv file,
		     int is_csv, struct err *err)
{
	struct cab_report *report = arena_zalloc(flight->arena, 1, sizeof(*report));
	struct xdm_ask ask = ask_of(import, flight->arena);
	struct strv what = is_csv ? STRV("table of contacts") : STRV("vCards");
	struct xdm_refusal refusal;
	struct xdm_state state;
	int ret;

	if (!report)
		return no_memory(err);
	ask.doc = flight->user.identity;
	ret = cab_store_import(import->docs, &ask, file, is_csv, import->dry, report, &state,
			       &refusal, err);
	if (ret == 1)
		remark(import, flight->number, what, refusal.why);
	if (ret < 0 && is_theirs(err)) {
		remark(import, flight->number, what, strv_of(err->text));
		ret = 0;
	}
	count_cards(import, flight, report, what);
	return ret < 0 ? -1 : 0;
}

/* Whether the user could be made; not whether there is one. */
static int judge_user(struct admin_import *import, struct flight *flight, struct err *err)
{
	struct kv_batch *batch;
	struct strv home;
	int ret;

	batch = users_batch(import->users, flight->user.identity, &flight->user.change,
			    flight->arena, &home, err);
	if (!batch && !is_theirs(err))
		return -1;
	if (!batch)
		remark(import, flight->number, flight->user.identity, strv_of(err->text));
	else
		import->report->users++;
	ret = batch != NULL;
	kv_batch_free(&batch);
	return ret;
}

/* 1 when the user may have documents now. */
static int put_user(struct admin_import *import, struct flight *flight, struct err *err)
{
	const struct admin_import_user *user = &flight->user;
	struct users_result result;

	if (!user->is_user)
		return 1;
	if (import->dry)
		return judge_user(import, flight, err);
	if (users_put_sync(import->users, user->identity, USERS_EITHER, &user->change, &result,
			   err) == 0) {
		import->report->users += result.created;
		import->report->known += !result.created;
		return 1;
	}
	if (!is_theirs(err))
		return -1;
	remark(import, flight->number, user->identity, strv_of(err->text));
	return 0;
}

static int step_by_step(struct admin_import *import, struct flight *flight, struct err *err)
{
	const struct admin_import_user *user = &flight->user;
	int ret = put_user(import, flight, err);

	if (ret <= 0)
		return ret;
	for (unsigned i = 0; i < user->n_docs; i++)
		if (put_doc(import, flight, &user->doc[i], err) < 0)
			return -1;
	if (user->vcards.p && put_cards(import, flight, user->vcards, 0, err) < 0)
		return -1;
	return user->csv.p ? put_cards(import, flight, user->csv, 1, err) : 0;
}

/* ---- many at once ---- */

static void free_flight(struct flight *flight)
{
	struct arena *arena = flight->arena;

	arena_free(&arena);
}

/* On a thread of the engine's. */
static void on_commit(void *arg, const struct kv_commit_result *result)
{
	struct flight *flight = arg;
	struct admin_import *import = flight->import;

	flight->result = *result;
	pthread_mutex_lock(&import->lock);
	flight->next = import->landed;
	import->landed = flight;
	import->flying--;
	pthread_cond_signal(&import->landing);
	pthread_mutex_unlock(&import->lock);
}

static int store_failed(enum kv_status status, struct err *err)
{
	if (status == KV_NO_SPACE)
		return err_set(err, ERR_SPACE, "there is no space left");
	if (status == KV_BUSY)
		return err_set(err, ERR_BUSY, "too much waits for the store");
	return err_set(err, ERR_IO, "the store has failed");
}

static int landed(struct admin_import *import, struct flight *flight, struct err *err)
{
	enum kv_status status = flight->result.status;
	int ret = 0;

	for (unsigned i = 0; i < flight->n_filled; i++)
		xdm_fill_end(import->docs, &flight->filled[i],
			     status == KV_DONE ? flight->result.seq : 0);
	if (status == KV_DONE) {
		import->report->users++;
		import->report->docs += flight->n_filled;
		if (flight->cards)
			count_cards(import, flight, flight->cards, STRV("vCards"));
	} else if (status == KV_CONFLICT) {
		ret = step_by_step(import, flight, err);
	} else {
		ret = store_failed(status, err);
	}
	free_flight(flight);
	return ret;
}

/* Finish what has landed; wait until at most MAX are on their way. */
static int collect(struct admin_import *import, unsigned max, struct err *err)
{
	struct flight *flight, *next;
	int ret = 0;

	for (;;) {
		pthread_mutex_lock(&import->lock);
		while (!import->landed && import->flying > max)
			pthread_cond_wait(&import->landing, &import->lock);
		flight = import->landed;
		import->landed = NULL;
		pthread_mutex_unlock(&import->lock);
		if (!flight)
			return ret;
		for (; flight; flight = next) {
			next = flight->next;
			if (landed(import, flight, err) < 0)
				ret = -1;
		}
	}
}

/* The vCards of a new user as a further document. 0, -1 without memory. */
static int fill_cards(struct admin_import *import, struct flight *flight, struct kv_batch *batch,
		      struct strv home, struct err *err)
{
	struct xdm_ask ask = ask_of(import, flight->arena);
	struct cab_buf text = { 0 };
	struct cab_vcards vcards;
	struct cab_source source;
	struct xdm_refusal refusal;
	int ret;

	flight->cards = arena_zalloc(flight->arena, 1, sizeof(*flight->cards));
	ask.doc = cab_store_doc(home, flight->arena);
	if (!flight->cards || !ask.doc.n)
		return no_memory(err);
	cab_vcards_source(&vcards, flight->user.vcards, &source);
	ret = cab_book_import(STRV(""), &source, ask.time_us / 1000000, &text, flight->cards, err);
	if (ret == 1)
		ret = xdm_fill(import->docs, &ask, cab_buf_text(&text), batch,
			       &flight->filled[flight->n_filled], &refusal, err);
	else if (ret == 0)
		ret = 2;
	flight->n_filled += ret == 0;
	cab_buf_fini(&text);
	return ret;
}

/* The user and the documents as one batch. 1: they are on their way; 0: not so; -1. */
static int take_off(struct admin_import *import, struct flight *flight, struct err *err)
{
	struct admin_import_user *user = &flight->user;
	struct xdm_ask ask = ask_of(import, flight->arena);
	struct kv_batch *batch;
	struct strv home;
	int ret = 0;

	if (!user->is_user || import->dry || user->change.n_aliases || user->csv.p)
		return 0;
	batch = users_batch(import->users, user->identity, &user->change, flight->arena, &home,
			    err);
	if (!batch)
		return err->code == ERR_NOMEM ? -1 : 0; /* why, the usual way says */
	for (unsigned i = 0; ret == 0 && i < user->n_docs; i++) {
		struct xdm_filled *filled = &flight->filled[flight->n_filled];
		struct xdm_refusal refusal;

		ask.doc = doc_name(home, user->doc[i].name, flight->arena);
		ret = ask.doc.n ? xdm_fill(import->docs, &ask, user->doc[i].content, batch, filled,
					   &refusal, err)
				: no_memory(err);
		flight->n_filled += ret == 0;
	}
	if (ret == 0 && user->vcards.p)
		ret = fill_cards(import, flight, batch, home, err);
	if (ret == 0) {
		pthread_mutex_lock(&import->lock);
		import->flying++;
		pthread_mutex_unlock(&import->lock);
		kv_commit(import->kv, batch, on_commit, flight);
		return 1;
	}
	/* What is refused, or goes alone: step by step. */
	kv_batch_free(&batch);
	for (unsigned i = 0; i < flight->n_filled; i++)
		xdm_fill_end(import->docs, &flight->filled[i], 0);
	flight->n_filled = 0;
	return ret < 0 ? -1 : 0;
}

static struct strv keep(struct arena *arena, struct strv s, int *failed)
{
	char *copy;

	if (!s.p)
		return s;
	copy = arena_strdup(arena, s);
	*failed |= !copy;
	return strv_mem(copy, s.n);
}

/* A copy that outlives the caller's, since conflicts are heard of later. */
static struct flight *new_flight(struct admin_import *import, const struct admin_import_user *user)
{
	struct arena *arena = arena_new(0);
	struct flight *flight = arena ? arena_alloc(arena, sizeof(*flight)) : NULL;
	struct strv *aliases;
	int failed = !flight;

	if (failed) {
		arena_free(&arena);
		return NULL;
	}
	flight->next = NULL;
	flight->import = import;
	flight->arena = arena;
	flight->number = import->number++;
	flight->n_filled = 0;
	flight->cards = NULL;
	flight->user.identity = keep(arena, user->identity, &failed);
	flight->user.is_user = user->is_user;
	flight->user.change = user->change;
	flight->user.change.password = keep(arena, user->change.password, &failed);
	aliases = arena_alloc(arena, (user->change.n_aliases + 1) * sizeof(*aliases));
	failed |= !aliases;
	for (unsigned i = 0; !failed && i < user->change.n_aliases; i++)
		aliases[i] = keep(arena, user->change.aliases[i], &failed);
	flight->user.change.aliases = aliases;
	flight->user.n_docs = user->n_docs;
	for (unsigned i = 0; !failed && i < user->n_docs; i++) {
		flight->user.doc[i].name = keep(arena, user->doc[i].name, &failed);
		flight->user.doc[i].content = keep(arena, user->doc[i].content, &failed);
	}
	flight->user.vcards = keep(arena, user->vcards, &failed);
	flight->user.csv = keep(arena, user->csv, &failed);
	if (failed) {
		free_flight(flight);
		return NULL;
	}
	return flight;
}

/* ---- the import ---- */

struct admin_import *admin_import_new(struct users *users, struct kv *kv,
				      const struct xdm_docs *docs, struct strv who, int dry,
				      struct admin_import_report *report)
{
	struct admin_import *import = calloc(1, sizeof(*import));

	memset(report, 0, sizeof(*report));
	if (!import)
		return NULL;
	import->users = users;
	import->kv = kv;
	import->docs = docs;
	import->who = who;
	import->dry = dry;
	import->report = report;
	pthread_mutex_init(&import->lock, NULL);
	pthread_cond_init(&import->landing, NULL);
	return import;
}

int admin_import_add(struct admin_import *import, const struct admin_import_user *user,
		     struct err *err)
{
	struct flight *flight;
	int ret;

	if (collect(import, FLYING_MAX, err) < 0)
		return -1;
	flight = new_flight(import, user);
	if (!flight)
		return no_memory(err);
	ret = take_off(import, flight, err);
	if (ret > 0)
		return 0;
	if (ret == 0)
		ret = step_by_step(import, flight, err);
	free_flight(flight);
	return ret;
}

int admin_import_end(struct admin_import **import_at, struct err *err)
{
	struct admin_import *import = *import_at;
	int ret = collect(import, 0, err);

	*import_at = NULL;
	pthread_mutex_destroy(&import->lock);
	pthread_cond_destroy(&import->landing);
	free(import);
	return ret;
}
