/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-ca-request.h"

#include <string.h>

struct _BrevetCaRequest
{
  char      *operation_id;
  char      *registration_id;
  BrevetCsr *csr;
  guint8     idempotency_key[BREVET_CA_IDEMPOTENCY_KEY_SIZE];
  gint64     requested_at;
  char      *common_name;
  char      *uri;
  gint64     validity;
  gint64     deadline;
  GHashTable *known; /* NULL as long as there are none */
  int        sent;
};

G_DEFINE_BOXED_TYPE (BrevetCaRequest, brevet_ca_request, brevet_ca_request_ref, brevet_ca_request_unref)

BrevetCaRequest *
brevet_ca_request_new (const char *operation_id, const char *registration_id, BrevetCsr *csr, const guint8 *idempotency_key,
                       gint64 requested_at)
{
  BrevetCaRequest *self = NULL;

  g_return_val_if_fail (operation_id != NULL && registration_id != NULL, NULL);
  g_return_val_if_fail (csr != NULL && idempotency_key != NULL, NULL);

  self = g_atomic_rc_box_new0 (BrevetCaRequest);
  self->operation_id = g_strdup (operation_id);
  self->registration_id = g_strdup (registration_id);
  self->csr = brevet_csr_ref (csr);
  memcpy (self->idempotency_key, idempotency_key, BREVET_CA_IDEMPOTENCY_KEY_SIZE);
  self->requested_at = requested_at;
  self->common_name = g_strdup (registration_id);
  return self;
}

BrevetCaRequest *
brevet_ca_request_ref (BrevetCaRequest *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return g_atomic_rc_box_acquire (self);
}

static void
brevet_ca_request_clear (gpointer data)
{
  BrevetCaRequest *self = data;

  g_free (self->operation_id);
  g_free (self->registration_id);
  brevet_csr_unref (self->csr);
  g_free (self->common_name);
  g_free (self->uri);
  g_clear_pointer (&self->known, g_hash_table_unref);
}

void
brevet_ca_request_unref (BrevetCaRequest *self)
{
  g_return_if_fail (self != NULL);
  g_atomic_rc_box_release_full (self, brevet_ca_request_clear);
}

const char *
brevet_ca_request_get_operation_id (BrevetCaRequest *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->operation_id;
}

const char *
brevet_ca_request_get_registration_id (BrevetCaRequest *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->registration_id;
}

BrevetCsr *
brevet_ca_request_get_csr (BrevetCaRequest *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->csr;
}

const guint8 *
brevet_ca_request_get_idempotency_key (BrevetCaRequest *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->idempotency_key;
}

gint64
brevet_ca_request_get_requested_at (BrevetCaRequest *self)
{
  g_return_val_if_fail (self != NULL, 0);
  return self->requested_at;
}

void
brevet_ca_request_set_common_name (BrevetCaRequest *self, const char *common_name)
{
  char *copy = NULL;

  g_return_if_fail (self != NULL);
  g_return_if_fail (common_name != NULL && *common_name != '\0' && g_utf8_strlen (common_name, -1) <= 64);

  copy = g_strdup (common_name);
  g_free (self->common_name);
  self->common_name = copy;
}

const char *
brevet_ca_request_get_common_name (BrevetCaRequest *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->common_name;
}

void
brevet_ca_request_set_uri (BrevetCaRequest *self, const char *uri)
{
  char *copy = NULL;

  g_return_if_fail (self != NULL);

  copy = g_strdup (uri);
  g_free (self->uri);
  self->uri = copy;
}

const char *
brevet_ca_request_get_uri (BrevetCaRequest *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->uri;
}

void
brevet_ca_request_set_validity (BrevetCaRequest *self, gint64 seconds)
{
  g_return_if_fail (self != NULL && seconds >= 0);
  self->validity = seconds;
}

gint64
brevet_ca_request_get_validity (BrevetCaRequest *self)
{
  g_return_val_if_fail (self != NULL, 0);
  return self->validity;
}

void
brevet_ca_request_set_deadline (BrevetCaRequest *self, gint64 monotonic)
{
  g_return_if_fail (self != NULL);
  self->deadline = monotonic;
}

gint64
brevet_ca_request_get_deadline (BrevetCaRequest *self)
{
  g_return_val_if_fail (self != NULL, 0);
  return self->deadline;
}

void
brevet_ca_request_add_known (BrevetCaRequest *self, const char *sha256)
{
  g_return_if_fail (self != NULL && sha256 != NULL);

  if (self->known == NULL)
    self->known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_hash_table_add (self->known, g_strdup (sha256));
}

gboolean
brevet_ca_request_is_known (BrevetCaRequest *self, BrevetCertificate *certificate)
{
  g_return_val_if_fail (self != NULL && certificate != NULL, FALSE);
  return self->known != NULL && g_hash_table_contains (self->known, brevet_certificate_get_sha256 (certificate));
}

/* A backend marks on its own thread; the core reads on another. */
void
brevet_ca_request_mark_sent (BrevetCaRequest *self)
{
  g_return_if_fail (self != NULL);
  g_atomic_int_set (&self->sent, 1);
}

gboolean
brevet_ca_request_was_sent (BrevetCaRequest *self)
{
  g_return_val_if_fail (self != NULL, FALSE);
  return g_atomic_int_get (&self->sent);
}
