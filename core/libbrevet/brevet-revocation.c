/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-revocation.h"

struct _BrevetRevocation
{
  GBytes                *der;   /* parsed, a certificate takes twenty times as much memory; NULL if it is lost */
  char                  *issuer_sha256; /* these two only then */
  char                  *serial;
  gint64                 time;
  BrevetRevocationReason reason;
};

G_DEFINE_BOXED_TYPE (BrevetRevocation, brevet_revocation, brevet_revocation_ref, brevet_revocation_unref)

BrevetRevocation *
brevet_revocation_new (BrevetCertificate *certificate, gint64 time, BrevetRevocationReason reason)
{
  BrevetRevocation *self = NULL;

  g_return_val_if_fail (certificate != NULL, NULL);

  self = g_atomic_rc_box_new0 (BrevetRevocation);
  self->der = g_bytes_ref (brevet_certificate_get_der (certificate));
  self->time = time;
  self->reason = reason;
  return self;
}

BrevetRevocation *
brevet_revocation_new_for_serial (const char *issuer_sha256, const char *serial, gint64 time, BrevetRevocationReason reason)
{
  BrevetRevocation *self = NULL;

  g_return_val_if_fail (issuer_sha256 != NULL && serial != NULL, NULL);

  self = g_atomic_rc_box_new0 (BrevetRevocation);
  self->issuer_sha256 = g_strdup (issuer_sha256);
  self->serial = g_strdup (serial);
  self->time = time;
  self->reason = reason;
  return self;
}

BrevetRevocation *
brevet_revocation_ref (BrevetRevocation *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return g_atomic_rc_box_acquire (self);
}

static void
brevet_revocation_clear (gpointer data)
{
  BrevetRevocation *self = data;

  g_clear_pointer (&self->der, g_bytes_unref);
  g_free (self->issuer_sha256);
  g_free (self->serial);
}

void
brevet_revocation_unref (BrevetRevocation *self)
{
  g_return_if_fail (self != NULL);
  g_atomic_rc_box_release_full (self, brevet_revocation_clear);
}

BrevetCertificate *
brevet_revocation_get_certificate (BrevetRevocation *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->der != NULL ? brevet_certificate_new (self->der, NULL) : NULL;
}

const char *
brevet_revocation_get_serial (BrevetRevocation *self, BrevetCertificate *issuer)
{
  g_autofree char *digest = NULL;

  g_return_val_if_fail (self != NULL && issuer != NULL, NULL);
  if (self->serial == NULL)
    return NULL;
  digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, brevet_certificate_get_subject (issuer), -1);
  return g_ascii_strcasecmp (digest, self->issuer_sha256) == 0 ? self->serial : NULL;
}

gint64
brevet_revocation_get_time (BrevetRevocation *self)
{
  g_return_val_if_fail (self != NULL, 0);
  return self->time;
}

BrevetRevocationReason
brevet_revocation_get_reason (BrevetRevocation *self)
{
  g_return_val_if_fail (self != NULL, BREVET_REVOCATION_UNSPECIFIED);
  return self->reason;
}
