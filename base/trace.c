/* SPDX-License-Identifier: Apache-2.0 */
/* base/trace.c - see trace.h (W3C Trace Context s3.2.2) */
#include "base/trace.h"

#include <sys/random.h>
#include <time.h>

static __thread uint64_t state[4];
static __thread int seeded;

static uint64_t rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

static void seed(void)
{
	struct timespec now;

	/* getrandom cannot fail for so few octets once the system has started; should it, the clock
	 * and the address of thread-local memory still tell threads and processes apart. */
	if (getrandom(state, sizeof(state), 0) != (ssize_t)sizeof(state)) {
		clock_gettime(CLOCK_REALTIME, &now);
		state[0] = (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 30;
		state[1] = (uint64_t)(uintptr_t)&seeded | 1;
	}
	seeded = 1;
}

/* xoshiro256**, by Blackman and Vigna */
uint64_t trace_random(void)
{
	uint64_t result, t;

	if (!seeded)
		seed();
	result = rotl(state[1] * 5, 7) * 9;
	t = state[1] << 17;
	state[2] ^= state[0];
	state[3] ^= state[1];
	state[1] ^= state[2];
	state[0] ^= state[3];
	state[2] ^= t;
	state[3] = rotl(state[3], 45);
	return result;
}

void trace_unpack(const uint64_t half[2], struct trace_id *id_out)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < TRACE_HEX; i++)
		id_out->hex[i] = digits[half[i / 16] >> (4 * (15 - i % 16)) & 15];
	id_out->hex[TRACE_HEX] = '\0';
}

void trace_pack(const struct trace_id *id, uint64_t half_out[2])
{
	half_out[0] = half_out[1] = 0;
	for (int i = 0; i < TRACE_HEX; i++) {
		char c = id->hex[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
						   : -1;

		if (digit < 0) {
			half_out[0] = half_out[1] = 0;
			return;
		}
		half_out[i / 16] = half_out[i / 16] << 4 | (uint64_t)digit;
	}
}

void trace_new(struct trace_id *id_out)
{
	const uint64_t half[2] = { trace_random(), trace_random() | 1 };

	trace_unpack(half, id_out);
}

static int all_hex(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')))
			return 0;
	return 1;
}

int trace_parse(struct strv value, struct trace_id *id_out)
{
	static const char zeros[] = "00000000000000000000000000000000";
	/* version "-" trace-id "-" parent-id "-" flags; later versions may add more behind */
	enum { ID = 3, PARENT = 36, FLAGS = 53, LENGTH = 55 };

	value = strv_trim(value);
	if (value.n < LENGTH || (value.n > LENGTH && value.p[LENGTH] != '-'))
		return -1;
	if (value.p[ID - 1] != '-' || value.p[PARENT - 1] != '-' || value.p[FLAGS - 1] != '-')
		return -1;
	if (!all_hex(value.p, 2) || !all_hex(value.p + ID, TRACE_HEX) ||
	    !all_hex(value.p + PARENT, 16) || !all_hex(value.p + FLAGS, 2))
		return -1;
	if (memcmp(value.p, "ff", 2) == 0 || memcmp(value.p + ID, zeros, TRACE_HEX) == 0 ||
	    (value.n > LENGTH && memcmp(value.p, "00", 2) == 0))
		return -1;
	memcpy(id_out->hex, value.p + ID, TRACE_HEX);
	id_out->hex[TRACE_HEX] = '\0';
	return 0;
}
