/* SPDX-License-Identifier: Apache-2.0 */
/* http/http_sock.c - see http_sock.h */
#include "http/http_sock.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

uint64_t http_sock_progress(int fd, int is_unix)
{
	struct tcp_info info;
	socklen_t bytes = sizeof(info);
	int queued = 0;

	memset(&info, 0, sizeof(info));
	if (!is_unix && getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &bytes) == 0)
		return info.tcpi_bytes_acked + 1;
	if (ioctl(fd, SIOCOUTQ, &queued) == 0)
		return (uint64_t)queued + 1;
	return 1;
}
