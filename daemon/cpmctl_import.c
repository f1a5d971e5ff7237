/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/cpmctl_import.c - the verb "import": many users, their documents and contacts
 *
 *     DIR/users.csv                  a row a user: id, password, aliases, operator, disabled
 *     DIR/AUID/users/XUI/DOCUMENT    a document, named as below the XCAP root
 *     DIR/AUID/global/DOCUMENT
 *     DIR/contacts/XUI.vcf, .csv     into the address book of XUI
 *
 * or a table of users alone. What is sent together is a few hundred users; a journal beside the
 * source says how many are done, so that an import that was broken off goes on where it was.
 */
#include "daemon/cpmctl_import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


enum {
	AT_ONCE_USERS = 500,
	AT_ONCE_BYTES = 8 << 20,
	FILE_MAX = 64 << 20,
	PATH_BYTES = 4096,
	REMARKS_MAX = 200,
};

struct import {
	struct ctl *ctl;
	struct ctl_source source;
	char journal[PATH_BYTES];
	FILE *journal_file;
	size_t done; /* items */
	uint64_t users, known, docs, contacts, left_out;
	json_t *remarks; /* {"what", "why"} */
	struct ctl_progress progress;
};

static int failed(const struct ctl *ctl, const char *what, const char *name)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s %.800s: %s", what, name, strerror(errno));
	ctl_say_error(ctl, "io", text, NULL);
	return CTL_FAILED;
}

static void leave_out(struct import *im, const char *id, const char *what, const char *why)
{
	char text[512];

	im->left_out++;
	snprintf(text, sizeof(text), "%.200s%s%.200s", id, *id && *what ? ": " : "", what);
	if (json_array_size(im->remarks) < REMARKS_MAX)
		json_array_append_new(im->remarks,
				      json_pack("{s:s, s:s}", "what", text, "why", why));
}

/* ---- the journal ---- */

/* What the source looks like: another one does not go on where this one was. */
static void fingerprint(const struct import *im, char out[64])
{
	uint64_t h = UINT64_C(0xCBF29CE484222325);

	for (size_t i = 0; i < im->source.n; i++)
		for (const char *p = im->source.item[i].id; *p; p++)
			h = (h ^ (unsigned char)*p) * UINT64_C(0x100000001B3);
	snprintf(out, 64, "opencpm-import 1 %zu %016llx", im->source.n, (unsigned long long)h);
}

static int open_journal(struct import *im)
{
	char line[128], want[64];
	FILE *old = fopen(im->journal, "r");
	unsigned long long n;

	fingerprint(im, want);
	if (old && fgets(line, sizeof(line), old)) {
		line[strcspn(line, "\n")] = '\0';
		while (strcmp(line, want) == 0 && fscanf(old, "%llu\n", &n) == 1)
			im->done = n <= im->source.n ? (size_t)n : im->done;
	}
	if (old)
		fclose(old);
	if (im->ctl->dry_run) {
		im->done = 0;
		return CTL_OK;
	}
	im->journal_file = fopen(im->journal, im->done ? "a" : "w");
	if (!im->journal_file)
		return failed(im->ctl, "cannot write the journal", im->journal);
	if (!im->done)
		fprintf(im->journal_file, "%s\n", want);
	else if (!im->ctl->json)
		fprintf(stderr, "going on behind the first %zu of %zu\n", im->done, im->source.n);
	return CTL_OK;
}

static int note_done(struct import *im)
{
	if (!im->journal_file)
		return CTL_OK;
	fprintf(im->journal_file, "%zu\n", im->done);
	if (fflush(im->journal_file) != 0 || fdatasync(fileno(im->journal_file)) != 0)
		return failed(im->ctl, "cannot write the journal", im->journal);
	return CTL_OK;
}

/* ---- sending ---- */

/* FILE's text as JSON; NULL: it is no UTF-8, or cannot be read (which has been noted). */
static json_t *file_json(struct import *im, const struct ctl_item *item, const char *file,
			 const char *name, size_t *bytes)
{
	char *text = NULL;
	json_t *json = NULL;
	size_t n;

	if (ctl_read_file(im->ctl, file, FILE_MAX, &text, &n) != CTL_OK) {
		leave_out(im, item->id, name, "the file cannot be read");
	} else {
		json = json_stringn(text, n);
		if (!json)
			leave_out(im, item->id, name, "the file is not UTF-8");
		*bytes += n;
	}
	free(text);
	return json;
}

/* Cards of any character set go alone, as they are. */
static int send_cards(struct import *im, const struct ctl_item *item, const char *file, int is_csv)
{
	char suffix[64], *path, *text = NULL;
	json_t *answer;
	size_t n;
	int ret;

	snprintf(suffix, sizeof(suffix), "/import?format=%s%s", is_csv ? "csv" : "vcard",
		 im->ctl->dry_run ? "&dry=1" : "");
	path = ctl_path("/v1/cab/", item->id, suffix);
	ret = path ? ctl_read_file(im->ctl, file, FILE_MAX, &text, &n) : CTL_FAILED;
	if (ret == CTL_OK)
		ret = ctl_send(im->ctl, "POST", path, strv_mem(text, n), &answer);
	if (ret == CTL_OK) {
		im->contacts += ctl_number(answer, "cards");
		json_decref(answer);
	} else if (ret == CTL_FAILED) {
		leave_out(im, item->id, file, "the contacts were refused");
		ret = CTL_OK;
	}
	free(path);
	free(text);
	return ret;
}

/* The cards of ITEM as JSON when they are UTF-8; then they need not go alone. */
static void add_cards(struct import *im, struct ctl_item *item, json_t *json, size_t *bytes)
{
	json_t *cards = NULL;
	char *text = NULL;
	size_t n;

	if (!item->vcards || *bytes > AT_ONCE_BYTES)
		return;
	if (ctl_read_file(im->ctl, item->vcards, FILE_MAX, &text, &n) == CTL_OK)
		cards = json_stringn(text, n);
	free(text);
	if (!cards)
		return;
	*bytes += n;
	json_object_set_new(json, "vcards", cards);
	free(item->vcards);
	item->vcards = NULL;
}

/* ITEM as a user of the request. */
static json_t *item_json(struct import *im, struct ctl_item *item, size_t *bytes)
{
	json_t *json = json_pack("{s:s, s:b}", "id", item->id, "user", item->is_user);
	json_t *docs = json_array(), *content, *aliases;
	char *copy, *save = NULL;

	if (item->password && *item->password)
		json_object_set_new(json, "password", json_string(item->password));
	if (item->aliases && *item->aliases) {
		aliases = json_array();
		copy = strdup(item->aliases);
		for (char *p = copy ? strtok_r(copy, " \t\n", &save) : NULL; p;
		     p = strtok_r(NULL, " \t\n", &save))
			json_array_append_new(aliases, json_string(p));
		free(copy);
		json_object_set_new(json, "aliases", aliases);
	}
	if (item->is_operator)
		json_object_set_new(json, "operator", json_true());
	if (item->is_disabled)
		json_object_set_new(json, "disabled", json_true());
	for (unsigned i = 0; i < item->n_docs; i++) {
		content = file_json(im, item, item->doc[i].file, item->doc[i].name, bytes);
		if (content)
			json_array_append_new(docs,
					      json_pack("{s:s, s:o}", "name", item->doc[i].name,
							"content", content));
	}
	json_object_set_new(json, "docs", docs);
	add_cards(im, item, json, bytes);
	*bytes += 200;
	return json;
}

static void take_report(struct import *im, const json_t *report, size_t first)
{
	const json_t *one;
	size_t i;

	im->users += ctl_number(report, "users");
	im->known += ctl_number(report, "known");
	im->docs += ctl_number(report, "docs");
	im->contacts += ctl_number(report, "contacts");
	im->left_out += ctl_number(report, "left_out");
	json_array_foreach(json_object_get(report, "remarks"), i, one)
	{
		size_t at = first + (size_t)ctl_number(one, "user");

		im->left_out--; /* counted by leave_out */
		leave_out(im, at < im->source.n ? im->source.item[at].id : "",
			  ctl_text(one, "what"), ctl_text(one, "why"));
	}
}

/* The next few hundred items. */
static int send_some(struct import *im)
{
	json_t *users = json_array(), *body, *answer;
	size_t first = im->done, at = first, bytes = 0;
	int ret;

	for (; at < im->source.n && at - first < AT_ONCE_USERS && bytes < AT_ONCE_BYTES; at++)
		json_array_append_new(users, item_json(im, &im->source.item[at], &bytes));
	body = json_pack("{s:b, s:o}", "dry", im->ctl->dry_run, "users", users);
	ret = ctl_call(im->ctl, "POST", "/v1/import", body, &answer);
	if (ret != CTL_OK)
		return ret;
	take_report(im, answer, first);
	json_decref(answer);
	for (size_t i = first; i < at && ret == CTL_OK; i++) {
		const struct ctl_item *item = &im->source.item[i];

		/* Nobody to fill a book of has been made by a dry run. */
		if (im->ctl->dry_run && item->is_user)
			continue;
		if (item->vcards)
			ret = send_cards(im, item, item->vcards, 0);
		if (item->csv && ret == CTL_OK)
			ret = send_cards(im, item, item->csv, 1);
	}
	if (ret != CTL_OK)
		return ret;
	im->done = at;
	return note_done(im);
}

static int send_global(struct import *im)
{
	int ret = CTL_OK;

	for (unsigned i = 0; i < im->source.global.n_docs && ret == CTL_OK && !im->ctl->dry_run;
	     i++) {
		const struct ctl_item_doc *doc = &im->source.global.doc[i];
		char *path = ctl_path("/v1/docs/", doc->name, ""), *text = NULL;
		json_t *answer;
		size_t n;

		ret = path ? ctl_read_file(im->ctl, doc->file, FILE_MAX, &text, &n) : CTL_FAILED;
		if (ret == CTL_OK)
			ret = ctl_send(im->ctl, "PUT", path, strv_mem(text, n), &answer);
		if (ret == CTL_OK) {
			im->docs++;
			json_decref(answer);
		} else if (ret == CTL_FAILED) {
			leave_out(im, "", doc->name, "the document was refused");
			ret = CTL_OK;
		}
		free(path);
		free(text);
	}
	return ret;
}

/* ---- all of it ---- */

static void say_result(struct import *im)
{
	const json_t *one;
	size_t i;

	if (im->ctl->json) {
		json_t *json =
			json_pack("{s:I, s:I, s:I, s:I, s:I, s:b, s:O}", "users",
				  (json_int_t)im->users, "known", (json_int_t)im->known, "docs",
				  (json_int_t)im->docs, "contacts", (json_int_t)im->contacts,
				  "left_out", (json_int_t)im->left_out, "dry", im->ctl->dry_run,
				  "remarks", im->remarks);

		ctl_print_json(json);
		json_decref(json);
		return;
	}
	printf("%llu new users, %llu known ones, %llu documents, %llu contacts; %llu left out\n",
	       (unsigned long long)im->users, (unsigned long long)im->known,
	       (unsigned long long)im->docs, (unsigned long long)im->contacts,
	       (unsigned long long)im->left_out);
	json_array_foreach(im->remarks, i, one)
	{
		fputs("  ", stdout);
		ctl_print_safe(stdout, ctl_text(one, "what"));
		fputs(": ", stdout);
		ctl_print_safe(stdout, ctl_text(one, "why"));
		putchar('\n');
	}
	if (im->ctl->dry_run)
		puts("nothing was stored: this was a dry run");
}

static int send_all(struct import *im)
{
	int ret = CTL_OK;

	ctl_progress_begin(&im->progress, im->ctl, "import", CTL_RECORDS);
	while (im->done < im->source.n && ret == CTL_OK) {
		if (ctl_interrupted()) {
			ctl_progress_end(&im->progress);
			ctl_say_error(im->ctl, "cancelled", "the import was broken off",
				      "the same command goes on where it was");
			return CTL_CANCELLED;
		}
		ret = send_some(im);
		ctl_progress_show(&im->progress, im->done, im->source.n);
	}
	ctl_progress_end(&im->progress);
	return ret == CTL_OK ? send_global(im) : ret;
}

int ctl_import(struct ctl *ctl)
{
	struct import im = { .ctl = ctl, .remarks = json_array() };
	const char *from = ctl->args[0];
	struct stat st;
	int is_dir = stat(from, &st) == 0 && S_ISDIR(st.st_mode), ret;

	ctl_catch_interrupts();
	snprintf(im.journal, sizeof(im.journal), "%s%s", from,
		 is_dir ? "/.cpmctl-import" : ".cpmctl-import");
	ret = ctl_source_read(ctl, from, &im.source, im.remarks);
	im.left_out = json_array_size(im.remarks);
	if (ret == CTL_OK)
		ret = open_journal(&im);
	if (ret == CTL_OK)
		ret = send_all(&im);
	if (im.journal_file)
		fclose(im.journal_file);
	if (ret == CTL_OK) {
		say_result(&im);
		if (!ctl->dry_run)
			unlink(im.journal);
		ret = im.left_out ? CTL_FAILED : CTL_OK;
	}
	ctl_source_free(&im.source);
	json_decref(im.remarks);
	return ret;
}
