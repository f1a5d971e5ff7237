/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/cpm_fetch.c - see cpm_fetch.h
 *
 * A thread takes a handle of libcurl from a stock, so that connections and digest nonces are used
 * again; a handle belongs to one thread at a time.
 */
#include "cpm/cpm_fetch.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/jobs.h"
#include "base/log.h"

enum { BODY_MAX = 16 << 20, CONNECT_MS = 3000 };

struct handle {
	struct handle *next;
	CURL *curl;
};

struct cpm_fetch {
	struct jobs *jobs;
	char *root, *header, *user, *password;
	struct curl_slist *headers;
	unsigned timeout_ms;
	pthread_mutex_t lock;
	struct handle *idle;
	atomic_int stopped;
};

/* One GET. */
struct get {
	struct job job;
	struct cpm_fetch *fetch;
	cpm_fetched_fn *done;
	void *arg;
	unsigned status;
	char *body;
	size_t n;
	char url[];
};

/* ---- handles ---- */

static struct handle *handle_take(struct cpm_fetch *fetch)
{
	struct handle *handle;

	pthread_mutex_lock(&fetch->lock);
	handle = fetch->idle;
	if (handle)
		fetch->idle = handle->next;
	pthread_mutex_unlock(&fetch->lock);
	if (handle)
		return handle;
	handle = calloc(1, sizeof(*handle));
	if (handle && !(handle->curl = curl_easy_init())) {
		free(handle);
		return NULL;
	}
	return handle;
}

static void handle_give(struct cpm_fetch *fetch, struct handle *handle)
{
	pthread_mutex_lock(&fetch->lock);
	handle->next = fetch->idle;
	fetch->idle = handle;
	pthread_mutex_unlock(&fetch->lock);
}

/* ---- on a thread ---- */

static size_t on_bytes(char *p, size_t size, size_t n, void *arg)
{
	struct get *get = arg;
	char *more;

	n *= size;
	if (n > BODY_MAX - get->n)
		return 0;
	more = realloc(get->body, get->n + n + 1);
	if (!more)
		return 0;
	memcpy(more + get->n, p, n);
	get->body = more;
	get->n += n;
	return n;
}

static void set_up(const struct cpm_fetch *fetch, CURL *curl, struct get *get)
{
	curl_easy_reset(curl); /* connections and nonces stay */
	curl_easy_setopt(curl, CURLOPT_URL, (const char *)get->url);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)fetch->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, get);
	/* Dots and escapes of the path are documents' names: they stay. */
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	if (fetch->headers)
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fetch->headers);
	if (fetch->password) {
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_DIGEST);
		curl_easy_setopt(curl, CURLOPT_USERNAME, fetch->user);
		curl_easy_setopt(curl, CURLOPT_PASSWORD, fetch->password);
	}
}

static void run(struct job *job)
{
	struct get *get = (struct get *)(void *)job;
	struct handle *handle = handle_take(get->fetch);
	long status = 0;
	CURLcode code;

	if (!handle)
		return;
	set_up(get->fetch, handle->curl, get);
	code = curl_easy_perform(handle->curl);
	if (code == CURLE_OK)
		curl_easy_getinfo(handle->curl, CURLINFO_RESPONSE_CODE, &status);
	else
		log_warn(LOG_CPM, "a document cannot be fetched", L_STR("url", get->url),
			 L_STR("why", curl_easy_strerror(code)));
	get->status = (unsigned)status;
	handle_give(get->fetch, handle);
}

static void done(struct job *job)
{
	struct get *get = (struct get *)(void *)job;

	get->done(get->arg, get->status, strv_mem(get->body, get->n));
	free(get->body);
	free(get);
}

int cpm_fetch_get(struct cpm_fetch *fetch, struct strv sel, cpm_fetched_fn *fetched, void *arg)
{
	size_t n_root = strlen(fetch->root);
	struct get *get =
		atomic_load(&fetch->stopped) ? NULL : calloc(1, sizeof(*get) + n_root + sel.n + 1);

	if (!get)
		return -1;
	get->job.run = run;
	get->job.done = done;
	get->fetch = fetch;
	get->done = fetched;
	get->arg = arg;
	memcpy(get->url, fetch->root, n_root);
	if (sel.n)
		memcpy(get->url + n_root, sel.p, sel.n);
	if (jobs_submit(fetch->jobs, &get->job) < 0) {
		free(get);
		return -1;
	}
	return 0;
}

/* ---- open, close ---- */

/* The root with its last slash. */
static char *root_of(const char *root)
{
	size_t n = strlen(root);
	char *copy = malloc(n + 2);

	if (copy)
		snprintf(copy, n + 2, "%s%s", root, n && root[n - 1] == '/' ? "" : "/");
	return copy;
}

static int copy_options(struct cpm_fetch *fetch, const struct cpm_fetch_options *options)
{
	fetch->root = root_of(options->root);
	fetch->timeout_ms = options->timeout_ms;
	if (!fetch->root)
		return -1;
	if (options->identity[0]) {
		if (asprintf(&fetch->header, "X-3GPP-Asserted-Identity: \"%s\"",
			     options->identity) < 0) {
			fetch->header = NULL;
			return -1;
		}
		fetch->headers = curl_slist_append(NULL, fetch->header);
		if (!fetch->headers)
			return -1;
	}
	if (options->password[0]) {
		fetch->user = strdup(options->user);
		fetch->password = strdup(options->password);
		if (!fetch->user || !fetch->password)
			return -1;
	}
	return 0;
}

int cpm_fetch_new(const struct cpm_fetch_options *options, struct cpm_fetch **fetch_out,
		  struct err *err)
{
	struct cpm_fetch *fetch = calloc(1, sizeof(*fetch));

	*fetch_out = fetch;
	if (!fetch)
		return err_set(err, ERR_NOMEM, "no memory to fetch documents");
	pthread_mutex_init(&fetch->lock, NULL);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(err, ERR_IO, "libcurl does not start");
	if (copy_options(fetch, options) < 0)
		return err_set(err, ERR_NOMEM, "no memory to fetch documents");
	return jobs_new(options->threads, options->max_waiting, &fetch->jobs, err);
}

void cpm_fetch_stop(struct cpm_fetch *fetch)
{
	if (!fetch)
		return;
	atomic_store(&fetch->stopped, 1);
	if (fetch->jobs)
		jobs_free(&fetch->jobs);
}

void cpm_fetch_free(struct cpm_fetch **fetch_at)
{
	struct cpm_fetch *fetch = *fetch_at;
	struct handle *handle;

	*fetch_at = NULL;
	if (!fetch)
		return;
	cpm_fetch_stop(fetch);
	while ((handle = fetch->idle)) {
		fetch->idle = handle->next;
		curl_easy_cleanup(handle->curl);
		free(handle);
	}
	curl_slist_free_all(fetch->headers);
	if (fetch->password)
		explicit_bzero(fetch->password, strlen(fetch->password));
	free(fetch->root);
	free(fetch->header);
	free(fetch->user);
	free(fetch->password);
	pthread_mutex_destroy(&fetch->lock);
	curl_global_cleanup();
	free(fetch);
}
