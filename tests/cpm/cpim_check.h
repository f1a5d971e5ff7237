/* SPDX-License-Identifier: Apache-2.0 */
/* tests/cpm/cpim_check.h - what holds for any octets that are taken as message/cpim */
#ifndef TESTS_CPM_CPIM_CHECK_H
#define TESTS_CPM_CPIM_CHECK_H

#include "base/strv.h"

/* Read BYTES; if they are taken: a splice of nothing is the same octets, a splice of headers leaves
 * all other octets and meanings, and what is written of the headers is read and written the same.
 * Ends the process where that does not hold. Returns 1 taken, 0 refused. */
int cpim_check(struct strv bytes);

#endif
