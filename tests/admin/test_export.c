/* SPDX-License-Identifier: Apache-2.0 */
/* tests/admin/test_export.c - the export's form, its limit, its end */
#include "admin/admin_export.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/log.h"

static struct kv *kv;
static uint64_t seq;

static int setup(void **state)
{
	struct kv_options options;

	(void)state;
	log_set_levels(LOG_ERROR);
	kv_options_init(&options, NULL);
	options.engine = "mem";
	return kv_open(&options, NULL, &kv, NULL);
}

static int teardown(void **state)
{
	(void)state;
	kv_close(&kv);
	return 0;
}

static void put(struct strv owner, struct strv name, struct strv value)
{
	struct kv_batch *batch = kv_batch_new(owner);
	struct kv_commit_result result;

	assert_int_equal(kv_batch_put(batch, name, value), 0);
	result = kv_commit_sync(kv, batch);
	assert_int_equal(result.status, KV_DONE);
	seq = result.seq;
}

static int export(struct strv owner, uint64_t max_bytes, kv_progress_fn *progress, char **text_out,
		  struct admin_export *export_out, struct err *err)
{
	size_t bytes;
	FILE *out = open_memstream(text_out, &bytes);
	int ret = admin_export_write(kv, owner, out, max_bytes, progress, NULL, export_out, err);

	fclose(out);
	return ret;
}

static json_t *next_line(char **text)
{
	char *line = strsep(text, "\n");
	json_t *json = json_parse(strv_of(line), 4, NULL);

	assert_non_null(json);
	return json;
}

static const char *text_of(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

static void test_lines(void **state)
{
	struct admin_export export_out = { 0, 0 };
	char *text, *at;
	json_t *json;

	(void)state;
	put(STRV("sip:b@x"), STRV("other"), STRV("not ours"));
	put(STRV("sip:a@x"), STRV("b"), STRV("foobar"));
	put(STRV("sip:a@x"), STRV("a\0\xff"), STRV("\0\1\2"));
	put(STRV("sip:a@x"), STRV(""), STRV(""));
	assert_int_equal(export(STRV("sip:a@x"), 0, NULL, &text, &export_out, NULL), 0);
	assert_int_equal(export_out.records, 3);
	assert_int_equal(export_out.version, seq);

	at = text;
	json = next_line(&at);
	assert_string_equal(text_of(json, "format"), "opencpm-export");
	assert_int_equal(json_integer_value(json_object_get(json, "format_version")), 1);
	assert_string_equal(text_of(json, "owner"), "sip:a@x");
	assert_int_equal(json_integer_value(json_object_get(json, "epoch")),
			 (json_int_t)kv_epoch(kv));
	json_decref(json);
	json = next_line(&at);
	assert_string_equal(text_of(json, "name"), "");
	assert_string_equal(text_of(json, "value64"), "");
	assert_int_equal(json_integer_value(json_object_get(json, "version")), (json_int_t)seq);
	json_decref(json);
	json = next_line(&at);
	assert_string_equal(text_of(json, "name64"), "YQD/");
	assert_string_equal(text_of(json, "value64"), "AAEC");
	json_decref(json);
	json = next_line(&at);
	assert_string_equal(text_of(json, "name"), "b");
	assert_string_equal(text_of(json, "value64"), "Zm9vYmFy");
	json_decref(json);
	json = next_line(&at);
	assert_true(json_is_true(json_object_get(json, "end")));
	assert_int_equal(json_integer_value(json_object_get(json, "records")), 3);
	json_decref(json);
	assert_string_equal(at, "");
	free(text);
}

static void test_large_value(void **state)
{
	enum { BYTES = 100001 }; /* not a multiple of any step */
	struct admin_export export_out;
	char *value = malloc(BYTES), *text, *at, *expected = malloc(JSON_BASE64_BYTES(BYTES) + 1);
	json_t *json;

	(void)state;
	for (size_t i = 0; i < BYTES; i++)
		value[i] = (char)(i * 7 + i / 256);
	put(STRV("sip:a@x"), STRV("big"), strv_mem(value, BYTES));
	assert_int_equal(export(STRV("sip:a@x"), 0, NULL, &text, &export_out, NULL), 0);
	at = text;
	json_decref(next_line(&at));
	json = next_line(&at);
	expected[json_base64(strv_mem(value, BYTES), expected)] = '\0';
	assert_string_equal(text_of(json, "value64"), expected);
	json_decref(json);
	free(text);
	free(expected);
	free(value);
}

static void test_owner_that_is_no_text(void **state)
{
	struct admin_export export_out;
	char *text, *at;
	json_t *json;

	(void)state;
	put(STRV("\xff\xfe"), STRV("a"), STRV("b"));
	assert_int_equal(export(STRV("\xff\xfe"), 0, NULL, &text, &export_out, NULL), 0);
	at = text;
	json = next_line(&at);
	assert_string_equal(text_of(json, "owner64"), "//4=");
	json_decref(json);
	free(text);
}

static void test_limit(void **state)
{
	struct admin_export export_out;
	struct err err = { 0 };
	char *text;

	(void)state;
	put(STRV("sip:a@x"), STRV("a"), STRV("0123456789"));
	assert_int_equal(export(STRV("sip:a@x"), 40, NULL, &text, &export_out, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	free(text);
	assert_int_equal(export(STRV("sip:a@x"), 150, NULL, &text, &export_out, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	free(text);
	assert_int_equal(export(STRV("sip:a@x"), 10000, NULL, &text, &export_out, &err), 0);
	free(text);
}

static void test_absent(void **state)
{
	struct admin_export export_out;
	struct err err = { 0 };
	char *text;

	(void)state;
	assert_int_equal(export(STRV("sip:nobody@x"), 0, NULL, &text, &export_out, &err), -1);
	assert_int_equal(err.code, ERR_ABSENT);
	assert_string_equal(err.text, "owner \"sip:nobody@x\" has no records");
	free(text);
	put(STRV("sip:a@x"), STRV("a"), STRV("b"));
	assert_int_equal(kv_erase_sync(kv, STRV("sip:a@x")).status, KV_DONE);
	assert_int_equal(export(STRV("sip:a@x"), 0, NULL, &text, &export_out, &err), -1);
	assert_int_equal(err.code, ERR_ABSENT);
	free(text);
}

static int stop_at_once(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	(void)done;
	(void)total;
	return 1;
}

static void test_cancelled(void **state)
{
	struct admin_export export_out;
	struct err err = { 0 };
	char *text;

	(void)state;
	put(STRV("sip:a@x"), STRV("a"), STRV("b"));
	assert_int_equal(export(STRV("sip:a@x"), 0, stop_at_once, &text, &export_out, &err), -1);
	assert_int_equal(err.code, ERR_STOPPING);
	free(text);
}

static void test_full_disk(void **state)
{
	struct admin_export export_out;
	struct err err = { 0 };
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(full);
	put(STRV("sip:a@x"), STRV("a"), STRV("b"));
	assert_int_equal(admin_export_write(kv, STRV("sip:a@x"), full, 0, NULL, NULL, &export_out,
					    &err),
			 -1);
	assert_int_equal(err.code, ERR_SPACE);
	fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large_value, setup, teardown),
		cmocka_unit_test_setup_teardown(test_owner_that_is_no_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_absent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancelled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
