/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sip/sip_tls.c - TLS over one connection, and whose certificate it is (RFC 5922)
 *
 * A server is checked when its name is known beforehand; a client only when the listener names whom
 * to trust, and then a certificate that is shown must be good, while none at all makes an ordinary
 * client. What a certificate proves are its domains: SIP URIs, else DNS names, else the common
 * name, each compared whole.
 */
#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>

#include "sip/sip_tp_priv.h"

enum {
	HANDSHAKE_MAX = 32768, /* octets of one handshake message, so of a certificate chain */
	NAMES_MAX = 16,	       /* looked at in a certificate */
	CALLS_MAX = 32,	       /* in a row, of what asks to be called again */
};

struct sip_tls {
	gnutls_session_t session;
	struct tls_creds *creds; /* held */
	const char *name;	 /* borrowed of the connection; NULL: none */
	int is_server;
	int is_whole;  /* the handshake is over */
	size_t unsent; /* octets of a record that the socket did not take whole */
	char *names;   /* of the verified certificate; NULL: none */
};

static int session_init(struct sip_tls *tls, struct tls_cert *cert, int fd)
{
	unsigned flags = GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL;

	if (gnutls_init(&tls->session, flags | (tls->is_server ? GNUTLS_SERVER : GNUTLS_CLIENT)) <
	    0) {
		tls->session = NULL;
		return -1;
	}
	tls->creds = tls_cert_hold(cert);
	if (tls_creds_use(tls->creds, tls->session) < 0 ||
	    gnutls_priority_set_direct(tls->session, tls_priorities, NULL) < 0)
		return -1;
	gnutls_handshake_set_max_packet_length(tls->session, HANDSHAKE_MAX);
	if (tls->is_server)
		gnutls_certificate_server_set_request(tls->session, tls_cert_has_ca(cert)
									    ? GNUTLS_CERT_REQUEST
									    : GNUTLS_CERT_IGNORE);
	else if (tls->name)
		gnutls_server_name_set(tls->session, GNUTLS_NAME_DNS, tls->name, strlen(tls->name));
	gnutls_transport_set_int(tls->session, fd);
	return 0;
}

struct sip_tls *sip_tls_new(struct tls_cert *cert, int fd, int is_server, const char *name)
{
	struct sip_tls *tls = calloc(1, sizeof(*tls));

	if (!tls)
		return NULL;
	tls->is_server = is_server;
	tls->name = name && name[0] ? name : NULL;
	if (session_init(tls, cert, fd) < 0)
		sip_tls_free(&tls);
	return tls;
}

void sip_tls_free(struct sip_tls **tls_at)
{
	struct sip_tls *tls = *tls_at;

	*tls_at = NULL;
	if (!tls)
		return;
	if (tls->session)
		gnutls_deinit(tls->session);
	tls_creds_drop(&tls->creds);
	free(tls->names);
	free(tls);
}

/* ---- names ---- */

int sip_tls_name_matches(const char *names, struct strv domain)
{
	struct strv rest = strv_of(names), name;

	while (domain.n && rest.n) {
		strv_cut(&rest, ',', &name);
		if (strv_caseeq(name, domain))
			return 1;
	}
	return 0;
}

/* The host of "sip:host"; p NULL for what names no domain: another scheme, a user (RFC 5922 s7.1).
 */
static struct strv sip_domain(struct strv uri)
{
	struct strv none = { NULL, 0 };

	if (uri.n < 5 || !strv_caseeq(strv_mem(uri.p, 4), STRV("sip:")))
		return none;
	uri = strv_mem(uri.p + 4, uri.n - 4);
	return memchr(uri.p, '@', uri.n) ? none : uri;
}

/* Something that can stand in a list, and in a log. */
static int is_name(struct strv name)
{
	if (!name.n || name.n > SIP_NAME_MAX)
		return 0;
	for (size_t i = 0; i < name.n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_",
			    name.p[i]) ||
		    !name.p[i])
			return 0;
	return 1;
}

static int add_name(char **names, struct strv name)
{
	size_t old = *names ? strlen(*names) : 0;
	char *longer;

	if (!is_name(name))
		return 0;
	longer = realloc(*names, old + name.n + 2);
	if (!longer)
		return -1;
	if (old)
		longer[old++] = ',';
	memcpy(longer + old, name.p, name.n);
	longer[old + name.n] = '\0';
	*names = longer;
	return 0;
}

/* The names of one kind: URIs or DNS names. Returns 0, or -1: no memory. */
static int read_alt_names(gnutls_x509_crt_t crt, unsigned kind, char **names)
{
	for (unsigned i = 0; i < NAMES_MAX; i++) {
		char text[SIP_NAME_MAX + 8];
		size_t bytes = sizeof(text);
		unsigned type = 0;
		struct strv name;
		int ret = gnutls_x509_crt_get_subject_alt_name2(crt, i, text, &bytes, &type, NULL);

		if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		if (ret < 0 || type != kind)
			continue;
		name = strv_mem(text, strnlen(text, bytes));
		if (kind == GNUTLS_SAN_URI)
			name = sip_domain(name);
		if (name.p && add_name(names, name) < 0)
			return -1;
	}
	return 0;
}

static int read_names(gnutls_x509_crt_t crt, char **names)
{
	char text[SIP_NAME_MAX + 8];
	size_t bytes = sizeof(text);

	if (read_alt_names(crt, GNUTLS_SAN_URI, names) < 0)
		return -1;
	if (!*names && read_alt_names(crt, GNUTLS_SAN_DNSNAME, names) < 0)
		return -1;
	if (*names)
		return 0;
	if (gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, text, &bytes) < 0)
		return 0;
	return add_name(names, strv_mem(text, strnlen(text, bytes)));
}

/* The certificate that the other side showed. Returns 0, or -1 with WHY_OUT. */
static int verify(struct sip_tls *tls, const char **why_out)
{
	unsigned n = 0, status = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(tls->session, &n);
	gnutls_x509_crt_t crt;
	int ret;

	if (!chain || !n) {
		*why_out = "no certificate";
		return tls->is_server ? 0 : -1;
	}
	/* Whose name nobody expects may show what it likes: it is nobody afterwards too. */
	if (!tls->is_server && !tls->name)
		return 0;
	if (gnutls_certificate_verify_peers2(tls->session, &status) < 0 || status) {
		*why_out = status & GNUTLS_CERT_EXPIRED		? "certificate expired"
			   : status & GNUTLS_CERT_REVOKED	? "certificate revoked"
			   : status & GNUTLS_CERT_NOT_ACTIVATED ? "certificate not yet valid"
								: "certificate not trusted";
		return -1;
	}
	*why_out = "certificate cannot be read";
	if (gnutls_x509_crt_init(&crt) < 0)
		return -1;
	ret = gnutls_x509_crt_import(crt, &chain[0], GNUTLS_X509_FMT_DER);
	if (ret == 0)
		ret = read_names(crt, &tls->names);
	gnutls_x509_crt_deinit(crt);
	if (ret < 0)
		return -1;
	*why_out = "certificate for another name";
	return tls->name && !sip_tls_name_matches(tls->names, strv_of(tls->name)) ? -1 : 0;
}

char *sip_tls_take_names(struct sip_tls *tls)
{
	char *names = tls->names;

	tls->names = NULL;
	return names;
}

/* ---- octets ---- */

int sip_tls_handshake(struct sip_tls *tls, const char **why_out)
{
	int ret = GNUTLS_E_AGAIN;

	for (int i = 0; i < CALLS_MAX; i++) {
		ret = gnutls_handshake(tls->session);
		if (ret == GNUTLS_E_AGAIN)
			return SIP_IO_AGAIN;
		if (ret == 0 || gnutls_error_is_fatal(ret))
			break;
	}
	if (ret < 0) {
		*why_out = gnutls_strerror(ret);
		gnutls_alert_send_appropriate(tls->session, ret);
		return SIP_IO_FAILED;
	}
	if (verify(tls, why_out) < 0) {
		gnutls_alert_send(tls->session, GNUTLS_AL_FATAL, GNUTLS_A_BAD_CERTIFICATE);
		return SIP_IO_FAILED;
	}
	tls->is_whole = 1;
	return 1;
}

int sip_tls_wants_write(struct sip_tls *tls)
{
	return gnutls_record_get_direction(tls->session);
}

ssize_t sip_tls_recv(struct sip_tls *tls, char *p, size_t n)
{
	for (int i = 0; i < CALLS_MAX; i++) {
		ssize_t got = gnutls_record_recv(tls->session, p, n);

		if (got >= 0)
			return got;
		if (got == GNUTLS_E_AGAIN)
			return SIP_IO_AGAIN;
		if (got == GNUTLS_E_PREMATURE_TERMINATION)
			return 0; /* each message says its length, so nothing is cut unseen */
		/* A renegotiation is nothing that a SIP client needs. */
		if (gnutls_error_is_fatal((int)got) || got == GNUTLS_E_REHANDSHAKE)
			break;
	}
	return SIP_IO_FAILED;
}

ssize_t sip_tls_send(struct sip_tls *tls, const char *p, size_t n)
{
	ssize_t sent;

	do
		sent = tls->unsent ? gnutls_record_send(tls->session, NULL, 0)
				   : gnutls_record_send(tls->session, p, n);
	while (sent == GNUTLS_E_INTERRUPTED);
	if (sent == GNUTLS_E_AGAIN) {
		/* The record is made; it is to be gone on with, whatever waits behind it. */
		if (!tls->unsent)
			tls->unsent = n;
		return SIP_IO_AGAIN;
	}
	if (sent < 0)
		return SIP_IO_FAILED;
	if (tls->unsent) {
		sent = (ssize_t)tls->unsent;
		tls->unsent = 0;
	}
	return sent;
}

int sip_tls_has_pending(struct sip_tls *tls)
{
	return gnutls_record_check_pending(tls->session) > 0;
}

void sip_tls_bye(struct sip_tls *tls)
{
	if (tls->is_whole && !tls->unsent)
		gnutls_bye(tls->session, GNUTLS_SHUT_WR);
}
