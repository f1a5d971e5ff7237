/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/pol_perm.c - the table of permissions (see pol_perm.h)
 *
 * Sources: RFC 5025 s3.2 and s3.3; OMA's schemas of presence rules, groups and XDM extensions; our
 * own user preferences and operator policy (schema/user-prefs.xsd, schema/operator-policy.xsd).
 */
#include "policy/pol_perm.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include "policy/pol_priv.h"

static const struct pol_word sub_handling[] = {
	{ "block", POL_SUB_BLOCK },
	{ "confirm", POL_SUB_CONFIRM },
	{ "polite-block", POL_SUB_POLITE_BLOCK },
	{ "allow", POL_SUB_ALLOW },
	{ NULL, 0 },
};
static const struct pol_word user_input[] = {
	{ "false", 0 }, { "bare", 10 }, { "thresholds", 20 }, { "full", 30 }, { NULL, 0 },
};
static const struct pol_word geopriv[] = { { "false", 0 }, { "full", 10 }, { NULL, 0 } };
static const struct pol_word remove_media[] = {
	{ "none", POL_REMOVE_NONE },
	{ "own", POL_REMOVE_OWN },
	{ "any", POL_REMOVE_ANY },
	{ NULL, 0 },
};
static const struct pol_word deliver[] = {
	{ "drop", POL_DELIVER_DROP },
	{ "reject", POL_DELIVER_REJECT },
	{ "silent", POL_DELIVER_SILENT },
	{ "allow", POL_DELIVER_ALLOW },
	{ NULL, 0 },
};
static const struct pol_word deferred[] = {
	{ "off", POL_DEFERRED_OFF },
	{ "hold", POL_DEFERRED_HOLD },
	{ "notify", POL_DEFERRED_NOTIFY },
	{ "push", POL_DEFERRED_PUSH },
	{ NULL, 0 },
};
static const struct pol_word logging[] = {
	{ "none", 0 }, { "meta", 10 }, { "full", 20 }, { NULL, 0 }
};

#define BOOL(ns, local, who, ban, builtin)                                        \
	{                                                                         \
		local, ns, local, POL_TYPE_BOOL, NULL, POL_BY_##who, ban, builtin \
	}
#define NUMBER(ns, local, who, builtin)                                  \
	{                                                                \
		local, ns, local, POL_TYPE_NUMBER, NULL, who, 0, builtin \
	}
#define WORD(ns, local, words, who, builtin)                            \
	{                                                               \
		local, ns, local, POL_TYPE_WORD, words, who, 0, builtin \
	}
#define EMPTY(ns, local)                                                  \
	{                                                                 \
		local, ns, local, POL_TYPE_EMPTY, NULL, POL_BY_USER, 0, 0 \
	}
#define SET(ns, local)                                                  \
	{                                                               \
		local, ns, local, POL_TYPE_SET, NULL, POL_BY_USER, 0, 0 \
	}

static const struct pol_perm_row rows[POL_PERMS] = {
	[POL_SUB_HANDLING] =
		WORD(NS_PRES_RULES, "sub-handling", sub_handling, POL_BY_USER, POL_SUB_BLOCK),
	[POL_PROVIDE_ACTIVITIES] = BOOL(NS_PRES_RULES, "provide-activities", USER, 0, 0),
	[POL_PROVIDE_CLASS] = BOOL(NS_PRES_RULES, "provide-class", USER, 0, 0),
	[POL_PROVIDE_DEVICE_ID] = BOOL(NS_PRES_RULES, "provide-deviceID", USER, 0, 0),
	[POL_PROVIDE_MOOD] = BOOL(NS_PRES_RULES, "provide-mood", USER, 0, 0),
	[POL_PROVIDE_PLACE_IS] = BOOL(NS_PRES_RULES, "provide-place-is", USER, 0, 0),
	[POL_PROVIDE_PLACE_TYPE] = BOOL(NS_PRES_RULES, "provide-place-type", USER, 0, 0),
	[POL_PROVIDE_PRIVACY] = BOOL(NS_PRES_RULES, "provide-privacy", USER, 0, 0),
	[POL_PROVIDE_RELATIONSHIP] = BOOL(NS_PRES_RULES, "provide-relationship", USER, 0, 0),
	[POL_PROVIDE_STATUS_ICON] = BOOL(NS_PRES_RULES, "provide-status-icon", USER, 0, 0),
	[POL_PROVIDE_SPHERE] = BOOL(NS_PRES_RULES, "provide-sphere", USER, 0, 0),
	[POL_PROVIDE_TIME_OFFSET] = BOOL(NS_PRES_RULES, "provide-time-offset", USER, 0, 0),
	[POL_PROVIDE_NOTE] = BOOL(NS_PRES_RULES, "provide-note", USER, 0, 0),
	[POL_PROVIDE_USER_INPUT] =
		WORD(NS_PRES_RULES, "provide-user-input", user_input, POL_BY_USER, 0),
	[POL_PROVIDE_ALL_ATTRIBUTES] = EMPTY(NS_PRES_RULES, "provide-all-attributes"),
	[POL_PROVIDE_SERVICES] = SET(NS_PRES_RULES, "provide-services"),
	[POL_PROVIDE_DEVICES] = SET(NS_PRES_RULES, "provide-devices"),
	[POL_PROVIDE_PERSONS] = SET(NS_PRES_RULES, "provide-persons"),
	[POL_PROVIDE_UNKNOWN] = SET(NS_PRES_RULES, "provide-unknown-attribute"),

	[POL_PROVIDE_WILLINGNESS] = BOOL(NS_OMA_PRES_RULES, "provide-willingness", USER, 0, 0),
	[POL_PROVIDE_NETWORK_AVAILABILITY] =
		BOOL(NS_OMA_PRES_RULES, "provide-network-availability", USER, 0, 0),
	[POL_PROVIDE_SESSION_PARTICIPATION] =
		BOOL(NS_OMA_PRES_RULES, "provide-session-participation", USER, 0, 0),
	[POL_PROVIDE_REGISTRATION_STATE] =
		BOOL(NS_OMA_PRES_RULES, "provide-registration-state", USER, 0, 0),
	[POL_PROVIDE_BARRING_STATE] = BOOL(NS_OMA_PRES_RULES, "provide-barring-state", USER, 0, 0),
	[POL_PROVIDE_GEOPRIV] = WORD(NS_OMA_PRES_RULES, "provide-geopriv", geopriv, POL_BY_USER, 0),

	[POL_JOIN] = BOOL(NS_GROUPS, "join-handling", GROUP, 0, 0),
	[POL_INITIATE_CONFERENCE] = BOOL(NS_GROUPS, "allow-initiate-conference", GROUP, 0, 0),
	[POL_CONFERENCE_STATE] = BOOL(NS_GROUPS, "allow-conference-state", GROUP, 0, 0),
	[POL_INVITE_DYNAMICALLY] = BOOL(NS_GROUPS, "allow-invite-users-dynamically", GROUP, 0, 0),
	[POL_ANONYMITY] = BOOL(NS_GROUPS, "allow-anonymity", GROUP, 0, 0),
	[POL_KEY_PARTICIPANT] = BOOL(NS_GROUPS, "is-key-participant", GROUP, 0, 0),
	[POL_EXPELLING] = BOOL(NS_OMA_EXTENSIONS, "allow-expelling", GROUP, 0, 0),
	[POL_PRIVATE_MESSAGE] = BOOL(NS_OMA_EXTENSIONS, "allow-private-message", GROUP, 0, 0),
	[POL_SUBCONF] = BOOL(NS_OMA_EXTENSIONS, "allow-subconf", GROUP, 0, 0),
	[POL_MEDIA_HANDLING] = BOOL(NS_OMA_EXTENSIONS, "allow-media-handling", GROUP, 0, 0),
	[POL_REMOVE_MEDIA] = WORD(NS_OMA_EXTENSIONS, "remove-media-handling", remove_media,
				  POL_BY_GROUP, POL_REMOVE_NONE),
	[POL_NO_GROUP_ADVERTISING] =
		BOOL(NS_OMA_EXTENSIONS, "block-group-advertisement-sending", GROUP, 1, 0),

	[POL_REJECT_INVITE] = BOOL(NS_OMA_EXTENSIONS, "allow-reject-invite", USER, 1, 0),
	[POL_AUTO_ANSWER] = BOOL(NS_OMA_EXTENSIONS, "allow-auto-answermode", USER, 0, 0),
	[POL_MANUAL_ANSWER_OVERRIDE] =
		BOOL(NS_OMA_EXTENSIONS, "allow-manual-answer-override", USER, 0, 0),
	[POL_OFFLINE_STORAGE] = BOOL(NS_OMA_EXTENSIONS, "allow-offline-storage", USER, 0, 1),

	[POL_DELIVER] = WORD(NS_USER_PREFS, "deliver", deliver, POL_BY_USER, POL_DELIVER_ALLOW),
	[POL_DEFERRED] = WORD(NS_USER_PREFS, "deferred", deferred, POL_BY_USER, POL_DEFERRED_PUSH),
	[POL_MAX_PUSH_BYTES] = NUMBER(NS_USER_PREFS, "max-push-size", POL_BY_USER, POL_UNLIMITED),
	[POL_AUTO_ACCEPT_FILE] = NUMBER(NS_USER_PREFS, "auto-accept-file", POL_BY_USER, 0),
	[POL_AUTO_ACCEPT_SESSION] = BOOL(NS_USER_PREFS, "auto-accept-session", USER, 0, 0),
	[POL_STORE_PAGER] = BOOL(NS_USER_PREFS, "store-pager", USER, 0, 0),
	[POL_STORE_LARGE] = BOOL(NS_USER_PREFS, "store-large", USER, 0, 0),
	[POL_STORE_SESSION] = BOOL(NS_USER_PREFS, "store-session", USER, 0, 0),
	[POL_STORE_FILE] = BOOL(NS_USER_PREFS, "store-file", USER, 0, 0),
	[POL_STORE_GEOLOC] = BOOL(NS_USER_PREFS, "store-geoloc", USER, 0, 0),
	[POL_STORE_EVENT] = BOOL(NS_USER_PREFS, "store-event", USER, 0, 0),
	[POL_RETENTION_DAYS] = NUMBER(NS_OPERATOR, "retention-days", POL_BY_USER, POL_UNLIMITED),
	[POL_INTERWORKING] = BOOL(NS_USER_PREFS, "allow-interworking", USER, 0, 1),
	[POL_REPORT_DELIVERED] = BOOL(NS_USER_PREFS, "report-delivered", USER, 0, 1),
	[POL_REPORT_DISPLAYED] = BOOL(NS_USER_PREFS, "report-displayed", USER, 0, 1),
	[POL_REPORT_COMPOSING] = BOOL(NS_USER_PREFS, "report-composing", USER, 0, 1),
	[POL_REVEAL_BLOCK] = BOOL(NS_USER_PREFS, "reveal-block", USER, 0, 0),

	[POL_MAX_GROUP_MEMBERS] = NUMBER(NS_OPERATOR, "max-group-members", 0, POL_UNLIMITED),
	[POL_MAX_LISTS] = NUMBER(NS_OPERATOR, "max-lists", 0, POL_UNLIMITED),
	[POL_MAX_LIST_ENTRIES] = NUMBER(NS_OPERATOR, "max-list-entries", 0, POL_UNLIMITED),
	[POL_MAX_DOCUMENT_BYTES] = NUMBER(NS_OPERATOR, "max-document-size", 0, POL_UNLIMITED),
	[POL_MAX_SUBSCRIPTIONS] = NUMBER(NS_OPERATOR, "max-subscriptions", 0, POL_UNLIMITED),
	[POL_MAX_FILE_BYTES] = NUMBER(NS_OPERATOR, "max-file-size", 0, POL_UNLIMITED),
	[POL_MAX_RECIPIENTS] = NUMBER(NS_OPERATOR, "max-recipients", 0, POL_UNLIMITED),
	[POL_LOG] = WORD(NS_OPERATOR, "log", logging, 0, 0),
	/* As a ban: a cap that refuses must not lose its code to the 0 of nobody having said one.
	 */
	[POL_REJECT_CODE] = { "reject-code", NS_OPERATOR, "reject-code", POL_TYPE_NUMBER, NULL, 0,
			      1, 0 },

	[POL_ACCESS_ANY] = EMPTY(NS_ACCESS, "allow-any-operation"),
	[POL_ACCESS_ANY_OWN] = EMPTY(NS_ACCESS, "allow-any-operation-own-data"),
	[POL_ACCESS_CREATE] = EMPTY(NS_ACCESS, "allow-create"),
	[POL_ACCESS_DELETE] = EMPTY(NS_ACCESS, "allow-delete"),
	[POL_ACCESS_MODIFY] = EMPTY(NS_ACCESS, "allow-modify"),
	[POL_ACCESS_RESTORE] = EMPTY(NS_ACCESS, "allow-restore"),
	[POL_ACCESS_RETRIEVE] = EMPTY(NS_ACCESS, "allow-retrieve"),
	[POL_ACCESS_RETRIEVE_OWN] = EMPTY(NS_ACCESS, "allow-retrieve-own-data"),
};

static int64_t builtins[POL_PERMS];
static pthread_once_t builtins_once = PTHREAD_ONCE_INIT;

static void builtins_make(void)
{
	for (unsigned i = 0; i < POL_PERMS; i++)
		builtins[i] = rows[i].builtin;
}

const int64_t *pol_perm_builtins(void)
{
	pthread_once(&builtins_once, builtins_make);
	return builtins;
}

const struct pol_perm_row *pol_perm_row(enum pol_perm perm)
{
	return &rows[perm];
}

enum pol_perm pol_perm_of(const char *ns, const char *local)
{
	for (unsigned i = 0; i < POL_PERMS; i++)
		if (strcmp(rows[i].local, local) == 0 && strcmp(rows[i].ns, ns) == 0)
			return (enum pol_perm)i;
	return POL_PERMS;
}

enum pol_perm pol_perm_named(struct strv name)
{
	for (unsigned i = 0; i < POL_PERMS; i++)
		if (strv_eq(strv_of(rows[i].name), name))
			return (enum pol_perm)i;
	return POL_PERMS;
}

const char *pol_perm_print(enum pol_perm perm, int64_t value, char *buf, size_t size)
{
	const struct pol_perm_row *row = &rows[perm];

	for (const struct pol_word *word = row->words; word && word->text; word++)
		if (word->value == value) {
			snprintf(buf, size, "%s", word->text);
			return buf;
		}
	if (row->type == POL_TYPE_SET)
		snprintf(buf, size, "%s", value ? "all" : "some");
	else if (row->type != POL_TYPE_NUMBER && row->type != POL_TYPE_WORD)
		snprintf(buf, size, "%s", value ? "true" : "false");
	else if (value == POL_UNLIMITED)
		snprintf(buf, size, "unlimited");
	else
		snprintf(buf, size, "%" PRId64, value);
	return buf;
}
