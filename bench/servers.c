/* SPDX-License-Identifier: Apache-2.0 */
/* bench/servers.c - the servers that benches measure; see servers.h */
#include "bench/servers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SERVERS_MAX = 8, PATIENCE_S = 60, TURN_MS = 20 };

static struct server *running[SERVERS_MAX];

void bench_die(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	server_stop_all();
	exit(1);
}

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static uint16_t free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, n) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &n) < 0)
		bench_die("no free port: %s", strerror(errno));
	close(fd);
	return ntohs(address.sin_port);
}

/* A UDP port is served when nobody else can have it. */
static int is_bound(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0;

	close(fd);
	return ret;
}

static int is_open(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int ret = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

	close(fd);
	return ret;
}

/* ---- processes ---- */

/* The parent of process PID; 0 when it is gone. */
static pid_t parent_of(const char *pid)
{
	char path[64], text[512] = "", *end;
	long parent = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) > 0 && (end = strrchr(text, ')')) && end[1] && end[2])
		parent = strtol(end + 3, NULL, 10);
	close(fd);
	return (pid_t)parent;
}

static void find_processes(struct server *server)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;

	server->process[0] = server->main;
	server->n_processes = 1;
	while (proc && (entry = readdir(proc)) && server->n_processes < SERVER_PROCESSES_MAX)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    parent_of(entry->d_name) == server->main)
			server->process[server->n_processes++] =
				(pid_t)strtol(entry->d_name, NULL, 10);
	if (proc)
		closedir(proc);
}

double server_cpu_us(const struct server *server)
{
	struct timespec used;
	double sum = 0;
	clockid_t clock;

	for (unsigned i = 0; i < server->n_processes; i++) {
		if (clock_getcpuclockid(server->process[i], &clock) != 0 ||
		    clock_gettime(clock, &used) != 0)
			bench_die("a process of %s is gone", server->name);
		sum += (double)used.tv_sec * 1e6 + (double)used.tv_nsec / 1e3;
	}
	return sum;
}

double server_memory_bytes(const struct server *server)
{
	char path[64], line[256];
	unsigned long kb = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)server->main);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Private_Dirty: %lu kB", &kb) == 1)
			break;
	if (f)
		fclose(f);
	if (!kb)
		bench_die("cannot read %s", path);
	return (double)kb * 1024;
}

static void join(struct server *server)
{
	for (unsigned i = 0; i < SERVERS_MAX; i++)
		if (!running[i]) {
			running[i] = server;
			return;
		}
	bench_die("too many servers");
}

/* ARGV in a child that ends with us, its output in the file "log" of its folder. */
static pid_t spawn(const struct server *server, char *const argv[])
{
	char path[BENCH_PATH + 8];
	pid_t pid = fork();
	int log;

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	snprintf(path, sizeof(path), "%s/log", server->dir);
	log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	execvp(argv[0], argv);
	_exit(127);
}

static void start(struct server *server, char *const argv[])
{
	server->main = spawn(server, argv);
	if (server->main < 0)
		bench_die("fork: %s", strerror(errno));
	join(server);
	for (unsigned i = 0; !(server->port ? is_open(server->port) : is_bound(server->sip_port));
	     i++) {
		if (waitpid(server->main, NULL, WNOHANG) != 0)
			bench_die("%s does not start: see %s/log", server->name, server->dir);
		if (i > PATIENCE_S * 1000 / TURN_MS)
			bench_die("%s does not listen: see %s/log", server->name, server->dir);
		sleep_ms(TURN_MS);
	}
}

void server_stop(struct server *server)
{
	for (unsigned i = 0; i < SERVERS_MAX; i++)
		if (running[i] == server)
			running[i] = NULL;
	kill(server->main, SIGTERM);
	waitpid(server->main, NULL, 0);
}

void server_stop_all(void)
{
	for (unsigned i = 0; i < SERVERS_MAX; i++)
		if (running[i])
			server_stop(running[i]);
}

void run_dir_make(const char *dir, const char *name, char run_dir_out[BENCH_PATH])
{
	char *full = realpath(dir, NULL);

	if (!full || snprintf(run_dir_out, BENCH_PATH, "%s/%s.XXXXXX", full, name) >= BENCH_PATH ||
	    !mkdtemp(run_dir_out))
		bench_die("cannot make a folder in %s: %s", dir, strerror(errno));
	free(full);
}

void run_dir_remove(const char *run_dir)
{
	char command[BENCH_PATH + 16];

	snprintf(command, sizeof(command), "rm -rf '%s'", run_dir);
	if (system(command) != 0)
		fprintf(stderr, "%s stays behind\n", run_dir);
}

static void make_dir(struct server *server, const char *run_dir, const char *name)
{
	snprintf(server->dir, sizeof(server->dir), "%s/%s", run_dir, name);
	if (mkdir(server->dir, 0700) < 0)
		bench_die("cannot make %s: %s", server->dir, strerror(errno));
}

/* ---- cpmd ---- */

static void write_pem(const struct server *server, const char *name, const gnutls_datum_t *pem)
{
	char path[BENCH_PATH + 16];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", server->dir, name);
	f = fopen(path, "w");
	if (!f || fwrite(pem->data, 1, pem->size, f) != pem->size || fclose(f) != 0 ||
	    chmod(path, 0600) < 0)
		bench_die("cannot write %s: %s", path, strerror(errno));
}

/* One that signs itself: the load does not look. */
static void make_certificate(const struct server *server)
{
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t cert;
	gnutls_datum_t key_pem, cert_pem;
	time_t now = time(NULL);

	if (gnutls_x509_privkey_init(&key) < 0 || gnutls_x509_crt_init(&cert) < 0 ||
	    gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
					 (unsigned)GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
					 0) < 0 ||
	    gnutls_x509_crt_set_version(cert, 3) < 0 ||
	    gnutls_x509_crt_set_serial(cert, "\001", 1) < 0 ||
	    gnutls_x509_crt_set_activation_time(cert, now - 3600) < 0 ||
	    gnutls_x509_crt_set_expiration_time(cert, now + 86400) < 0 ||
	    gnutls_x509_crt_set_dn(cert, "CN=example.com", NULL) < 0 ||
	    gnutls_x509_crt_set_key(cert, key) < 0 ||
	    gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0) < 0 ||
	    gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &key_pem) < 0 ||
	    gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, &cert_pem) < 0)
		bench_die("cannot make a certificate");
	write_pem(server, "key.pem", &key_pem);
	write_pem(server, "cert.pem", &cert_pem);
	gnutls_free(key_pem.data);
	gnutls_free(cert_pem.data);
	gnutls_x509_crt_deinit(cert);
	gnutls_x509_privkey_deinit(key);
}

static void write_config(const struct server *server, const char *path, unsigned workers,
			 const char *more)
{
	FILE *f = fopen(path, "w");

	if (!f)
		bench_die("cannot write %s: %s", path, strerror(errno));
	fprintf(f,
		"server:\n  workers: %u\n%s"
		"log:\n  file: %s/cpmd.log\n"
		"store:\n  dir: %s/store\n"
		"http:\n  listen:\n    - address: 127.0.0.1\n      port: %u\n"
		"auth:\n  trusted-proxies:\n    - address: 127.0.0.1\n"
		"sip:\n  listen:\n    - {transport: udp, address: 127.0.0.1, port: %u}\n"
		"    - {transport: tcp, address: 127.0.0.1, port: %u}\n"
		"    - {transport: ws, address: 127.0.0.1, port: %u}\n"
		"    - {transport: tls, address: 127.0.0.1, port: %u, certificate: %s/cert.pem,"
		" key: %s/key.pem}\n"
		"  peers:\n    - {name: bench, networks: 127.0.0.2/32, trusted: yes}\n"
		"    - {name: core, networks: 127.0.0.3/32, core: yes}\n"
		"limits:\n  connections: 0\n  requests: 0\n"
		"admin:\n  socket: %s/admin.sock\n  backup-dir: %s/backup\n%s",
		workers, geteuid() == 0 ? "  user: root\n" : "", server->dir, server->dir,
		server->port, server->sip_port, server->sip_port, server->ws_port, server->tls_port,
		server->dir, server->dir, server->dir, server->dir, more);
	if (fclose(f) != 0)
		bench_die("cannot write %s: %s", path, strerror(errno));
}

void server_start_cpmd(struct server *server, const char *name, const char *build_dir,
		       const char *root, const char *run_dir, unsigned workers, const char *more)
{
	char program[BENCH_PATH + 8], config[BENCH_PATH + 16], schemas[BENCH_PATH + 8];
	char *argv[] = { program, (char[]){ "--config" }, config, NULL };

	*server = (struct server){ .name = name,
				   .port = free_port(),
				   .sip_port = free_port(),
				   .tls_port = free_port(),
				   .ws_port = free_port() };
	make_dir(server, run_dir, name);
	make_certificate(server);
	snprintf(program, sizeof(program), "%s/cpmd", build_dir);
	snprintf(config, sizeof(config), "%s/cpmd.yaml", server->dir);
	snprintf(schemas, sizeof(schemas), "%s/schema", root);
	setenv("OPENCPM_SCHEMA_DIR", schemas, 1);
	write_config(server, config, workers, more);
	start(server, argv);
	find_processes(server);
}

void server_add_user(const struct server *cpmd, const char *build_dir, const char *name,
		     const char *password)
{
	char command[4 * BENCH_PATH];

	snprintf(command, sizeof(command),
		 "%s%s%s'%s/cpmctl' --socket '%s/admin.sock' user add %s %s >>'%s/log'",
		 password ? "echo " : "", password ? password : "", password ? " | " : "",
		 build_dir, cpmd->dir, name, password ? "" : "--no-password", cpmd->dir);
	if (system(command) != 0)
		bench_die("cannot add the user %s", name);
}

/* ---- Kamailio ---- */

static void make_database(const struct server *server, const char *journal)
{
	static const char *const scripts[] = { "standard", "presence", "msilo" };
	char command[3 * BENCH_PATH];

	for (unsigned i = 0; i < 3; i++) {
		snprintf(command, sizeof(command),
			 "sqlite3 '%s/db' </usr/share/kamailio/db_sqlite/%s-create.sql",
			 server->dir, scripts[i]);
		if (system(command) != 0)
			bench_die("cannot make a database for Kamailio");
	}
	/* The database keeps the mode. */
	snprintf(command, sizeof(command), "sqlite3 '%s/db' 'pragma journal_mode=%s' >>'%s/log'",
		 server->dir, journal, server->dir);
	if (system(command) != 0)
		bench_die("cannot set the database's journal");
}

void server_start_kamailio(struct server *server, const char *root, const char *run_dir,
			   const char *name, unsigned readers, const char *journal)
{
	char config[BENCH_PATH + 32], database[BENCH_PATH + 32], listen[64], children[32];
	char *argv[] = { (char[]){ "/usr/sbin/kamailio" },
			 /* One process group, in the foreground; the fastest allocator. */
			 (char[]){ "-DD" }, (char[]){ "-E" }, (char[]){ "-m" }, (char[]){ "300" },
			 (char[]){ "-M" }, (char[]){ "16" }, (char[]){ "-x" }, (char[]){ "tlsf" },
			 (char[]){ "-f" }, config, (char[]){ "-A" }, database, (char[]){ "-A" },
			 listen, (char[]){ "-A" }, children, NULL };

	*server = (struct server){ .name = name, .port = free_port() };
	make_dir(server, run_dir, name);
	make_database(server, journal);
	snprintf(config, sizeof(config), "%s/bench/peers/kamailio-xcap.cfg", root);
	snprintf(database, sizeof(database), "DATABASE=\"sqlite:///%s/db\"", server->dir);
	snprintf(listen, sizeof(listen), "LISTEN=tcp:127.0.0.1:%u", server->port);
	snprintf(children, sizeof(children), "READERS=%u", readers);
	start(server, argv);
	/* It listens before all its processes are there. */
	sleep_ms(500);
	find_processes(server);
}

void server_start_kamailio_sip(struct server *server, const char *root, const char *run_dir,
			       const char *name, const char *config, unsigned workers,
			       const char *journal)
{
	char path[2 * BENCH_PATH], database[BENCH_PATH + 32], connection[BENCH_PATH + 40];
	char listen[64], children[32];
	char *argv[] = { (char[]){ "/usr/sbin/kamailio" },
			 (char[]){ "-DD" },
			 (char[]){ "-E" },
			 (char[]){ "-m" },
			 (char[]){ "1500" },
			 (char[]){ "-M" },
			 (char[]){ "16" },
			 (char[]){ "-x" },
			 (char[]){ "tlsf" },
			 (char[]){ "-f" },
			 path,
			 (char[]){ "-A" },
			 listen,
			 (char[]){ "-A" },
			 children,
			 journal ? (char[]){ "-A" } : NULL,
			 database,
			 (char[]){ "-A" },
			 connection,
			 NULL };

	*server = (struct server){ .name = name, .sip_port = free_port() };
	make_dir(server, run_dir, name);
	if (journal)
		make_database(server, journal);
	snprintf(path, sizeof(path), "%s/bench/peers/%s", root, config);
	snprintf(database, sizeof(database), "DATABASE=\"sqlite:///%s/db\"", server->dir);
	snprintf(connection, sizeof(connection), "CONNECTION=\"ca=>sqlite:///%s/db\"", server->dir);
	snprintf(listen, sizeof(listen), "LISTEN=udp:127.0.0.1:%u", server->sip_port);
	snprintf(children, sizeof(children), "WORKERS=%u", workers);
	start(server, argv);
	/* It listens before all its processes are there. */
	sleep_ms(1000);
	find_processes(server);
}

/* ---- bare libmicrohttpd ---- */

static char *bare_body;
static size_t bare_bytes;

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
	response = MHD_create_response_from_buffer(bare_bytes, bare_body, MHD_RESPMEM_PERSISTENT);
	MHD_add_response_header(response, "Content-Type", "application/resource-lists+xml");
	ret = MHD_queue_response(connection, 200, response);
	MHD_destroy_response(response);
	return ret;
}

static _Noreturn void serve_bare(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (!MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL,
			      bare_handler, NULL, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_END))
		_exit(1);
	for (;;)
		pause();
}

void server_start_bare(struct server *server, size_t bytes)
{
	*server = (struct server){ .name = "bare libmicrohttpd", .port = free_port() };
	bare_bytes = bytes;
	bare_body = malloc(bytes);
	if (!bare_body)
		bench_die("no memory");
	memset(bare_body, 'x', bytes);
	server->main = fork();
	if (server->main < 0)
		bench_die("fork: %s", strerror(errno));
	if (server->main == 0)
		serve_bare(server->port);
	join(server);
	for (unsigned i = 0; !is_open(server->port); i++) {
		if (waitpid(server->main, NULL, WNOHANG) != 0 || i > PATIENCE_S * 1000 / TURN_MS)
			bench_die("the bare library does not start");
		sleep_ms(TURN_MS);
	}
	find_processes(server);
}
