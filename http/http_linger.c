/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/http_linger.c - a refused client gets to read why
 *
 * Closing a socket that holds unread octets resets the connection, and the reset overtakes the
 * answer: a client that is told 413 while it still sends would see a broken connection instead
 * (RFC 9112 s9.6). So a copy of the descriptor is kept open for a moment and what comes is thrown
 * away, within bounds of time, octets and number.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/http_priv.h"

enum { LINGER_MS = 2000, LINGER_BYTES = 4 << 20, LINGERS_MAX = 64, READS_A_TURN = 16 };

struct http_linger {
	struct http_linger *next, **link;
	struct http_edge *edge;
	uv_poll_t poll;
	struct wheel_timer timer;
	int fd;
	size_t left;
};

static void on_closed(uv_handle_t *handle)
{
	struct http_linger *linger =
		(struct http_linger *)((char *)handle - offsetof(struct http_linger, poll));
	struct http_edge *edge = linger->edge;

	free(linger);
	http_edge_handle_gone(edge);
}

static void end(struct http_linger *linger)
{
	*linger->link = linger->next;
	if (linger->next)
		linger->next->link = linger->link;
	linger->edge->n_lingers--;
	worker_timer_clear(linger->edge->worker, &linger->timer);
	/* The loop's epoll set is told here, so the descriptor must still be ours. */
	uv_close((uv_handle_t *)&linger->poll, on_closed);
	close(linger->fd);
}

static void on_time(struct wheel_timer *timer)
{
	end((struct http_linger *)((char *)timer - offsetof(struct http_linger, timer)));
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct http_linger *linger = poll->data;
	char waste[16384];

	(void)events;
	for (int i = 0; i < READS_A_TURN && status == 0; i++) {
		ssize_t n = recv(linger->fd, waste, sizeof(waste), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0 || (size_t)n > linger->left)
			status = -1;
		else
			linger->left -= (size_t)n;
	}
	if (status < 0)
		end(linger);
}

/* 1 when closing FD now would reset the connection, or may: the peer has sent more than was
 * read, or REFUSED was told to stop in the middle. */
static int is_needed(int fd, int refused)
{
	char octet;
	ssize_t n = recv(fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT);

	return n > 0 || (n < 0 && errno == EAGAIN && refused);
}

void http_linger_begin(struct http_edge *edge, int fd, int refused)
{
	struct http_linger *linger;

	if (edge->n_lingers >= LINGERS_MAX || edge->closed || !is_needed(fd, refused))
		return;
	linger = calloc(1, sizeof(*linger));
	if (!linger)
		return;
	linger->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (linger->fd < 0 ||
	    uv_poll_init(worker_loop(edge->worker), &linger->poll, linger->fd) < 0) {
		if (linger->fd >= 0)
			close(linger->fd);
		free(linger);
		return;
	}
	shutdown(linger->fd, SHUT_WR);
	linger->edge = edge;
	linger->left = LINGER_BYTES;
	linger->poll.data = linger;
	linger->next = edge->lingers;
	linger->link = &edge->lingers;
	if (linger->next)
		linger->next->link = &linger->next;
	edge->lingers = linger;
	edge->n_lingers++;
	edge->open_handles++;
	worker_timer_set(edge->worker, &linger->timer, LINGER_MS, on_time);
	uv_poll_start(&linger->poll, UV_READABLE, on_readable);
}

void http_linger_end_all(struct http_edge *edge)
{
	while (edge->lingers)
		end(edge->lingers);
}
