/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-gate-credentials.h"

#include "brevet-error.h"

#include <gnutls/abstract.h>

/* Only ephemeral key exchange and authenticated ciphers. The client's order decides: with the server's, a client that has guessed a
 * group other than our first would have to say hello twice. */
#define PRIORITY \
  "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-DHE-RSA:-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:" \
  "-CIPHER-ALL:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM:+AES-128-CCM:" \
  "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+GROUP-SECP521R1"

/* A client certificate chain must fit; nothing else that a client sends in a handshake is long. */
#define LONGEST_HANDSHAKE_MESSAGE (32 * 1024)

struct _BrevetGateCredentials
{
  gatomicrefcount                  references;
  BrevetChain                     *chain;
  BrevetKey                       *key;
  gnutls_certificate_credentials_t credentials;
  gnutls_priority_t                priority;
  gnutls_pcert_st                 *certificates;
  guint                            n_certificates;
};

/* The key stays ours and may live in a token, so it is lent on each handshake instead of being given to GnuTLS. */
static int
lend_key (gnutls_session_t session, const gnutls_datum_t *authorities, int n_authorities, const gnutls_pk_algorithm_t *algorithms,
          int n_algorithms, gnutls_pcert_st **certificates, unsigned int *n_certificates, gnutls_privkey_t *key)
{
  BrevetGateCredentials *self = gnutls_session_get_ptr (session);

  *certificates = self->certificates;
  *n_certificates = self->n_certificates;
  *key = brevet_key_get_privkey (self->key);
  return 0;
}

static int
import_chain (BrevetGateCredentials *self)
{
  g_autoptr(BrevetChain) chain = brevet_chain_without_root (self->chain);
  guint length = brevet_chain_get_length (chain);

  self->certificates = g_new0 (gnutls_pcert_st, length);
  for (guint i = 0; i < length; i++)
    {
      gnutls_x509_crt_t certificate = brevet_certificate_get_crt (brevet_chain_get (chain, i));
      int status = gnutls_pcert_import_x509 (&self->certificates[i], certificate, 0);

      if (status < 0)
        return status;
      self->n_certificates++;
    }
  return 0;
}

static int
set_up (BrevetGateCredentials *self)
{
  int status = gnutls_certificate_allocate_credentials (&self->credentials);

  if (status < 0)
    return status;

  gnutls_certificate_set_retrieve_function2 (self->credentials, lend_key);
  status = gnutls_priority_init (&self->priority, PRIORITY, NULL);
  if (status < 0)
    return status;
  return import_chain (self);
}

BrevetGateCredentials *
brevet_gate_credentials_new (BrevetChain *chain, BrevetKey *key, GError **error)
{
  BrevetCertificate *leaf = brevet_chain_get_leaf (chain);
  g_autoptr(BrevetGateCredentials) self = NULL;
  int status;

  if (g_strcmp0 (brevet_certificate_get_spki_sha256 (leaf), brevet_key_get_spki_sha256 (key)) != 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                   "The private key does not belong to the certificate of “%s”", brevet_certificate_get_subject (leaf));
      return NULL;
    }

  self = g_new0 (BrevetGateCredentials, 1);
  g_atomic_ref_count_init (&self->references);
  self->chain = brevet_chain_ref (chain);
  self->key = brevet_key_ref (key);
  status = set_up (self);
  if (status < 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "Cannot set up TLS: %s", gnutls_strerror (status));
      return NULL;
    }
  return g_steal_pointer (&self);
}

BrevetGateCredentials *
brevet_gate_credentials_ref (BrevetGateCredentials *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
brevet_gate_credentials_unref (BrevetGateCredentials *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;

  for (guint i = 0; i < self->n_certificates; i++)
    gnutls_pcert_deinit (&self->certificates[i]);
  g_free (self->certificates);
  g_clear_pointer (&self->credentials, gnutls_certificate_free_credentials);
  g_clear_pointer (&self->priority, gnutls_priority_deinit);
  g_clear_pointer (&self->chain, brevet_chain_unref);
  g_clear_pointer (&self->key, brevet_key_unref);
  g_free (self);
}

/* The signature of a peer that shows a certificate is verified with a key of his choice. */
static int
on_signature_received (gnutls_session_t session, unsigned int type, unsigned int when, unsigned int incoming,
                       const gnutls_datum_t *message)
{
  unsigned int count = 0;
  const gnutls_datum_t *peers = gnutls_certificate_get_peers (session, &count);
  g_autoptr(GBytes) der = NULL;
  g_autoptr(BrevetCertificate) leaf = NULL;

  if (!incoming || peers == NULL || count == 0)
    return 0;
  der = g_bytes_new (peers[0].data, peers[0].size);
  leaf = brevet_certificate_new (der, NULL);
  return leaf == NULL || brevet_certificate_has_costly_key (leaf) ? GNUTLS_E_UNSUPPORTED_CERTIFICATE_TYPE : 0;
}

static int
prepare_session (BrevetGateCredentials *self, const gnutls_datum_t *ticket_key, gnutls_session_t session)
{
  int status = gnutls_priority_set (session, self->priority);

  if (status < 0)
    return status;

  status = gnutls_credentials_set (session, GNUTLS_CRD_CERTIFICATE, self->credentials);
  if (status < 0)
    return status;

  gnutls_session_set_ptr (session, self);
  gnutls_certificate_server_set_request (session, GNUTLS_CERT_REQUEST);
  gnutls_handshake_set_max_packet_length (session, LONGEST_HANDSHAKE_MESSAGE);
  gnutls_handshake_set_hook_function (session, GNUTLS_HANDSHAKE_CERTIFICATE_VERIFY, GNUTLS_HOOK_PRE, on_signature_received);
  return gnutls_session_ticket_enable_server (session, ticket_key);
}

int
brevet_gate_credentials_open_session (BrevetGateCredentials *self, const gnutls_datum_t *ticket_key, gnutls_session_t *session)
{
  int status = gnutls_init (session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);

  if (status < 0)
    return status;

  status = prepare_session (self, ticket_key, *session);
  if (status < 0)
    g_clear_pointer (session, gnutls_deinit);
  return status;
}
