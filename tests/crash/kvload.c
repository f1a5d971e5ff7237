/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/crash/kvload.c - the command line of the load and its judge
 */
#include "tests/crash/kvload.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* Options whose value is a number, and where it goes. */
enum {
	OPT_TEXT = 256,
	OPT_DIR = OPT_TEXT,
	OPT_LOG,
	OPT_ENGINE,
	OPT_BACKUP,
	OPT_BROKEN,
	OPT_NUMBER,
	OPT_SEED = OPT_NUMBER,
	OPT_RUN,
	OPT_THREADS,
	OPT_WORKERS,
	OPT_READERS,
	OPT_OWNERS,
	OPT_WINDOW,
	OPT_BATCHES,
	OPT_VALUE_MAX,
	OPT_BACKUPS,
	OPT_UPTO_BACKUP,
	OPT_REFUSALS_OK,
	OPT_MIN_JOURNAL,
	OPT_PAUSE_US,
	OPT_MARK_FD,
	OPT_VERIFY_CLOSED,
	OPT_CACHE,
	OPT_CHECKPOINT_BYTES,
	OPT_CHECKPOINT_S,
	OPT_MIN_FREE,
	OPT_RESERVE,
	OPT_JOURNAL_KEEP,
	OPT_JOURNAL_KEEP_S,
};

static const struct option options_known[] = {
	{ "dir", required_argument, NULL, OPT_DIR },
	{ "log", required_argument, NULL, OPT_LOG },
	{ "engine", required_argument, NULL, OPT_ENGINE },
	{ "backup", required_argument, NULL, OPT_BACKUP },
	{ "broken", required_argument, NULL, OPT_BROKEN },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "run", required_argument, NULL, OPT_RUN },
	{ "threads", required_argument, NULL, OPT_THREADS },
	{ "workers", required_argument, NULL, OPT_WORKERS },
	{ "readers", required_argument, NULL, OPT_READERS },
	{ "owners", required_argument, NULL, OPT_OWNERS },
	{ "window", required_argument, NULL, OPT_WINDOW },
	{ "batches", required_argument, NULL, OPT_BATCHES },
	{ "value-max", required_argument, NULL, OPT_VALUE_MAX },
	{ "backups", required_argument, NULL, OPT_BACKUPS },
	{ "upto-backup", required_argument, NULL, OPT_UPTO_BACKUP },
	{ "refusals-ok", required_argument, NULL, OPT_REFUSALS_OK },
	{ "min-journal", required_argument, NULL, OPT_MIN_JOURNAL },
	{ "mark-fd", required_argument, NULL, OPT_MARK_FD },
	{ "pause-us", required_argument, NULL, OPT_PAUSE_US },
	{ "verify-closed", required_argument, NULL, OPT_VERIFY_CLOSED },
	{ "cache", required_argument, NULL, OPT_CACHE },
	{ "checkpoint-bytes", required_argument, NULL, OPT_CHECKPOINT_BYTES },
	{ "checkpoint-s", required_argument, NULL, OPT_CHECKPOINT_S },
	{ "min-free", required_argument, NULL, OPT_MIN_FREE },
	{ "reserve", required_argument, NULL, OPT_RESERVE },
	{ "journal-keep", required_argument, NULL, OPT_JOURNAL_KEEP },
	{ "journal-keep-s", required_argument, NULL, OPT_JOURNAL_KEEP_S },
	{ NULL, 0, NULL, 0 },
};

static void set_text(struct load_options *options, int opt, const char *text)
{
	switch (opt) {
	case OPT_DIR:
		options->kv.dir = text;
		break;
	case OPT_LOG:
		options->log = text;
		break;
	case OPT_ENGINE:
		options->kv.engine = text;
		break;
	case OPT_BACKUP:
		options->backup = text;
		break;
	case OPT_BROKEN:
		options->broken = text;
		break;
	}
}

static void set_store_number(struct kv_options *kv, int opt, uint64_t n)
{
	switch (opt) {
	case OPT_CACHE:
		kv->cache_bytes = n;
		break;
	case OPT_CHECKPOINT_BYTES:
		kv->checkpoint_bytes = n;
		break;
	case OPT_CHECKPOINT_S:
		kv->checkpoint_s = (unsigned)n;
		break;
	case OPT_MIN_FREE:
		kv->min_free_bytes = n;
		break;
	case OPT_RESERVE:
		kv->reserve_bytes = n;
		break;
	case OPT_JOURNAL_KEEP:
		kv->journal_keep = n;
		break;
	case OPT_JOURNAL_KEEP_S:
		kv->journal_keep_s = (unsigned)n;
		break;
	}
}

static void set_number(struct load_options *options, int opt, uint64_t n)
{
	unsigned *const unsigneds[] = {
		[OPT_RUN - OPT_NUMBER] = &options->run,
		[OPT_THREADS - OPT_NUMBER] = &options->threads,
		[OPT_WORKERS - OPT_NUMBER] = &options->workers,
		[OPT_READERS - OPT_NUMBER] = &options->readers,
		[OPT_OWNERS - OPT_NUMBER] = &options->owners,
		[OPT_WINDOW - OPT_NUMBER] = &options->window,
		[OPT_BACKUPS - OPT_NUMBER] = &options->backups,
	};
	unsigned at = (unsigned)(opt - OPT_NUMBER);

	if (at < sizeof(unsigneds) / sizeof(*unsigneds) && unsigneds[at])
		*unsigneds[at] = (unsigned)n;
	else if (opt == OPT_SEED)
		options->seed = n;
	else if (opt == OPT_BATCHES)
		options->batches = n;
	else if (opt == OPT_VALUE_MAX)
		options->value_max = n;
	else if (opt == OPT_UPTO_BACKUP)
		options->upto_backup = (int)n;
	else if (opt == OPT_PAUSE_US)
		options->pause_us = (unsigned)n;
	else if (opt == OPT_MARK_FD)
		options->mark_fd = (int)n;
	else if (opt == OPT_VERIFY_CLOSED)
		options->verify_closed = n != 0;
	else if (opt == OPT_REFUSALS_OK)
		options->refusals_ok = n != 0;
	else if (opt == OPT_MIN_JOURNAL)
		options->min_journal = n;
	else
		set_store_number(&options->kv, opt, n);
}

static int options_parse(int argc, char **argv, struct load_options *options)
{
	uint64_t n;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options_known, NULL)) != -1) {
		if (opt < OPT_TEXT)
			return -1;
		if (opt < OPT_NUMBER)
			set_text(options, opt, optarg);
		else if (strv_u64(strv_of(optarg), UINT64_MAX, &n) < 0)
			return -1;
		else
			set_number(options, opt, n);
	}
	return optind == argc - 1 && options->kv.dir && options->log ? 0 : -1;
}

static int load_restore(const struct load_options *options)
{
	struct err err;

	if (!options->backup)
		return LOAD_EXIT_USAGE;
	if (kv_restore(options->backup, options->kv.dir, NULL, NULL, &err) == 0)
		return 0;
	fprintf(stderr, "kvload: restore: %s\n", err.text);
	return LOAD_EXIT_REFUSED;
}

int main(int argc, char **argv)
{
	struct load_options options = { .threads = 2,
					.owners = 4,
					.window = 8,
					.seed = 1,
					.value_max = 65536,
					.verify_closed = 1,
					.backups = 1000,
					.upto_backup = -1 };

	kv_options_init(&options.kv, NULL);
	/* Nothing is forgotten unless the suite asks for it: the judge needs the whole journal. */
	options.kv.journal_keep = UINT64_MAX / 2;
	log_set_level(LOG_KV, LOG_WARN);
	if (options_parse(argc, argv, &options) == 0) {
		if (strcmp(argv[optind], "run") == 0)
			return load_run(&options);
		if (strcmp(argv[optind], "check") == 0)
			return load_check(&options);
		if (strcmp(argv[optind], "restore") == 0)
			return load_restore(&options);
	}
	fprintf(stderr,
		"usage: kvload run|check|restore --dir DIR --log FILE [--OPTION VALUE ...]\n");
	return LOAD_EXIT_USAGE;
}
