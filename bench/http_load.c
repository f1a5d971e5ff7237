/* SPDX-License-Identifier: Apache-2.0 */
/* bench/http_load.c - HTTP requests over keep-alive connections; see http_load.h */
#include "bench/http_load.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/servers.h"

enum { CONNS_MAX = 256, HEAD_BYTES = 4096, WASTE_BYTES = 1 << 18 };

struct conn {
	int fd;
	char head[HEAD_BYTES]; /* of the answer under way */
	size_t n;
	int in_body;
	int good; /* 200 or 201 */
	uint64_t left;
};

struct run {
	const struct load *load;
	struct conn *conn;
	int epoll;
	uint64_t asked;
	struct load_result result;
};

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int dial(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		bench_die("no connection to port %u: %s", port, strerror(errno));
	return fd;
}

static void send_all(int fd, const char *text, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);

		if (sent < 0)
			bench_die("send: %s", strerror(errno));
		text += sent;
		n -= (size_t)sent;
	}
}

static void ask(struct run *run, unsigned i)
{
	char text[LOAD_REQUEST_BYTES];
	size_t n = run->load->print(run->load->arg, i, run->asked, text);

	run->asked++;
	send_all(run->conn[i].fd, text, n);
	run->conn[i].n = 0;
	run->conn[i].in_body = 0;
}

/* The octets of the body that HEAD, terminated, announces. */
static uint64_t body_bytes(const char *head)
{
	const char *field = strcasestr(head, "\r\nContent-Length:");

	return field ? strtoull(field + 17, NULL, 10) : 0;
}

static void read_head(struct run *run, struct conn *conn)
{
	ssize_t got = recv(conn->fd, conn->head + conn->n, HEAD_BYTES - 1 - conn->n, MSG_DONTWAIT);
	char *end;
	size_t extra;

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0)
		bench_die("the server closed a connection within an answer");
	conn->n += (size_t)got;
	conn->head[conn->n] = '\0';
	end = strstr(conn->head, "\r\n\r\n");
	if (!end) {
		if (conn->n == HEAD_BYTES - 1)
			bench_die("an answer's header is too long");
		return;
	}
	extra = conn->n - (size_t)(end + 4 - conn->head);
	end[2] = '\0';
	conn->left = body_bytes(conn->head);
	conn->good =
		strncmp(conn->head + 8, " 200", 4) == 0 || strncmp(conn->head + 8, " 201", 4) == 0;
	if (extra > conn->left ||
	    (conn->good && run->load->answer_bytes && conn->left != run->load->answer_bytes))
		bench_die("an answer has %llu octets, not %zu: %s", (unsigned long long)conn->left,
			  run->load->answer_bytes, conn->head);
	conn->left -= extra;
	conn->in_body = 1;
}

/* 1 when the answer of CONN is whole. */
static int take(struct run *run, struct conn *conn)
{
	static char waste[WASTE_BYTES];

	if (!conn->in_body)
		read_head(run, conn);
	while (conn->in_body && conn->left) {
		ssize_t got = recv(conn->fd, waste, sizeof(waste), MSG_DONTWAIT);

		if (got < 0 && errno == EAGAIN)
			return 0;
		if (got <= 0 || (uint64_t)got > conn->left)
			bench_die("an answer is not as long as it says");
		conn->left -= (uint64_t)got;
	}
	if (!conn->in_body)
		return 0;
	if (conn->good)
		run->result.done++;
	else
		run->result.refused++;
	return 1;
}

static void turn(struct run *run, uint64_t n)
{
	struct epoll_event events[CONNS_MAX];
	int got = epoll_wait(run->epoll, events, CONNS_MAX, -1);

	for (int e = 0; e < got; e++) {
		unsigned i = events[e].data.u32;

		if (take(run, &run->conn[i]) && run->asked < n)
			ask(run, i);
	}
}

void load_run(const struct load *load, uint16_t port, uint64_t n, struct load_result *result_out)
{
	struct run run = { .load = load, .epoll = epoll_create1(EPOLL_CLOEXEC) };
	double begun;

	run.conn = calloc(load->conns, sizeof(*run.conn));
	if (!run.conn || run.epoll < 0 || load->conns > CONNS_MAX)
		bench_die("no memory for the load");
	for (unsigned i = 0; i < load->conns; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };

		run.conn[i].fd = dial(port);
		if (epoll_ctl(run.epoll, EPOLL_CTL_ADD, run.conn[i].fd, &event) < 0)
			bench_die("epoll_ctl: %s", strerror(errno));
	}
	begun = now_s();
	for (unsigned i = 0; i < load->conns && run.asked < n; i++)
		ask(&run, i);
	while (run.result.done + run.result.refused < run.asked)
		turn(&run, n);
	run.result.seconds = now_s() - begun;
	for (unsigned i = 0; i < load->conns; i++)
		close(run.conn[i].fd);
	close(run.epoll);
	free(run.conn);
	*result_out = run.result;
}

unsigned load_once(uint16_t port, const char *text, size_t n, char *answer, size_t room)
{
	int fd = dial(port);
	size_t have = 0, want = room - 1;
	char *end = NULL;

	send_all(fd, text, n);
	while (have < want) {
		ssize_t got = recv(fd, answer + have, want - have, 0);

		if (got <= 0)
			bench_die("no whole answer to a single request");
		have += (size_t)got;
		answer[have] = '\0';
		if (!end && (end = strstr(answer, "\r\n\r\n"))) {
			uint64_t all = (uint64_t)(end + 4 - answer) + body_bytes(answer);

			want = all < room - 1 ? (size_t)all : room - 1;
		}
	}
	close(fd);
	return have > 12 ? (unsigned)strtoul(answer + 9, NULL, 10) : 0;
}
