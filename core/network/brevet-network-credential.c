/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-network-credential.h"

#include "brevet-error.h"
#include "brevet-pkcs11.h"

#include <gnutls/gnutls.h>
#include <string.h>

#define PKCS11 "private-key-pkcs11-uri"

/* One link of the chain; its issuer is there already. */
static GTlsCertificate *
make_link (BrevetCertificate *certificate, GTlsCertificate *issuer, const char *key_property, const char *key, GError **error)
{
  g_autofree char *pem = brevet_certificate_to_pem (certificate);
  g_autoptr(GError) local_error = NULL;
  gpointer link = g_initable_new (g_tls_backend_get_certificate_type (g_tls_backend_get_default ()), NULL, &local_error,
                                  "certificate-pem", pem, "issuer", issuer, key_property, key, NULL);

  if (link == NULL)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "Cannot use the device's certificate for TLS: %s",
                 local_error->message);
  return link;
}

/* Text of a key in memory, or where in which token it is; a key in a token does not leave it. */
static BrevetSecret *
find_key (BrevetKey *key, const char **property, GError **error)
{
  BrevetSecret *secret = brevet_key_to_uri (key);

  *property = secret != NULL ? PKCS11 : "private-key-pem";
  if (secret == NULL)
    secret = brevet_key_to_pem (key, error);
  if (secret == NULL)
    g_prefix_error (error, "Cannot use the device's private key for TLS: ");
  return secret;
}

static GTlsCertificate *
make_links (BrevetChain *chain, BrevetSecret *secret, const char *property, GError **error)
{
  g_autoptr(GTlsCertificate) credential = NULL;

  for (guint i = brevet_chain_get_length (chain); i > 0; i--)
    {
      g_autoptr(GTlsCertificate) issuer = g_steal_pointer (&credential);
      const char *text = i == 1 ? (const char *) brevet_secret_get_data (secret, NULL) : NULL;

      credential = make_link (brevet_chain_get (chain, i - 1), issuer, i == 1 ? property : NULL, text, error);
      if (credential == NULL)
        return NULL;
    }
  return g_steal_pointer (&credential);
}

static void
release_modules (gpointer data)
{
  brevet_pkcs11_release ();
}

/* GIO opens the token with the credential, and for each handshake with it. */
static GTlsCertificate *
make_token_credential (BrevetChain *chain, BrevetSecret *secret, const char *property, GError **error)
{
  GTlsCertificate *credential;

  if (!brevet_pkcs11_hold (error))
    return NULL;
  credential = make_links (chain, secret, property, error);
  if (credential != NULL)
    g_object_set_data_full (G_OBJECT (credential), "brevet-pkcs11", credential, release_modules);
  else
    brevet_pkcs11_release ();
  return credential;
}

static GTlsCertificate *
make_credential (BrevetChain *chain, BrevetKey *key, GError **error)
{
  const char *property = NULL;
  g_autoptr(BrevetSecret) secret = find_key (key, &property, error);

  if (secret == NULL)
    return NULL;
  if (g_str_equal (property, PKCS11))
    return make_token_credential (chain, secret, property, error);
  return make_links (chain, secret, property, error);
}

typedef struct {
  BrevetChain *chain;
  BrevetKey *key;
} Pair;

static void
pair_free (gpointer data)
{
  Pair *pair = data;

  brevet_chain_unref (pair->chain);
  brevet_key_unref (pair->key);
  g_free (pair);
}

static void
make_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Pair *pair = task_data;
  GError *error = NULL;
  GTlsCertificate *credential = make_credential (pair->chain, pair->key, &error);

  if (credential != NULL)
    g_task_return_pointer (task, credential, g_object_unref);
  else
    g_task_return_error (task, error);
}

void
brevet_network_credential_new_async (BrevetChain *chain, BrevetKey *key, GCancellable *cancellable, GAsyncReadyCallback callback,
                                     gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Pair *pair;

  g_return_if_fail (chain != NULL);

  g_task_set_source_tag (task, brevet_network_credential_new_async);
  if (key == NULL)
    {
      g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                               "The device's certificate has no private key to go with it");
      return;
    }
  pair = g_new (Pair, 1);
  pair->chain = brevet_chain_ref (chain);
  pair->key = brevet_key_ref (key);
  g_task_set_task_data (task, pair, pair_free);
  g_task_set_return_on_cancel (task, TRUE);
  g_task_run_in_thread (task, make_in_thread);
}

GTlsCertificate *
brevet_network_credential_new_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, brevet_network_credential_new_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* On its way a connection may meet a proxy with TLS of its own, whose business the credential is not. */
static gboolean
leads_to (GIOStream *connection, const char *host)
{
  GSocketConnectable *identity;

  if (!G_IS_TLS_CLIENT_CONNECTION (connection))
    return FALSE;
  identity = g_tls_client_connection_get_server_identity (G_TLS_CLIENT_CONNECTION (connection));
  return G_IS_NETWORK_ADDRESS (identity) &&
         g_ascii_strcasecmp (g_network_address_get_hostname (G_NETWORK_ADDRESS (identity)), host) == 0;
}

void
brevet_network_credential_present (GTlsCertificate *credential, const char *host, GSocketClientEvent event, GIOStream *connection)
{
  if (credential != NULL && event == G_SOCKET_CLIENT_TLS_HANDSHAKING && leads_to (connection, host))
    g_tls_connection_set_certificate (G_TLS_CONNECTION (connection), credential);
}
