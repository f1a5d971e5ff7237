/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/deferred/dq_write.c - what of a queue is to be written; see dq.h
 *
 * Deletions of entries that have left, of devices that are forgotten, and the records of devices
 * whose cursor has moved. What a batch holds stays noted until the store has taken it.
 */
#include <stdlib.h>
#include <string.h>

#include "cpm/deferred/dq.h"

int dq_is_dirty(const struct dq *q)
{
	if (q->n_gone || q->n_lost)
		return 1;
	for (const struct dq_device *device = q->devices; device; device = device->next)
		if (device->is_dirty)
			return 1;
	return 0;
}

int dq_has_new_device(const struct dq *q)
{
	for (const struct dq_device *device = q->devices; device; device = device->next)
		if (device->is_dirty && !device->has_record)
			return 1;
	return 0;
}

/* All that has left in front of the first that waits is one range, which cannot hold what is being
 * stored: that comes behind everything. */
static int delete_front(struct dq *q, struct kv_batch *batch)
{
	uint64_t front = dq_count(q) ? q->slot[q->first].at_us : UINT64_MAX, last = 0;
	unsigned n_front = 0, kept = 0;
	struct dq_name first = { UINT64_MAX, 0 };
	char from[DQ_NAME_BYTES + 1], to[DQ_NAME_BYTES + 1];

	for (unsigned i = 0; i < q->n_gone; i++)
		if (q->gone[i].at_us < front) {
			struct dq_name name = q->gone[i];

			n_front++;
			if (name.at_us < first.at_us)
				first = name;
			if (name.at_us > last)
				last = name.at_us;
		}
	if (n_front < 3) {
		q->gone_writing = 0;
	} else {
		/* Those of the range come first in the array: they are what this batch writes. */
		for (unsigned i = 0; i < q->n_gone; i++)
			if (q->gone[i].at_us < front) {
				struct dq_name name = q->gone[i];

				q->gone[i] = q->gone[kept];
				q->gone[kept++] = name;
			}
		q->gone_writing = n_front;
		dq_name_print(first, from);
		dq_name_print((struct dq_name){ last + 1, 0 }, to);
		if (kv_batch_del_range(batch, strv_of(from), strv_of(to)) < 0)
			return -1;
	}
	return 0;
}

int dq_fill(struct dq *q, struct kv_batch *batch, int deletes_only)
{
	char name[DQ_NAME_BYTES + 1];
	unsigned end;

	if (delete_front(q, batch) < 0)
		return -1;
	end = q->gone_writing + DQ_GONE_A_BATCH;
	for (; q->gone_writing < q->n_gone && q->gone_writing < end; q->gone_writing++) {
		dq_name_print(q->gone[q->gone_writing], name);
		if (kv_batch_del(batch, strv_of(name)) < 0)
			return -1;
	}
	for (q->lost_writing = 0; q->lost_writing < q->n_lost; q->lost_writing++)
		if (kv_batch_del(batch, q->lost[q->lost_writing]) < 0)
			return -1;
	for (struct dq_device *device = q->devices; device && !deletes_only;
	     device = device->next) {
		char record[DQ_DEVICE_RECORD_BYTES], id[DQ_DEVICE_ID_MAX + 3];

		if (!device->is_dirty)
			continue;
		dq_device_record(device, record);
		memcpy(id, "dc/", 3);
		memcpy(id + 3, device->id, device->id_n);
		if (kv_batch_put(batch, strv_mem(id, 3U + device->id_n),
				 strv_mem(record, sizeof(record))) < 0)
			return -1;
		device->is_dirty = 0;
		device->is_writing = device->has_record = 1;
	}
	return 0;
}

void dq_filled(struct dq *q, int is_done)
{
	if (is_done) {
		if (q->gone_writing)
			memmove(q->gone, q->gone + q->gone_writing,
				(q->n_gone - q->gone_writing) * sizeof(*q->gone));
		q->n_gone -= q->gone_writing;
		for (unsigned i = 0; i < q->lost_writing; i++)
			free((char *)(uintptr_t)q->lost[i].p);
		if (q->lost_writing)
			memmove(q->lost, q->lost + q->lost_writing,
				(q->n_lost - q->lost_writing) * sizeof(*q->lost));
		q->n_lost -= q->lost_writing;
	}
	q->gone_writing = q->lost_writing = 0;
	for (struct dq_device *device = q->devices; device; device = device->next) {
		device->is_dirty |= device->is_writing && !is_done;
		device->is_writing = 0;
	}
}
