/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/cpmctl_work.c - the verbs that take long: backup, verify, export, erase
 *
 * See cpmctl.h. The server does them as jobs; here a job is started, followed to its end, and
 * cancelled by Ctrl-C.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/cpmctl.h"

enum { POLL_FIRST_MS = 5, POLL_LAST_MS = 200 };

/* Ends early when a signal comes. */
static void pause_ms(long ms)
{
	struct timespec span = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&span, NULL);
}

static int has_ended(const json_t *job)
{
	const char *state = ctl_text(job, "state");

	return strcmp(state, "queued") != 0 && strcmp(state, "running") != 0;
}

static void cancel(struct ctl *ctl, const char *path)
{
	json_t *answer;

	if (ctl_call(ctl, "DELETE", path, NULL, &answer) == CTL_OK)
		json_decref(answer);
}

/* Ask until the job at PATH has ended. */
static int follow(struct ctl *ctl, const char *path, struct ctl_progress *progress,
		  json_t **job_out)
{
	long wait_ms = POLL_FIRST_MS;
	int cancelled = 0, ret;

	for (;;) {
		if (ctl_interrupted() && !cancelled) {
			cancelled = 1;
			cancel(ctl, path);
		}
		ret = ctl_call(ctl, "GET", path, NULL, job_out);
		if (ret != CTL_OK || has_ended(*job_out))
			break;
		ctl_progress_show(progress, ctl_number(*job_out, "done"),
				  ctl_number(*job_out, "total"));
		json_decref(*job_out);
		pause_ms(wait_ms);
		wait_ms = wait_ms * 2 > POLL_LAST_MS ? POLL_LAST_MS : wait_ms * 2;
	}
	ctl_progress_end(progress);
	return ret;
}

/* What became of the job, said when it is not "done". */
static int outcome(const struct ctl *ctl, const json_t *job)
{
	const char *state = ctl_text(job, "state");
	const json_t *failure = json_object_get(job, "failure");

	if (strcmp(state, "done") == 0)
		return CTL_OK;
	if (ctl->json)
		ctl_print_json(job);
	else
		ctl_say_error(ctl, ctl_text(failure, "error"), ctl_text(failure, "message"),
			      strcmp(state, "cancelled") == 0 ? NULL : ctl_text(failure, "remedy"));
	return strcmp(state, "cancelled") == 0 ? CTL_CANCELLED : CTL_FAILED;
}

/* Start the job that POST PATH gives, and see it to its end. CTL_OK with the job in JOB_OUT and its
 * path in JOB_PATH when it was done. */
static int work(struct ctl *ctl, const char *path, json_t *body, const char *what,
		enum ctl_unit unit, char job_path[64], json_t **job_out)
{
	struct ctl_progress progress;
	json_t *started;
	int ret;

	ctl_catch_interrupts();
	ret = ctl_call(ctl, "POST", path, body, &started);
	if (ret != CTL_OK)
		return ret;
	snprintf(job_path, 64, "/v1/jobs/%llu", (unsigned long long)ctl_number(started, "id"));
	json_decref(started);
	ctl_progress_begin(&progress, ctl, what, unit);
	ret = follow(ctl, job_path, &progress, job_out);
	if (ret != CTL_OK)
		return ret;
	ret = outcome(ctl, *job_out);
	if (ret != CTL_OK)
		json_decref(*job_out);
	return ret;
}

/* ---- backup ---- */

/* DIR as the server must name it: relative paths with a slash start here, not at the server. */
static char *server_path(const char *dir)
{
	char *here, *path = NULL;

	if (dir[0] == '/' || !strchr(dir, '/'))
		return strdup(dir);
	here = getcwd(NULL, 0);
	if (!here || asprintf(&path, "%s/%s", here, dir) < 0)
		path = NULL;
	free(here);
	return path;
}

int ctl_backup(struct ctl *ctl)
{
	json_t *job, *body = json_object();
	char job_path[64], span[32];
	int ret;

	if (ctl->n_args) {
		char *dir = server_path(ctl->args[0]);

		json_object_set_new(body, "dir", json_string(dir ? dir : ctl->args[0]));
		free(dir);
		if (!json_object_get(body, "dir")) {
			json_decref(body);
			ctl_say_error(ctl, "usage", "the folder's name is not UTF-8",
				      "choose another name");
			return CTL_USAGE;
		}
	}
	ret = work(ctl, "/v1/backup", body, "backup", CTL_BYTES, job_path, &job);
	if (ret != CTL_OK)
		return ret;
	if (ctl->json) {
		ctl_print_json(job);
	} else {
		fputs("backup in ", stdout);
		ctl_print_safe(stdout, ctl_text(json_object_get(job, "result"), "dir"));
		printf(", verified, took %s\n",
		       ctl_span_text(span,
				     ctl_number(job, "ended_ms") - ctl_number(job, "started_ms")));
	}
	json_decref(job);
	return CTL_OK;
}

/* ---- verify ---- */

int ctl_verify(struct ctl *ctl)
{
	char job_path[64];
	uint64_t faults;
	json_t *job;
	const json_t *result;
	int ret;

	if (ctl->n_args)
		return ctl_verify_dir(ctl, ctl->args[0]);
	ret = work(ctl, "/v1/verify", NULL, "verify", CTL_BYTES, job_path, &job);
	if (ret != CTL_OK)
		return ret;
	result = json_object_get(job, "result");
	faults = ctl_number(result, "faults");
	if (ctl->json)
		ctl_print_json(job);
	else
		printf("%llu owners, %llu records, %llu journal entries: %llu faults\n",
		       (unsigned long long)ctl_number(result, "owners"),
		       (unsigned long long)ctl_number(result, "records"),
		       (unsigned long long)ctl_number(result, "journal"),
		       (unsigned long long)faults);
	if (faults && !ctl->json)
		ctl_say_error(ctl, "corrupt", ctl_text(result, "first_fault"),
			      "stop the server and restore the last good backup: cpmctl restore");
	json_decref(job);
	return faults ? CTL_FAULTS : CTL_OK;
}

/* ---- export ---- */

int ctl_fetch_to_file(struct ctl *ctl, const char *path, const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), ret;
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	char text[1024];

	if (!out) {
		snprintf(text, sizeof(text), "cannot write %.800s: %s", name, strerror(errno));
		ctl_say_error(ctl, "io", text, "name a file that does not exist yet");
		if (fd >= 0)
			close(fd);
		return CTL_FAILED;
	}
	ret = ctl_fetch(ctl, path, out);
	if (fclose(out) != 0 && ret == CTL_OK) {
		snprintf(text, sizeof(text), "cannot write %.800s: %s", name, strerror(errno));
		ctl_say_error(ctl, "io", text, "free space, or name another file");
		ret = CTL_FAILED;
	}
	if (ret != CTL_OK)
		unlink(name);
	return ret;
}

/* The job's file to FILE or to standard output, then it is forgotten. */
static int take_file(struct ctl *ctl, const char *job_path, const json_t *job, const char *name)
{
	char path[96], size[32];
	int ret;

	snprintf(path, sizeof(path), "%s/file", job_path);
	ret = name ? ctl_fetch_to_file(ctl, path, name) : ctl_fetch(ctl, path, stdout);
	cancel(ctl, job_path);
	if (ret != CTL_OK || !name)
		return ret;
	if (ctl->json)
		ctl_print_json(job);
	else
		printf("%llu records, %s\n",
		       (unsigned long long)ctl_number(json_object_get(job, "result"), "records"),
		       ctl_bytes_text(size, ctl_number(job, "file_bytes")));
	return CTL_OK;
}

static int refuse_owner(const struct ctl *ctl)
{
	ctl_say_error(ctl, "usage", "an owner has 1 to 255 octets", "\"cpmctl owners\" lists them");
	return CTL_USAGE;
}

int ctl_export(struct ctl *ctl)
{
	const char *name = ctl->n_args > 1 ? ctl->args[1] : NULL;
	char job_path[64], *path;
	json_t *job;
	int ret;

	if (!ctl->args[0][0] || strlen(ctl->args[0]) > 255)
		return refuse_owner(ctl);
	if (name && access(name, F_OK) == 0) {
		ctl_say_error(ctl, "exists", "the file exists", "name a file that does not");
		return CTL_FAILED;
	}
	path = ctl_path("/v1/export/", ctl->args[0], "");
	ret = work(ctl, path ? path : "", NULL, "export", CTL_BYTES, job_path, &job);
	free(path);
	if (ret != CTL_OK)
		return ret;
	ret = take_file(ctl, job_path, job, name);
	json_decref(job);
	return ret;
}

/* ---- erase ---- */

static int may_erase(struct ctl *ctl)
{
	char line[16] = "";

	if (ctl->yes)
		return CTL_OK;
	if (!isatty(STDIN_FILENO)) {
		ctl_say_error(ctl, "usage",
			      "erase asks before it acts, and nobody is there to answer",
			      "add --yes");
		return CTL_USAGE;
	}
	fputs("Erase every record of ", stderr);
	ctl_print_safe(stderr, ctl->args[0]);
	fputs("? This cannot be undone. [y/N] ", stderr);
	if (fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y'))
		return CTL_OK;
	ctl_say_error(ctl, "cancelled", "nothing was erased", NULL);
	return CTL_CANCELLED;
}

int ctl_erase(struct ctl *ctl)
{
	char job_path[64], *path;
	json_t *job;
	int ret;

	if (!ctl->args[0][0] || strlen(ctl->args[0]) > 255)
		return refuse_owner(ctl);
	ret = may_erase(ctl);
	if (ret != CTL_OK)
		return ret;
	path = ctl_path("/v1/erase/", ctl->args[0], "");
	ret = work(ctl, path ? path : "", NULL, "erase", CTL_RECORDS, job_path, &job);
	free(path);
	if (ret != CTL_OK)
		return ret;
	if (ctl->json)
		ctl_print_json(job);
	else
		printf("erased by commit %llu\n",
		       (unsigned long long)ctl_number(json_object_get(job, "result"), "seq"));
	json_decref(job);
	return CTL_OK;
}
