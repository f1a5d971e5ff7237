/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/sip_bench.c - what relaying and registering over UDP costs beside Kamailio
 *
 *     sip_bench --build DIR --root DIR [--dir DIR] [--quick] [FIGURE]
 *
 * Prints one JSON object a line. CPU is the user and system time of all processes of a server, for
 * one operation; this program, which makes the load, does not count. The sides take turns within
 * one run and each gives the median. cpmd is the real one with its defaults, two workers, store on
 * disk; Kamailio keeps all in memory, two workers. A MESSAGE of some 1.1 KB message/cpim comes from
 * a trusted neighbour for a registered device, which answers 200; 48 are under way at a time,
 * through 16 sockets.
 *
 *     sip.relay.cpu      a MESSAGE relayed / Kamailio
 *     sip.relay.rate     messages a second in the same runs / Kamailio
 *     sip.relay.scale    a MESSAGE relayed by cpmd with two workers / with one
 *     sip.register.cpu   REGISTER with Digest (MD5), 401 and 200 / Kamailio
 */
#include "bench/xcap_bench.h"

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
#include "bench/figures.h"

enum {
	SLOTS = 48,   /* under way at a time, each for a user of its own */
	SOCKETS = 16, /* they share them; the kernel spreads what comes from them over workers */
	BATCH = 32,
	ROOM = 2048,
	RUNS = 7,
	RUNS_QUICK = 3,
	RESEND_MS = 500,
	RESENDS_MAX = 64,
	BUFFER_BYTES = 8 << 20,
};

static const char password[] = "correct-horse-battery";
static const char *build_dir, *root_dir;
static char run_dir[BENCH_PATH];
static int quick;

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
	uint64_t n; /* of the operation under way; 0: none */
	unsigned cseq;
	char nonce[AUTH_NONCE_MAX]; /* empty: no challenge yet */
};

struct sockets {
	int fd[SOCKETS];
	uint16_t port[SOCKETS];
};

struct run {
	const struct server *server;
	struct sockaddr_in to;
	/* Where requests leave from, where those for devices arrive; slot I has the I-th, modulo.
	 */
	const struct sockets *from, *devices;
	int is_register;
	struct slot slot[SLOTS];
	uint64_t started, done, wanted;
	unsigned resent;
	struct pack out, in, answers;
};

static size_t print_message(const struct run *run, unsigned i, char *out)
{
	const struct slot *slot = &run->slot[i];

	return (size_t)snprintf(
		out, ROOM,
		"MESSAGE sip:bob%u@example.com SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 127.0.0.2:%u;branch=z9hG4bKm%llx\r\nMax-Forwards: 70\r\n"
		"From: <sip:alice@example.net>;tag=f%llx\r\nTo: <sip:bob%u@example.com>\r\n"
		"Call-ID: s%u.m%llx.%x\r\nCSeq: 1 MESSAGE\r\n"
		"P-Asserted-Identity: <sip:alice@example.net>\r\n"
		"Accept-Contact: *;+g.3gpp.icsi-ref=\"urn%%3Aurn-7%%3A3gpp-service.ims.icsi."
		"oma.cpm.msg\"\r\n"
		"Contribution-ID: abcdef-1234-5678-90ab-cdef01234567\r\n"
		"Conversation-ID: fedcba-1234-5678-90ab-cdef01234567\r\n"
		"Content-Type: message/cpim\r\nContent-Length: %zu\r\n\r\n%s",
		i, run->from->port[i % SOCKETS], (unsigned long long)slot->n,
		(unsigned long long)slot->n, i, i, (unsigned long long)slot->n, (unsigned)getpid(),
		sizeof(cpim) - 1, cpim);
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

	snprintf(name, sizeof(name), "bob%u", i);
	if (slot->nonce[0]) {
		if (auth_ha1(AUTH_MD5, strv_of(name), STRV("example.com"), strv_of(password), ha1) <
			    0 ||
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
		"Call-ID: s%u.r.%x\r\nCSeq: %u REGISTER\r\nContact: <sip:%s@127.0.0.1:%u>\r\n"
		"Expires: 3600\r\n%sContent-Length: 0\r\n\r\n",
		run->from->port[i % SOCKETS], i, slot->cseq, name, i, name, i, (unsigned)getpid(),
		slot->cseq, name, run->devices->port[i % SOCKETS], credentials);
}

static void send_slot(struct run *run, unsigned i)
{
	char *out = run->out.text[run->out.n];

	pack_add(&run->out, run->from->fd[i % SOCKETS],
		 run->is_register ? print_register(run, i, out) : print_message(run, i, out),
		 &run->to);
}

/* Never again, so that a message of one run is not taken for that of another sent again, and rising
 * within each Call-ID. */
static unsigned next_number(void)
{
	static unsigned number;

	return ++number;
}

static void start_slot(struct run *run, unsigned i)
{
	struct slot *slot = &run->slot[i];

	slot->n = 0;
	if (run->started == run->wanted)
		return;
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
	unsigned status = 0, i = SLOTS, cseq = 0;
	unsigned long long n = 0;
	const char *id = strstr(text, "\nCall-ID: s"), *count = strstr(text, "\nCSeq: ");
	struct slot *slot;

	if (sscanf(text, "SIP/2.0 %u", &status) != 1 || status < 200 || !id || !count ||
	    sscanf(id, "\nCall-ID: s%u.m%llx", &i, &n) < 1 || i >= SLOTS ||
	    sscanf(count, "\nCSeq: %u", &cseq) != 1)
		return;
	slot = &run->slot[i];
	if (!slot->n || (run->is_register ? cseq != slot->cseq : n != slot->n))
		return; /* to what was sent again */
	if (status == 401 && run->is_register) {
		take_nonce(run, slot, text);
		slot->cseq = next_number();
		send_slot(run, i);
		return;
	}
	if (status != 200)
		bench_die("%s answers %.200s", run->server->name, text);
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

/* Sends what is under way through socket K, or starts it. */
static void send_socket(struct run *run, unsigned k, int is_start)
{
	for (unsigned i = k; i < SLOTS; i += SOCKETS)
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
	for (unsigned k = 0; k < SOCKETS; k++)
		send_socket(run, k, 0);
}

static void turn(struct run *run)
{
	struct pollfd fds[2 * SOCKETS];
	unsigned n;

	for (unsigned k = 0; k < SOCKETS; k++) {
		fds[k] = (struct pollfd){ run->devices->fd[k], POLLIN, 0 };
		fds[SOCKETS + k] = (struct pollfd){ run->from->fd[k], POLLIN, 0 };
	}
	if (poll(fds, 2 * SOCKETS, RESEND_MS) == 0)
		send_again(run);
	for (unsigned k = 0; k < SOCKETS; k++) {
		n = fds[k].revents ? pack_receive(&run->in, fds[k].fd) : 0;
		for (unsigned i = 0; i < n; i++)
			answer_message(run, fds[k].fd, run->in.text[i], &run->in.peer[i]);
		pack_flush(&run->answers, fds[k].fd);
	}
	/* An answer belongs to a slot of the socket that it came to. */
	for (unsigned k = SOCKETS; k < 2 * SOCKETS; k++) {
		n = fds[k].revents ? pack_receive(&run->in, fds[k].fd) : 0;
		for (unsigned i = 0; i < n; i++)
			take_answer(run, run->in.text[i]);
		pack_flush(&run->out, fds[k].fd);
	}
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- figures ---- */

/* One server, with a socket for its devices. */
struct side {
	struct server server;
	struct run run;
	struct sockets senders, users, devices;
	double cpu[RUNS], rate[RUNS];
};

static void run_load(struct side *side, int is_register, uint64_t wanted, double *cpu_out,
		     double *rate_out)
{
	struct run *run = &side->run;
	double cpu = server_cpu_us(&side->server), start = now_s();

	run->server = &side->server;
	run->to = (struct sockaddr_in){ .sin_family = AF_INET,
					.sin_port = htons(side->server.sip_port),
					.sin_addr = { htonl(INADDR_LOOPBACK) } };
	run->is_register = is_register;
	run->from = is_register ? &side->users : &side->senders;
	run->devices = &side->devices;
	run->started = run->done = 0;
	run->resent = 0;
	run->wanted = wanted;
	for (unsigned k = 0; k < SOCKETS; k++)
		send_socket(run, k, 1);
	while (run->done < wanted)
		turn(run);
	*cpu_out = (server_cpu_us(&side->server) - cpu) / (double)wanted;
	*rate_out = (double)wanted / (now_s() - start);
	if (run->resent)
		fprintf(stderr, "%s: sent again %u times\n", side->server.name, run->resent);
}

static void open_side(struct side *side)
{
	double cpu, rate;

	for (unsigned k = 0; k < SOCKETS; k++) {
		side->senders.fd[k] = open_udp("127.0.0.2", &side->senders.port[k]);
		side->users.fd[k] = open_udp("127.0.0.1", &side->users.port[k]);
		side->devices.fd[k] = open_udp("127.0.0.1", &side->devices.port[k]);
	}
	run_load(side, 1, SLOTS, &cpu, &rate);
}

/* CPU of OURS and of THEIRS; RATE names a second figure from the same runs, or is NULL. */
static void compare(const char *figure, const char *rate, struct side *ours, struct side *theirs,
		    int is_register, uint64_t n)
{
	unsigned runs = quick ? RUNS_QUICK : RUNS;
	const char *peer = theirs->server.name;
	double cpu, each;

	run_load(ours, is_register, n / 4, &cpu, &each);
	run_load(theirs, is_register, n / 4, &cpu, &each);
	for (unsigned i = 0; i < runs; i++) {
		/* Who goes first takes turns too. */
		if (i % 2)
			run_load(theirs, is_register, n, &theirs->cpu[i], &theirs->rate[i]);
		run_load(ours, is_register, n, &ours->cpu[i], &ours->rate[i]);
		if (!(i % 2))
			run_load(theirs, is_register, n, &theirs->cpu[i], &theirs->rate[i]);
	}
	figures_report(figure, figures_median(ours->cpu, runs), peer,
		       figures_median(theirs->cpu, runs),
		       is_register ? "us CPU a registration" : "us CPU a message", runs);
	if (rate)
		figures_report(rate, figures_median(ours->rate, runs), peer,
			       figures_median(theirs->rate, runs), "messages a second", runs);
}

/* ---- main ---- */

static void make_run_dir(const char *dir)
{
	char *full = realpath(dir, NULL);

	if (!full ||
	    (size_t)snprintf(run_dir, sizeof(run_dir), "%s/sip-bench.XXXXXX", full) >=
		    sizeof(run_dir) ||
	    !mkdtemp(run_dir))
		bench_die("cannot make a folder in %s: %s", dir, strerror(errno));
	free(full);
}

static void remove_run_dir(void)
{
	char command[BENCH_PATH + 16];

	snprintf(command, sizeof(command), "rm -rf '%s'", run_dir);
	if (system(command) != 0)
		fprintf(stderr, "sip_bench: %s stays behind\n", run_dir);
}

static struct side cpmd, cpmd_one, kamailio;

static void start_cpmd(struct side *side, const char *name, unsigned workers)
{
	char user[16];

	server_start_cpmd(&side->server, name, build_dir, root_dir, run_dir, workers);
	for (unsigned i = 0; i < SLOTS; i++) {
		snprintf(user, sizeof(user), "bob%u", i);
		server_add_user(&side->server, build_dir, user, password);
	}
	open_side(side);
}

static int is_wanted(const char *figure, const char *only)
{
	return !only || strcmp(figure, only) == 0;
}

int main(int argc, char **argv)
{
	uint64_t messages, registrations;
	const char *dir = ".", *only = NULL;
	int relay, scale, registers;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--quick") == 0)
			quick = 1;
		else if (strcmp(argv[i], "--build") == 0 && i + 1 < argc)
			build_dir = argv[++i];
		else if (strcmp(argv[i], "--root") == 0 && i + 1 < argc)
			root_dir = argv[++i];
		else if (strcmp(argv[i], "--dir") == 0 && i + 1 < argc)
			dir = argv[++i];
		else
			only = argv[i];
	}
	messages = quick ? 20000 : 60000;
	registrations = quick ? 5000 : 20000;
	relay = is_wanted("sip.relay.cpu", only) || is_wanted("sip.relay.rate", only);
	scale = is_wanted("sip.relay.scale", only);
	registers = is_wanted("sip.register.cpu", only);
	if ((!relay && !scale && !registers) || !build_dir || !root_dir)
		bench_die("wants --build, --root and a figure that there is");
	make_run_dir(dir);
	start_cpmd(&cpmd, "cpmd", 2);
	if (relay || registers) {
		server_start_kamailio_sip(&kamailio.server, root_dir, run_dir, 2);
		open_side(&kamailio);
	}
	if (relay)
		compare("sip.relay.cpu", "sip.relay.rate", &cpmd, &kamailio, 0, messages);
	if (registers)
		compare("sip.register.cpu", NULL, &cpmd, &kamailio, 1, registrations);
	if (scale) {
		start_cpmd(&cpmd_one, "cpmd with one worker", 1);
		compare("sip.relay.scale", NULL, &cpmd, &cpmd_one, 0, messages);
	}
	server_stop_all();
	remove_run_dir();
	return 0;
}
