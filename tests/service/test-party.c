/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-party.h"

Party *
party_new (BrevetCertificateUsage usage, const char *name, const Party *issuer, gint64 from, gint64 until)
{
  BrevetCertificateBuilder *builder = brevet_certificate_builder_new (usage);
  gint64 now = brevet_clock_now_seconds ();
  Party *self = g_new0 (Party, 1);
  g_autoptr(GError) error = NULL;

  self->key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, &error);
  g_assert_no_error (error);
  brevet_certificate_builder_set_common_name (builder, name);
  brevet_certificate_builder_set_key (builder, self->key);
  brevet_certificate_builder_set_validity (builder, now + from, now + until);
  self->certificate = brevet_certificate_builder_sign (builder, issuer != NULL ? issuer->certificate : NULL,
                                                       issuer != NULL ? issuer->key : self->key, &error);
  g_assert_no_error (error);
  return self;
}

void
party_free (Party *self)
{
  brevet_certificate_unref (self->certificate);
  g_clear_pointer (&self->key, brevet_key_unref);
  g_free (self);
}
