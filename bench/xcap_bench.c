/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/xcap_bench.c - what XCAP costs beside Kamailio and beside the HTTP library alone
 *
 *     xcap_bench --build DIR --root DIR [--dir DIR] [--quick] [FIGURE]
 *
 * Prints one JSON object a line. CPU is the user and system time of all processes of a server, for
 * one request; this program, which makes the load, does not count. Two sides take turns within one
 * run and each gives the median. cpmd is the real one with its defaults: two caches of 64 MB,
 * changes synced, request lines logged to a file, everybody authenticated (by an asserted identity
 * unless told otherwise); only the limits per source are off. Kamailio answers everybody and logs
 * nothing; its documents are in SQLite, synced too, with a write-ahead log, which suits it best,
 * but for the one figure that says otherwise. It has two readers for GET and one for PUT: with two
 * it refuses most changes, since the database is locked.
 *
 *     xcap.get.2k.cpu                a document of 2 KB / Kamailio, SQLite's journal as it comes
 *     xcap.get.2k.cpu-over-wal       the same / Kamailio, write-ahead log
 *     xcap.get.2k.cpu-over-mhd       the same / libmicrohttpd that answers as many octets
 *     xcap.get-element.200k.cpu      an element of a document of 200 KB / Kamailio
 *     xcap.put-element.200k.cpu      the same replaced, 64 clients, each its own document /
 * Kamailio xcap.put-element.200k.rate     changes a second in the same runs / Kamailio
 *     xcap.put-element.growth        an element in 10,000 of 200 octets / in 10
 *     xcap.digest.cpu                a document of 2 KB with Digest / with an asserted identity
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/auth_digest.h"
#include "auth/auth_text.h"
#include "bench/figures.h"
#include "bench/http_load.h"
#include "bench/servers.h"

#define ROOT_ELEMENT                                                             \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                           \
	"<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\"><list " \
	"name=\"friends\">\n"
#define ROOT_END "</list></resource-lists>\n"

enum {
	USERS = 64,   /* each with a connection and documents of its own */
	GROWING = 8,  /* users with documents of 2 MB: what the cache has room for */
	SMALL = 20,   /* entries of a document of 2 KB */
	LARGE = 2127, /* of 200 KB */
	FEW = 10,
	MANY = 10000,	  /* of 2 MB, wide ones */
	WIDE_BYTES = 120, /* by which an entry of those is longer */
	GET_CONNS = 32,
	RUNS = 9,
	RUNS_QUICK = 3,
	ANSWER_BYTES = 4096,
};

static const char password[] = "correct-horse-battery";
static const char *build_dir, *root_dir;
static char run_dir[BENCH_PATH];
static int quick;
static struct server cpmd, kamailio, kamailio_wal, kamailio_put, bare;

/* ---- documents ---- */

struct buffer {
	char *p;
	size_t n, room;
};

static void grow(struct buffer *to, size_t n)
{
	if (to->n + n < to->room)
		return;
	to->room = 2 * to->room + n + 4096;
	to->p = realloc(to->p, to->room);
	if (!to->p)
		bench_die("no memory");
}

static size_t print_entry(char *out, size_t room, unsigned i, unsigned number, unsigned pad)
{
	int n = snprintf(out, room,
			 "<entry uri=\"sip:user%05u@example.org\"><display-name>User number %05u"
			 "%.*s</display-name></entry>",
			 i, number, (int)pad,
			 "------------------------------------------------------------------------"
			 "------------------------------------------------");

	return (size_t)n;
}

static struct buffer make_document(unsigned entries, unsigned pad)
{
	struct buffer doc = { NULL, 0, 0 };
	char entry[512];

	grow(&doc, sizeof(ROOT_ELEMENT));
	doc.n = (size_t)sprintf(doc.p, "%s", ROOT_ELEMENT);
	for (unsigned i = 0; i < entries; i++) {
		size_t n = print_entry(entry, sizeof(entry), i, i, pad);

		grow(&doc, n + sizeof(ROOT_END) + 1);
		memcpy(doc.p + doc.n, entry, n);
		doc.n += n;
		doc.p[doc.n++] = '\n';
	}
	memcpy(doc.p + doc.n, ROOT_END, sizeof(ROOT_END));
	doc.n += sizeof(ROOT_END) - 1;
	return doc;
}

static void store(const struct server *server, unsigned user, const char *name,
		  const struct buffer *doc)
{
	char answer[ANSWER_BYTES], head[512];
	struct buffer text = { NULL, 0, 0 };
	unsigned status;

	snprintf(head, sizeof(head),
		 "PUT /xcap-root/resource-lists/users/sip:u%u@example.com/%s HTTP/1.1\r\n"
		 "Host: 127.0.0.1\r\nX-3GPP-Asserted-Identity: \"sip:u%u@example.com\"\r\n"
		 "Content-Type: application/resource-lists+xml\r\nContent-Length: %zu\r\n\r\n",
		 user, name, user, doc->n);
	grow(&text, strlen(head) + doc->n);
	memcpy(text.p, head, strlen(head));
	memcpy(text.p + strlen(head), doc->p, doc->n);
	text.n = strlen(head) + doc->n;
	status = load_once(server->port, text.p, text.n, answer, sizeof(answer));
	if (status != 200 && status != 201)
		bench_die("%s does not store a document: %s", server->name, answer);
	free(text.p);
}

static size_t small_bytes;

static void store_documents(const struct server *server)
{
	struct buffer small = make_document(SMALL, 0), large = make_document(LARGE, 0);

	for (unsigned i = 0; i < USERS; i++) {
		store(server, i, "small", &small);
		store(server, i, "large", &large);
	}
	small_bytes = small.n;
	free(small.p);
	free(large.p);
}

static void store_growing(const struct server *server)
{
	struct buffer few = make_document(FEW, WIDE_BYTES), many = make_document(MANY, WIDE_BYTES);

	for (unsigned i = 0; i < GROWING; i++) {
		store(server, i, "few", &few);
		store(server, i, "many", &many);
	}
	free(few.p);
	free(many.p);
}

/* ---- requests ---- */

/* The answer to a challenge, counted up with each request. */
struct digest {
	struct strv realm;
	char nonce[AUTH_NONCE_MAX];
	unsigned char ha1[AUTH_HASH_BYTES];
	uint32_t nc;
};

struct asking {
	const char *document;
	unsigned entries;      /* 0: the whole document */
	int put;	       /* replace an element by a new one */
	unsigned pad;	       /* of the element */
	struct digest *digest; /* one a connection; NULL: an asserted identity */
};

static size_t print_digest(struct digest *digest, unsigned user, const char *target, char *out,
			   size_t room)
{
	unsigned char octets[AUTH_HASH_BYTES];
	char nc[16], response[AUTH_HASH_HEX];
	struct auth_digest d = { .nonce = strv_of(digest->nonce),
				 .uri = strv_of(target),
				 .cnonce = STRV("f00dcafe"),
				 .nc_text = { nc, 8 },
				 .algorithm = AUTH_SHA256,
				 .qop = STRV("auth") };

	snprintf(nc, sizeof(nc), "%08x", ++digest->nc);
	if (auth_digest_response(&d, STRV("GET"), digest->ha1, octets) < 0)
		bench_die("no digest");
	auth_hex_print(octets, sizeof(octets), response);
	return (size_t)snprintf(out, room,
				"Authorization: Digest username=\"u%u\", realm=\"example.com\", "
				"nonce=\"%s\", uri=\"%s\", response=\"%s\", algorithm=SHA-256, "
				"cnonce=\"f00dcafe\", nc=%s, qop=auth\r\n",
				user, digest->nonce, target, response, nc);
}

static size_t print_request(void *arg, unsigned conn, uint64_t n, char out[LOAD_REQUEST_BYTES])
{
	const struct asking *asking = arg;
	char target[256], entry[512], *at = out, *end = out + LOAD_REQUEST_BYTES;
	unsigned which = asking->entries ? (unsigned)(n * 7919 % asking->entries) : 0;
	size_t entry_n = 0;
	int used = snprintf(target, sizeof(target),
			    "/xcap-root/resource-lists/users/sip:u%u@example.com/%s", conn,
			    asking->document);

	if (asking->entries)
		snprintf(target + used, sizeof(target) - (size_t)used,
			 "/~~/resource-lists/list%%5B@name=%%22friends%%22%%5D/"
			 "entry%%5B@uri=%%22sip:user%05u@example.org%%22%%5D",
			 which);
	at += snprintf(at, (size_t)(end - at), "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n",
		       asking->put ? "PUT" : "GET", target);
	if (asking->digest)
		at += print_digest(&asking->digest[conn], conn, target, at, (size_t)(end - at));
	else
		at += snprintf(at, (size_t)(end - at),
			       "X-3GPP-Asserted-Identity: \"sip:u%u@example.com\"\r\n", conn);
	if (asking->put) {
		entry_n = print_entry(entry, sizeof(entry), which, (unsigned)(n % 100000),
				      asking->pad);
		at += snprintf(at, (size_t)(end - at),
			       "Content-Type: application/xcap-el+xml\r\nContent-Length: %zu\r\n",
			       entry_n);
	}
	at += snprintf(at, (size_t)(end - at), "\r\n%.*s", (int)entry_n, entry);
	return (size_t)(at - out);
}

/* A nonce of its own for each connection, which takes its counts in order. */
static void get_nonces(struct digest digest[GET_CONNS])
{
	static const char text[] = "GET /xcap-root/resource-lists/users/sip:u0@example.com/small "
				   "HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

	for (unsigned i = 0; i < GET_CONNS; i++) {
		char answer[ANSWER_BYTES], name[16];
		const char *nonce;

		snprintf(name, sizeof(name), "u%u", i);
		if (load_once(cpmd.port, text, sizeof(text) - 1, answer, sizeof(answer)) != 401 ||
		    !(nonce = strstr(answer, "nonce=\"")))
			bench_die("no challenge: %s", answer);
		snprintf(digest[i].nonce, sizeof(digest[i].nonce), "%.*s",
			 (int)strcspn(nonce + 7, "\""), nonce + 7);
		digest[i].nc = 0;
		if (auth_ha1(AUTH_SHA256, strv_of(name), STRV("example.com"), strv_of(password),
			     digest[i].ha1) < 0)
			bench_die("no digest");
	}
}

/* ---- figures ---- */

struct side {
	struct server *server;
	struct load load;
	uint64_t n, n_quick;
};

struct samples {
	double cpu[RUNS], rate[RUNS];
	unsigned n;
	uint64_t refused;
};

static void sample(const struct side *side, struct samples *samples)
{
	struct load_result result;
	double before = server_cpu_us(side->server);

	load_run(&side->load, side->server->port, quick ? side->n_quick : side->n, &result);
	if (!result.done)
		bench_die("%s refuses everything", side->server->name);
	samples->cpu[samples->n] = (server_cpu_us(side->server) - before) / (double)result.done;
	samples->rate[samples->n++] = (double)result.done / result.seconds;
	samples->refused += result.refused;
}

static void warm(const struct side *side)
{
	struct samples samples = { .n = 0 };
	struct side less = *side;

	less.n = less.n_quick = (quick ? side->n_quick : side->n) / 4 + 1;
	sample(&less, &samples);
}

/* CPU of OURS and of THEIRS; RATE names a second figure from the same runs, or is NULL. */
static void compare(const char *figure, const char *rate, const struct side *ours,
		    const struct side *theirs, const char *peer)
{
	struct samples a = { .n = 0 }, b = { .n = 0 };
	unsigned runs = quick ? RUNS_QUICK : RUNS;

	warm(ours);
	warm(theirs);
	for (unsigned i = 0; i < runs; i++) {
		/* Who goes first takes turns too. */
		if (i % 2)
			sample(theirs, &b);
		sample(ours, &a);
		if (!(i % 2))
			sample(theirs, &b);
	}
	if (a.refused)
		bench_die("%s: cpmd refused %llu requests", figure, (unsigned long long)a.refused);
	if (b.refused)
		fprintf(stderr, "%s: %s refused %llu requests, which do not count\n", figure, peer,
			(unsigned long long)b.refused);
	figures_report(figure, figures_median(a.cpu, runs), peer, figures_median(b.cpu, runs),
		       "us CPU a request", runs);
	if (rate)
		figures_report(rate, figures_median(a.rate, runs), peer,
			       figures_median(b.rate, runs), "requests a second", runs);
}

/* ---- what is measured ---- */

static struct asking get_small = { .document = "small" };
static struct asking get_element = { .document = "large", .entries = LARGE };
static struct asking put_element = { .document = "large", .entries = LARGE, .put = 1 };

static struct side side_of(struct server *server, struct asking *asking, unsigned conns, uint64_t n,
			   uint64_t n_quick)
{
	return (struct side){ .server = server,
			      .load = { .conns = conns, .print = print_request, .arg = asking },
			      .n = n,
			      .n_quick = n_quick };
}

static struct side get_2k(void)
{
	struct side side = side_of(&cpmd, &get_small, GET_CONNS, 60000, 15000);

	side.load.answer_bytes = small_bytes;
	return side;
}

static void run_get(const char *figure)
{
	struct side ours = get_2k(),
		    theirs = side_of(&kamailio, &get_small, GET_CONNS, 20000, 4000);

	theirs.load.answer_bytes = small_bytes;
	compare(figure, NULL, &ours, &theirs, kamailio.name);
}

static void run_get_wal(const char *figure)
{
	struct side ours = get_2k(),
		    theirs = side_of(&kamailio_wal, &get_small, GET_CONNS, 20000, 4000);

	theirs.load.answer_bytes = small_bytes;
	compare(figure, NULL, &ours, &theirs, kamailio_wal.name);
}

static void run_get_mhd(const char *figure)
{
	struct side ours = get_2k(), theirs = ours;

	if (!bare.main)
		server_start_bare(&bare, small_bytes);
	theirs.server = &bare;
	compare(figure, NULL, &ours, &theirs, bare.name);
}

static void run_get_element(const char *figure)
{
	struct side ours = side_of(&cpmd, &get_element, GET_CONNS, 60000, 15000),
		    theirs = side_of(&kamailio_wal, &get_element, GET_CONNS, 500, 100);

	compare(figure, NULL, &ours, &theirs, kamailio_wal.name);
}

static void run_put_element(const char *figure)
{
	struct side ours = side_of(&cpmd, &put_element, USERS, 30000, 10000),
		    theirs = side_of(&kamailio_put, &put_element, USERS, 600, 150);

	compare(figure, "xcap.put-element.200k.rate", &ours, &theirs, kamailio_put.name);
}

static void run_growth(const char *figure)
{
	static struct asking few = { "few", FEW, 1, WIDE_BYTES, NULL };
	static struct asking many = { "many", MANY, 1, WIDE_BYTES, NULL };
	struct side ours = side_of(&cpmd, &many, GROWING, 10000, 3000),
		    theirs = side_of(&cpmd, &few, GROWING, 10000, 3000);

	store_growing(&cpmd);
	compare(figure, NULL, &ours, &theirs, "cpmd, 10 contacts");
}

static void run_digest(const char *figure)
{
	static struct digest digest[GET_CONNS];
	static struct asking asking = { .document = "small", .digest = digest };
	struct side theirs = get_2k(), ours = theirs;

	get_nonces(digest);
	ours.load.arg = &asking;
	compare(figure, NULL, &ours, &theirs, "cpmd, asserted identity");
}

enum { PEER = 1, PEER_WAL = 2, PEER_PUT = 4 };

static const struct {
	const char *name, *second;
	unsigned peers;
	void (*run)(const char *figure);
} figures[] = {
	{ "xcap.get.2k.cpu", NULL, PEER, run_get },
	{ "xcap.get.2k.cpu-over-wal", NULL, PEER_WAL, run_get_wal },
	{ "xcap.get.2k.cpu-over-mhd", NULL, 0, run_get_mhd },
	{ "xcap.get-element.200k.cpu", NULL, PEER_WAL, run_get_element },
	{ "xcap.put-element.200k.cpu", "xcap.put-element.200k.rate", PEER_PUT, run_put_element },
	{ "xcap.put-element.growth", NULL, 0, run_growth },
	{ "xcap.digest.cpu", NULL, 0, run_digest },
};
enum { FIGURES = sizeof(figures) / sizeof(figures[0]) };

static int is_wanted(unsigned i, const char *only)
{
	return !only || strcmp(only, figures[i].name) == 0 ||
	       (figures[i].second && strcmp(only, figures[i].second) == 0);
}

static void start_servers(unsigned peers)
{
	static const struct {
		unsigned peer;
		struct server *server;
		const char *name;
		unsigned readers;
		const char *journal;
	} kinds[] = {
		{ PEER, &kamailio, "Kamailio", 2, "delete" },
		{ PEER_WAL, &kamailio_wal, "Kamailio with WAL", 2, "wal" },
		{ PEER_PUT, &kamailio_put, "Kamailio with WAL, one reader", 1, "wal" },
	};
	char name[16];

	server_start_cpmd(&cpmd, "cpmd", build_dir, root_dir, run_dir, 0, "");
	for (unsigned i = 0; i < USERS; i++) {
		snprintf(name, sizeof(name), "u%u", i);
		server_add_user(&cpmd, build_dir, name, i < GET_CONNS ? password : NULL);
	}
	store_documents(&cpmd);
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (peers & kinds[i].peer) {
			server_start_kamailio(kinds[i].server, root_dir, run_dir, kinds[i].name,
					      kinds[i].readers, kinds[i].journal);
			store_documents(kinds[i].server);
		}
}

int main(int argc, char **argv)
{
	const char *dir = ".", *only = NULL;
	unsigned peers = 0, known = 0;

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
	for (unsigned i = 0; i < FIGURES; i++)
		if (is_wanted(i, only)) {
			peers |= figures[i].peers;
			known = 1;
		}
	if (!known || !build_dir || !root_dir)
		bench_die("wants --build, --root and a figure that there is");
	run_dir_make(dir, "xcap-bench", run_dir);
	start_servers(peers);
	for (unsigned i = 0; i < FIGURES; i++)
		if (is_wanted(i, only))
			figures[i].run(figures[i].name);
	server_stop_all();
	run_dir_remove(run_dir);
	return 0;
}
