/* SPDX-License-Identifier: Apache-2.0 */
/* base/tls.c - see tls.h */
#include "base/tls.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

const char tls_priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:"
			      "-SHA1:%SERVER_PRECEDENCE:%SAFE_RENEGOTIATION";

struct tls_creds {
	_Atomic unsigned refs;
	gnutls_certificate_credentials_t gnutls;
};

struct tls_cert {
	char *cert_file, *key_file, *ca_file;
	int system_ca;
	enum log_cat log;
	pthread_mutex_t lock; /* of creds */
	struct tls_creds *creds;
};

void tls_creds_drop(struct tls_creds **creds_at)
{
	struct tls_creds *creds = *creds_at;

	*creds_at = NULL;
	if (!creds || atomic_fetch_sub(&creds->refs, 1) != 1)
		return;
	if (creds->gnutls)
		gnutls_certificate_free_credentials(creds->gnutls);
	free(creds);
}

/* What works but will make trouble: an operator should hear of it now. */
static void warn_about(const struct tls_cert *cert, gnutls_certificate_credentials_t creds)
{
	gnutls_x509_crt_t *chain = NULL;
	unsigned n = 0;
	time_t now = time(NULL);
	struct stat st;

	if (stat(cert->key_file, &st) == 0 && (st.st_mode & S_IRWXO))
		log_warn(cert->log, "tls-key-readable-by-all", L_STR("file", cert->key_file));
	if (gnutls_certificate_get_x509_crt(creds, 0, &chain, &n) < 0)
		return;
	if (n && gnutls_x509_crt_get_expiration_time(chain[0]) < now)
		log_warn(cert->log, "tls-certificate-expired", L_STR("file", cert->cert_file));
	if (n && gnutls_x509_crt_get_activation_time(chain[0]) > now)
		log_warn(cert->log, "tls-certificate-not-yet-valid",
			 L_STR("file", cert->cert_file));
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

static int load_pair(const struct tls_cert *cert, gnutls_certificate_credentials_t creds,
		     struct err *err)
{
	struct pair pair = { NULL, 0, NULL };
	int ret = -1;

	if (read_chain(&pair, cert->cert_file, err) < 0 || read_key(&pair, cert->key_file, err) < 0)
		goto out;
	/* Checks too that the key belongs to the certificate. */
	ret = gnutls_certificate_set_x509_key(creds, pair.chain, (int)pair.n, pair.key);
	if (ret < 0)
		err_set(err, ERR_SYNTAX, "certificate %s with key %s cannot be used: %s",
			cert->cert_file, cert->key_file, gnutls_strerror(ret));
out:
	pair_fini(&pair);
	return ret < 0 ? -1 : 0;
}

static int load_trust(const struct tls_cert *cert, gnutls_certificate_credentials_t creds,
		      struct err *err)
{
	int n;

	if (cert->ca_file) {
		n = gnutls_certificate_set_x509_trust_file(creds, cert->ca_file,
							   GNUTLS_X509_FMT_PEM);
		if (n <= 0)
			return err_set(err, ERR_SYNTAX, "no certificate to trust in %s: %s",
				       cert->ca_file, n < 0 ? gnutls_strerror(n) : "it is empty");
	} else if (cert->system_ca) {
		n = gnutls_certificate_set_x509_system_trust(creds);
		if (n <= 0)
			log_debug(cert->log, "tls-system-trusts-nobody");
	}
	return 0;
}

int tls_cert_load(struct tls_cert *cert, struct tls_creds **creds_out, struct err *err)
{
	struct tls_creds *creds = calloc(1, sizeof(*creds));

	if (!creds || gnutls_certificate_allocate_credentials(&creds->gnutls) < 0) {
		free(creds);
		return err_set(err, ERR_NOMEM, "no memory for a certificate");
	}
	atomic_init(&creds->refs, 1);
	if ((cert->cert_file && load_pair(cert, creds->gnutls, err) < 0) ||
	    load_trust(cert, creds->gnutls, err) < 0) {
		tls_creds_drop(&creds);
		return -1;
	}
	if (cert->cert_file)
		warn_about(cert, creds->gnutls);
	*creds_out = creds;
	return 0;
}

void tls_cert_swap(struct tls_cert *cert, struct tls_creds *creds)
{
	struct tls_creds *old;

	pthread_mutex_lock(&cert->lock);
	old = cert->creds;
	cert->creds = creds;
	pthread_mutex_unlock(&cert->lock);
	tls_creds_drop(&old);
}

int tls_cert_has_ca(const struct tls_cert *cert)
{
	return cert->ca_file != NULL;
}

struct tls_creds *tls_cert_hold(struct tls_cert *cert)
{
	struct tls_creds *creds;

	pthread_mutex_lock(&cert->lock);
	creds = cert->creds;
	atomic_fetch_add(&creds->refs, 1);
	pthread_mutex_unlock(&cert->lock);
	return creds;
}

int tls_creds_use(struct tls_creds *creds, void *session)
{
	return gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, creds->gnutls) < 0 ? -1 : 0;
}

/* A copy of PATH when there is one. Returns 0, or -1. */
static int keep(char **copy_out, const char *path)
{
	*copy_out = path ? strdup(path) : NULL;
	return path && !*copy_out ? -1 : 0;
}

int tls_cert_new(const struct tls_files *files, struct tls_cert **cert_out, struct err *err)
{
	struct tls_cert *cert = calloc(1, sizeof(*cert));

	if (!cert)
		return err_set(err, ERR_NOMEM, "no memory for a certificate");
	pthread_mutex_init(&cert->lock, NULL);
	cert->system_ca = files->system_ca;
	cert->log = files->log;
	if (keep(&cert->cert_file, files->cert) < 0 || keep(&cert->key_file, files->key) < 0 ||
	    keep(&cert->ca_file, files->ca) < 0) {
		tls_cert_free(&cert);
		return err_set(err, ERR_NOMEM, "no memory for a certificate");
	}
	if (tls_cert_load(cert, &cert->creds, err) < 0) {
		tls_cert_free(&cert);
		return -1;
	}
	*cert_out = cert;
	return 0;
}

void tls_cert_free(struct tls_cert **cert_at)
{
	struct tls_cert *cert = *cert_at;

	*cert_at = NULL;
	if (!cert)
		return;
	tls_creds_drop(&cert->creds);
	pthread_mutex_destroy(&cert->lock);
	free(cert->cert_file);
	free(cert->key_file);
	free(cert->ca_file);
	free(cert);
}
