/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpm/cpm_source.h - where the functions get documents from: CPM-3 and CPM-4 in one struct
 *
 * In one process that is the store of xdms/ (cpm_source_xdm.c); with "xdm: remote" it is another
 * server, read by XCAP and watched by SIP SUBSCRIBE. Nobody behind this header knows which.
 */
#ifndef CPM_CPM_SOURCE_H
#define CPM_CPM_SOURCE_H

#include <stdint.h>

#include "base/strv.h"

enum cpm_got {
	CPM_GOT_DOC,	/* BYTES are the document */
	CPM_GOT_ABSENT, /* there is none */
	CPM_GOT_BUSY, /* cannot tell now: what was known stays in force, else nothing is allowed */
};

/* VERSION orders the answers about one document: a later one is larger. BYTES are valid during the
 * call. On the worker that asked, or, when none did, on any thread. */
typedef void cpm_got_fn(void *arg, enum cpm_got got, struct strv bytes, uint64_t version);

struct cpm_source {
	/* OWNER's document NAME ("x/org.openmobilealliance.access-rules/access-rules"; OWNER
	 * XDM_GLOBAL_OWNER: of the global tree). Maybe before this returns. */
	void (*get)(void *arg, struct strv owner, struct strv name, cpm_got_fn *got, void *got_arg);
	/* Tell CHANGED of every document that has another version, from now on: before the answer
	 * to its PUT leaves, on any thread; NAME empty: all of OWNER's. Before the workers run. 0
	 * or -1. */
	int (*watch)(void *arg,
		     void (*changed)(void *changed_arg, struct strv owner, struct strv name,
				     uint64_t version),
		     void *changed_arg);
	/* The server-wide index of groups: whose document defines the group URI (canonical)? OWNER
	 * and NAME are valid during the call; GOT as above, _DOC when there is one. */
	void (*group)(void *arg, struct strv uri,
		      void (*found)(void *found_arg, enum cpm_got got, struct strv owner,
				    struct strv name),
		      void *found_arg);
	void *arg;
};

#endif
