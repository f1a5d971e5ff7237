/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sip/dns_server.c - a name server on loopback; see dns_server.h
 */
#include "tests/sip/dns_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

struct dns_server {
	const struct dns_row *rows;
	enum dns_manner manner;
	int udp, tcp, conn, stop[2];
	unsigned port;
	atomic_uint asked;
	pthread_t thread;
};

struct reply {
	unsigned char octets[4096];
	size_t n;
};

static void put(struct reply *reply, const void *p, size_t n)
{
	if (reply->n + n <= sizeof(reply->octets)) {
		memcpy(reply->octets + reply->n, p, n);
		reply->n += n;
	}
}

static void put8(struct reply *reply, unsigned v)
{
	unsigned char octet = (unsigned char)v;

	put(reply, &octet, 1);
}

static void put16(struct reply *reply, unsigned v)
{
	put8(reply, v >> 8);
	put8(reply, v);
}

static void put_text(struct reply *reply, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	put8(reply, (unsigned)n);
	put(reply, text, n);
}

static void put_name(struct reply *reply, const char *name)
{
	while (*name) {
		size_t n = strcspn(name, ".");

		put8(reply, (unsigned)n);
		put(reply, name, n);
		name += n + (name[n] == '.');
	}
	put8(reply, 0);
}

static void put_data(struct reply *reply, const struct dns_row *row)
{
	unsigned char address[16];

	switch (row->type) {
	case 1:
	case 28:
		inet_pton(row->type == 1 ? AF_INET : AF_INET6, row->text, address);
		put(reply, address, row->type == 1 ? 4 : 16);
		break;
	case 33:
		put16(reply, row->a);
		put16(reply, row->b);
		put16(reply, row->c);
		put_name(reply, row->text);
		break;
	case 35:
		put16(reply, row->a);
		put16(reply, row->b);
		put_text(reply, row->flags);
		put_text(reply, row->service);
		put_text(reply, row->regexp);
		put_name(reply, row->text);
		break;
	default:
		put_name(reply, row->text);
	}
}

static void put_record(struct reply *reply, const struct dns_row *row)
{
	size_t at;

	put_name(reply, row->name);
	put16(reply, (unsigned)row->type);
	put16(reply, 1);
	put16(reply, row->ttl >> 16);
	put16(reply, row->ttl);
	at = reply->n;
	put16(reply, 0);
	put_data(reply, row);
	reply->octets[at] = (unsigned char)((reply->n - at - 2) >> 8);
	reply->octets[at + 1] = (unsigned char)(reply->n - at - 2);
}

/* The question's name, dotted; its type, or -1. */
static int read_question(const unsigned char *query, size_t n, char name[256], size_t *end_out)
{
	size_t at = 12, to = 0;

	while (at < n && query[at] && to + query[at] + 1 < 255 && at + 1 + query[at] < n) {
		if (to)
			name[to++] = '.';
		memcpy(name + to, query + at + 1, query[at]);
		to += query[at];
		at += 1U + query[at];
	}
	name[to] = '\0';
	*end_out = at + 5;
	return at + 5 <= n ? query[at + 1] << 8 | query[at + 2] : -1;
}

static unsigned put_answers(struct reply *reply, const struct dns_row *rows, const char *name,
			    int type, int depth, int *known)
{
	unsigned n = 0;

	for (const struct dns_row *row = rows; row->name; row++) {
		if (strcasecmp(row->name, name) != 0)
			continue;
		*known = 1;
		if (row->type == type) {
			put_record(reply, row);
			n++;
		} else if (row->type == 5 && depth < 4) {
			put_record(reply, row);
			n += 1 + put_answers(reply, rows, row->text, type, depth + 1, known);
		}
	}
	return n;
}

static void make_reply(struct dns_server *server, const unsigned char *query, size_t n, int is_tcp,
		       struct reply *reply)
{
	char name[256];
	size_t end;
	int type = n > 12 ? read_question(query, n, name, &end) : -1, known = 0;
	unsigned answers;

	reply->n = 0;
	if (type < 0)
		return;
	atomic_fetch_add(&server->asked, 1);
	put(reply, query, 2);
	put16(reply, 0x8580);
	put16(reply, 1);
	put16(reply, 0);
	put16(reply, 0);
	put16(reply, 0);
	put(reply, query + 12, end - 12);
	if (server->manner == DNS_OTHER && end > 20)
		reply->octets[13] ^= 1;
	if (server->manner == DNS_REFUSED) {
		reply->octets[3] |= 5;
		return;
	}
	if (server->manner == DNS_TRUNCATED && !is_tcp) {
		reply->octets[2] |= 2;
		return;
	}
	answers = put_answers(reply, server->rows, name, type, 0, &known);
	reply->octets[7] = (unsigned char)answers;
	if (!known)
		reply->octets[3] |= 3;
	if (server->manner == DNS_CUT && reply->n > end + 14)
		reply->n -= 3;
	if (server->manner == DNS_WILD)
		for (size_t i = 2; i < reply->n; i++)
			reply->octets[i] = (unsigned char)(i * 37 + 0x80);
}

/* One question of the connection, which a client sends in one piece on loopback. */
static void serve_tcp(struct dns_server *server)
{
	unsigned char query[2048], length[2];
	struct reply reply;
	ssize_t n = read(server->conn, query, sizeof(query));

	if (n <= 14) {
		close(server->conn);
		server->conn = -1;
		return;
	}
	make_reply(server, query + 2, (size_t)n - 2, 1, &reply);
	length[0] = (unsigned char)(reply.n >> 8);
	length[1] = (unsigned char)reply.n;
	if (write(server->conn, length, 2) != 2 || write(server->conn, reply.octets, reply.n) < 0)
		abort();
}

static void serve_udp(struct dns_server *server)
{
	unsigned char query[2048];
	struct sockaddr_in from;
	socklen_t from_n = sizeof(from);
	struct reply reply;
	ssize_t n =
		recvfrom(server->udp, query, sizeof(query), 0, (struct sockaddr *)&from, &from_n);

	if (n <= 0)
		return;
	make_reply(server, query, (size_t)n, 0, &reply);
	if (reply.n && server->manner != DNS_SILENT)
		sendto(server->udp, reply.octets, reply.n, 0, (struct sockaddr *)&from, from_n);
}

static void *serve(void *arg)
{
	struct dns_server *server = arg;
	struct pollfd fds[4] = { { .fd = server->udp, .events = POLLIN },
				 { .fd = server->tcp, .events = POLLIN },
				 { .fd = server->stop[0], .events = POLLIN },
				 { .fd = -1, .events = POLLIN } };

	while (poll(fds, 4, -1) >= 0 && !fds[2].revents) {
		if (fds[0].revents)
			serve_udp(server);
		if (fds[3].revents)
			serve_tcp(server);
		if (fds[1].revents && server->conn < 0)
			server->conn = accept(server->tcp, NULL, NULL);
		fds[3].fd = server->conn;
	}
	return NULL;
}

/* UDP and TCP on one free port. */
static int bind_both(struct dns_server *server)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(addr);

	server->udp = socket(AF_INET, SOCK_DGRAM, 0);
	server->tcp = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(server->udp, (struct sockaddr *)&addr, n) < 0 ||
	    getsockname(server->udp, (struct sockaddr *)&addr, &n) < 0)
		return -1;
	server->port = ntohs(addr.sin_port);
	return bind(server->tcp, (struct sockaddr *)&addr, n) < 0 ? -1 : listen(server->tcp, 8);
}

struct dns_server *dns_server_start(const struct dns_row *rows, enum dns_manner manner)
{
	struct dns_server *server = calloc(1, sizeof(*server));

	if (!server)
		abort();
	server->rows = rows;
	server->conn = -1;
	server->manner = manner;
	while (bind_both(server) < 0) { /* the port was somebody's over TCP: another one */
		close(server->udp);
		close(server->tcp);
	}
	if (pipe(server->stop) < 0 || pthread_create(&server->thread, NULL, serve, server) != 0)
		abort();
	return server;
}

unsigned dns_server_port(const struct dns_server *server)
{
	return server->port;
}

unsigned dns_server_asked(struct dns_server *server)
{
	return atomic_load(&server->asked);
}

void dns_server_stop(struct dns_server *server)
{
	close(server->stop[1]);
	pthread_join(server->thread, NULL);
	close(server->stop[0]);
	if (server->conn >= 0)
		close(server->conn);
	close(server->udp);
	close(server->tcp);
	free(server);
}
