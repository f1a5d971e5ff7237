/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/crash/kvload_log.c - the log of the load, read back as a history
 */
#include "tests/crash/kvload_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned owner_hash(struct strv name)
{
	unsigned h = 2166136261u;

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * 16777619u;
	return h % HISTORY_OWNERS_MAX;
}

struct past_owner *history_owner(struct history *history, struct strv name, int make)
{
	unsigned at = owner_hash(name);

	for (unsigned i = 0; i < HISTORY_OWNERS_MAX; i++, at = (at + 1) % HISTORY_OWNERS_MAX) {
		struct past_owner *owner = &history->owners[at];

		if (*owner->name && strv_eq(strv_of(owner->name), name))
			return owner;
		if (*owner->name)
			continue;
		if (!make || name.n >= PLAN_NAME_BYTES)
			return NULL;
		memcpy(owner->name, name.p, name.n);
		return owner;
	}
	return NULL;
}

struct past_batch *past_batch_find(struct past_owner *owner, uint64_t counter)
{
	size_t low = 0;
	size_t high = owner->n_batches;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (owner->batches[mid].counter < counter)
			low = mid + 1;
		else
			high = mid;
	}
	return low < owner->n_batches && owner->batches[low].counter == counter
		       ? &owner->batches[low]
		       : NULL;
}

static int batch_add(struct history *history, const struct plan *plan)
{
	struct past_owner *owner = history_owner(history, strv_of(plan->owner), 1);
	struct past_batch *batch;

	if (!owner)
		return -1;
	if (owner->n_batches > 0 && owner->batches[owner->n_batches - 1].counter >= plan->counter)
		return -1;
	if (owner->n_batches == owner->room) {
		owner->room = owner->room ? owner->room * 2 : 64;
		owner->batches = realloc(owner->batches, owner->room * sizeof(*batch));
		if (!owner->batches)
			abort();
	}
	batch = &owner->batches[owner->n_batches++];
	*batch = (struct past_batch){ .counter = plan->counter,
				      .run = history->runs,
				      .n_ops = plan->n };
	batch->ops = malloc(plan->n * sizeof(*batch->ops));
	if (!batch->ops)
		abort();
	memcpy(batch->ops, plan->ops, plan->n * sizeof(*batch->ops));
	return 0;
}

static int add_outcome(struct history *history, struct strv words[4])
{
	struct past_owner *owner = history_owner(history, words[0], 0);
	struct past_batch *batch;
	uint64_t counter;
	uint64_t seq;

	if (!owner || strv_u64(words[1], UINT64_MAX, &counter) < 0 ||
	    strv_u64(words[3], UINT64_MAX, &seq) < 0)
		return -1;
	batch = past_batch_find(owner, counter);
	if (!batch || batch->outcome != PAST_UNKNOWN)
		return -1;
	if (history->over)
		return 0;
	if (strv_eq(words[2], strv_of(kv_status_name(KV_DONE)))) {
		batch->outcome = PAST_DONE;
		batch->told_seq = seq;
		history->done++;
	} else if (strv_eq(words[2], strv_of(kv_status_name(KV_CONFLICT)))) {
		batch->outcome = PAST_CONFLICT;
		history->conflicts++;
	} else if (!strv_eq(words[2], strv_of(kv_status_name(KV_FAILED)))) {
		batch->outcome = PAST_REFUSED;
		history->refused++;
	}
	return 0;
}

static int add_reading(struct history *history, struct strv words[4])
{
	struct past_owner *owner = history_owner(history, words[0], 1);
	uint64_t version;

	if (!owner || strv_u64(words[1], UINT64_MAX, &version) < 0)
		return -1;
	if (!history->over && version > owner->read_version)
		owner->read_version = version;
	return 0;
}

static int add_other(struct history *history, char kind, struct strv rest, struct strv words[4])
{
	uint64_t n = 0;

	switch (kind) {
	case 'O':
		return add_outcome(history, words);
	case 'R':
		return add_reading(history, words);
	case 'P':
		if (strv_u64(words[0], UINT64_MAX, &n) < 0)
			return -1;
		if (!history->over && n > history->published)
			history->published = n;
		return 0;
	case 'S':
		history->runs++;
		return 0;
	case 'B':
		if (strv_u64(words[0], INT32_MAX, &n) < 0)
			return -1;
		if ((int)n == history->upto_backup && strv_eq(words[1], STRV("begin")))
			history->over = 1;
		return 0;
	case 'V':
		if (history->complaints++ == 0)
			snprintf(history->complaint, sizeof(history->complaint), "%.*s",
				 STRV_ARG(rest));
		return 0;
	case 'E':
		return 0;
	default:
		return -1;
	}
}

static int add_line(struct history *history, struct strv line)
{
	struct plan plan;
	struct strv words[4] = { { NULL, 0 } };
	struct strv rest = line;
	struct strv text;

	if (line.n > 0 && line.p[0] == 'I')
		return plan_parse(line.p, line.n, &plan) < 0 ? -1 : batch_add(history, &plan);
	if (line.n < 2 || line.p[1] != ' ')
		return -1;
	rest = text = strv_mem(line.p + 2, line.n - 2);
	for (unsigned i = 0; i < 4; i++)
		strv_cut(&rest, ' ', &words[i]);
	return add_other(history, line.p[0], text, words);
}

static int add_lines(struct history *history, struct strv text)
{
	struct strv line;
	unsigned number = 0;

	while (text.n > 0) {
		number++;
		/* A power cut's log may end within a line; so may nothing else. */
		if (!strv_cut(&text, '\n', &line))
			return 0;
		if (add_line(history, line) < 0) {
			fprintf(stderr, "kvload: log line %u is not one: %.*s\n", number,
				STRV_ARG(line));
			return -1;
		}
	}
	return 0;
}

int history_read(const char *path, int upto_backup, struct history *history)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *map = NULL;
	int ret = -1;

	memset(history, 0, sizeof(*history));
	history->upto_backup = upto_backup;
	if (fd < 0 || fstat(fd, &st) < 0)
		goto out;
	ret = 0;
	if (st.st_size == 0)
		goto out;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	ret = map == MAP_FAILED ? -1 : add_lines(history, strv_mem(map, (size_t)st.st_size));
	if (map != MAP_FAILED)
		munmap(map, (size_t)st.st_size);
out:
	if (ret < 0)
		fprintf(stderr, "kvload: log %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ret;
}

void history_fini(struct history *history)
{
	for (unsigned i = 0; i < HISTORY_OWNERS_MAX; i++) {
		struct past_owner *owner = &history->owners[i];

		for (size_t k = 0; k < owner->n_batches; k++)
			free(owner->batches[k].ops);
		free(owner->batches);
	}
}
