/* SPDX-License-Identifier: Apache-2.0 */
/* tests/xdms/xdm_world.h - documents in a store in memory, for tests that may block */
#ifndef TESTS_XDMS_XDM_WORLD_H
#define TESTS_XDMS_XDM_WORLD_H

#include "xdms/xdm_watch.h"

#define OWNER "sip:alice@example.com"
#define NAME  "x/test-app/index"

enum { KEEP = 10 }; /* entries of each log */

struct xdm_world {
	struct kv *kv;
	struct xdm_store *store;
	struct xdm_watches *watches;
	struct arena *arena;
};

/* For cmocka: *STATE is a struct xdm_world. */
int xdm_world_setup(void **state);
int xdm_world_teardown(void **state);

/* TEXT (NULL: nothing) as the document after OLD; EDIT as in struct xdm_write, then TEXT is not
 * used. Published when it is done. */
struct kv_commit_result xdm_world_commit(struct xdm_world *w, const struct xdm_doc *old,
					 const char *text, const struct xdm_write *edit);

/* The same for document NAME as it is, which must succeed. The commit's number. */
uint64_t xdm_world_put(struct xdm_world *w, const char *text, int64_t time_us);
uint64_t xdm_world_put_to(struct xdm_world *w, const char *owner, const char *name,
			  const char *text);
/* PUT (BODY NULL: DELETE) of the node SEL of document NAME. */
uint64_t xdm_world_put_node(struct xdm_world *w, const char *sel, const char *body,
			    int64_t time_us);

/* A document <r> of N elements <e>, about 200 octets each; on the heap. */
char *xdm_world_book(unsigned n);

#endif
