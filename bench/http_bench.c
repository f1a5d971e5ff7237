/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/http_bench.c - what the HTTP edge costs beside the library it stands on
 *
 *     http_bench [--quick] [FIGURE]
 *
 * Prints one JSON object a line. Every server is a child process; its user and system time is read
 * from its CPU clock, so the load generator, which is this process, does not count. A figure's two
 * sides take turns and each gives the median of its runs. The load: keep-alive connections, each
 * with one request under way, answers of 2 KB.
 *
 *     http.hello.cpu         our handler, request lines not logged / bare libmicrohttpd with its
 * thread http.hello.logged.cpu  the same with every request's line written (to /dev/null)
 *     http.later.cpu         our handler answering from a later turn / the same library
 *     http.scale             two workers / one
 */
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "http/http.h"

enum { BODY_BYTES = 2048, CONNS = 32 };
enum { RUNS = 21, RUNS_QUICK = 7, REQUESTS = 60000, REQUESTS_QUICK = 12000 };

static char body[BODY_BYTES];

static void die(const char *what)
{
	fprintf(stderr, "http_bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- the servers, each in a process of its own ---- */

struct server {
	const char *name;
	unsigned workers; /* 0: the bare library */
	enum log_level log;
	int later;
	pid_t pid;
	uint16_t port;
};

static enum MHD_Result bare_handler(void *cls, struct MHD_Connection *connection, const char *url,
				    const char *method, const char *version, const char *data,
				    size_t *bytes, void **context)
{
	static int seen;
	struct MHD_Response *response;
	enum MHD_Result ret;

	(void)cls;
	(void)url;
	(void)method;
	(void)version;
	(void)data;
	(void)bytes;
	if (!*context) {
		*context = &seen;
		return MHD_YES;
	}
	response = MHD_create_response_from_buffer(BODY_BYTES, body, MHD_RESPMEM_PERSISTENT);
	MHD_add_response_header(response, "Content-Type", "text/plain");
	ret = MHD_queue_response(connection, 200, response);
	MHD_destroy_response(response);
	return ret;
}

static uint16_t start_bare(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	const union MHD_DaemonInfo *info;
	struct MHD_Daemon *mhd = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_INTERNAL_POLLING_THREAD,
						  0, NULL, NULL, bare_handler, NULL,
						  MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_END);

	info = mhd ? MHD_get_daemon_info(mhd, MHD_DAEMON_INFO_BIND_PORT) : NULL;
	return info ? info->port : 0;
}

static void handle_now(struct http_req *req, void *arg)
{
	(void)arg;
	http_answer_body(req, 200, "text/plain", strv_mem(body, sizeof(body)));
}

struct later {
	struct post post;
	struct http_req *req;
};

static void on_later(struct post *post)
{
	handle_now(((struct later *)(void *)post)->req, NULL);
}

static void handle_later(struct http_req *req, void *arg)
{
	struct later *later = arena_alloc(http_req_arena(req), sizeof(*later));

	(void)arg;
	later->req = req;
	later->post.run = on_later;
	worker_post(http_req_worker(req), &later->post);
}

static uint16_t start_ours(const struct server *server)
{
	static struct http_route route = { "/hello", 0, 0, handle_now, NULL };
	static const struct http_listen listen = { .address = "127.0.0.1" };
	struct limit_options limit_options = { .max_sources = 100 };
	struct http_options options;
	struct workers *workers;
	struct http *http;
	struct err err;

	if (server->later)
		route.handle = handle_later;
	log_output(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_TEXT);
	log_set_levels(server->log);
	http_options_init(&options);
	options.limits = limits_new(&limit_options);
	options.listens = &listen;
	options.n_listens = 1;
	options.routes = &route;
	options.n_routes = 1;
	if (!options.limits || workers_new(server->workers, &workers, &err) < 0 ||
	    http_new(&options, workers, &http, &err) < 0 || workers_start(workers, &err) < 0)
		return 0;
	return http_port(http, 0);
}

static void start(struct server *server)
{
	int ends[2];

	if (pipe(ends) < 0)
		die("pipe");
	server->pid = fork();
	if (server->pid < 0)
		die("fork");
	if (server->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		uint16_t port = server->workers ? start_ours(server) : start_bare();

		if (write(ends[1], &port, sizeof(port)) != sizeof(port))
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	if (read(ends[0], &server->port, sizeof(server->port)) != sizeof(server->port) ||
	    !server->port)
		die("a server does not start");
	close(ends[0]);
}

static void stop(struct server *server)
{
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
}

static double cpu_us(const struct server *server)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(server->pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
		die("CPU clock");
	return (double)used.tv_sec * 1e6 + (double)used.tv_nsec / 1e3;
}

/* ---- the load ---- */

static const char request[] = "GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\n"
			      "Accept: */*\r\n\r\n";

struct load {
	int epoll, fds[CONNS];
	size_t left[CONNS];  /* octets of the answer under way */
	size_t answer_bytes; /* of one whole answer, learned from the first */
};

static void ask(struct load *load, unsigned i)
{
	if (send(load->fds[i], request, sizeof(request) - 1, MSG_NOSIGNAL) != sizeof(request) - 1)
		die("send");
	load->left[i] = load->answer_bytes;
}

static size_t learn(int fd)
{
	char text[16384];
	size_t n = 0;
	char *end = NULL;

	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) != sizeof(request) - 1)
		die("send");
	while (!end || n < (size_t)(end - text) + 4 + BODY_BYTES) {
		ssize_t got = recv(fd, text + n, sizeof(text) - 1 - n, 0);

		if (got <= 0)
			die("recv");
		n += (size_t)got;
		text[n] = '\0';
		end = strstr(text, "\r\n\r\n");
	}
	if (strncmp(text, "HTTP/1.1 200 ", 13) != 0)
		die("the answer is not 200");
	return n;
}

static void load_open(struct load *load, const struct server *server)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(server->port),
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };

	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned i = 0; i < CONNS; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };

		load->fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (load->fds[i] < 0 ||
		    connect(load->fds[i], (struct sockaddr *)&address, sizeof(address)) < 0 ||
		    epoll_ctl(load->epoll, EPOLL_CTL_ADD, load->fds[i], &event) < 0)
			die("connect");
		load->answer_bytes = learn(load->fds[i]);
	}
}

static void load_close(struct load *load)
{
	for (unsigned i = 0; i < CONNS; i++)
		close(load->fds[i]);
	close(load->epoll);
}

static unsigned take(struct load *load, unsigned i)
{
	char waste[65536];
	ssize_t got = recv(load->fds[i], waste, sizeof(waste), MSG_DONTWAIT);

	if (got <= 0 && errno == EAGAIN)
		return 0;
	if (got <= 0 || (size_t)got > load->left[i])
		die("an answer is not as long as the first");
	load->left[i] -= (size_t)got;
	return load->left[i] == 0;
}

/* CPU microseconds of SERVER for one request, over N. */
static double run(const struct server *server, unsigned n)
{
	struct epoll_event events[CONNS];
	unsigned done = 0, asked = 0;
	struct load load;
	double before;

	load_open(&load, server);
	before = cpu_us(server);
	for (unsigned i = 0; i < CONNS; i++, asked++)
		ask(&load, i);
	while (done < asked) {
		int got = epoll_wait(load.epoll, events, CONNS, -1);

		for (int e = 0; e < got; e++) {
			unsigned i = events[e].data.u32;

			if (!take(&load, i))
				continue;
			done++;
			if (asked < n) {
				ask(&load, i);
				asked++;
			}
		}
	}
	before = cpu_us(server) - before;
	load_close(&load);
	return before / done;
}

/* ---- the figures ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, unsigned n)
{
	qsort(values, n, sizeof(*values), by_value);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static void compare(const char *figure, struct server ours, struct server theirs, unsigned runs,
		    unsigned n)
{
	double a[RUNS], b[RUNS], x, y;

	start(&ours);
	start(&theirs);
	run(&ours, n / 4);
	run(&theirs, n / 4);
	for (unsigned i = 0; i < runs; i++) {
		/* Who goes first takes turns too. */
		if (i % 2)
			b[i] = run(&theirs, n);
		a[i] = run(&ours, n);
		if (!(i % 2))
			b[i] = run(&theirs, n);
	}
	stop(&ours);
	stop(&theirs);
	x = median(a, runs);
	y = median(b, runs);
	printf("{\"figure\":\"%s\",\"ours\":%.2f,\"peer\":\"%s\",\"theirs\":%.2f,"
	       "\"unit\":\"us CPU a request\",\"ratio\":%.3f,\"runs\":%u}\n",
	       figure, x, theirs.name, y, x / y, runs);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const struct server bare = { .name = "bare libmicrohttpd, own thread" };
	static const struct server one = { .name = "one worker", .workers = 1, .log = LOG_WARN };
	static const struct server two = { .name = "two workers", .workers = 2, .log = LOG_WARN };
	static const struct server logged = { .name = "logged", .workers = 1, .log = LOG_INFO };
	static const struct server later = {
		.name = "later", .workers = 1, .log = LOG_WARN, .later = 1
	};
	static const struct {
		const char *name;
		const struct server *ours, *theirs;
	} figures[] = {
		{ "http.hello.cpu", &one, &bare },
		{ "http.hello.logged.cpu", &logged, &bare },
		{ "http.later.cpu", &later, &bare },
		{ "http.scale", &two, &one },
	};
	int quick = argc > 1 && strcmp(argv[1], "--quick") == 0, known = 0;
	const char *only = argc > 1 + quick ? argv[1 + quick] : NULL;

	memset(body, 'x', sizeof(body));
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		if (only && strcmp(only, figures[i].name) != 0)
			continue;
		known = 1;
		compare(figures[i].name, *figures[i].ours, *figures[i].theirs,
			quick ? RUNS_QUICK : RUNS, quick ? REQUESTS_QUICK : REQUESTS);
	}
	if (!known)
		fprintf(stderr, "http_bench: there is no figure %s\n", only);
	return !known;
}
