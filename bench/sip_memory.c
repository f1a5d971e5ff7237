/* SPDX-License-Identifier: Apache-2.0 */
/* bench/sip_memory.c - what lies in a server without moving; see sip_memory.h */
#include "bench/sip_memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ROOM = 4096,
	WINDOW = 64, /* REGISTER under way at a time */
	PATIENCE_MS = 20000,
	AGAIN_MS = 500,
	TRIES_MAX = 20,
	CONNS_MAX = 16,
	MARK_BYTES = 9, /* of " MESSAGE\\r", the end of CSeq */
};

static struct sockaddr_in address_of(const char *host, uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };

	inet_pton(AF_INET, host, &address.sin_addr);
	return address;
}

static int open_socket(int type, const char *host)
{
	struct sockaddr_in address = address_of(host, 0);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		bench_die("no socket at %s: %s", host, strerror(errno));
	return fd;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in address;
	socklen_t n = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &n) < 0)
		bench_die("no port: %s", strerror(errno));
	return ntohs(address.sin_port);
}

static void wait_for(int fd)
{
	struct pollfd poll_fd = { fd, POLLIN, 0 };

	if (poll(&poll_fd, 1, PATIENCE_MS) < 1)
		bench_die("nothing comes for %d s", PATIENCE_MS / 1000);
}

/* ---- devices ---- */

/* What an S-CSCF at PORT tells about the device of USER; CORE is its Contact. */
static size_t print_register(const char *user, uint16_t port, const char *core, char *out)
{
	char inner[ROOM / 2];
	int n = snprintf(inner, sizeof(inner),
			 "REGISTER sip:example.com SIP/2.0\r\n"
			 "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKd%s\r\n"
			 "From: <sip:%s@example.com>;tag=1\r\nTo: <sip:%s@example.com>\r\n"
			 "Call-ID: %s@192.0.2.1\r\nCSeq: 1 REGISTER\r\n"
			 "Contact: <sip:%s@192.0.2.1:5060>;"
			 "+sip.instance=\"<urn:gsma:imei:35824005-944763-%s>\";"
			 "+g.3gpp.icsi-ref=\"urn%%3Aurn-7%%3A3gpp-service.ims.icsi.oma.cpm.msg,"
			 "urn%%3Aurn-7%%3A3gpp-service.ims.icsi.oma.cpm.largemsg,"
			 "urn%%3Aurn-7%%3A3gpp-service.ims.icsi.oma.cpm.session\";"
			 "+g.gsma.rcs.cpm.pager-large\r\n"
			 "User-Agent: IM-client/OMA1.0\r\nExpires: 600000\r\n"
			 "Content-Length: 0\r\n\r\n",
			 user, user, user, user, user, user);

	return (size_t)snprintf(out, ROOM,
				"REGISTER sip:cpm@example.com SIP/2.0\r\n"
				"Via: SIP/2.0/UDP 127.0.0.3:%u;branch=z9hG4bKc%s\r\n"
				"From: <sip:scscf@127.0.0.3>;tag=1\r\nTo: <sip:%s@example.com>\r\n"
				"Call-ID: c%s\r\nCSeq: 1 REGISTER\r\nMax-Forwards: 70\r\n"
				"Contact: <%s>\r\nExpires: 600000\r\n"
				"Content-Type: message/sip\r\nContent-Length: %d\r\n\r\n%s",
				port, user, user, user, core, n, inner);
}

static void send_register(int fd, const struct sockaddr_in *to, const char *user, const char *core)
{
	char text[ROOM];
	size_t n = print_register(user, port_of(fd), core, text);

	if (n >= ROOM ||
	    sendto(fd, text, n, 0, (const struct sockaddr *)to, sizeof(*to)) != (ssize_t)n)
		bench_die("cannot send: %s", strerror(errno));
}

static void take_answer(int fd)
{
	char text[ROOM];
	ssize_t n;

	wait_for(fd);
	n = recv(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	if (strncmp(text, "SIP/2.0 200", 11) != 0)
		bench_die("a device is refused: %s", text);
}

void sip_devices_add(const struct server *server, unsigned first, unsigned n)
{
	struct sockaddr_in to = address_of("127.0.0.1", server->sip_port);
	int fd = open_socket(SOCK_DGRAM, "127.0.0.3");
	char user[16], core[64];

	snprintf(core, sizeof(core), "sip:127.0.0.3:%u", port_of(fd));
	for (unsigned i = 0; i < n + WINDOW; i++) {
		if (i >= WINDOW)
			take_answer(fd);
		if (i < n) {
			snprintf(user, sizeof(user), "d%u", first + i);
			send_register(fd, &to, user, core);
		}
	}
	close(fd);
}

/* ---- idle connections ---- */

struct sip_idle_conns {
	unsigned n;
	int *fd;
	gnutls_session_t *tls; /* NULL: none */
};

static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static gnutls_session_t shake_hands(int fd)
{
	static gnutls_certificate_credentials_t credentials;
	gnutls_session_t session;
	int ret;

	if ((!credentials && gnutls_certificate_allocate_credentials(&credentials) < 0) ||
	    gnutls_init(&session, GNUTLS_CLIENT) < 0 || gnutls_set_default_priority(session) < 0 ||
	    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials) < 0)
		bench_die("no TLS");
	gnutls_transport_set_int(session, fd);
	do
		ret = gnutls_handshake(session);
	while (ret < 0 && !gnutls_error_is_fatal(ret));
	if (ret < 0)
		bench_die("TLS: %s", gnutls_strerror(ret));
	return session;
}

static void say(int fd, gnutls_session_t tls, const char *text, size_t n)
{
	ssize_t sent = tls ? gnutls_record_send(tls, text, n) : send(fd, text, n, MSG_NOSIGNAL);

	if (sent != (ssize_t)n)
		bench_die("cannot send over a connection");
}

static void hear(int fd, gnutls_session_t tls, const char *wanted)
{
	char text[ROOM];
	ssize_t n;

	do {
		if (!tls || gnutls_record_check_pending(tls) == 0)
			wait_for(fd);
		n = tls ? gnutls_record_recv(tls, text, sizeof(text) - 1)
			: recv(fd, text, sizeof(text) - 1, 0);
	} while (tls && n == GNUTLS_E_AGAIN);
	text[n > 0 ? n : 0] = '\0';
	if (n <= 0 || !strstr(text, wanted))
		bench_die("an unexpected answer over a connection: %s", text);
}

static void upgrade(int fd)
{
	static const char head[] = "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n"
				   "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
				   "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
				   "Sec-WebSocket-Protocol: sip\r\n\r\n";

	say(fd, NULL, head, sizeof(head) - 1);
	hear(fd, NULL, " 101 ");
}

/* One request and its answer: what a connection needs for that has been used once. */
static void use_once(int fd, gnutls_session_t tls, enum sip_idle kind, unsigned i)
{
	static const char *const transport[] = { "TCP", "TLS", "WS" };
	char text[ROOM], *at = text + 8;
	int n = snprintf(at, ROOM - 8,
			 "OPTIONS sip:example.com SIP/2.0\r\n"
			 "Via: SIP/2.0/%s 127.0.0.1;branch=z9hG4bKi%d.%u\r\nMax-Forwards: 70\r\n"
			 "From: <sip:x@127.0.0.1>;tag=i\r\nTo: <sip:example.com>\r\n"
			 "Call-ID: i%d.%u\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
			 transport[kind], (int)kind, i, (int)kind, i);

	if (kind == SIP_IDLE_WS) {
		/* One text frame, masked with zeros. */
		memset(text, 0, 8);
		text[0] = (char)0x81;
		text[1] = (char)0xfe;
		text[2] = (char)(n >> 8);
		text[3] = (char)(n & 0xff);
		at = text;
		n += 8;
	}
	say(fd, tls, at, (size_t)n);
	hear(fd, tls, "SIP/2.0 200");
}

struct sip_idle_conns *sip_idle_open(const struct server *server, enum sip_idle kind, unsigned n)
{
	const uint16_t port[] = { server->sip_port, server->tls_port, server->ws_port };
	struct sockaddr_in to = address_of("127.0.0.1", port[kind]);
	struct sip_idle_conns *conns = calloc(1, sizeof(*conns));

	raise_limit();
	if (!conns || !(conns->fd = calloc(n, sizeof(int))) ||
	    (kind == SIP_IDLE_TLS && !(conns->tls = calloc(n, sizeof(*conns->tls)))))
		bench_die("no memory");
	for (unsigned i = 0; i < n; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
			bench_die("no connection: %s", strerror(errno));
		conns->fd[conns->n++] = fd;
		if (kind == SIP_IDLE_TLS)
			conns->tls[i] = shake_hands(fd);
		else if (kind == SIP_IDLE_WS)
			upgrade(fd);
		use_once(fd, conns->tls ? conns->tls[i] : NULL, kind, i);
	}
	return conns;
}

void sip_idle_close(struct sip_idle_conns **conns)
{
	for (unsigned i = 0; i < (*conns)->n; i++) {
		if ((*conns)->tls)
			gnutls_deinit((*conns)->tls[i]);
		close((*conns)->fd[i]);
	}
	free((*conns)->fd);
	free((*conns)->tls);
	free(*conns);
	*conns = NULL;
}

/* ---- nobody answers ---- */

/* The device's end: connections that are read from and never written to. They stay open, for a
 * closed one would end what waits. */
struct silent {
	struct pollfd fds[CONNS_MAX]; /* the first one listens */
	unsigned n;
	unsigned seen; /* messages */
	char tail[CONNS_MAX][MARK_BYTES];
};

/* Messages that are whole in what has come over connection K, by the mark that each has once. */
static void count(struct silent *silent, unsigned k)
{
	static const char mark[MARK_BYTES + 1] = " MESSAGE\r";
	char text[MARK_BYTES + 65536];
	ssize_t n = recv(silent->fds[k].fd, text + MARK_BYTES, sizeof(text) - MARK_BYTES, 0);

	if (n <= 0)
		bench_die("the silent device lost its connection");
	/* The last octets of before: a mark may be cut. */
	memcpy(text, silent->tail[k], MARK_BYTES);
	for (ssize_t i = 1; i <= n; i++)
		silent->seen += memcmp(text + i, mark, MARK_BYTES) == 0;
	memcpy(silent->tail[k], text + n, MARK_BYTES);
}

/* Until WANTED have come: 1; 0: nothing has for a while. */
static int swallow(struct silent *silent, unsigned wanted)
{
	while (silent->seen < wanted) {
		if (poll(silent->fds, silent->n, AGAIN_MS) < 1)
			return 0;
		if (silent->fds[0].revents && silent->n < CONNS_MAX)
			silent->fds[silent->n++] =
				(struct pollfd){ accept(silent->fds[0].fd, NULL, NULL), POLLIN, 0 };
		for (unsigned k = 1; k < silent->n; k++)
			if (silent->fds[k].revents)
				count(silent, k);
	}
	return 1;
}

static void send_message(int fd, const struct sockaddr_in *to, const char *user, unsigned i)
{
	char text[ROOM];
	int n = snprintf(text, sizeof(text),
			 "MESSAGE sip:%s@example.com SIP/2.0\r\n"
			 "Via: SIP/2.0/UDP 127.0.0.2:%u;branch=z9hG4bKs%s.%u\r\n"
			 "From: <sip:x@example.net>;tag=s\r\nMax-Forwards: 70\r\n"
			 "To: <sip:%s@example.com>\r\nCall-ID: s%s.%u\r\nCSeq: 1 MESSAGE\r\n"
			 "P-Asserted-Identity: <sip:x@example.net>\r\n"
			 "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi",
			 user, port_of(fd), user, i, user, user, i);

	if (sendto(fd, text, (size_t)n, 0, (const struct sockaddr *)to, sizeof(*to)) < 0)
		bench_die("cannot send: %s", strerror(errno));
}

void sip_silent_messages(const struct server *server, const char *user, unsigned n)
{
	struct sockaddr_in to = address_of("127.0.0.1", server->sip_port);
	int core = open_socket(SOCK_DGRAM, "127.0.0.3"), fd = open_socket(SOCK_DGRAM, "127.0.0.2");
	struct silent silent = { .fds = { { open_socket(SOCK_STREAM, "127.0.0.3"), POLLIN, 0 } },
				 .n = 1 };
	char contact[64];

	if (listen(silent.fds[0].fd, CONNS_MAX) < 0)
		bench_die("cannot listen: %s", strerror(errno));
	snprintf(contact, sizeof(contact), "sip:127.0.0.3:%u;transport=tcp",
		 port_of(silent.fds[0].fd));
	send_register(core, &to, user, contact);
	take_answer(core);
	for (unsigned from = 0, tries = 0; from < n;) {
		for (unsigned i = from; i < from + WINDOW && i < n; i++)
			send_message(fd, &to, user, i);
		if (swallow(&silent, from + WINDOW < n ? from + WINDOW : n)) {
			from += WINDOW;
			tries = 0;
		} else if (++tries == TRIES_MAX) {
			bench_die("the silent device got %u of %u messages", silent.seen, n);
		}
	}
	close(core);
	close(fd);
}
