/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/policy_bench.c - what a verdict costs, and what a user's rules weigh
 *
 *     policy_bench [--quick]
 *
 * Prints one JSON object a line, beside the bounds that were set. Times are this thread's CPU time,
 * the median of the runs; memory is what the allocator gave, all told.
 *
 *     policy.eval.us       one evaluation: 20 rules of the user, 50 of the operator, 10,000 blocked
 *     policy.eval.list.us  the same when the 10,000 stand in a list that a rule refers to
 *     policy.eval.allocations
 *     policy.mem.user      rules, preferences and two lists of 35 people of one user
 *     policy.compile.us    the user's 20 rules
 */
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/xml.h"
#include "policy/pol_doc.h"
#include "policy/pol_eval.h"

enum { EVALS = 20000, RUNS = 15, RUNS_QUICK = 5, BLOCKED = 10000, USERS = 2000 };

#define RULESET                                                                               \
	"<cp:ruleset xmlns:cp='urn:ietf:params:xml:ns:common-policy' "                        \
	"xmlns:ocp='urn:oma:xml:xdm:common-policy' xmlns:oxe='urn:oma:xml:xdm:extensions' "   \
	"xmlns:pr='urn:ietf:params:xml:ns:pres-rules' xmlns:up='urn:opencpm:xml:user-prefs' " \
	"xmlns:op='urn:opencpm:xml:operator-policy'>"

static unsigned long allocations;

void *__libc_malloc(size_t size);

void *malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

static void die(const char *what)
{
	fprintf(stderr, "policy_bench: %s\n", what);
	exit(1);
}

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print(const char *name, double ours, double bound, const char *unit, unsigned runs)
{
	printf("{\"figure\":\"%s\",\"ours\":%.4g,\"peer\":\"%s\",", name, ours,
	       bound >= 0 ? "bound" : "");
	if (bound >= 0)
		printf("\"theirs\":%.4g,\"unit\":\"%s\",\"ratio\":%.4g,\"runs\":%u}\n", bound, unit,
		       bound > 0 ? ours / bound : ours, runs);
	else
		printf("\"theirs\":null,\"unit\":\"%s\",\"ratio\":null,\"runs\":%u}\n", unit, runs);
	fflush(stdout);
}

/* ---- documents ---- */

struct text {
	char *p;
	size_t n;
};

static void add(struct text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *fmt, ...)
{
	va_list args;

	if (!text->p && !(text->p = malloc(1 << 20)))
		die("out of memory");
	va_start(args, fmt);
	text->n += (size_t)vsnprintf(text->p + text->n, (1 << 20) - text->n, fmt, args);
	va_end(args);
}

static struct pol_doc *compile(enum pol_kind kind, struct text *text)
{
	struct pol_source source = { .kind = kind, .name = STRV("bench") };
	struct pol_doc *doc;
	struct err err;

	if (pol_doc_parse(&source, strv_mem(text->p, text->n), NULL, &doc, &err) < 0)
		die(err.text);
	free(text->p);
	*text = (struct text){ NULL, 0 };
	return doc;
}

static void user_rules(struct text *text)
{
	add(text, RULESET);
	for (unsigned i = 0; i < 16; i++)
		add(text,
		    "<cp:rule id='r%u'><cp:conditions><cp:identity><cp:one id='sip:contact%u@"
		    "home.example'/><cp:one id='tel:+49301234%u'/></cp:identity></cp:conditions>"
		    "<cp:actions><up:deliver>allow</up:deliver></cp:actions></cp:rule>",
		    i, i, i);
	add(text, "<cp:rule id='r16'><cp:conditions><ocp:external-list><ocp:entry anc='friends'/>"
		  "</ocp:external-list></cp:conditions><cp:actions><oxe:allow-auto-answermode>true"
		  "</oxe:allow-auto-answermode></cp:actions></cp:rule>"
		  "<cp:rule id='r17'><cp:conditions><ocp:external-list><ocp:entry anc='blocked'/>"
		  "</ocp:external-list></cp:conditions><cp:actions><oxe:allow-reject-invite>true"
		  "</oxe:allow-reject-invite></cp:actions></cp:rule>"
		  "<cp:rule id='r18'><cp:conditions><ocp:anonymous-request/></cp:conditions>"
		  "<cp:actions><up:deliver>reject</up:deliver></cp:actions></cp:rule>"
		  "<cp:rule id='r19'><cp:conditions><ocp:other-identity/></cp:conditions>"
		  "<cp:actions><up:deliver>silent</up:deliver></cp:actions></cp:rule>"
		  "</cp:ruleset>");
}

static struct pol_doc *operator_rules(void)
{
	static const char *const services[] = { "pager", "file", "session", "large", "geoloc" };
	struct text text = { NULL, 0 };

	add(&text, RULESET);
	for (unsigned i = 0; i < 20; i++)
		add(&text,
		    "<cp:rule id='cap%u'><cp:conditions><op:subscriber-class name='class%u'/>"
		    "<op:service name='%s'/></cp:conditions><cp:actions><op:layer>cap</op:layer>"
		    "<op:max-file-size>%u</op:max-file-size><op:max-recipients>%u"
		    "</op:max-recipients></cp:actions></cp:rule>",
		    i, i % 4, services[i % 5], 1000000 + i, 20 + i);
	for (unsigned i = 0; i < 20; i++)
		add(&text,
		    "<cp:rule id='peer%u'><cp:conditions><op:peer-domain name='peer%u.example'/>"
		    "</cp:conditions><cp:actions><op:layer>forced</op:layer>"
		    "<up:deliver>reject</up:deliver></cp:actions></cp:rule>",
		    i, i);
	for (unsigned i = 0; i < 10; i++)
		add(&text,
		    "<cp:rule id='def%u'><cp:conditions><op:direction>terminating</op:direction>"
		    "<op:service name='%s'/></cp:conditions><cp:actions><op:layer>default"
		    "</op:layer><up:deferred>push</up:deferred></cp:actions></cp:rule>",
		    i, services[i % 5]);
	add(&text, "</cp:ruleset>");
	return compile(POL_OPERATOR, &text);
}

static struct pol_set *people(const char *what, unsigned n)
{
	struct pol_set_plan *plan = pol_set_plan_new(n);
	struct pol_set *set;
	char text[64];

	for (unsigned i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "sip:%s%u@home.example", what, i);
		if (!plan || pol_set_plan_add(plan, NULL, strv_of(text), NULL) < 0)
			die("no list");
	}
	if (pol_set_plan_finish(&plan, &set, NULL) < 0)
		die("no list");
	return set;
}

struct lists {
	unsigned blocked, friends;
};

static struct pol_set *lookup(void *arg, struct strv ref)
{
	const struct lists *lists = arg;

	return strv_eq(ref, STRV("blocked")) ? people("blocked", lists->blocked)
					     : people("friend", lists->friends);
}

static struct pol_doc *bind_and_drop(struct pol_doc *doc, struct lists *lists)
{
	struct pol_doc *bound;

	if (pol_doc_bind(doc, lookup, lists, &bound, NULL) < 0)
		die("cannot bind");
	pol_doc_drop(&doc);
	return bound;
}

/* ---- evaluation ---- */

static void evaluate(const char *name, const struct pol_layers *layers, unsigned runs)
{
	struct pol_facts facts = { .n_ids = 2,
				   .now_s = 1767225600,
				   .service = STRV("pager"),
				   .media = POL_MEDIA_PAGER_MESSAGE,
				   .size_bytes = 200,
				   .direction = POL_TERMINATING,
				   .subscriber_class = STRV("class1"),
				   .peer_domain = STRV("other.example") };
	double us[RUNS];
	unsigned long before;
	volatile int64_t sink = 0;
	char sender[64];

	facts.id[0] = strv_mem(sender, 0);
	facts.id[1] = STRV("tel:+493099999999");
	before = allocations;
	for (unsigned run = 0; run < runs; run++) {
		double began = cpu_us();

		for (unsigned i = 0; i < EVALS; i++) {
			struct pol_verdict verdict;

			/* Everybody writes once: the caches see another part of the list each
			 * time. */
			facts.id[0].n = (size_t)snprintf(sender, sizeof(sender),
							 "sip:sender%u@home.example", i);
			pol_eval(layers, &facts, &verdict);
			sink += verdict.value[POL_DELIVER];
		}
		us[run] = cpu_us() - began;
		began = cpu_us();
		for (unsigned i = 0; i < EVALS; i++)
			sink += snprintf(sender, sizeof(sender), "sip:sender%u@home.example", i);
		us[run] = (us[run] - (cpu_us() - began)) / EVALS;
	}
	before = allocations - before;
	qsort(us, runs, sizeof(us[0]), by_value);
	print(name, us[runs / 2], 1, "us", runs);
	if (strcmp(name, "policy.eval.us") == 0)
		print("policy.eval.allocations", (double)before, 0, "allocations", runs);
}

static void evaluations(unsigned runs)
{
	struct lists few = { 5, 30 }, many = { BLOCKED, 30 };
	struct pol_layers layers = { .operator_policy = operator_rules(), .n_user = 1 };
	struct pol_set *blocked = people("blocked", BLOCKED);
	struct pol_doc *with_few, *with_many;
	struct text text = { NULL, 0 };

	user_rules(&text);
	with_few = bind_and_drop(compile(POL_ACCESS_RULES, &text), &few);
	user_rules(&text);
	with_many = bind_and_drop(compile(POL_ACCESS_RULES, &text), &many);
	layers.user[0] = with_few;
	layers.blocked = blocked;
	evaluate("policy.eval.us", &layers, runs);
	layers.user[0] = with_many;
	layers.blocked = NULL;
	evaluate("policy.eval.list.us", &layers, runs);
	pol_doc_drop(&with_few);
	pol_doc_drop(&with_many);
	pol_set_drop(&blocked);
}

/* ---- memory ---- */

/* What clients write for an ordinary user: OMA's five presence rules, access rules that block one
 * list, preferences with one rule for strangers. */
static void usual_user(struct pol_doc *docs[3], unsigned number)
{
	struct lists lists = { 5, 30 };
	struct text text = { NULL, 0 };

	add(&text,
	    RULESET
	    "<cp:rule id='wp_prs_allow_own'><cp:conditions><cp:identity><cp:one "
	    "id='sip:user%u@home.example'/></cp:identity></cp:conditions><cp:actions>"
	    "<pr:sub-handling>allow</pr:sub-handling></cp:actions><cp:transformations>"
	    "<pr:provide-services><pr:all-services/></pr:provide-services><pr:provide-persons>"
	    "<pr:all-persons/></pr:provide-persons><pr:provide-all-attributes/>"
	    "</cp:transformations></cp:rule>"
	    "<cp:rule id='wp_prs_unlisted'><cp:conditions><ocp:other-identity/></cp:conditions>"
	    "<cp:actions><pr:sub-handling>confirm</pr:sub-handling></cp:actions></cp:rule>"
	    "<cp:rule id='wp_prs_grantedcontacts'><cp:conditions><ocp:external-list><ocp:entry "
	    "anc='friends'/></ocp:external-list></cp:conditions><cp:actions><pr:sub-handling>allow"
	    "</pr:sub-handling></cp:actions><cp:transformations><pr:provide-services>"
	    "<pr:all-services/></pr:provide-services><pr:provide-all-attributes/>"
	    "</cp:transformations></cp:rule>"
	    "<cp:rule id='wp_prs_blockedcontacts'><cp:conditions><ocp:external-list><ocp:entry "
	    "anc='blocked'/></ocp:external-list></cp:conditions><cp:actions><pr:sub-handling>block"
	    "</pr:sub-handling></cp:actions></cp:rule>"
	    "<cp:rule id='wp_prs_block_anonymous'><cp:conditions><ocp:anonymous-request/>"
	    "</cp:conditions><cp:actions><pr:sub-handling>block</pr:sub-handling></cp:actions>"
	    "</cp:rule></cp:ruleset>",
	    number);
	docs[0] = bind_and_drop(compile(POL_OMA_PRES_RULES, &text), &lists);
	add(&text, RULESET
	    "<cp:rule id='block'><cp:conditions><ocp:external-list><ocp:entry anc='blocked'/>"
	    "</ocp:external-list></cp:conditions><cp:actions><oxe:allow-reject-invite>true"
	    "</oxe:allow-reject-invite></cp:actions></cp:rule><cp:rule id='anon'><cp:conditions>"
	    "<ocp:anonymous-request/></cp:conditions><cp:actions><oxe:allow-reject-invite>true"
	    "</oxe:allow-reject-invite></cp:actions></cp:rule></cp:ruleset>");
	docs[1] = compile(POL_ACCESS_RULES, &text);
	add(&text, "<cpm-user-prefs xmlns='urn:opencpm:xml:user-prefs' "
		   "xmlns:cp='urn:ietf:params:xml:ns:common-policy' "
		   "xmlns:ocp='urn:oma:xml:xdm:common-policy'><delivery deferred='notify'>"
		   "<device id='urn:gsma:imei:000' enabled='true' priority='10'/></delivery>"
		   "<storage enabled='true'><type name='file' store='false'/></storage>"
		   "<cp:ruleset><cp:rule id='strangers'><cp:conditions><ocp:other-identity/>"
		   "</cp:conditions><cp:actions><deliver>silent</deliver></cp:actions></cp:rule>"
		   "</cp:ruleset></cpm-user-prefs>");
	docs[2] = compile(POL_USER_PREFS, &text);
}

static void memory(void)
{
	static struct pol_doc *docs[USERS][3];
	size_t before, after;

	usual_user(docs[0], 0); /* what libraries keep for good is taken */
	malloc_trim(0);
	before = mallinfo2().uordblks;
	for (unsigned i = 1; i < USERS; i++)
		usual_user(docs[i], i);
	after = mallinfo2().uordblks;
	print("policy.mem.user", (double)(after - before) / (USERS - 1), 4096, "bytes", 1);
	for (unsigned i = 0; i < USERS; i++)
		for (unsigned k = 0; k < 3; k++)
			pol_doc_drop(&docs[i][k]);
}

static void compiling(unsigned runs)
{
	double us[RUNS];

	for (unsigned run = 0; run < runs; run++) {
		double sum = 0;

		for (unsigned i = 0; i < 200; i++) {
			struct text text = { NULL, 0 };
			struct pol_doc *doc;
			double began;

			user_rules(&text);
			began = cpu_us();
			doc = compile(POL_ACCESS_RULES, &text);
			sum += cpu_us() - began;
			pol_doc_drop(&doc);
		}
		us[run] = sum / 200;
	}
	qsort(us, runs, sizeof(us[0]), by_value);
	print("policy.compile.us", us[runs / 2], -1, "us", runs);
}

int main(int argc, char **argv)
{
	unsigned runs = argc > 1 && strcmp(argv[1], "--quick") == 0 ? RUNS_QUICK : RUNS;

	if (xml_init(NULL, NULL) < 0)
		die("no XML");
	evaluations(runs);
	memory();
	compiling(runs);
	xml_fini();
	return 0;
}
