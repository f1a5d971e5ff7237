/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/pol_perm.h - what rules can permit, one row each
 *
 * A permission is an action or a transformation of a rule, or a setting of a user's preferences:
 * an element name, a type, and how two statements about it are put together. Every value is a
 * number: a boolean is 0 or 1, a word is the number of its row, so that a higher one never means
 * less (RFC 4745 s14). The one exception are bans, where "true" takes something away; they say so.
 *
 * The names are data, because some of OMA's are known from schemas and clients only. Who adds a
 * permission adds a name to the enumeration and a row to the table.
 */
#ifndef POLICY_POL_PERM_H
#define POLICY_POL_PERM_H

#include <stdint.h>

#include "base/strv.h"

enum pol_perm {
	/* RFC 5025: actions and transformations of presence */
	POL_SUB_HANDLING, /* enum pol_sub_handling */
	POL_PROVIDE_ACTIVITIES,
	POL_PROVIDE_CLASS,
	POL_PROVIDE_DEVICE_ID,
	POL_PROVIDE_MOOD,
	POL_PROVIDE_PLACE_IS,
	POL_PROVIDE_PLACE_TYPE,
	POL_PROVIDE_PRIVACY,
	POL_PROVIDE_RELATIONSHIP,
	POL_PROVIDE_STATUS_ICON,
	POL_PROVIDE_SPHERE,
	POL_PROVIDE_TIME_OFFSET,
	POL_PROVIDE_NOTE,
	POL_PROVIDE_USER_INPUT, /* 0 false, 10 bare, 20 thresholds, 30 full */
	POL_PROVIDE_ALL_ATTRIBUTES,
	POL_PROVIDE_SERVICES, /* 1: all; else pol_verdict_provides() */
	POL_PROVIDE_DEVICES,
	POL_PROVIDE_PERSONS,
	POL_PROVIDE_UNKNOWN, /* never 1; pol_verdict_provides() */
	/* OMA presence */
	POL_PROVIDE_WILLINGNESS,
	POL_PROVIDE_NETWORK_AVAILABILITY,
	POL_PROVIDE_SESSION_PARTICIPATION,
	POL_PROVIDE_REGISTRATION_STATE,
	POL_PROVIDE_BARRING_STATE,
	POL_PROVIDE_GEOPRIV, /* 0 false, 10 full */
	/* OMA groups: only for requests to a group */
	POL_JOIN,
	POL_INITIATE_CONFERENCE,
	POL_CONFERENCE_STATE,
	POL_INVITE_DYNAMICALLY,
	POL_ANONYMITY,
	POL_KEY_PARTICIPANT,
	POL_EXPELLING,
	POL_PRIVATE_MESSAGE,
	POL_SUBCONF,
	POL_MEDIA_HANDLING,
	POL_REMOVE_MEDIA,	  /* enum pol_remove_media */
	POL_NO_GROUP_ADVERTISING, /* a ban */
	/* OMA access rules */
	POL_REJECT_INVITE, /* a ban */
	POL_AUTO_ANSWER,
	POL_MANUAL_ANSWER_OVERRIDE,
	POL_OFFLINE_STORAGE,
	/* our user preferences */
	POL_DELIVER,		 /* enum pol_deliver */
	POL_DEFERRED,		 /* enum pol_deferred */
	POL_MAX_PUSH_BYTES,	 /* larger ones are told of, not pushed */
	POL_AUTO_ACCEPT_FILE,	 /* octets up to which a file is taken unasked */
	POL_AUTO_ACCEPT_SESSION, /* chats are taken unasked */
	POL_STORE_PAGER,	 /* history is kept, by kind */
	POL_STORE_LARGE,
	POL_STORE_SESSION,
	POL_STORE_FILE,
	POL_STORE_GEOLOC,
	POL_STORE_EVENT,
	POL_RETENTION_DAYS,
	POL_INTERWORKING,
	POL_REPORT_DELIVERED, /* reports about what the user got may be sent */
	POL_REPORT_DISPLAYED,
	POL_REPORT_COMPOSING,
	POL_REVEAL_BLOCK, /* who is blocked is told so */
	/* the operator's limits */
	POL_MAX_GROUP_MEMBERS,
	POL_MAX_LISTS,
	POL_MAX_LIST_ENTRIES,
	POL_MAX_DOCUMENT_BYTES,
	POL_MAX_SUBSCRIPTIONS,
	POL_MAX_FILE_BYTES,
	POL_MAX_RECIPIENTS,
	POL_LOG,	 /* 0 none, 10 meta, 20 full */
	POL_REJECT_CODE, /* the status of a refusal; 0: none was said */
	/* OMA access permissions: what others may do with a document; of "own data" the nodes that
	 * are about them */
	POL_ACCESS_ANY,
	POL_ACCESS_ANY_OWN,
	POL_ACCESS_CREATE,
	POL_ACCESS_DELETE,
	POL_ACCESS_MODIFY,
	POL_ACCESS_RESTORE,
	POL_ACCESS_RETRIEVE,
	POL_ACCESS_RETRIEVE_OWN,
	POL_PERMS /* how many there are */
};

enum pol_sub_handling {
	POL_SUB_BLOCK = 0,
	POL_SUB_CONFIRM = 10,
	POL_SUB_POLITE_BLOCK = 20,
	POL_SUB_ALLOW = 30
};

enum pol_deliver {
	POL_DELIVER_DROP = 0, /* the sender sees success, nobody sees the message */
	POL_DELIVER_REJECT = 10,
	POL_DELIVER_SILENT = 20, /* delivered without alerting */
	POL_DELIVER_ALLOW = 30
};

/* Of messages for devices that are not reachable. */
enum pol_deferred {
	POL_DEFERRED_OFF = 0,	  /* not stored */
	POL_DEFERRED_HOLD = 10,	  /* stored until a device asks */
	POL_DEFERRED_NOTIFY = 20, /* stored, the devices are told */
	POL_DEFERRED_PUSH = 30	  /* delivered as soon as a device is reachable */
};

enum pol_remove_media { POL_REMOVE_NONE = 0, POL_REMOVE_OWN = 10, POL_REMOVE_ANY = 20 };

/* A number that no limit was set to. */
#define POL_UNLIMITED INT64_MAX

enum pol_type {
	POL_TYPE_BOOL,
	POL_TYPE_NUMBER, /* nonNegativeInteger */
	POL_TYPE_WORD,
	POL_TYPE_EMPTY, /* there: 1 */
	POL_TYPE_SET	/* all, or members (RFC 5025 s3.3) */
};

/* Who may speak about a permission besides the operator, who may about each. */
enum pol_speaker { POL_BY_USER = 1, POL_BY_GROUP = 2 };

struct pol_word {
	const char *text; /* NULL ends a list */
	int64_t value;
};

struct pol_perm_row {
	const char *name;	/* in verdicts as text and JSON */
	const char *ns, *local; /* of the element that states it */
	enum pol_type type;
	const struct pol_word *words; /* of a POL_TYPE_WORD */
	unsigned speakers;	      /* of enum pol_speaker; 0: the operator alone */
	unsigned ban;		      /* 1: the higher value allows less */
	int64_t builtin;	      /* when nobody has said anything */
};

/* The row of PERM; never NULL. */
const struct pol_perm_row *pol_perm_row(enum pol_perm perm);

/* Which permission the element NS LOCAL states: its number, or POL_PERMS when none does. */
enum pol_perm pol_perm_of(const char *ns, const char *local);

/* The permission called NAME, or POL_PERMS. */
enum pol_perm pol_perm_named(struct strv name);

/* The less permissive of two values. */
static inline int64_t pol_perm_less(const struct pol_perm_row *row, int64_t a, int64_t b)
{
	return (a < b) == !row->ban ? a : b;
}

/* VALUE as verdicts spell it ("true", "polite-block", "1048576", "unlimited") in BUF of SIZE
 * octets; returns BUF. */
const char *pol_perm_print(enum pol_perm perm, int64_t value, char *buf, size_t size);

#endif
