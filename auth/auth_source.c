/* SPDX-License-Identifier: Apache-2.0 */
/* auth/auth_source.c - see auth_source.h */
#include "auth/auth_source.h"

#include <netinet/in.h>
#include <string.h>

static void source_v4(uint32_t address, struct auth_source *out)
{
	out->half[0] = 0xffff;
	out->half[1] = address;
}

int auth_source_of(const struct sockaddr *addr, struct auth_source *out)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	uint32_t mapped;

	*out = (struct auth_source){ { 0, 0 } };
	if (addr && addr->sa_family == AF_INET) {
		memcpy(&v4, addr, sizeof(v4));
		source_v4(v4.sin_addr.s_addr, out);
		return 1;
	}
	if (!addr || addr->sa_family != AF_INET6)
		return 0;
	memcpy(&v6, addr, sizeof(v6));
	if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
		memcpy(&mapped, &v6.sin6_addr.s6_addr[12], sizeof(mapped));
		source_v4(mapped, out);
	} else {
		memcpy(&out->half[0], v6.sin6_addr.s6_addr, sizeof(out->half[0]));
	}
	return 1;
}
