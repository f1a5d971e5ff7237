/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin_users_http.c - the verbs about users: see admin_call.h, users.h
 *
 * The store is asked on the job pool. Passwords come in and are never shown or logged; of the
 * credentials an answer tells the names that can be logged in by.
 */
#include <string.h>

#include "admin/admin_call.h"
#include "admin/admin_show.h"
#include "admin/users.h"
#include "base/log.h"
#include "http/http.h"

enum { TEXT_MAX = 1024, ALIASES_MAX = 64 };

static const struct {
	const char *name;
	enum auth_role role;
} roles[] = {
	{ "user", AUTH_ROLE_USER },
	{ "operator", AUTH_ROLE_OPERATOR },
};
enum { N_ROLES = sizeof(roles) / sizeof(roles[0]) };

/* ---- showing ---- */

static json_t *text(struct strv s)
{
	return json_stringn(s.n ? s.p : "", s.n);
}

static json_t *role_names(unsigned set)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < N_ROLES; i++)
		if (set & (unsigned)roles[i].role)
			json_array_append_new(list, json_string(roles[i].name));
	return list;
}

/* Each name once, whatever algorithms it has. */
static json_t *login_names(const struct auth_user *user)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < user->n_creds; i++) {
		unsigned j = 0;

		while (j < i && !strv_eq(user->cred[j].username, user->cred[i].username))
			j++;
		if (j == i)
			json_array_append_new(list, text(user->cred[i].username));
	}
	return list;
}

static json_t *user_json(const struct auth_user *user)
{
	json_t *json = json_object(), *aliases = json_array();

	json_object_set_new(json, "user", text(user->identity[0]));
	for (unsigned i = 1; i < user->n_identities; i++)
		json_array_append_new(aliases, text(user->identity[i]));
	json_object_set_new(json, "aliases", aliases);
	json_object_set_new(json, "roles", role_names(user->roles));
	json_object_set_new(json, "disabled", json_boolean(user->disabled));
	json_object_set_new(json, "logins", login_names(user));
	if (user->n_creds)
		json_object_set_new(json, "realm", text(user->cred[0].realm));
	json_object_set_new(json, "created_s", json_integer(user->created_s));
	json_object_set_new(json, "changed_s", json_integer(user->changed_s));
	return json;
}

/* Show who has IDENTITY, as the call's JSON. */
static int show(struct admin_call *call, struct strv identity)
{
	struct arena *arena = arena_new(0);
	struct auth_user *user = arena ? arena_alloc(arena, sizeof(*user)) : NULL;
	int ret;

	if (!user)
		ret = err_set(&call->err, ERR_NOMEM, "no memory for a user record");
	else
		ret = users_get_sync(call->admin->users, identity, arena, user, &call->err);
	if (ret == 0)
		call->json = user_json(user);
	arena_free(&arena);
	return ret;
}

/* ---- reading a request's body ---- */

/* Bodies of POST, PUT and PATCH; strings are borrowed from BODY. */
struct wish {
	json_t *body;
	struct strv user;
	struct users_change change;
	struct strv aliases[ALIASES_MAX];
};

static int read_roles(const json_t *list, struct wish *wish, struct err *err)
{
	wish->change.has_roles = list != NULL;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		unsigned r = 0;

		while (r < N_ROLES && strcmp(roles[r].name, name) != 0)
			r++;
		if (r == N_ROLES)
			return err_set(err, ERR_RANGE,
				       "no role \"%.40s\"; there are user and operator", name);
		wish->change.roles |= (unsigned)roles[r].role;
	}
	return 0;
}

static void read_aliases(const json_t *list, struct wish *wish)
{
	wish->change.has_aliases = list != NULL;
	wish->change.aliases = wish->aliases;
	wish->change.n_aliases = (unsigned)json_array_size(list);
	for (unsigned i = 0; i < wish->change.n_aliases; i++) {
		const json_t *one = json_array_get(list, i);

		wish->aliases[i] = strv_mem(json_string_value(one), json_string_length(one));
	}
}

/* WITH_USER: the identity stands in the body, else in the path. */
static int read_wish(struct admin_call *call, int with_user, struct wish *wish)
{
	const json_t *role_list = NULL, *alias_list = NULL;
	int disabled = -1;
	const struct json_member members[] = {
		{ "password", JSON_KIND_STR, 0, &wish->change.password, 0, TEXT_MAX },
		{ "roles", JSON_KIND_STRS, 0, &role_list, 1, N_ROLES },
		{ "aliases", JSON_KIND_STRS, 0, &alias_list, 0, ALIASES_MAX },
		{ "disabled", JSON_KIND_BOOL, 0, &disabled, 0, 0 },
		{ "user", JSON_KIND_STR, 1, &wish->user, 1, TEXT_MAX },
	};

	memset(wish, 0, sizeof(*wish));
	wish->user = call->part;
	wish->body = json_parse(http_req_body(call->req), ADMIN_DEPTH_MAX, &call->err);
	if (!wish->body || json_members(wish->body, members, with_user ? 5 : 4, &call->err) < 0 ||
	    read_roles(role_list, wish, &call->err) < 0)
		return -1;
	read_aliases(alias_list, wish);
	wish->change.has_disabled = disabled >= 0;
	wish->change.disabled = disabled > 0;
	return 0;
}

/* ---- changing ---- */

/* On the pool: what WISH says, then the user as it is now. */
static void carry_out(struct admin_call *call, struct wish *wish, enum users_how how)
{
	struct users_result result;

	if (users_put_sync(call->admin->users, wish->user, how, &wish->change, &result,
			   &call->err) == 0 &&
	    show(call, strv_of(result.home)) == 0) {
		call->err.code = ERR_NONE;
		call->max = result.created ? 201 : 200;
	}
}

static void run_post(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	struct wish wish;

	if (read_wish(call, 1, &wish) == 0)
		carry_out(call, &wish, USERS_CREATE);
	json_decref(wish.body);
}

/* The whole of a user: what is not said is as for a new one. Only the password, which nobody can
 * read and give back, stays. */
static void run_put(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	struct wish wish;

	if (read_wish(call, 0, &wish) == 0) {
		wish.change.roles = wish.change.has_roles ? wish.change.roles : AUTH_ROLE_USER;
		wish.change.has_roles = wish.change.has_aliases = wish.change.has_disabled = 1;
		carry_out(call, &wish, USERS_EITHER);
	}
	json_decref(wish.body);
}

/* Only what is said. */
static void run_patch(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	struct wish wish;

	if (read_wish(call, 0, &wish) == 0)
		carry_out(call, &wish, USERS_UPDATE);
	json_decref(wish.body);
}

static void run_password(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	struct wish wish = { .user = call->part };
	const struct json_member member = { "password", JSON_KIND_STR, 1, &wish.change.password,
					    0,		TEXT_MAX };

	wish.body = json_parse(http_req_body(call->req), ADMIN_DEPTH_MAX, &call->err);
	if (wish.body && json_members(wish.body, &member, 1, &call->err) == 0)
		carry_out(call, &wish, USERS_UPDATE);
	json_decref(wish.body);
}

static void run_delete(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;

	/* Shown as it was. */
	if (show(call, call->part) < 0)
		return;
	if (users_del_sync(call->admin->users, call->part, &call->err) == 0) {
		call->err.code = ERR_NONE;
		call->max = 200;
		return;
	}
	json_decref(call->json);
	call->json = NULL;
}

/* Say what was done in the log, and answer. */
static void changed(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;

	if (call->err.code) {
		admin_answer_err(call->req, &call->err);
		return;
	}
	log_info(LOG_ADMIN, "user", L_SV("method", http_req_method(call->req)),
		 L_STR("user", json_string_value(json_object_get(call->json, "user"))),
		 L_INT("status", (int64_t)call->max), L_ID(http_req_trace(call->req)));
	admin_answer_json(call->req, (unsigned)call->max, call->json);
}

void admin_user_post_verb(struct admin_call *call)
{
	admin_call_on_pool(call, run_post, changed);
}

void admin_user_put_verb(struct admin_call *call)
{
	admin_call_on_pool(call, run_put, changed);
}

void admin_user_patch_verb(struct admin_call *call)
{
	admin_call_on_pool(call, run_patch, changed);
}

void admin_user_delete_verb(struct admin_call *call)
{
	admin_call_on_pool(call, run_delete, changed);
}

void admin_user_password_verb(struct admin_call *call)
{
	admin_call_on_pool(call, run_password, changed);
}

/* ---- asking ---- */

static void run_get(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;

	if (show(call, call->part) == 0)
		call->err.code = ERR_NONE;
}

void admin_user_get_verb(struct admin_call *call)
{
	admin_call_on_pool(call, run_get, admin_call_answer);
}

static void run_list(struct job *job)
{
	struct admin_call *call = (struct admin_call *)(void *)job;
	struct arena *arena = arena_new(0);
	struct users_page page;
	json_t *list;

	if (!arena) {
		err_set(&call->err, ERR_NOMEM, "no memory for a list of users");
		return;
	}
	if (users_list_sync(call->admin->users, call->after, (unsigned)call->max, arena, &page,
			    &call->err) == 0) {
		list = json_array();
		for (unsigned i = 0; i < page.n; i++)
			json_array_append_new(list, user_json(page.user[i]));
		call->json = json_pack("{s:o}", "users", list);
		if (page.next.n)
			json_object_set_new(call->json, "next", admin_show_encoded(page.next));
		call->err.code = ERR_NONE;
	}
	arena_free(&arena);
}

void admin_users_verb(struct admin_call *call)
{
	if (admin_call_read_page(call, KV_OWNER_MAX) < 0)
		admin_answer_err(call->req, &call->err);
	else
		admin_call_on_pool(call, run_list, admin_call_answer);
}
