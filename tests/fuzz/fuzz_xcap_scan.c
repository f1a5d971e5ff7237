/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_xcap_scan.c - any octets as a document and as one element, scanner beside libxml2
 *
 * The same verdict, and for what both accept the same elements, attributes, names and values.
 */
#include "tests/fuzz/fuzz.h"

#include "base/xml.h"
#include "tests/xdms/scan_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int ready;

	if (!ready)
		ready = xml_init(NULL, NULL) == 0;
	if (size > 1000) /* names longer than the scanner takes are libxml2's own business */
		return 0;
	scan_check_document(strv_mem(data, size));
	scan_check_fragment(strv_mem(data, size));
	return 0;
}
