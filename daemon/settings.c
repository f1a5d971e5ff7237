/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/settings.c - the table of settings
 *
 * One row says everything about a setting; doc/hacking.md says how to add one. What rows cannot say
 * is in settings_check.c, how rooms get their part in settings_map.c. CPM_STATE_DIR and CPM_RUN_DIR
 * come from the build.
 */
#include "daemon/settings.h"

#define AT(member) offsetof(struct settings, member)
#define KB	   (INT64_C(1) << 10)
#define MB	   (INT64_C(1) << 20)
#define GB	   (INT64_C(1) << 30)
#define TB	   (INT64_C(1) << 40)
#define SECOND	   INT64_C(1000)
#define MINUTE	   (60 * SECOND)
#define HOUR	   (60 * MINUTE)
#define DAY	   (24 * HOUR)

/* Rows by type. RELOAD says whether a reload may change the value. */
#define SECTION(name, help)                                               \
	{                                                                 \
		name, CONF_SECTION, 0, NULL, 0, 0, NULL, 0, help, NULL, 0 \
	}
#define NUMBER(name, member, preset, min, max, reload, help)                              \
	{                                                                                 \
		name, CONF_INT, AT(member), preset, min, max, NULL, reload, help, NULL, 0 \
	}
#define SIZE(name, member, preset, min, max, reload, help)                                  \
	{                                                                                   \
		name, CONF_BYTES, AT(member), preset, min, max, NULL, reload, help, NULL, 0 \
	}
#define SPAN(name, member, preset, min, max, reload, help)                                 \
	{                                                                                  \
		name, CONF_TIME, AT(member), preset, min, max, NULL, reload, help, NULL, 0 \
	}
#define WORD(name, member, preset, choices, reload, help)                                 \
	{                                                                                 \
		name, CONF_ENUM, AT(member), preset, 0, 0, choices, reload, help, NULL, 0 \
	}
#define SWITCH(name, member, preset, reload, help)                                     \
	{                                                                              \
		name, CONF_BOOL, AT(member), preset, 0, 0, NULL, reload, help, NULL, 0 \
	}
#define TEXT(name, member, preset, max, reload, help)                                   \
	{                                                                               \
		name, CONF_STR, AT(member), preset, 0, max, NULL, reload, help, NULL, 0 \
	}
#define PATH(name, member, preset, max, reload, help)                                    \
	{                                                                                \
		name, CONF_PATH, AT(member), preset, 0, max, NULL, reload, help, NULL, 0 \
	}

enum { FIXED, RELOAD };
enum { FILE_PATH_MAX = 4000 };

const char *const settings_engines[] = { "bdb", "mem", NULL };
static const char *const formats[] = { "text", "json", NULL };
static const char *const levels[] = { "error", "warn", "info", "debug", NULL };
static const char *const category_levels[] = { "default", "error", "warn", "info", "debug", NULL };
static const char *const xdm_modes[] = { "local", "remote", NULL }; /* enum settings_xdm */
static const char *const accesses[] = { "off", "socket", "any", NULL };

#define LISTEN_AT(member) offsetof(struct settings_listen, member)
static const struct conf_item listen_table[] = {
	{ "address", CONF_ADDR, LISTEN_AT(address), "", 0, 0, NULL, 0,
	  "The address to listen on: 0.0.0.0 for every IPv4 address of this machine, \"::\" for "
	  "every IPv6 address.",
	  NULL, 0 },
	{ "port", CONF_INT, LISTEN_AT(port), "8080", 1, 65535, NULL, 0,
	  "The TCP port, where address is given.", NULL, 0 },
	{ "socket", CONF_PATH, LISTEN_AT(socket), "", 0, FILE_PATH_MAX, NULL, 0,
	  "A Unix socket instead of an address and port, for a proxy on this machine.", NULL, 0 },
	{ "certificate", CONF_PATH, LISTEN_AT(certificate), "", 0, FILE_PATH_MAX, NULL, 0,
	  "The PEM file with the certificate and its chain, where the listener is to speak TLS.",
	  NULL, 0 },
	{ "key", CONF_PATH, LISTEN_AT(key), "", 0, FILE_PATH_MAX, NULL, 0,
	  "The PEM file with the certificate's private key; nobody else should be able to read it.",
	  NULL, 0 },
	{ 0 },
};

static const struct conf_item domain_table[] = {
	{ "name", CONF_STR, offsetof(struct settings_domain, name), NULL, 1, 253, NULL, 0,
	  "The domain, as it stands behind the @ of its users' addresses.", NULL, 0 },
	{ 0 },
};

static const struct conf_item proxy_table[] = {
	{ "address", CONF_ADDR, offsetof(struct settings_proxy, address), NULL, 0, 0, NULL, 0,
	  "The proxy's numeric address, as this server sees it.", NULL, 0 },
	{ 0 },
};

static const char *const transports[] = { "udp", "tcp", "tls", "ws", "wss", NULL };

/* In the order of enum pf_mode. */
static const char *const device_modes[] = { "all", "preferred-first", "only-one", NULL };

#define SIP_LISTEN_AT(member) offsetof(struct settings_sip_listen, member)
static const struct conf_item sip_listen_table[] = {
	{ "transport", CONF_ENUM, SIP_LISTEN_AT(transport), "udp", 0, 0, transports, 0,
	  "udp, tcp, tls, or ws and wss for browsers (SIP over WebSocket).", NULL, 0 },
	{ "address", CONF_ADDR, SIP_LISTEN_AT(address), NULL, 0, 0, NULL, 0,
	  "The address to listen on. Others are told to reach this server by it, so "
	  "give one entry for each address rather than 0.0.0.0 or \"::\".",
	  NULL, 0 },
	{ "port", CONF_INT, SIP_LISTEN_AT(port), "0", 0, 65535, NULL, 0,
	  "The port; 0 for the transport's own: 5060, 5061 for tls, 80 for ws, 443 for wss.", NULL,
	  0 },
	{ "advertised", CONF_ADDR, SIP_LISTEN_AT(advertised), "", 0, 0, NULL, 0,
	  "The address that others are told instead, where a NAT is in between.", NULL, 0 },
	{ "certificate", CONF_PATH, SIP_LISTEN_AT(certificate), "", 0, FILE_PATH_MAX, NULL, 0,
	  "The PEM file with the certificate and its chain, for tls and wss.", NULL, 0 },
	{ "key", CONF_PATH, SIP_LISTEN_AT(key), "", 0, FILE_PATH_MAX, NULL, 0,
	  "The PEM file with the certificate's private key; nobody else should be able to read it.",
	  NULL, 0 },
	{ "client-ca", CONF_PATH, SIP_LISTEN_AT(client_ca), "", 0, FILE_PATH_MAX, NULL, 0,
	  "The PEM file with the authorities whose client certificates are believed: peers show "
	  "who they are by them. Empty: clients are not asked for a certificate.",
	  NULL, 0 },
	{ 0 },
};

#define PEER_AT(member) offsetof(struct settings_peer, member)
static const struct conf_item peer_table[] = {
	{ "name", CONF_STR, PEER_AT(name), NULL, 1, 63, NULL, 0,
	  "A name for logs, metrics and cpmctl: letters, digits and hyphens.", NULL, 0 },
	{ "networks", CONF_STR, PEER_AT(networks), "", 0, 4000, NULL, 0,
	  "The addresses and networks (192.0.2.0/24) that its messages come from, between blanks. "
	  "The longest network that holds an address decides.",
	  NULL, 0 },
	{ "tls-names", CONF_STR, PEER_AT(tls_names), "", 0, 4000, NULL, 0,
	  "The names of which its certificate must prove one, between blanks. Empty: its address "
	  "is proof enough.",
	  NULL, 0 },
	{ "domains", CONF_STR, PEER_AT(domains), "", 0, 4000, NULL, 0,
	  "The domains whose requests are sent to it, between blanks.", NULL, 0 },
	{ "uri", CONF_STR, PEER_AT(uri), "", 0, 500, NULL, 0,
	  "Where they are sent, as a SIP URI (sip:192.0.2.1;transport=tcp). Empty: as DNS says of "
	  "the domain.",
	  NULL, 0 },
	{ "trusted", CONF_BOOL, PEER_AT(trusted), "no", 0, 0, NULL, 0,
	  "It belongs to our trust domain: the identities that it asserts are believed, and it is "
	  "told ours.",
	  NULL, 0 },
	{ "core", CONF_BOOL, PEER_AT(core), "no", 0, 0, NULL, 0,
	  "It is an IMS core in front of this server (S-CSCF): it registers its users here and "
	  "sends their requests through us. Implies trusted.",
	  NULL, 0 },
	{ "requests", CONF_INT, PEER_AT(requests), "0", 0, 1000000, NULL, 0,
	  "Requests a second that it may send in the long run; 0 for no limit.", NULL, 0 },
	{ "burst", CONF_INT, PEER_AT(burst), "1000", 1, 10000, NULL, 0,
	  "Requests that it may send at once before that holds it back.", NULL, 0 },
	{ "strip-in", CONF_STR, PEER_AT(strip_in), "", 0, 4000, NULL, 0,
	  "Header fields that are taken out of what comes from it, between blanks.", NULL, 0 },
	{ "strip-out", CONF_STR, PEER_AT(strip_out), "", 0, 4000, NULL, 0,
	  "Header fields that are taken out of what goes to it, between blanks.", NULL, 0 },
	{ 0 },
};

static const struct conf_item route_table[] = {
	{ "domain", CONF_STR, offsetof(struct settings_route, domain), NULL, 1, 253, NULL, 0,
	  "The domain, in lower case.", NULL, 0 },
	{ "uri", CONF_STR, offsetof(struct settings_route, uri), NULL, 1, 500, NULL, 0,
	  "A server of it, as a SIP URI: sip:192.0.2.1:5070;transport=tcp.", NULL, 0 },
	{ 0 },
};

static const struct conf_item number_table[] = {
	{ "prefix", CONF_STR, offsetof(struct settings_number, prefix), NULL, 1, 16, NULL, 0,
	  "How the numbers begin, from the + on; + alone for all.", NULL, 0 },
	{ "uri", CONF_STR, offsetof(struct settings_number, uri), NULL, 1, 400, NULL, 0,
	  "Where they lead, as a SIP URI in which {number} stands for the number: "
	  "\"sip:{number}@gw.example.net;user=phone\".",
	  NULL, 0 },
	{ 0 },
};

const struct conf_item settings_table[] = {
	{ "domains", CONF_LIST, AT(domains), "[{name: example.com}]", 1, SETTINGS_DOMAINS_MAX, NULL,
	  FIXED,
	  "The domains whose users live here. A user name without a domain is at the first one. "
	  "The default is for trials. A user's domain is part of what is kept of the password: "
	  "after a change of name passwords must be set anew.",
	  domain_table, sizeof(struct settings_domain) },

	SECTION("server", "The process as a whole."),
	NUMBER("server.workers", server.workers, "0", 0, 64, FIXED,
	       "How many workers share the connections, each with a thread of its own. 0 means one "
	       "for each core; give less to leave cores to other programs."),
	NUMBER("server.job-threads", server.job_threads, "0", 0, 64, FIXED,
	       "How many threads do what would hold up a worker, such as reading from disk. 0 "
	       "means "
	       "one for each core. Give more when the disk is slow and the cores are idle."),
	NUMBER("server.job-queue", server.job_queue, "10000", 1, 1000000, FIXED,
	       "How many such jobs may wait for a thread. Beyond it requests are answered with "
	       "\"busy\", which is better than an answer that comes too late."),
	TEXT("server.user", server.user, "opencpm", 32, FIXED,
	     "The user that a server started by root becomes once its ports are open. It must be "
	     "able to read the configuration, the TLS keys and the store. Empty: no change, which "
	     "is "
	     "for trials only."),
	TEXT("server.group", server.group, "", 32, FIXED,
	     "The group that goes with it; its members may use the admin socket. Empty: the user's "
	     "own group."),
	SPAN("server.drain-time", server.drain_ms, "5 s", 0, 10 * MINUTE, RELOAD,
	     "How long a stopping server waits for requests that are under way before it cuts them "
	     "off. Give more where clients upload large bodies over slow links."),
	SPAN("server.stall-time", server.stall_ms, "10 s", 2 * SECOND, 10 * MINUTE, FIXED,
	     "A worker that has not turned for so long is reported, and systemd's watchdog is no "
	     "longer told that all is well, so that it restarts the server."),

	SECTION("log", "What the server tells about itself, one line an event."),
	WORD("log.format", log.format, "text", formats, RELOAD,
	     "text for people, json for programs that collect logs."),
	WORD("log.level", log.level, "info", levels, RELOAD,
	     "How much is told: error (somebody must act now), warn (soon), info (the outcome of "
	     "each request), debug (each step)."),
	PATH("log.file", log.file, "", FILE_PATH_MAX, RELOAD,
	     "The file that lines are added to. Empty: standard error, where systemd collects "
	     "them. "
	     "A reload opens it anew, so that it can be rotated."),
	SECTION("log.category", "A level of their own for parts of the server, to look at one of "
				"them closely. default stands for log.level."),
	WORD("log.category.daemon", log.category[LOG_DAEMON], "default", category_levels, RELOAD,
	     "Start, stop, workers, signals."),
	WORD("log.category.conf", log.category[LOG_CONF], "default", category_levels, RELOAD,
	     "Configuration and what a reload changed."),
	WORD("log.category.http", log.category[LOG_HTTP], "default", category_levels, RELOAD,
	     "HTTP requests and connections."),
	WORD("log.category.kv", log.category[LOG_KV], "default", category_levels, RELOAD,
	     "The store."),
	WORD("log.category.admin", log.category[LOG_ADMIN], "default", category_levels, RELOAD,
	     "What operators do."),
	WORD("log.category.sip", log.category[LOG_SIP], "default", category_levels, RELOAD,
	     "SIP messages, transactions and registrations; at debug each message as it came and "
	     "went, without its body."),
	WORD("log.category.cpm", log.category[LOG_CPM], "default", category_levels, RELOAD,
	     "What the CPM functions decide and do with messages."),

	SECTION("store", "Where everything that must not be lost is kept."),
	WORD("store.engine", store.engine, "bdb", settings_engines, FIXED,
	     "bdb keeps the store on disk. mem keeps it in memory, where a restart loses it: for "
	     "trials only."),
	PATH("store.dir", store.dir, CPM_STATE_DIR "/store", FILE_PATH_MAX, FIXED,
	     "The store's folder, made when it is missing. It wants a local disk whose sync can be "
	     "trusted, and nobody else's hands."),
	SIZE("store.cache", store.cache_bytes, "64 MB", 1 * MB, 1 * TB, FIXED,
	     "Memory for the pages of the store that are in use. Give more when the store is much "
	     "larger and cpmctl stats shows many reads."),
	SIZE("store.checkpoint-size", store.checkpoint_bytes, "32 MB", 1 * MB, 16 * GB, FIXED,
	     "A checkpoint is made when so much log has been written since the last one. Less "
	     "makes "
	     "a restart after a crash faster, more writes less."),
	SPAN("store.checkpoint-time", store.checkpoint_ms, "1 min", 1 * SECOND, 1 * DAY, FIXED,
	     "A checkpoint is made at the latest so long after the last one."),
	SIZE("store.min-free", store.min_free_bytes, "256 MB", 0, 16 * TB, FIXED,
	     "When the disk has less free space than this, nothing new is accepted, while messages "
	     "can still be delivered and deleted."),
	SIZE("store.reserve", store.reserve_bytes, "64 MB", 0, 1 * TB, FIXED,
	     "The size of a file that keeps space occupied, to be given up when the disk is full "
	     "in "
	     "spite of store.min-free, so that deletes still work."),
	NUMBER("store.journal-keep", store.journal_keep, "100000", 1, INT64_C(1000000000000), FIXED,
	       "How many of the latest changes the store remembers at least. Whoever was away for "
	       "more changes must read everything anew."),
	SPAN("store.journal-time", store.journal_ms, "1 d", 1 * SECOND, 3650 * DAY, FIXED,
	     "And for how long changes are remembered at least."),
	NUMBER("store.queue", store.queue, "10000", 1, 10000000, FIXED,
	       "How many changes may wait for the disk. Beyond it requests are answered with "
	       "\"busy\"."),

	SECTION("http", "HTTP: where the server listens, and what a request may take."),
	{ "http.listen", CONF_LIST, AT(http.listen), "[{address: 127.0.0.1, port: 8080}]", 0,
	  SETTINGS_LISTENS_MAX, NULL, FIXED,
	  "Where HTTP is served. The default can be reached from this machine only. For others, "
	  "add "
	  "an entry with a public address, a certificate and a key. Renewed certificates are read "
	  "by "
	  "a reload.",
	  listen_table, sizeof(struct settings_listen) },
	NUMBER("http.max-connections", http.max_connections, "10000", 1, 1000000, FIXED,
	       "How many connections may be open at a time, over all listeners and workers. Each "
	       "needs a file descriptor and some 40 kB."),
	SIZE("http.header-size", http.header_bytes, "16 kB", 1 * KB, 1 * MB, RELOAD,
	     "The longest request line and header together; longer ones are answered with 431."),
	NUMBER("http.header-fields", http.header_fields, "100", 8, 1000, RELOAD,
	       "How many header fields a request may have."),
	SIZE("http.target-size", http.target_bytes, "8 kB", 256, 512 * KB, RELOAD,
	     "The longest request target (the path and what follows); longer ones are answered "
	     "with "
	     "414. At most http.header-size."),
	SPAN("http.idle-time", http.idle_ms, "30 s", 1 * SECOND, 1 * HOUR, RELOAD,
	     "How long a connection may stay open between requests, and how long a whole request "
	     "may "
	     "take to arrive."),
	SPAN("http.deadline", http.deadline_ms, "10 s", 100, 10 * MINUTE, RELOAD,
	     "A request that has no answer by then is answered with 503."),

	SECTION("auth", "How users show who they are. cpmctl user makes them and sets passwords."),
	SWITCH("auth.md5", auth.md5, "yes", FIXED,
	       "Offer Digest with MD5 besides SHA-256. Many clients know nothing else; say no "
	       "where all of yours do."),
	SWITCH("auth.basic", auth.basic, "yes", FIXED,
	       "Offer Basic besides Digest, over TLS only: without it a password never crosses "
	       "the network in clear."),
	SPAN("auth.nonce-time", auth.nonce_ms, "5 min", 10 * SECOND, 1 * DAY, FIXED,
	     "How long a client may use a nonce before it is given another one. Less leaves less "
	     "time to whoever overheard an answer, more saves clients a round trip."),
	SIZE("auth.cache", auth.cache_bytes, "64 MB", 64 * KB, 64 * GB, FIXED,
	     "Memory for the user records in use, some 5 kB each. Give more when many more users "
	     "than fit in are active at a time."),
	{ "auth.trusted-proxies", CONF_LIST, AT(auth.proxies), "[]", 0, SETTINGS_PROXIES_MAX, NULL,
	  FIXED,
	  "Proxies that have authenticated whoever they let through: their "
	  "X-3GPP-Asserted-Identity "
	  "and X-XCAP-Asserted-Identity are believed, from everybody else they are ignored. A "
	  "proxy "
	  "must remove these fields from what it receives.",
	  proxy_table, sizeof(struct settings_proxy) },

	SECTION("sip", "SIP: where the server listens, its timers, and whom it knows."),
	{ "sip.listen", CONF_LIST, AT(sip.listen),
	  "[{transport: udp, address: 127.0.0.1}, {transport: tcp, address: 127.0.0.1}]", 0,
	  SETTINGS_LISTENS_MAX, NULL, FIXED,
	  "Where SIP is served. The default can be reached from this machine only. [] for none. "
	  "Renewed certificates are read by a reload.",
	  sip_listen_table, sizeof(struct settings_sip_listen) },
	NUMBER("sip.max-connections", sip.max_connections, "50000", 1, 1000000, FIXED,
	       "How many TCP, TLS and WebSocket connections may be open at a time, over all "
	       "listeners and workers. Each needs a file descriptor and 6 to 20 kB."),
	SPAN("sip.idle-time", sip.idle_ms, "15 min", 10 * SECOND, 1 * DAY, FIXED,
	     "How long a connection may say nothing, not even a keep-alive, before it is closed. "
	     "Clients send one every two minutes or so."),
	SPAN("sip.message-time", sip.message_ms, "10 s", 1 * SECOND, 10 * MINUTE, FIXED,
	     "How long a message that has begun, or a TLS or WebSocket handshake, may take to "
	     "arrive whole."),
	SPAN("sip.connect-time", sip.connect_ms, "4 s", 100, 10 * MINUTE, FIXED,
	     "How long opening a connection to somebody else may take."),
	PATH("sip.ca-file", sip.ca_file, "", FILE_PATH_MAX, FIXED,
	     "The PEM file with the authorities by which servers that we connect to over TLS are "
	     "verified. Empty: the system's."),
	SPAN("sip.t1", sip.t1_ms, "500 ms", 10, 10 * SECOND, FIXED,
	     "T1 of RFC 3261: the round trip that is assumed. Requests over UDP are sent again "
	     "after it, and given up after 64 times it. Less helps on a fast network of our own."),
	SPAN("sip.t2", sip.t2_ms, "4 s", 10, 1 * MINUTE, FIXED,
	     "T2 of RFC 3261: the longest pause between sending a request again."),
	NUMBER("sip.max-transactions", sip.max_transactions, "200000", 100, 100000000, FIXED,
	       "How many requests may wait for their answer at a time, over all workers; more are "
	       "refused with 503. Each takes some 10 kB."),
	NUMBER("sip.max-finished", sip.max_finished, "2000000", 1000, 100000000, FIXED,
	       "How many answers are kept, over all workers, to be given again to whoever asks "
	       "again: 32 seconds of requests over UDP, of about 1 kB each. Beyond it the oldest "
	       "is forgotten early."),
	SWITCH("sip.sha256", sip.sha256, "yes", FIXED,
	       "Offer Digest with SHA-256 to SIP clients, before MD5. Some clients give up when "
	       "they are offered what they do not know, instead of passing it over (baresip 1.0 "
	       "and SIPp 3.6 are such): say no where you have them, and MD5 alone is offered."),
	SPAN("sip.min-expires", sip.min_expires_ms, "1 min", 1 * SECOND, 1 * DAY, RELOAD,
	     "The shortest registration or subscription that is granted; less is refused with 423. "
	     "Short ones load the server, long ones find dead devices late."),
	SPAN("sip.default-expires", sip.default_expires_ms, "1 h", 1 * SECOND, 30 * DAY, RELOAD,
	     "What is granted to whoever does not ask for a time."),
	SPAN("sip.max-expires", sip.max_expires_ms, "7 d", 1 * MINUTE, 365 * DAY, RELOAD,
	     "The longest that is granted; more is shortened to it."),
	NUMBER("sip.max-contacts", sip.max_contacts, "16", 1, 64, RELOAD,
	       "How many devices one user may have registered at a time."),
	NUMBER("sip.max-subscriptions", sip.max_subscriptions, "200", 1, 100000, FIXED,
	       "How many subscriptions (presence of others, documents, ...) one user may have at a "
	       "time, on all devices; more are refused with 503. Raise it where users watch many "
	       "others one by one and not by a list. Trusted servers are not limited."),
	NUMBER("sip.max-publications", sip.max_publications, "32", 1, 1000, FIXED,
	       "How many publications (presence, one a device as a rule) one user may have at a "
	       "time; more are refused with 503. Those of devices that went without a word count "
	       "until their time is over."),
	SPAN("sip.flow-timer", sip.flow_timer_ms, "0 s", 0, 1 * DAY, FIXED,
	     "How often clients that can do outbound (RFC 5626) shall send keep-alives over TCP, "
	     "TLS and WebSocket; they are told when they register. 0 s: as often as they like."),
	TEXT("sip.service-route", sip.service_route, "", 500, FIXED,
	     "The Service-Route that clients are given when they register (RFC 3608): the way "
	     "their requests shall take, as <sip:cpm.example.com;lr>. Empty: none."),
	{ "sip.peers", CONF_LIST, AT(sip.peers), "[]", 0, SETTINGS_PEERS_MAX, NULL, FIXED,
	  "Servers that are known: an IMS core in front, gateways, other operators. Everybody else "
	  "is a user who must authenticate, or a stranger.",
	  peer_table, sizeof(struct settings_peer) },
	{ "sip.routes", CONF_LIST, AT(sip.routes), "[]", 0, SETTINGS_ROUTES_MAX, NULL, FIXED,
	  "Servers of other domains that are not, or not rightly, in DNS. Several entries of one "
	  "domain are tried in their order.",
	  route_table, sizeof(struct settings_route) },
	{ "sip.numbers", CONF_LIST, AT(sip.numbers), "[]", 0, SETTINGS_ROUTES_MAX, NULL, FIXED,
	  "Where telephone numbers lead that no user of ours has; the longest prefix wins.",
	  number_table, sizeof(struct settings_number) },
	TEXT("sip.enum-suffix", sip.enum_suffix, "", 100, FIXED,
	     "Where other numbers are looked up in DNS (ENUM): e164.arpa, or a tree of your own. "
	     "Empty: nowhere."),
	TEXT("sip.dns-servers", sip.dns_servers, "", 500, FIXED,
	     "Name servers to ask, between commas: 192.0.2.53,[2001:db8::53]:5353. Empty: those of "
	     "/etc/resolv.conf."),
	SPAN("sip.dns-timeout", sip.dns_timeout_ms, "2 s", 100, 1 * MINUTE, FIXED,
	     "How long a name server may take for an answer before it is asked once more."),
	TEXT("sip.capture-address", sip.capture_address, "", 64, FIXED,
	     "The numeric address of a capture server (Homer and others) that is sent a copy of "
	     "every SIP message in HEPv3. Empty: none. The copies hold what users write."),
	NUMBER("sip.capture-port", sip.capture_port, "9060", 1, 65535, FIXED, "Its UDP port."),
	NUMBER("sip.capture-id", sip.capture_id, "2001", 0, INT64_C(4294967295), FIXED,
	       "The number that tells this server's copies from those of others."),

	SECTION("xcap", "Documents of users, over XCAP."),
	TEXT("xcap.root", xcap.root, "/xcap-root", 255, FIXED,
	     "The path that XCAP starts at: the XCAP root is a listener's address and this. "
	     "Clients "
	     "are given it, so a change is one for all of them."),
	TEXT("xcap.uri", xcap.uri, "", 512, FIXED,
	     "The XCAP root as clients and documents spell it, as "
	     "https://xcap.example.com/xcap-root. References in documents are then held against "
	     "it: one that leads to another server is refused where the usage says so. Empty: only "
	     "their paths are looked at."),
	SIZE("xcap.cache", xcap.cache_bytes, "64 MB", 1 * MB, 1 * TB, FIXED,
	     "Memory for the documents in use. Give more when the documents of the users that are "
	     "active at a time take more."),
	NUMBER("xcap.log-keep", xcap.log_keep, "100", 1, 4096, FIXED,
	       "Changes that each document's log keeps at most: who, when and what, to be shown, "
	       "undone and told to watchers who were away. Older ones go with the next change."),
	SIZE("xcap.log-size", xcap.log_bytes, "4 MB", 1 * KB, 64 * MB, FIXED,
	     "What the log of each document takes at most, with the text to bring back. A change "
	     "that replaced more text than this cannot be undone."),
	NUMBER("xcap.quota-documents", xcap.quota_documents, "1000", 0, 1000000, FIXED,
	       "Documents that a user may have, of all usages. One more is refused with a "
	       "local-constraint-failure that names this setting. 0: no limit."),
	NUMBER("xcap.quota-usage", xcap.quota_usage, "500", 0, 1000000, FIXED,
	       "Documents that a user may have of one usage: lists, groups. 0: no limit."),
	SIZE("xcap.quota-size", xcap.quota_bytes, "100 MB", 0, 1 * TB, FIXED,
	     "What all documents of a user may have together. Looked at when a document is made, "
	     "put "
	     "or has grown by 64 KB. 0: no limit."),
	SIZE("xcap.document-size", xcap.document_bytes, "0", 0, 64 * MB, FIXED,
	     "The largest document; each usage has its own bound below which this is. A larger "
	     "body "
	     "is 413, an edit that makes one larger a local-constraint-failure. 0: the usages' "
	     "bounds "
	     "alone."),
	NUMBER("xcap.log-age", xcap.log_age_days, "0", 0, 36500, FIXED,
	       "Days that changes stay in the logs of documents; older ones go with the next "
	       "change "
	       "of their document. Set it where a law or a promise to users limits how long it may "
	       "be known who changed what. 0: whatever their age."),
	SPAN("xcap.notify-interval", xcap.notify_ms, "5 s", 0, 1 * HOUR, FIXED,
	     "The least time between two notifications of one subscriber to changes of documents "
	     "(SIP's event package xcap-diff); what changes meanwhile is told together. Shorter "
	     "is sooner, and more messages."),
	NUMBER("xcap.notify-entries", xcap.notify_entries, "64", 1, 1000, FIXED,
	       "Documents, elements and folders that one subscription may list."),
	NUMBER("xcap.notify-documents", xcap.notify_documents, "500", 1, 10000, FIXED,
	       "Documents that one subscription may have, those in its folders all told. One that "
	       "has more ends."),
	SWITCH("xcap.test-app", xcap.test_app, "no", FIXED,
	       "Serve the usage test-app, which takes any well-formed document: for testing "
	       "clients."),
	SWITCH("xcap.bare-attributes", xcap.bare_attributes, "no", FIXED,
	       "Carry attribute values without their quotes, against RFC 4825 but as some clients "
	       "expect it."),

	SECTION("cpm", "Messages: the rules that decide about them."),
	SWITCH("cpm.enabled", cpm.enabled, "yes", FIXED,
	       "Messages are decided by the rules of users and of the operator, brought to each "
	       "device, and reported on. With no they are relayed as they come, and rules are not "
	       "asked."),
	SPAN("cpm.answer-time", cpm.answer_ms, "5 s", 100, 30 * SECOND, FIXED,
	     "How long a sender waits for the recipient's devices before the message is kept for "
	     "them and the sender told that it was accepted."),
	SIZE("cpm.max-message", cpm.max_message_bytes, "8 kB", 1300, 64 * KB, FIXED,
	     "The largest body of a message sent by SIP MESSAGE; a larger one is refused with 413. "
	     "CPM clients send up to 1300 octets this way and more by a session; give more for "
	     "others, less where devices are reached over lossy datagrams."),
	WORD("cpm.devices", cpm.devices, "all", device_modes, FIXED,
	     "Which of a user's devices get a message: all at once; preferred-first, one after "
	     "another until one has it, in the order of the user's preferences; or only-one, the "
	     "preferred one alone."),
	SWITCH("cpm.sync-sent", cpm.sync_sent, "yes", FIXED,
	       "What a user sends from one device is copied to the user's other devices, if they "
	       "are CPM clients."),
	SIZE("cpm.cache", cpm.cache_bytes, "64 MB", 1 * MB, 1 * TB, FIXED,
	     "Memory for the rules of users and groups in use, some 2 kB a user and more where "
	     "lists are long. Give more when many more users than fit in are active at a time."),
	NUMBER("cpm.decisions", cpm.decisions, "20000", 0, 10000000, FIXED,
	       "How many of the latest decisions about messages are remembered, without what was "
	       "in the messages: cpmctl policy decisions shows them, cpmctl policy what-if asks a "
	       "draft about them. In memory, some 400 octets each. 0 to remember none."),
	SPAN("cpm.decisions-age", cpm.decisions_age_ms, "1 d", 0, 366 * DAY, FIXED,
	     "How long they are remembered at most; 0 for as long as there is room."),
	TEXT("cpm.factory", cpm.factory, "conference-factory", 255, FIXED,
	     "The address that messages with a list of recipients are sent to (RFC 5365), as "
	     "clients "
	     "are set up with it: a name at the first domain, or a whole SIP URI. No user may have "
	     "it. Empty: lists are not served; groups are all the same."),
	NUMBER("cpm.max-list", cpm.max_list, "100", 1, 1000, FIXED,
	       "Recipients of a list that comes with a message; more are refused with 413."),
	NUMBER("cpm.max-members", cpm.max_members, "1000", 1, 100000, FIXED,
	       "Members of a group that messages to it are sent to, where the group's document "
	       "does "
	       "not say how many participants it may have; to a larger one they are refused with "
	       "413."),
	SPAN("cpm.report-window", cpm.report_window_ms, "10 s", 100, HOUR, FIXED,
	     "Reports of a group's members about a message are gathered for so long after the "
	     "first "
	     "one and told together; those that come later, each minute or, when this is longer, "
	     "as often as this says. When all members have reported, the sender is told at once."),
	SPAN("cpm.report-time", cpm.report_ms, "1 d", MINUTE, 30 * DAY, FIXED,
	     "For how long reports about a message to a group are waited for. Each message that is "
	     "waited for takes some 100 octets a member, in memory and on disk."),
	NUMBER("cpm.deferred-max-messages", cpm.deferred_messages, "1000", 0, 1000000, FIXED,
	       "How many messages may wait for devices of one user that are not reached. 0 to keep "
	       "none. When there are so many, senders hear that the user is not available."),
	SIZE("cpm.deferred-max-bytes", cpm.deferred_bytes, "8 MB", 64 * KB, 1 * GB, FIXED,
	     "How much room they may take together."),
	SPAN("cpm.deferred-time", cpm.deferred_ms, "7 d", 60 * SECOND, 366 * DAY, FIXED,
	     "How long a message waits whose sender does not say (Expires)."),
	SPAN("cpm.deferred-time-max", cpm.deferred_max_ms, "30 d", 60 * SECOND, 366 * DAY, FIXED,
	     "How long a message waits at most, whatever its sender says. Devices that were not "
	     "seen for so long are not waited for."),

	SECTION("xdm", "Where the documents are that decide about messages: here, or in another cpmd."),
	WORD("xdm.mode", xdm.mode, "local", xdm_modes, FIXED,
	     "local: in this server. remote: in another one, which tells of changes over SIP and "
	     "gives documents over XCAP; the settings below say how it is reached. It has to trust "
	     "this server's address (its sip.peers) and know xdm.identity as an operator."),
	TEXT("xdm.root", xdm.root, "", 512, FIXED,
	     "The other server's XCAP root, as https://xcap.example.com/xcap-root."),
	TEXT("xdm.sip", xdm.sip, "", 500, FIXED,
	     "Where it takes SUBSCRIBE, as sip:192.0.2.1:5060;transport=tcp."),
	TEXT("xdm.identity", xdm.identity, "", 255, FIXED,
	     "As whom this server asks, as sip:centre@example.com: an operator there."),
	TEXT("xdm.contact", xdm.contact, "", 255, FIXED,
	     "How the other server reaches this one over SIP: address, port and transport, as "
	     "192.0.2.2:5060;transport=tcp."),
	TEXT("xdm.user", xdm.user, "", 255, FIXED,
	     "Name for XCAP when the other server does not trust this one's address (its "
	     "auth.trusted-proxies)."),
	{ "xdm.password", CONF_SECRET, AT(xdm.password), "", 0, 255, NULL, FIXED,
	  "Its password; empty to have the identity asserted instead.", NULL, 0 },

	SECTION("limits", "What one source may take, over all workers. A source is an IPv4 address "
			  "or an IPv6 /64 network."),
	NUMBER("limits.sources", limits.sources, "65536", 64, 16777216, FIXED,
	       "How many sources are remembered at a time."),
	NUMBER("limits.connections", limits.connections, "256", 0, 1000000, RELOAD,
	       "Open connections of one source; 0 for no limit. Give more where many clients share "
	       "an address, as behind a proxy or a carrier's NAT."),
	NUMBER("limits.requests", limits.requests, "500", 0, 10000000, RELOAD,
	       "Requests a second of one source, in the long run; 0 for no limit."),
	NUMBER("limits.burst", limits.burst, "1000", 1, 10000000, RELOAD,
	       "Requests that one source may make at once before limits.requests holds it back. At "
	       "least limits.requests."),

	SECTION("admin", "For operators."),
	PATH("admin.socket", admin.socket, CPM_RUN_DIR "/admin.sock", FILE_PATH_MAX, FIXED,
	     "The Unix socket that cpmctl talks to. Whoever can open it may do everything: the "
	     "server's user and group. Empty: none."),
	PATH("admin.backup-dir", admin.backup_dir, CPM_STATE_DIR "/backup", FILE_PATH_MAX, RELOAD,
	     "Backups are made in folders below this one. Best another disk than the store's."),

	SECTION("metrics", "Figures for Prometheus, under /metrics."),
	WORD("metrics.access", metrics.access, "any", accesses, FIXED,
	     "Who gets them: any (every listener), socket (only Unix sockets), off. They tell how "
	     "busy the server is, but nothing about users."),
	SECTION("health",
		"Answers for a supervisor or load balancer: /livez (the process turns) and "
		"/readyz (the store answers too)."),
	WORD("health.access", health.access, "any", accesses, FIXED,
	     "Who gets them, as with metrics.access."),
	{ 0 },
};

_Static_assert(LOG_CATS == 7, "each log category has its row");
_Static_assert(sizeof(formats) / sizeof(formats[0]) == LOG_JSON + 2, "formats as in log.h");
_Static_assert(sizeof(levels) / sizeof(levels[0]) == LOG_LEVELS + 1, "levels as in log.h");
_Static_assert(sizeof(category_levels) / sizeof(category_levels[0]) == LOG_LEVELS + 2,
	       "default, then levels as in log.h");
