/* SPDX-License-Identifier: Apache-2.0 */
/* tests/xdms/doc_check.h - all that the document engine promises about one of its trees */
#ifndef TESTS_XDMS_DOC_CHECK_H
#define TESTS_XDMS_DOC_CHECK_H

#include "xdms/xcap_doc.h"

/* Abort with a sentence unless every sum, index, signature and mark of DOC is what a fresh look at
 * its octets says. */
void doc_check(const struct xcap_doc *doc);

/* The whole text, terminated, on the heap. */
char *doc_text(const struct xcap_doc *doc, size_t *n_out);

/* How many chunks of DOC are not chunks of OLD; how many there are (TOTAL_OUT may be NULL). */
unsigned doc_new_chunks(const struct xcap_doc *doc, const struct xcap_doc *old,
			unsigned *total_out);

#endif
