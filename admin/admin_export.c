/* SPDX-License-Identifier: Apache-2.0 */
/* admin/admin_export.c - see admin_export.h */
#include "admin/admin_export.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/json.h"

struct writer {
	FILE *out;
	uint64_t bytes, max_bytes, records;
	kv_progress_fn *progress;
	void *arg;
	struct err err; /* why the walk was ended */
};

static int put(struct writer *w, const char *p, size_t n)
{
	w->bytes += n;
	if (w->max_bytes && w->bytes > w->max_bytes)
		return err_set(&w->err, ERR_LIMIT, "the export has more than %llu octets",
			       (unsigned long long)w->max_bytes);
	if (fwrite(p, 1, n, w->out) != n)
		return err_sys(&w->err, ERR_IO, errno, "cannot write the export");
	return 0;
}

/* JSON's one line, without its last CUT octets. */
static int put_json(struct writer *w, json_t *json, size_t cut)
{
	size_t n;
	char *text = json_print(json, &n);
	int ret;

	json_decref(json);
	if (!text)
		return err_set(&w->err, ERR_NOMEM, "no memory for the export");
	ret = put(w, text, n - cut);
	free(text);
	return ret;
}

static int put_base64(struct writer *w, struct strv s)
{
	enum { STEP = 3072 }; /* of whole triples */
	char text[JSON_BASE64_BYTES(STEP)];

	for (size_t at = 0; at < s.n; at += STEP) {
		struct strv piece = strv_mem(s.p + at, s.n - at < STEP ? s.n - at : STEP);

		if (put(w, text, json_base64(piece, text)) < 0)
			return -1;
	}
	return 0;
}

static int put_record(void *arg, const struct kv_record *record)
{
	static const char value[] = ",\"value64\":\"", tail[] = "\"}\n";
	struct writer *w = arg;
	json_t *json = json_object();

	if (w->progress && w->progress(w->arg, w->bytes, 0)) {
		json_decref(json);
		return err_set(&w->err, ERR_STOPPING, "the export was cancelled");
	}
	json_set_octets(json, "name", record->name);
	json_object_set_new(json, "version", json_integer((json_int_t)record->version));
	/* Values may be large, so they do not go through a JSON value. */
	if (put_json(w, json, strlen("}\n")) < 0 || put(w, value, sizeof(value) - 1) < 0 ||
	    put_base64(w, record->value) < 0 || put(w, tail, sizeof(tail) - 1) < 0)
		return -1;
	w->records++;
	return 0;
}

static json_t *header(struct kv *kv, struct strv owner)
{
	struct kv_stats stats;
	struct timespec now;
	json_t *json;

	kv_stats(kv, &stats);
	clock_gettime(CLOCK_REALTIME, &now);
	json = json_pack("{s:s, s:i}", "format", "opencpm-export", "format_version", 1);
	json_set_octets(json, "owner", owner);
	json_object_set_new(json, "epoch", json_integer((json_int_t)kv_epoch(kv)));
	json_object_set_new(json, "store_format", json_integer(stats.format));
	json_object_set_new(json, "time_ms",
			    json_integer((json_int_t)now.tv_sec * 1000 + now.tv_nsec / 1000000));
	return json;
}

int admin_export_write(struct kv *kv, struct strv owner, FILE *out, uint64_t max_bytes,
		       kv_progress_fn *progress, void *arg, struct admin_export *export_out,
		       struct err *err)
{
	struct writer w = { .out = out, .max_bytes = max_bytes, .progress = progress, .arg = arg };
	uint64_t version = 0;

	if (put_json(&w, header(kv, owner), 0) < 0 ||
	    kv_export_sync(kv, owner, put_record, &w, &version, err) < 0) {
		if (w.err.code && err)
			*err = w.err;
		return -1;
	}
	if (!w.records)
		return err_set(err, ERR_ABSENT, "owner \"%.*s\" has no records", STRV_ARG(owner));
	if (put_json(&w,
		     json_pack("{s:b, s:I, s:I}", "end", 1, "records", (json_int_t)w.records,
			       "version", (json_int_t)version),
		     0) < 0 ||
	    (fflush(out) != 0 && err_sys(&w.err, ERR_IO, errno, "cannot write the export") < 0)) {
		if (err)
			*err = w.err;
		return -1;
	}
	*export_out = (struct admin_export){ w.records, version };
	return 0;
}
