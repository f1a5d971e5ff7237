/* SPDX-License-Identifier: Apache-2.0 */
/* bench/sip_load.c - SIP load over UDP; see sip_load.h */
#include "bench/sip_load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "auth/auth_digest.h"
#include "auth/auth_text.h"

enum {
	BATCH = 32,
	ROOM = 2048,
	RESEND_MS = 500,
	RESENDS_MAX = 64,
	BUFFER_BYTES = 8 << 20,
	SEEN = 1 << 18, /* copies of a run that are told apart */
};

/* Feature of a Contact. */
#define CPM_CLIENT ";+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg\""

const char sip_load_password[] = "correct-horse-battery";

static const char cpim[] =
	"From: <sip:alice@example.net>\r\nTo: <sip:anonymous@anonymous.invalid>\r\n"
	"DateTime: 2026-01-01T12:00:00.000Z\r\nNS: imdn <urn:ietf:params:imdn>\r\n"
	"imdn.Message-ID: Dw7a0VzyCXRnJm4A\r\n"
	"imdn.Disposition-Notification: positive-delivery, display\r\n\r\n"
	"Content-Type: text/plain;charset=UTF-8\r\nContent-Length: 200\r\n\r\n"
	"12345678901234567890123456789012345678901234567890123456789012345678901234567890"
	"12345678901234567890123456789012345678901234567890123456789012345678901234567890"
	"1234567890123456789012345678901234567890";

/* ---- sockets ---- */

/* Many datagrams a call, in and out. */
struct pack {
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_in peer[BATCH];
	char text[BATCH][ROOM];
	unsigned n;
};

static int open_udp(const char *host, uint16_t *port_out)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t n = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), room = BUFFER_BYTES;

	inet_pton(AF_INET, host, &address.sin_addr);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, n) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &n) < 0)
		bench_die("no socket at %s: %s", host, strerror(errno));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	*port_out = ntohs(address.sin_port);
	return fd;
}

static unsigned pack_receive(struct pack *pack, int fd)
{
	int n;

	for (unsigned i = 0; i < BATCH; i++) {
		pack->iov[i] = (struct iovec){ pack->text[i], ROOM - 1 };
		pack->msg[i].msg_hdr = (struct msghdr){ .msg_name = &pack->peer[i],
							.msg_namelen = sizeof(pack->peer[i]),
							.msg_iov = &pack->iov[i],
							.msg_iovlen = 1 };
	}
	n = recvmmsg(fd, pack->msg, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		pack->text[i][pack->msg[i].msg_len] = '\0';
	return n < 0 ? 0 : (unsigned)n;
}

static void pack_flush(struct pack *pack, int fd)
{
	for (unsigned sent = 0; sent < pack->n;) {
		int n = sendmmsg(fd, pack->msg + sent, pack->n - sent, 0);

		if (n < 0)
			bench_die("cannot send: %s", strerror(errno));
		sent += (unsigned)n;
	}
	pack->n = 0;
}

/* The text at pack->text[pack->n], N octets, is to go to TO. */
static void pack_add(struct pack *pack, int fd, size_t n, const struct sockaddr_in *to)
{
	unsigned i = pack->n++;

	if (n >= ROOM)
		bench_die("a message is too long");
	pack->peer[i] = *to;
	pack->iov[i] = (struct iovec){ pack->text[i], n };
	pack->msg[i].msg_hdr = (struct msghdr){ .msg_name = &pack->peer[i],
						.msg_namelen = sizeof(pack->peer[i]),
						.msg_iov = &pack->iov[i],
						.msg_iovlen = 1 };
	if (pack->n == BATCH)
		pack_flush(pack, fd);
}

/* ---- the load ---- */

struct slot {
	uint64_t n;	/* of the operation under way; 0: none */
	double begun_s; /* or should have been */
	unsigned cseq, user;
	char nonce[AUTH_NONCE_MAX]; /* empty: no challenge yet */
};

struct run {
	const struct server *server;
	struct sockaddr_in to;
	/* Where requests leave from, where those for devices arrive; slot I has the I-th, modulo.
	 */
	const struct sip_load_sockets *from, *devices;
	const struct sip_load *load;
	struct slot slot[SIP_LOAD_SLOTS];
	uint64_t started, done, copies;
	uint64_t seen[SEEN]; /* hashes of their Call-IDs */
	double start_s;
	unsigned resent;
	struct pack out, in, answers;
};

static size_t print_message(const struct run *run, unsigned i, char *out)
{
	const struct slot *slot = &run->slot[i];
	const char *sender = run->load->sender ? run->load->sender : "sip:alice@example.net";

	return (size_t)snprintf(
		out, ROOM,
		"MESSAGE sip:bob%u@example.com SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 127.0.0.2:%u;branch=z9hG4bKm%llx\r\nMax-Forwards: 70\r\n"
		"From: <%s>;tag=f%llx\r\nTo: <sip:bob%u@example.com>\r\n"
		"Call-ID: s%u.m%llx.%x\r\nCSeq: 1 MESSAGE\r\n"
		"P-Asserted-Identity: <%s>\r\n"
		"Accept-Contact: *;+g.3gpp.icsi-ref=\"urn%%3Aurn-7%%3A3gpp-service.ims.icsi."
		"oma.cpm.msg\"\r\n"
		"Contribution-ID: abcdef-1234-5678-90ab-cdef01234567\r\n"
		"Conversation-ID: fedcba-1234-5678-90ab-cdef01234567\r\n"
		"Content-Type: message/cpim\r\nContent-Length: %zu\r\n\r\n%s",
		i, run->from->port[i % SIP_LOAD_SOCKETS], (unsigned long long)slot->n, sender,
		(unsigned long long)slot->n, i, i, (unsigned long long)slot->n, (unsigned)getpid(),
		sender, sizeof(cpim) - 1, cpim);
}

static size_t print_group_message(const struct run *run, unsigned i, char *out)
{
	unsigned long long n = run->slot[i].n;
	const char *group = run->load->group;
	char body[1024];
	int size = snprintf(body, sizeof(body),
			    "From: <sip:alice@example.net>\r\nTo: <%s>\r\n"
			    "DateTime: 2026-01-01T12:00:00.000Z\r\nNS: imdn "
			    "<urn:ietf:params:imdn>\r\nimdn.Message-ID: Dw7a0V%llx.%x\r\n\r\n"
			    "Content-Type: text/plain;charset=UTF-8\r\n\r\n%200d",
			    group, n, (unsigned)getpid(), 0);

	return (size_t)snprintf(
		out, ROOM,
		"MESSAGE %s SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 127.0.0.2:%u;branch=z9hG4bKm%llx\r\nMax-Forwards: 70\r\n"
		"From: <sip:alice@example.net>;tag=f%llx\r\nTo: <%s>\r\n"
		"Call-ID: s%u.m%llx.%x\r\nCSeq: 1 MESSAGE\r\n"
		"P-Asserted-Identity: <sip:alice@example.net>\r\n"
		"P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg.group\r\n"
		"Accept-Contact: *;+g.3gpp.icsi-ref=\"urn%%3Aurn-7%%3A3gpp-service.ims.icsi."
		"oma.cpm.msg\"\r\n"
		"Contribution-ID: abcdef-1234-5678-90ab-cdef%llx\r\n"
		"Conversation-ID: fedcba-1234-5678-90ab-cdef01234567\r\n"
		"Content-Type: message/cpim\r\nContent-Length: %d\r\n\r\n%s",
		group, run->from->port[i % SIP_LOAD_SOCKETS], n, n, group, i, n, (unsigned)getpid(),
		n, size, body);
}

static size_t print_register(const struct run *run, unsigned i, char *out)
{
	const struct slot *slot = &run->slot[i];
	unsigned char ha1[AUTH_HASH_BYTES], octets[AUTH_HASH_BYTES];
	char name[16], response[AUTH_HASH_HEX], credentials[512] = "";
	struct auth_digest d = { .nonce = strv_of(slot->nonce),
				 .uri = STRV("sip:example.com"),
				 .cnonce = STRV("f00dcafe"),
				 .nc_text = STRV("00000001"),
				 .algorithm = AUTH_MD5,
				 .qop = STRV("auth") };

	snprintf(name, sizeof(name), "bob%u", slot->user);
	if (slot->nonce[0]) {
		if (auth_ha1(AUTH_MD5, strv_of(name), STRV("example.com"),
			     strv_of(sip_load_password), ha1) < 0 ||
		    auth_digest_response(&d, STRV("REGISTER"), ha1, octets) < 0)
			bench_die("no digest");
		auth_hex_print(octets, auth_hash_bytes(AUTH_MD5), response);
		snprintf(credentials, sizeof(credentials),
			 "Authorization: Digest username=\"%s\", realm=\"example.com\", "
			 "nonce=\"%s\", uri=\"sip:example.com\", response=\"%s\", algorithm=MD5, "
			 "cnonce=\"f00dcafe\", nc=00000001, qop=auth\r\n",
			 name, slot->nonce, response);
	}
	return (size_t)snprintf(
		out, ROOM,
		"REGISTER sip:example.com SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bKr%x.%x\r\nMax-Forwards: 70\r\n"
		"From: <sip:%s@example.com>;tag=f%x\r\nTo: <sip:%s@example.com>\r\n"
		"Call-ID: s%u.r.%x.%u\r\nCSeq: %u REGISTER\r\n"
		"Contact: <sip:%s@127.0.0.1:%u>%s\r\n"
		"Expires: 3600\r\n%sContent-Length: 0\r\n\r\n",
		run->from->port[i % SIP_LOAD_SOCKETS], i, slot->cseq, name, i, name, i,
		(unsigned)getpid(), slot->user, slot->cseq, name,
		run->devices->port[i % SIP_LOAD_SOCKETS], run->load->users ? CPM_CLIENT : "",
		credentials);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void send_slot(struct run *run, unsigned i)
{
	char *out = run->out.text[run->out.n];
	size_t n = run->load->is_register ? print_register(run, i, out)
		   : run->load->group	  ? print_group_message(run, i, out)
					  : print_message(run, i, out);

	pack_add(&run->out, run->from->fd[i % SIP_LOAD_SOCKETS], n, &run->to);
}

/* Never again, so that a message of one run is not taken for that of another sent again, and rising
 * within each Call-ID. */
static unsigned next_number(void)
{
	static unsigned number;

	return ++number;
}

static int is_due(const struct run *run, double now)
{
	return run->started < run->load->n &&
	       (run->load->a_second == 0 ||
		run->start_s + (double)run->started / run->load->a_second <= now);
}

static void start_slot(struct run *run, unsigned i)
{
	struct slot *slot = &run->slot[i];
	double now = now_s();

	slot->n = 0;
	if (!is_due(run, now))
		return;
	slot->begun_s = run->load->a_second > 0
				? run->start_s + (double)run->started / run->load->a_second
				: now;
	slot->user = run->load->users ? (unsigned)(run->started % run->load->users) : i;
	run->started++;
	slot->n = next_number();
	slot->cseq = next_number();
	slot->nonce[0] = '\0';
	send_slot(run, i);
}

/* The nonce of the challenge for MD5, which is the last or the only one. */
static void take_nonce(struct run *run, struct slot *slot, const char *text)
{
	const char *nonce = NULL;

	for (const char *at = text; (at = strstr(at, "nonce=\"")); at++)
		nonce = at + 7;
	if (!nonce || slot->nonce[0])
		bench_die("%s refuses a REGISTER: %s", run->server->name, text);
	snprintf(slot->nonce, sizeof(slot->nonce), "%.*s", (int)strcspn(nonce, "\""), nonce);
}

static void take_answer(struct run *run, const char *text)
{
	unsigned status = 0, i = SIP_LOAD_SLOTS, cseq = 0;
	unsigned long long n = 0;
	const char *id = strstr(text, "\nCall-ID: s"), *count = strstr(text, "\nCSeq: ");
	struct slot *slot;

	if (sscanf(text, "SIP/2.0 %u", &status) != 1 || status < 200 || !id || !count ||
	    sscanf(id, "\nCall-ID: s%u.m%llx", &i, &n) < 1 || i >= SIP_LOAD_SLOTS ||
	    sscanf(count, "\nCSeq: %u", &cseq) != 1)
		return;
	slot = &run->slot[i];
	if (!slot->n || (run->load->is_register ? cseq != slot->cseq : n != slot->n))
		return; /* to what was sent again */
	if (status == 401 && run->load->is_register) {
		take_nonce(run, slot, text);
		slot->cseq = next_number();
		send_slot(run, i);
		return;
	}
	if (status < 200 || status > 299)
		bench_die("%s answers %.200s", run->server->name, text);
	if (run->load->latency_s)
		run->load->latency_s[run->done] = now_s() - slot->begun_s;
	run->done++;
	start_slot(run, i);
}

/* The device takes what comes. */
static void answer_message(struct run *run, int fd, const char *text,
			   const struct sockaddr_in *from)
{
	static const char *const wanted[] = { "Via:", "v:", "From:", "To:", "Call-ID:", "CSeq:" };
	char *out = run->answers.text[run->answers.n];
	size_t n = (size_t)sprintf(out, "SIP/2.0 200 OK\r\n");

	for (const char *line = strstr(text, "\r\n"); line && strncmp(line, "\r\n\r\n", 4) != 0;
	     line = strstr(line + 2, "\r\n")) {
		size_t length = strcspn(line + 2, "\r");

		for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			if (strncmp(line + 2, wanted[i], strlen(wanted[i])) == 0)
				n += (size_t)snprintf(out + n, ROOM - n, "%.*s%s\r\n", (int)length,
						      line + 2, i == 3 ? ";tag=d" : "");
		if (n >= ROOM - 64)
			bench_die("an answer is too long");
	}
	n += (size_t)snprintf(out + n, ROOM - n, "Content-Length: 0\r\n\r\n");
	pack_add(&run->answers, fd, n, from);
}

/* What is sent again is no copy. */
static int is_new_copy(struct run *run, const char *text)
{
	const char *id = strstr(text, "\r\nCall-ID:");
	uint64_t hash = 14695981039346656037ULL;
	size_t at;

	if (!id || !strstr(text, "Dw7a0V"))
		return 0;
	for (id += 10; *id && *id != '\r'; id++)
		hash = (hash ^ (unsigned char)*id) * 1099511628211ULL;
	for (at = hash % SEEN; run->seen[at]; at = (at + 1) % SEEN)
		if (run->seen[at] == hash)
			return 0;
	run->seen[at] = hash;
	return 1;
}

/* Sends what is under way through socket K, or starts it. */
static void send_socket(struct run *run, unsigned k, int is_start)
{
	for (unsigned i = k; i < SIP_LOAD_SLOTS; i += SIP_LOAD_SOCKETS)
		if (is_start)
			start_slot(run, i);
		else if (run->slot[i].n)
			send_slot(run, i);
	pack_flush(&run->out, run->from->fd[k]);
}

static void send_again(struct run *run)
{
	if (++run->resent > RESENDS_MAX)
		bench_die("%s does not answer any more", run->server->name);
	for (unsigned k = 0; k < SIP_LOAD_SOCKETS; k++)
		send_socket(run, k, 0);
}

/* What is due in slots that are free; milliseconds until something else is, at most RESEND_MS. */
static int start_due(struct run *run)
{
	double next;

	if (run->load->a_second == 0 || run->started == run->load->n)
		return RESEND_MS;
	for (unsigned k = 0; k < SIP_LOAD_SOCKETS; k++) {
		for (unsigned i = k; i < SIP_LOAD_SLOTS; i += SIP_LOAD_SOCKETS)
			if (!run->slot[i].n && is_due(run, now_s()))
				start_slot(run, i);
		pack_flush(&run->out, run->from->fd[k]);
	}
	next = run->start_s + (double)run->started / run->load->a_second - now_s();
	return next <= 0 ? 0 : next < RESEND_MS / 1e3 ? (int)(next * 1e3) : RESEND_MS;
}

static void turn(struct run *run)
{
	struct pollfd fds[2 * SIP_LOAD_SOCKETS];
	int wait = start_due(run);
	unsigned n;

	for (unsigned k = 0; k < SIP_LOAD_SOCKETS; k++) {
		fds[k] = (struct pollfd){ run->devices->fd[k], POLLIN, 0 };
		fds[SIP_LOAD_SOCKETS + k] = (struct pollfd){ run->from->fd[k], POLLIN, 0 };
	}
	if (poll(fds, 2 * SIP_LOAD_SOCKETS, wait) == 0 && wait == RESEND_MS)
		send_again(run);
	for (unsigned k = 0; k < SIP_LOAD_SOCKETS; k++) {
		n = fds[k].revents ? pack_receive(&run->in, fds[k].fd) : 0;
		for (unsigned i = 0; i < n; i++)
			answer_message(run, fds[k].fd, run->in.text[i], &run->in.peer[i]);
		for (unsigned i = 0; run->load->group && i < n; i++)
			run->copies += is_new_copy(run, run->in.text[i]);
		pack_flush(&run->answers, fds[k].fd);
	}
	/* An answer belongs to a slot of the socket that it came to. */
	for (unsigned k = SIP_LOAD_SOCKETS; k < 2 * SIP_LOAD_SOCKETS; k++) {
		n = fds[k].revents ? pack_receive(&run->in, fds[k].fd) : 0;
		for (unsigned i = 0; i < n; i++)
			take_answer(run, run->in.text[i]);
		pack_flush(&run->out, fds[k].fd);
	}
}

void sip_load_run(struct sip_side *side, const struct sip_load *load,
		  struct sip_load_result *result_out)
{
	static struct run run; /* too large for a stack */
	double cpu = server_cpu_us(&side->server);
	uint64_t copies = load->group ? load->n * load->members : 0, n = copies ? copies : load->n;

	memset(&run, 0, sizeof(run));
	run.server = &side->server;
	run.to = (struct sockaddr_in){ .sin_family = AF_INET,
				       .sin_port = htons(side->server.sip_port),
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	run.load = load;
	run.from = load->is_register ? &side->users : &side->senders;
	run.devices = &side->devices;
	run.start_s = now_s();
	for (unsigned k = 0; k < SIP_LOAD_SOCKETS; k++)
		send_socket(&run, k, 1);
	while (run.done < load->n || run.copies < copies)
		turn(&run);
	result_out->cpu_us = (server_cpu_us(&side->server) - cpu) / (double)n;
	result_out->rate = (double)n / (now_s() - run.start_s);
	if (run.resent)
		fprintf(stderr, "%s: sent again %u times\n", side->server.name, run.resent);
}

void sip_side_open(struct sip_side *side)
{
	struct sip_load load = { .is_register = 1, .n = SIP_LOAD_SLOTS };
	struct sip_load_result result;

	for (unsigned k = 0; k < SIP_LOAD_SOCKETS; k++) {
		side->senders.fd[k] = open_udp("127.0.0.2", &side->senders.port[k]);
		side->users.fd[k] = open_udp("127.0.0.1", &side->users.port[k]);
		side->devices.fd[k] = open_udp("127.0.0.1", &side->devices.port[k]);
	}
	sip_load_run(side, &load, &result);
}
