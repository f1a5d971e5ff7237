/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/xml_fence.h - what is checked on the bytes before libxml2 sees them
 *
 * For base/xml.c alone.
 */
#ifndef BASE_XML_FENCE_H
#define BASE_XML_FENCE_H

#include <stddef.h>

#include "base/strv.h"
#include "base/xml.h"

struct xml_fence_report {
	size_t at;	 /* offset of the trouble */
	const char *why; /* a short reason, never NULL when a fault is returned */
};

/* Encoding, characters, XML declaration and attribute counts of a document, or of a FRAGMENT
 * (which has no XML declaration of its own). Linear in the number of octets. */
enum xml_fault xml_fence_check(struct strv bytes, const struct xml_limits *limits, int fragment,
			       struct xml_fence_report *report);

#endif
