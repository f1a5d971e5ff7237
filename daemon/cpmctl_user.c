/* SPDX-License-Identifier: Apache-2.0 */
/* daemon/cpmctl_user.c - the verb "user": who exists, and with which password; see cpmctl.h */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/cpmctl.h"

enum { PASSWORD_SOURCES = CTL_PASSWORD_FILE | CTL_GENERATE | CTL_NO_PASSWORD };

/* ---- requests ---- */

/* METHOD on the user NAME. */
static int call_user(struct ctl *ctl, const char *method, const char *name, json_t *body,
		     json_t **answer_out)
{
	char *path = ctl_path("/v1/users/", name, "");
	int ret = ctl_call(ctl, method, path ? path : "", body, answer_out);

	free(path);
	return ret;
}

static int not_utf8(const struct ctl *ctl)
{
	ctl_say_error(ctl, "usage", "a name or the password is not UTF-8", "set a UTF-8 locale");
	return CTL_USAGE;
}

/* Put the password that is asked for or made into BODY; PASSWORD holds it. */
static int add_password(const struct ctl *ctl, json_t *body, char password[CTL_PASSWORD_BYTES])
{
	int ret = ctl_password(ctl, password);

	if (ret == CTL_OK && json_object_set_new(body, "password", json_string(password)) < 0)
		ret = not_utf8(ctl);
	return ret;
}

/* Say what is done: ANSWER, or "DONE user"; and a password that nobody has seen yet. */
static void say_done(const struct ctl *ctl, const char *done, json_t *answer, const char *password)
{
	int is_new = (ctl->given & CTL_GENERATE) != 0;

	if (ctl->json) {
		if (is_new)
			json_object_set_new(answer, "password", json_string(password));
		ctl_print_json(answer);
		return;
	}
	printf("%s ", done);
	ctl_print_safe(stdout, ctl_text(answer, "user"));
	putchar('\n');
	if (is_new)
		printf("password %s\n", password);
}

/* ---- add, del, passwd ---- */

static json_t *aliases(const struct ctl *ctl)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < ctl->n_aliases; i++)
		if (json_array_append_new(list, json_string(ctl->aliases[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static int user_add(struct ctl *ctl, const char *name)
{
	char password[CTL_PASSWORD_BYTES] = "";
	json_t *answer, *body = json_pack("{s:s, s:o}", "user", name, "aliases", aliases(ctl));
	int ret = body ? CTL_OK : not_utf8(ctl);

	if (ret == CTL_OK && (ctl->given & CTL_OPERATOR))
		json_object_set_new(body, "roles", json_pack("[s, s]", "user", "operator"));
	if (ret == CTL_OK && !(ctl->given & CTL_NO_PASSWORD))
		ret = add_password(ctl, body, password);
	if (ret == CTL_OK) {
		ret = ctl_call(ctl, "POST", "/v1/users", body, &answer);
		body = NULL;
	}
	if (ret == CTL_OK) {
		say_done(ctl, "added", answer, password);
		json_decref(answer);
	}
	json_decref(body);
	explicit_bzero(password, sizeof(password));
	return ret;
}

static int user_del(struct ctl *ctl, const char *name)
{
	json_t *answer;
	int ret = call_user(ctl, "DELETE", name, NULL, &answer);

	if (ret != CTL_OK)
		return ret;
	say_done(ctl, "removed", answer, NULL);
	json_decref(answer);
	return CTL_OK;
}

static int user_passwd(struct ctl *ctl, const char *name)
{
	char password[CTL_PASSWORD_BYTES] = "";
	unsigned state = ctl->given & (CTL_DISABLE | CTL_ENABLE);
	int with_password = !state || (ctl->given & PASSWORD_SOURCES), ret = CTL_OK;
	json_t *answer, *body = json_object();

	if (state)
		json_object_set_new(body, "disabled", json_boolean(state == CTL_DISABLE));
	if (with_password)
		ret = add_password(ctl, body, password);
	if (ret == CTL_OK) {
		ret = call_user(ctl, "PATCH", name, body, &answer);
		body = NULL;
	}
	if (ret == CTL_OK) {
		say_done(ctl,
			 state == CTL_DISABLE  ? "disabled"
			 : state == CTL_ENABLE ? "enabled"
					       : "new password for",
			 answer, password);
		json_decref(answer);
	}
	json_decref(body);
	explicit_bzero(password, sizeof(password));
	return ret;
}

/* ---- list, show ---- */

/* Texts of an array, with commas. */
static void print_texts(const json_t *list)
{
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		fputs(i ? ", " : "", stdout);
		ctl_print_safe(stdout, json_string_value(one));
	}
}

static int is_operator(const json_t *user)
{
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(user, "roles"), i,
			   one) if (strcmp(json_string_value(one), "operator") == 0) return 1;
	return 0;
}

static const char *state_of(const json_t *user)
{
	if (json_is_true(json_object_get(user, "disabled")))
		return "disabled";
	return json_array_size(json_object_get(user, "logins")) ? "active" : "no password";
}

/* "STATE  ROLE  USER (ALIAS, ALIAS)": what is of any length stands last. */
static void print_line(const json_t *user)
{
	const json_t *list = json_object_get(user, "aliases");

	printf("%-11s  %-8s  ", state_of(user), is_operator(user) ? "operator" : "user");
	ctl_print_safe(stdout, ctl_text(user, "user"));
	if (json_array_size(list)) {
		fputs(" (", stdout);
		print_texts(list);
		putchar(')');
	}
	putchar('\n');
}

static void take_page(const struct ctl *ctl, const json_t *page, json_t *all)
{
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(page, "users"), i, one)
	{
		if (ctl->json)
			json_array_append(all, one);
		else
			print_line(one);
	}
}

static int user_list(struct ctl *ctl, const char *name)
{
	json_t *page, *all = json_array();
	char path[1024] = "/v1/users";
	int ret, more = 1;

	(void)name;
	while (more) {
		ret = ctl_call(ctl, "GET", path, NULL, &page);
		if (ret != CTL_OK) {
			json_decref(all);
			return ret;
		}
		take_page(ctl, page, all);
		more = json_object_get(page, "next") != NULL;
		snprintf(path, sizeof(path), "/v1/users?after=%s", ctl_text(page, "next"));
		json_decref(page);
	}
	page = json_pack("{s:o}", "users", all);
	if (ctl->json)
		ctl_print_json(page);
	json_decref(page);
	return CTL_OK;
}

static void print_time(const char *label, const json_t *user, const char *name)
{
	time_t at = (time_t)ctl_number(user, name);
	char text[32] = "";
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", localtime_r(&at, &tm));
	printf("%-10s%s\n", label, text);
}

static int user_show(struct ctl *ctl, const char *name)
{
	json_t *user;
	int ret = call_user(ctl, "GET", name, NULL, &user);

	if (ret != CTL_OK)
		return ret;
	if (ctl->json) {
		ctl_print_json(user);
	} else {
		printf("%-10s", "user");
		ctl_print_safe(stdout, ctl_text(user, "user"));
		printf("\n%-10s", "aliases");
		print_texts(json_object_get(user, "aliases"));
		printf("\n%-10s", "roles");
		print_texts(json_object_get(user, "roles"));
		printf("\n%-10s%s\n%-10s", "state", state_of(user), "logins");
		print_texts(json_object_get(user, "logins"));
		printf("\n%-10s", "realm");
		ctl_print_safe(stdout, ctl_text(user, "realm"));
		putchar('\n');
		print_time("created", user, "created_s");
		print_time("changed", user, "changed_s");
	}
	json_decref(user);
	return CTL_OK;
}

/* ---- which of them ---- */

static const struct what {
	const char *name;
	int n_args; /* the name of a user, or nothing */
	unsigned takes;
	int (*run)(struct ctl *ctl, const char *name);
	const char *usage;
} whats[] = {
	{ "add", 1, CTL_OPERATOR | CTL_ALIAS | PASSWORD_SOURCES, user_add,
	  "add NAME [--operator] [--alias ID]... [--password-file FILE | --generate | "
	  "--no-password]" },
	{ "del", 1, 0, user_del, "del NAME" },
	{ "list", 0, 0, user_list, "list" },
	{ "show", 1, 0, user_show, "show NAME" },
	{ "passwd", 1, CTL_PASSWORD_FILE | CTL_GENERATE | CTL_DISABLE | CTL_ENABLE, user_passwd,
	  "passwd NAME [--password-file FILE | --generate] [--disable | --enable]" },
};
enum { N_WHATS = sizeof(whats) / sizeof(whats[0]) };

static int is_one_at_most(unsigned set)
{
	return (set & (set - 1)) == 0;
}

static int misused(const struct ctl *ctl, const char *usage)
{
	char text[256];

	snprintf(text, sizeof(text), "\"user\" is used as: cpmctl user %s", usage);
	ctl_say_error(ctl, "usage", text, "\"cpmctl user --help\" says more");
	return CTL_USAGE;
}

int ctl_user(struct ctl *ctl)
{
	const struct what *what = whats;

	while (what < whats + N_WHATS && strcmp(what->name, ctl->args[0]) != 0)
		what++;
	if (what == whats + N_WHATS)
		return misused(ctl, "add | del | list | show | passwd");
	if (ctl->n_args - 1 != what->n_args || (what->n_args && !ctl->args[1][0]) ||
	    (ctl->given & ~what->takes) || !is_one_at_most(ctl->given & PASSWORD_SOURCES) ||
	    !is_one_at_most(ctl->given & (CTL_DISABLE | CTL_ENABLE)))
		return misused(ctl, what->usage);
	return what->run(ctl, what->n_args ? ctl->args[1] : NULL);
}
