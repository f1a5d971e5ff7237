/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/cpmctl_offline.c - restore and verify of folders, without a server
 *
 * See cpmctl.h. They need the storage room alone; Ctrl-C ends them through their progress.
 */
#include <string.h>

#include "daemon/cpmctl.h"
#include "kv/kv.h"

static int on_progress(void *arg, uint64_t done, uint64_t total)
{
	ctl_progress_show(arg, done, total);
	return ctl_interrupted();
}

static const char *remedy_of(enum err_code code)
{
	switch (code) {
	case ERR_ABSENT:
		return "name a folder that \"cpmctl backup\" has made";
	case ERR_EXISTS:
		return "stop cpmd and move its old store away, or name a new folder";
	case ERR_BUSY:
		return "stop the process that has it open: systemctl stop cpmd";
	case ERR_CORRUPT:
		return "use an older backup";
	case ERR_SPACE:
		return "free space on that file system";
	case ERR_DENIED:
	case ERR_IO:
		return "look at the permissions, and at the disk (dmesg)";
	default:
		return NULL;
	}
}

static int failed(const struct ctl *ctl, const struct err *err)
{
	if (ctl_interrupted()) {
		ctl_say_error(ctl, "cancelled", "cancelled", NULL);
		return CTL_CANCELLED;
	}
	ctl_say_error(ctl, err_code_name(err->code), err->text, remedy_of(err->code));
	return CTL_FAILED;
}

int ctl_restore(struct ctl *ctl)
{
	const char *backup = ctl->args[0], *dir = ctl->args[1];
	struct ctl_progress progress;
	struct err err = { 0 };
	int ret;

	ctl_catch_interrupts();
	ctl_progress_begin(&progress, ctl, "restore", CTL_BYTES);
	ret = kv_restore(backup, dir, on_progress, &progress, &err);
	ctl_progress_end(&progress);
	if (ret < 0)
		return failed(ctl, &err);
	if (ctl->json) {
		json_t *json = json_object();

		json_set_octets(json, "backup", strv_of(backup));
		json_set_octets(json, "dir", strv_of(dir));
		ctl_print_json(json);
		json_decref(json);
	} else {
		fputs("restored and verified in ", stdout);
		ctl_print_safe(stdout, dir);
		puts("; make sure that cpmd's user owns it");
	}
	return CTL_OK;
}

static void show_report(const struct ctl *ctl, const struct kv_verify_report *report)
{
	if (ctl->json) {
		json_t *json =
			json_pack("{s:I, s:I, s:I, s:I}", "owners", (json_int_t)report->owners,
				  "records", (json_int_t)report->records, "journal",
				  (json_int_t)report->journal, "faults",
				  (json_int_t)report->faults);

		if (report->faults)
			json_set_octets(json, "first_fault", strv_of(report->first_fault));
		ctl_print_json(json);
		json_decref(json);
		return;
	}
	printf("%llu owners, %llu records, %llu journal entries: %llu faults\n",
	       (unsigned long long)report->owners, (unsigned long long)report->records,
	       (unsigned long long)report->journal, (unsigned long long)report->faults);
	if (report->faults)
		ctl_say_error(ctl, "corrupt", report->first_fault, "use another backup");
}

int ctl_verify_dir(struct ctl *ctl, const char *dir)
{
	struct kv_verify_report report = { 0 };
	struct ctl_progress progress;
	struct err err = { 0 };
	int ret;

	ctl_catch_interrupts();
	ctl_progress_begin(&progress, ctl, "verify", CTL_BYTES);
	ret = kv_verify_dir(dir, on_progress, &progress, &report, &err);
	ctl_progress_end(&progress);
	if (ret < 0)
		return failed(ctl, &err);
	show_report(ctl, &report);
	return report.faults ? CTL_FAULTS : CTL_OK;
}
