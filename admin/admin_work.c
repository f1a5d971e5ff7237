/* SPDX-License-Identifier: Apache-2.0 */
/* admin/admin_work.c - see admin_work.h */
#include "admin/admin_work.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/admin_export.h"
#include "admin/admin_priv.h"

int admin_work_backup(struct admin_job *job, void *arg, json_t **result_out, struct err *err)
{
	struct admin *admin = arg;
	char *dir = strv_dup(admin_job_object(job));
	int ret;

	if (!dir)
		return err_set(err, ERR_NOMEM, "no memory for a backup");
	ret = kv_backup_sync(admin->kv, dir, admin_job_progress, job, err);
	if (ret == 0)
		*result_out = json_pack("{s:s}", "dir", dir);
	free(dir);
	return ret;
}

int admin_work_verify(struct admin_job *job, void *arg, json_t **result_out, struct err *err)
{
	struct kv_verify_report report = { 0 };
	struct admin *admin = arg;

	if (kv_verify_sync(admin->kv, admin_job_progress, job, &report, err) < 0)
		return -1;
	*result_out = json_pack("{s:I, s:I, s:I, s:I}", "owners", (json_int_t)report.owners,
				"records", (json_int_t)report.records, "journal",
				(json_int_t)report.journal, "faults", (json_int_t)report.faults);
	if (report.faults)
		json_set_octets(*result_out, "first_fault", strv_of(report.first_fault));
	return 0;
}

/* A file without a name, so that nothing is left behind whatever happens. */
static int open_nameless(const char *dir, struct err *err)
{
	char path[4096];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	/* Not every file system can do that. */
	snprintf(path, sizeof(path), "%s/opencpm-export-XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, ERR_IO, errno, "cannot write a file in %s", dir);
	unlink(path);
	return fd;
}

int admin_work_export(struct admin_job *job, void *arg, json_t **result_out, struct err *err)
{
	struct admin *admin = arg;
	struct admin_export export;
	int fd = open_nameless(admin->tmp_dir, err), copy, ret;
	FILE *out;
	off_t bytes;

	if (fd < 0)
		return -1;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	out = copy >= 0 ? fdopen(copy, "w") : NULL;
	if (!out) {
		err_sys(err, ERR_IO, errno, "cannot write an export");
		if (copy >= 0)
			close(copy);
		close(fd);
		return -1;
	}
	ret = admin_export_write(admin->kv, admin_job_object(job), out, 0, admin_job_progress, job,
				 &export, err);
	if (fclose(out) != 0 && ret == 0)
		ret = err_sys(err, ERR_IO, errno, "cannot write an export");
	bytes = ret == 0 ? lseek(fd, 0, SEEK_END) : -1;
	if (bytes < 0) {
		close(fd);
		return -1;
	}
	admin_job_progress(job, (uint64_t)bytes, (uint64_t)bytes);
	admin_job_keep_file(job, fd, (uint64_t)bytes);
	*result_out = json_pack("{s:I, s:I}", "records", (json_int_t) export.records, "version",
				(json_int_t) export.version);
	return 0;
}

int admin_work_erase(struct admin_job *job, void *arg, json_t **result_out, struct err *err)
{
	static const enum err_code codes[] = {
		[KV_CONFLICT] = ERR_CONFLICT,
		[KV_NO_SPACE] = ERR_SPACE,
		[KV_BUSY] = ERR_BUSY,
		[KV_FAILED] = ERR_IO,
	};
	struct admin *admin = arg;
	struct kv_commit_result result = kv_erase_sync(admin->kv, admin_job_object(job));

	if (result.status != KV_DONE)
		return err_set(err, codes[result.status], "the store cannot erase: %s",
			       kv_status_name(result.status));
	*result_out = json_pack("{s:I}", "seq", (json_int_t)result.seq);
	return 0;
}
