/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_cpim.c - any octets as message/cpim; tests/cpm/cpim_check.h says what must hold
 */
#include "tests/fuzz/fuzz.h"

#include "tests/cpm/cpim_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cpim_check(strv_mem(data, size));
	return 0;
}
