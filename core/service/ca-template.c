/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ca-template.h"

#include "brevet-certificate-builder.h"
#include "brevet-clock.h"

#define DAY (24 * 60 * 60)
#define BACKDATED (5 * 60)

void
brevet_ca_template_set_days (BrevetCaTemplate *self, int days, BrevetCertificate *issuer)
{
  gint64 now = brevet_clock_now_seconds ();

  self->not_before = now - BACKDATED;
  self->not_after = now + (gint64) days * DAY;
  if (issuer == NULL)
    return;
  self->not_before = MAX (self->not_before, brevet_certificate_get_not_before (issuer));
  self->not_after = MIN (self->not_after, brevet_certificate_get_not_after (issuer));
}

BrevetCertificate *
brevet_ca_template_sign (const BrevetCaTemplate *self, BrevetCertificate *issuer, BrevetKey *issuer_key, GError **error)
{
  g_autoptr(BrevetCertificateBuilder) builder = brevet_certificate_builder_new (BREVET_CERTIFICATE_USAGE_CA);

  brevet_certificate_builder_set_common_name (builder, self->common_name);
  if (self->organization != NULL)
    brevet_certificate_builder_set_organization (builder, self->organization, NULL);
  if (self->key != NULL)
    brevet_certificate_builder_set_key (builder, self->key);
  else if (self->csr != NULL)
    brevet_certificate_builder_set_csr_key (builder, self->csr);
  else if (self->certificate != NULL)
    brevet_certificate_builder_set_certificate_key (builder, self->certificate);
  brevet_certificate_builder_set_path_length (builder, self->path_length);
  brevet_certificate_builder_set_validity (builder, self->not_before, self->not_after);
  return brevet_certificate_builder_sign (g_steal_pointer (&builder), issuer, issuer_key, error);
}
