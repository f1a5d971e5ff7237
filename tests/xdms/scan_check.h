/* SPDX-License-Identifier: Apache-2.0 */
/* tests/xdms/scan_check.h - the scanner beside libxml2: same verdict, same elements, same values */
#ifndef TESTS_XDMS_SCAN_CHECK_H
#define TESTS_XDMS_SCAN_CHECK_H

#include "base/strv.h"

/* Scan and parse BYTES as a document. Returns 1 when both accept and agree, 0 when both refuse;
 * otherwise prints the difference and aborts. BYTES without NUL-sensitive assumptions. */
int scan_check_document(struct strv bytes);

/* The same for one element in a context that binds the default namespace and the prefix p. */
int scan_check_fragment(struct strv bytes);

#endif
