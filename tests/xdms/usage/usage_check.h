/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/xdms/usage/usage_check.h - documents of one usage, whole and broken in one place each
 *
 * A good document is a file; a row says what is replaced in it and what the usage must then say.
 */
#ifndef TESTS_XDMS_USAGE_CHECK_H
#define TESTS_XDMS_USAGE_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xdms/auid.h"

struct usage_row {
	const char *why;
	const char *find; /* occurs exactly once; NULL: the document as it is */
	const char *put;
	enum auid_fault_kind fault;
	const char *field; /* of the first exists element; NULL: none */
	const char *says;  /* part of the sentence; NULL: anything */
};

struct usage_case {
	const struct auid_ops *usage;
	const char *file; /* beside this header */
	const struct usage_row *rows;
	size_t n_rows;
	struct auid_context context;
};

#define USAGE_OWNER	"sip:ana@op.example"
#define USAGE_XCAP_ROOT "http://xcap.op.example/root/"

/* Of a document of the owner's. */
#define USAGE_CONTEXT                                                           \
	{                                                                       \
		.xui = { USAGE_OWNER, sizeof(USAGE_OWNER) - 1 }, .xcap_root = { \
			USAGE_XCAP_ROOT,                                        \
			sizeof(USAGE_XCAP_ROOT) - 1                             \
		}                                                               \
	}

/* Group fixtures: the schemas of the source tree. *STATE is the struct auid_table. */
int usage_open(void **state);
int usage_close(void **state);

/* The file as a terminated string, for the caller to free. */
char *usage_file(const char *file);

/* Every row of the case, as a whole document. */
void usage_check(const struct auid_table *table, const struct usage_case *test);

/* TEXT as the root element, read and validated alone: 0, or the fault, AUID_FAULT_NONE standing for
 * a failure. */
int usage_check_text(const struct auid_table *table, const struct auid_ops *usage, const char *text,
		     const struct auid_context *context, struct auid_fault *fault_out,
		     struct arena *arena, struct err *err);

#endif
