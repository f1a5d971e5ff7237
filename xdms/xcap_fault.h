/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xdms/xcap_fault.h - why a change was refused: the xcap-error document (RFC 4825 s11)
 */
#ifndef XDMS_XCAP_FAULT_H
#define XDMS_XCAP_FAULT_H

#include "base/arena.h"
#include "base/strv.h"

enum xcap_fault_kind {
	XCAP_FAULT_NONE,
	XCAP_NOT_WELL_FORMED,
	XCAP_NOT_UTF8,
	XCAP_NOT_XML_FRAG,
	XCAP_NOT_XML_ATT_VALUE,
	XCAP_NO_PARENT,
	XCAP_SCHEMA_VALIDATION_ERROR,
	XCAP_CANNOT_INSERT,
	XCAP_CANNOT_DELETE,
	XCAP_UNIQUENESS_FAILURE,
	XCAP_CONSTRAINT_FAILURE,
	XCAP_LOCAL_LIMIT, /* an operator's limit: extension with OMA's local-constraint-failure */
	XCAP_FAULTS
};

/* One value that is not unique. */
struct xcap_exists {
	struct strv field; /* relative URI, percent-encoded: see xcap_spot_print */
	const struct strv *alt;
	unsigned n_alt;
};

/* Views into the arena of the request, or literals. */
struct xcap_fault {
	enum xcap_fault_kind kind;
	struct strv phrase;   /* for people; may be empty */
	struct strv ancestor; /* XCAP_NO_PARENT: percent-encoded selector; may be empty */
	const struct xcap_exists *exists; /* XCAP_UNIQUENESS_FAILURE: at least one */
	unsigned n_exists;
	struct strv limit_field; /* XCAP_LOCAL_LIMIT: what is limited, and to what; may be empty */
	struct strv limit_value;
};

#define XCAP_ERROR_TYPE "application/xcap-error+xml"

/* The element's name ("not-well-formed"), as logged; never NULL. */
const char *xcap_fault_name(enum xcap_fault_kind kind);
/* 409 for every fault; 500 for XCAP_FAULT_NONE. */
int xcap_fault_status(enum xcap_fault_kind kind);

/* Fill FAULT_OUT with KIND and PHRASE (copied to ARENA, octets that are not UTF-8 or no XML
 * characters left out). Returns 1, so that "return xcap_fault_set(...)" refuses. */
int xcap_fault_set(struct xcap_fault *fault_out, enum xcap_fault_kind kind, const char *phrase,
		   struct arena *arena);

/* The document; empty when memory is short. */
struct strv xcap_fault_print(const struct xcap_fault *fault, struct arena *arena);

#endif
