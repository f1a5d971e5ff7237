/* SPDX-License-Identifier: Apache-2.0 */
/* daemon/cpmctl_sip.c - the verb "sip": registrations, peers, transactions, trace; see cpmctl.h */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/cpmctl.h"

static int no_memory(const struct ctl *ctl)
{
	ctl_say_error(ctl, "nomem", "no memory for a request", NULL);
	return CTL_FAILED;
}

/* METHOD on PATH, with NAME (may be NULL) behind it. CTL_OK with the answer still to be shown in
 * ANSWER_OUT; NULL there when it has been printed as JSON. */
static int ask(struct ctl *ctl, const char *method, const char *path, const char *name,
	       json_t **answer_out)
{
	char *whole = ctl_path(path, name ? name : "", "");
	int ret = whole ? ctl_call(ctl, method, whole, NULL, answer_out) : no_memory(ctl);

	free(whole);
	if (ret == CTL_OK && ctl->json) {
		ctl_print_json(*answer_out);
		json_decref(*answer_out);
	}
	if (ret != CTL_OK || ctl->json)
		*answer_out = NULL;
	return ret;
}

/* ---- registrations ---- */

/* "TRANSPORT  SOURCE  LEFT  USER  CONTACT": what is of any length stands last. */
static void print_line(const json_t *user, const json_t *contact)
{
	char left[32];

	printf("%-4s  %-22s  %-13s  ", ctl_text(contact, "transport"), ctl_text(contact, "source"),
	       ctl_span_text(left, ctl_number(contact, "expires_s") * 1000));
	ctl_print_safe(stdout, ctl_text(user, "user"));
	fputs("  ", stdout);
	ctl_print_safe(stdout, ctl_text(contact, "uri"));
	putchar('\n');
}

static void take_page(const struct ctl *ctl, const json_t *page, json_t *all)
{
	json_t *user, *contact;
	size_t i, c;

	json_array_foreach(json_object_get(page, "users"), i, user)
	{
		if (ctl->json)
			json_array_append(all, user);
		else
			json_array_foreach(json_object_get(user, "contacts"), c, contact)
				print_line(user, contact);
	}
}

static int list_all(struct ctl *ctl)
{
	json_t *page, *all = json_array();
	char path[1024] = "/v1/sip/registrations";
	int ret, more = 1, loaded = 1;

	while (more) {
		ret = ctl_call(ctl, "GET", path, NULL, &page);
		if (ret != CTL_OK) {
			json_decref(all);
			return ret;
		}
		take_page(ctl, page, all);
		loaded = loaded && json_is_true(json_object_get(page, "loaded"));
		more = json_object_get(page, "next") != NULL && !ctl_interrupted();
		snprintf(path, sizeof(path), "/v1/sip/registrations?after=%s",
			 ctl_text(page, "next"));
		json_decref(page);
	}
	page = json_pack("{s:b, s:o}", "loaded", loaded, "users", all);
	if (ctl->json)
		ctl_print_json(page);
	else if (!loaded)
		fputs("cpmctl: registrations are still being read back; there are more\n", stderr);
	json_decref(page);
	return CTL_OK;
}

static void row(const char *name, const char *value)
{
	if (!*value)
		return;
	printf("  %-12s", name);
	ctl_print_safe(stdout, value);
	putchar('\n');
}

static void row_time(const char *name, const json_t *contact, const char *member)
{
	time_t at = (time_t)(ctl_number(contact, member) / 1000);
	char text[32] = "";
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", localtime_r(&at, &tm));
	row(name, text);
}

static void print_contact(const json_t *contact)
{
	const json_t *connected = json_object_get(contact, "connected");
	char text[128], left[32];

	fputs("contact       ", stdout);
	ctl_print_safe(stdout, ctl_text(contact, "uri"));
	putchar('\n');
	row("ends in", ctl_span_text(left, ctl_number(contact, "expires_s") * 1000));
	snprintf(text, sizeof(text), "%.8s %.64s%s%s", ctl_text(contact, "transport"),
		 ctl_text(contact, "source"),
		 json_is_true(json_object_get(contact, "nat")) ? ", behind NAT" : "",
		 connected && !json_is_true(connected) ? ", not connected" : "");
	row("from", text);
	row("instance", ctl_text(contact, "instance"));
	if (ctl_number(contact, "reg_id")) {
		snprintf(text, sizeof(text), "%llu",
			 (unsigned long long)ctl_number(contact, "reg_id"));
		row("reg-id", text);
	}
	row("params", ctl_text(contact, "params"));
	row("path", ctl_text(contact, "path"));
	row("agent", ctl_text(contact, "user_agent"));
	row_time("since", contact, "since_ms");
	row_time("refreshed", contact, "refreshed_ms");
}

static int show_one(struct ctl *ctl)
{
	json_t *user, *one;
	size_t i;
	int ret = ask(ctl, "GET", "/v1/sip/registrations/", ctl->args[1], &user);

	if (!user)
		return ret;
	fputs("user          ", stdout);
	ctl_print_safe(stdout, ctl_text(user, "user"));
	fputs("\nidentities    ", stdout);
	json_array_foreach(json_object_get(user, "identities"), i, one)
	{
		fputs(i ? ", " : "", stdout);
		ctl_print_safe(stdout, json_string_value(one));
	}
	putchar('\n');
	json_array_foreach(json_object_get(user, "contacts"), i, one) print_contact(one);
	json_decref(user);
	return CTL_OK;
}

static int sip_registrations(struct ctl *ctl)
{
	return ctl->n_args > 1 ? show_one(ctl) : list_all(ctl);
}

static int sip_drop(struct ctl *ctl)
{
	json_t *user;
	size_t n;
	int ret = ask(ctl, "DELETE", "/v1/sip/registrations/", ctl->args[1], &user);

	if (!user)
		return ret;
	n = json_array_size(json_object_get(user, "contacts"));
	fputs("dropped ", stdout);
	ctl_print_safe(stdout, ctl_text(user, "user"));
	printf(", %zu contact%s\n", n, n == 1 ? "" : "s");
	json_decref(user);
	return CTL_OK;
}

/* ---- peers, transactions ---- */

static int sip_peers(struct ctl *ctl)
{
	json_t *json, *list, *one;
	size_t i;
	int ret = ask(ctl, "GET", "/v1/sip/peers", NULL, &json);

	if (!json)
		return ret;
	list = json_object_get(json, "peers");
	if (json_array_size(list))
		printf("%-20s  %-7s  %-4s  %-3s  %12s  %12s  %s\n", "name", "trusted", "core",
		       "TLS", "requests", "refused", "where to");
	else
		puts("no peers");
	json_array_foreach(list, i, one)
	{
		printf("%-20s  %-7s  %-4s  %-3s  %12llu  %12llu  ", ctl_text(one, "name"),
		       json_is_true(json_object_get(one, "trusted")) ? "yes" : "no",
		       json_is_true(json_object_get(one, "core")) ? "yes" : "no",
		       json_is_true(json_object_get(one, "tls")) ? "yes" : "no",
		       (unsigned long long)ctl_number(one, "requests"),
		       (unsigned long long)ctl_number(one, "refused"));
		ctl_print_safe(stdout, ctl_text(one, "uri"));
		putchar('\n');
	}
	json_decref(json);
	return CTL_OK;
}

static int sip_transactions(struct ctl *ctl)
{
	static const char *const names[] = { "server",	      "client",	       "finished",
					     "subscriptions", "retransmitted", "timed_out" };
	json_t *json, *one;
	size_t i;
	int ret = ask(ctl, "GET", "/v1/sip/transactions", NULL, &json);

	if (!json)
		return ret;
	printf("%-6s", "worker");
	for (unsigned n = 0; n < sizeof(names) / sizeof(names[0]); n++)
		printf("  %13s", names[n]);
	putchar('\n');
	json_array_foreach(json_object_get(json, "workers"), i, one)
	{
		printf("%-6llu", (unsigned long long)ctl_number(one, "worker"));
		for (unsigned n = 0; n < sizeof(names) / sizeof(names[0]); n++)
			printf("  %13llu", (unsigned long long)ctl_number(one, names[n]));
		putchar('\n');
	}
	json_decref(json);
	return CTL_OK;
}

/* ---- trace ---- */

static int misused(const struct ctl *ctl, const char *usage)
{
	char text[256];

	snprintf(text, sizeof(text), "\"sip\" is used as: cpmctl sip %s", usage);
	ctl_say_error(ctl, "usage", text, "\"cpmctl sip --help\" says more");
	return CTL_USAGE;
}

static const char trace_usage[] = "trace [USER on | USER off]";

/* Who is traced, now. */
static int sip_trace(struct ctl *ctl)
{
	int on = ctl->n_args == 3 && strcmp(ctl->args[2], "on") == 0;
	json_t *json, *one;
	size_t i;
	int ret;

	if (ctl->n_args == 2 || (ctl->n_args == 3 && !on && strcmp(ctl->args[2], "off") != 0))
		return misused(ctl, trace_usage);
	if (ctl->n_args == 1)
		ret = ask(ctl, "GET", "/v1/sip/trace", NULL, &json);
	else
		ret = ask(ctl, on ? "PUT" : "DELETE", "/v1/sip/trace/", ctl->args[1], &json);
	if (!json)
		return ret;
	if (!json_array_size(json_object_get(json, "users")))
		puts("nobody is traced");
	json_array_foreach(json_object_get(json, "users"), i, one)
	{
		ctl_print_safe(stdout, json_string_value(one));
		putchar('\n');
	}
	json_decref(json);
	return CTL_OK;
}

/* ---- which of them ---- */

static const struct what {
	const char *name;
	int min_args, max_args; /* behind it */
	int (*run)(struct ctl *ctl);
	const char *usage;
} whats[] = {
	{ "registrations", 0, 1, sip_registrations, "registrations [USER]" },
	{ "drop", 1, 1, sip_drop, "drop USER" },
	{ "peers", 0, 0, sip_peers, "peers" },
	{ "transactions", 0, 0, sip_transactions, "transactions" },
	{ "trace", 0, 2, sip_trace, trace_usage },
};
enum { N_WHATS = sizeof(whats) / sizeof(whats[0]) };

int ctl_sip(struct ctl *ctl)
{
	const struct what *what = whats;

	while (what < whats + N_WHATS && strcmp(what->name, ctl->args[0]) != 0)
		what++;
	if (what == whats + N_WHATS)
		return misused(ctl, "registrations | drop | peers | transactions | trace");
	if (ctl->n_args - 1 < what->min_args || ctl->n_args - 1 > what->max_args ||
	    (ctl->n_args > 1 && !ctl->args[1][0]))
		return misused(ctl, what->usage);
	return what->run(ctl);
}
