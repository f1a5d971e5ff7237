/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth/auth_throttle.h - guessing passwords becomes slow, for the guesser alone
 *
 * Two counts, each with a back-off that doubles once it reaches a threshold:
 *
 * - failures of one user from one source: whoever guesses one user's password is slowed down where
 *   he is; the true user's other address is not;
 * - users that failed from one source: whoever tries one password on many users, or looks for
 * names, is slowed down as a whole. A user who then succeeds no longer counts.
 *
 * A user who has succeeded from a source is not held up by what others do from there (an office
 * behind one address). A user that does not exist is counted like one that does. Memory is bounded:
 * the entry used longest ago is forgotten first, one that holds somebody up last.
 *
 * Times are milliseconds of one monotonic clock. All functions may be called from any thread.
 */
#ifndef AUTH_AUTH_THROTTLE_H
#define AUTH_AUTH_THROTTLE_H

#include <stdint.h>

#include "auth/auth_source.h"
#include "base/err.h"
#include "base/strv.h"

struct auth_throttle;

struct auth_throttle_options {
	unsigned max_entries;	/* at 40 octets each; at least 8 */
	unsigned free_failures; /* without any wait; at least 1 (10) */
	uint64_t first_wait_ms; /* then; doubled by each further failure (1000) */
	uint64_t longest_wait_ms;
	uint64_t forget_ms; /* failures are forgotten after so long without one */
};

struct auth_attempt {
	struct strv user; /* canonical identity, or the hash of a name: any text */
	struct auth_source source;
	int shared; /* many users come from this source by design (a proxy of ours): only the
		     * first count is kept */
};

/* Returns 0, or -1 when memory or randomness is short. */
int auth_throttle_new(const struct auth_throttle_options *options,
		      struct auth_throttle **throttle_out, struct err *err);
/* Takes the address, accepts NULL. */
void auth_throttle_free(struct auth_throttle **throttle);

/* May ATTEMPT be made? 0: yes; else how many milliseconds to wait. Nothing is counted. */
uint64_t auth_throttle_wait(struct auth_throttle *throttle, const struct auth_attempt *attempt,
			    uint64_t now_ms);

/* How it ended. */
void auth_throttle_failed(struct auth_throttle *throttle, const struct auth_attempt *attempt,
			  uint64_t now_ms);
void auth_throttle_passed(struct auth_throttle *throttle, const struct auth_attempt *attempt,
			  uint64_t now_ms);

#endif
