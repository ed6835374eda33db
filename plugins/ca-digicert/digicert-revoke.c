/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-ca-digicert-private.h"

#include "digicert-request.h"

#include "brevet-ca-error.h"

#include <string.h>

typedef struct {
  BrevetCertificate     *certificate;
  char                  *reference;
  BrevetRevocationReason reason;
  gboolean               with_thumbprint;
} Revocation;

static void
revocation_free (gpointer data)
{
  Revocation *self = data;

  brevet_certificate_unref (self->certificate);
  g_free (self->reference);
  g_free (self);
}

static void ask (GTask *task);

static gboolean
says (const GError *error, const char *first, const char *second)
{
  const char *message = brevet_ca_error_get_upstream_message (error);

  return message != NULL && strstr (message, first) != NULL && strstr (message, second) != NULL;
}

static void
on_revoked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Revocation *revocation = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(DigicertReply) reply = digicert_session_ask_finish (DIGICERT_SESSION (source), result, &error);

  if (reply != NULL || says (error, "already", "revoked"))
    g_task_return_boolean (task, TRUE);
  else if (!revocation->with_thumbprint && says (error, "thumbprint_sha256", ""))
    {
      revocation->with_thumbprint = TRUE;
      ask (task);
    }
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

/* In a certificate a number that would look negative has a zero in front; DigiCert writes numbers. */
static const char *
skip_zeros (const char *serial)
{
  while (g_str_has_prefix (serial, "00") && strlen (serial) > 2)
    serial += 2;
  return serial;
}

static void
ask (GTask *task)
{
  BrevetCaDigicert *self = g_task_get_source_object (task);
  Revocation *revocation = g_task_get_task_data (task);
  DigicertApi api = self->configuration->api;
  g_autoptr(GBytes) body = digicert_request_revoke (api, revocation->reason);
  g_autofree char *id = api == DIGICERT_API_IOT ? g_uri_escape_string (revocation->reference, NULL, FALSE)
                                                : g_strdup (skip_zeros (brevet_certificate_get_serial (revocation->certificate)));
  g_autofree char *path = g_strdup_printf ("/%s/api/v1/certificate/%s/revoke", api == DIGICERT_API_IOT ? "iot" : "mpki", id);
  g_autofree char *thumbprint = g_ascii_strup (brevet_certificate_get_sha256 (revocation->certificate), -1);
  g_autofree char *query = revocation->with_thumbprint ? g_strconcat ("thumbprint_sha256=", thumbprint, NULL) : NULL;
  DigicertQuestion question = { DIGICERT_VERB_REVOKE, "PUT", path, query, body, NULL };

  digicert_session_ask_async (self->session, &question, g_task_get_cancellable (task), on_revoked, g_object_ref (task));
}

void
digicert_revoke_async (BrevetCaBackend *backend, BrevetCertificate *certificate, const char *backend_reference,
                       BrevetRevocationReason reason, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetCaDigicert *self = BREVET_CA_DIGICERT (backend);
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);
  Revocation *revocation = g_new0 (Revocation, 1);

  g_task_set_source_tag (task, digicert_revoke_async);
  revocation->certificate = brevet_certificate_ref (certificate);
  revocation->reference = g_strdup (backend_reference);
  revocation->reason = reason;
  g_task_set_task_data (task, revocation, revocation_free);
  if (self->configuration->api == DIGICERT_API_IOT && (backend_reference == NULL || *backend_reference == '\0'))
    g_task_return_new_error (task, BREVET_CA_ERROR, BREVET_CA_ERROR_NOT_FOUND,
                             "IoT Trust Manager revokes by its own id, and that of the certificate %s is not known; revoke it in "
                             "DigiCert's web interface", brevet_certificate_get_serial (certificate));
  else
    ask (task);
}

gboolean
digicert_revoke_finish (BrevetCaBackend *backend, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
