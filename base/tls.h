/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/tls.h - certificates, replaced while running
 *
 * A certificate with its key, and those it trusts, are one immutable, counted GnuTLS credentials
 * object. A connection holds the one it began with until it ends; a reload publishes a new one for
 * those that come after. Sessions are the edges' own.
 */
#ifndef BASE_TLS_H
#define BASE_TLS_H

#include "base/err.h"
#include "base/log.h"

struct tls_cert;  /* the files, and what is in force */
struct tls_creds; /* what was read from them */

struct tls_files {
	const char *cert, *key; /* PEM; a chain and its key; both NULL: none */
	const char *ca;		/* PEM; who may sign the other side's; NULL: see SYSTEM_CA */
	int system_ca;		/* without CA: those that the system trusts; 0: nobody */
	enum log_cat log;	/* where warnings go */
};

/* TLS 1.3 and 1.2 with forward secrecy; a 1.2 peer without secure renegotiation is turned away,
 * and a renegotiation ends the connection. */
extern const char tls_priorities[];

/* Read FILES (copied) and put them in force. 0, or -1 with the file's name and its fault. */
int tls_cert_new(const struct tls_files *files, struct tls_cert **cert_out, struct err *err);
/* Takes the address, accepts NULL. What connections hold lives on. */
void tls_cert_free(struct tls_cert **cert);

/* Read the files again, without putting the result in force yet. 0; -1: nothing changed. */
int tls_cert_load(struct tls_cert *cert, struct tls_creds **creds_out, struct err *err);
/* Put CREDS, which is given away, in force. */
void tls_cert_swap(struct tls_cert *cert, struct tls_creds *creds);

int tls_cert_has_ca(const struct tls_cert *cert); /* FILES.ca was given */

/* What is in force, held; any thread. */
struct tls_creds *tls_cert_hold(struct tls_cert *cert);
void tls_creds_drop(struct tls_creds **creds); /* takes the address, accepts NULL; any thread */
/* Make SESSION (a gnutls_session_t) use CREDS, which must be held as long as it lives. 0, or -1. */
int tls_creds_use(struct tls_creds *creds, void *session);

#endif
