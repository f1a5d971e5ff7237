/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/http_tls.c - certificates, replaced while running
 *
 * A certificate with its key is one immutable, counted GnuTLS credentials object. A connection
 * holds the one it began with until it ends; a reload publishes a new one for those that come
 * after. Client certificates are not asked for.
 */
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "http/http_priv.h"

/* TLS 1.3 and 1.2 with forward secrecy; a 1.2 client without secure renegotiation is turned away,
 * and a renegotiation ends the connection. */
const char http_tls_priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:"
				   "-SHA1:%SERVER_PRECEDENCE:%SAFE_RENEGOTIATION";

struct http_cert {
	_Atomic unsigned refs;
	gnutls_certificate_credentials_t creds;
};

struct http_tls {
	char *cert_file, *key_file;
	pthread_mutex_t lock; /* of cert */
	struct http_cert *cert;
};

void http_cert_drop(struct http_cert **cert_at)
{
	struct http_cert *cert = *cert_at;

	*cert_at = NULL;
	if (!cert || atomic_fetch_sub(&cert->refs, 1) != 1)
		return;
	if (cert->creds)
		gnutls_certificate_free_credentials(cert->creds);
	free(cert);
}

/* What works but will make trouble: an operator should hear of it now. */
static void warn_about(const struct http_tls *tls, gnutls_certificate_credentials_t creds)
{
	gnutls_x509_crt_t *chain = NULL;
	unsigned n = 0;
	time_t now = time(NULL);
	struct stat st;

	if (stat(tls->key_file, &st) == 0 && (st.st_mode & S_IRWXO))
		log_warn(LOG_HTTP, "tls-key-readable-by-all", L_STR("file", tls->key_file));
	if (gnutls_certificate_get_x509_crt(creds, 0, &chain, &n) < 0)
		return;
	if (n && gnutls_x509_crt_get_expiration_time(chain[0]) < now)
		log_warn(LOG_HTTP, "tls-certificate-expired", L_STR("file", tls->cert_file));
	if (n && gnutls_x509_crt_get_activation_time(chain[0]) > now)
		log_warn(LOG_HTTP, "tls-certificate-not-yet-valid", L_STR("file", tls->cert_file));
	for (unsigned i = 0; i < n; i++)
		gnutls_x509_crt_deinit(chain[i]);
	gnutls_free(chain);
}

struct pair {
	gnutls_x509_crt_t *chain;
	unsigned n;
	gnutls_x509_privkey_t key;
};

static void pair_fini(struct pair *pair)
{
	for (unsigned i = 0; i < pair->n; i++)
		gnutls_x509_crt_deinit(pair->chain[i]);
	gnutls_free(pair->chain);
	if (pair->key)
		gnutls_x509_privkey_deinit(pair->key);
}

static int read_chain(struct pair *pair, const char *file, struct err *err)
{
	gnutls_datum_t text = { NULL, 0 };
	int ret = gnutls_load_file(file, &text);

	if (ret == 0)
		ret = gnutls_x509_crt_list_import2(&pair->chain, &pair->n, &text,
						   GNUTLS_X509_FMT_PEM, 0);
	gnutls_free(text.data);
	if (ret < 0)
		return err_set(err, ERR_SYNTAX, "certificate %s cannot be used: %s", file,
			       gnutls_strerror(ret));
	return 0;
}

static int read_key(struct pair *pair, const char *file, struct err *err)
{
	gnutls_datum_t text = { NULL, 0 };
	int ret = gnutls_load_file(file, &text);

	if (ret == 0)
		ret = gnutls_x509_privkey_init(&pair->key);
	if (ret == 0)
		ret = gnutls_x509_privkey_import(pair->key, &text, GNUTLS_X509_FMT_PEM);
	if (text.data)
		gnutls_memset(text.data, 0, text.size);
	gnutls_free(text.data);
	if (ret < 0)
		return err_set(err, ERR_SYNTAX, "key %s cannot be used: %s", file,
			       gnutls_strerror(ret));
	return 0;
}

static int load_creds(const struct http_tls *tls, gnutls_certificate_credentials_t creds,
		      struct err *err)
{
	struct pair pair = { NULL, 0, NULL };
	int ret = -1;

	if (read_chain(&pair, tls->cert_file, err) < 0 || read_key(&pair, tls->key_file, err) < 0)
		goto out;
	/* Checks too that the key belongs to the certificate. */
	ret = gnutls_certificate_set_x509_key(creds, pair.chain, (int)pair.n, pair.key);
	if (ret < 0)
		err_set(err, ERR_SYNTAX, "certificate %s with key %s cannot be used: %s",
			tls->cert_file, tls->key_file, gnutls_strerror(ret));
out:
	pair_fini(&pair);
	return ret < 0 ? -1 : 0;
}

int http_tls_load(struct http_tls *tls, struct http_cert **cert_out, struct err *err)
{
	struct http_cert *cert = calloc(1, sizeof(*cert));

	if (!cert || gnutls_certificate_allocate_credentials(&cert->creds) < 0) {
		free(cert);
		return err_set(err, ERR_NOMEM, "no memory for a certificate");
	}
	atomic_init(&cert->refs, 1);
	if (load_creds(tls, cert->creds, err) < 0) {
		http_cert_drop(&cert);
		return -1;
	}
	warn_about(tls, cert->creds);
	*cert_out = cert;
	return 0;
}

void http_tls_swap(struct http_tls *tls, struct http_cert *cert)
{
	struct http_cert *old;

	pthread_mutex_lock(&tls->lock);
	old = tls->cert;
	tls->cert = cert;
	pthread_mutex_unlock(&tls->lock);
	http_cert_drop(&old);
}

struct http_cert *http_tls_hold(struct http_tls *tls)
{
	struct http_cert *cert;

	pthread_mutex_lock(&tls->lock);
	cert = tls->cert;
	atomic_fetch_add(&cert->refs, 1);
	pthread_mutex_unlock(&tls->lock);
	return cert;
}

int http_cert_use(struct http_cert *cert, void *session)
{
	return gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, cert->creds) < 0 ? -1 : 0;
}

int http_tls_new(const char *cert_file, const char *key_file, struct http_tls **tls_out,
		 struct err *err)
{
	struct http_tls *tls = calloc(1, sizeof(*tls));

	if (!tls)
		return err_set(err, ERR_NOMEM, "no memory for a TLS listener");
	pthread_mutex_init(&tls->lock, NULL);
	tls->cert_file = strdup(cert_file);
	tls->key_file = strdup(key_file);
	if (!tls->cert_file || !tls->key_file) {
		http_tls_free(&tls);
		return err_set(err, ERR_NOMEM, "no memory for a TLS listener");
	}
	if (http_tls_load(tls, &tls->cert, err) < 0) {
		http_tls_free(&tls);
		return -1;
	}
	*tls_out = tls;
	return 0;
}

void http_tls_free(struct http_tls **tls_at)
{
	struct http_tls *tls = *tls_at;

	*tls_at = NULL;
	if (!tls)
		return;
	http_cert_drop(&tls->cert);
	pthread_mutex_destroy(&tls->lock);
	free(tls->cert_file);
	free(tls->key_file);
	free(tls);
}
