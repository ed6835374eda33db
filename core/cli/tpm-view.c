/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tpm-view.h"

#include "brevet-certificate.h"
#include "output-text.h"
#include "output.h"

#include <glib/gi18n-lib.h>

/* Members in the order in which people want to read them. */
static const struct {
  const char *member;
  const char *label;
} rows[] = {
  { "registrationId", N_("Registration id by default") },
  { "endorsementKey", N_("Endorsement key") },
  { "endorsementKeySha256", N_("its SHA-256") },
  { "endorsementKeyHandle", N_("its handle") },
  { "storageRootKey", N_("Storage root key") },
  { "storageRootKeySha256", N_("its SHA-256") },
  { "storageRootKeyHandle", N_("its handle") },
  { "endorsementCertificateIssuer", N_("Certificate issued by") },
  { "endorsementCertificateSha256", N_("its SHA-256") },
};

static const char *
get (JsonObject *description, const char *member)
{
  JsonNode *node = json_object_get_member (description, member);

  return node != NULL && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

void
brevet_tpm_view_complete (JsonObject *description)
{
  const char *text = get (description, "endorsementCertificate");
  g_autoptr(BrevetCertificate) certificate = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) der = NULL;
  guint8 *data;
  gsize length;

  if (text == NULL)
    return;
  data = g_base64_decode (text, &length);
  der = g_bytes_new_take (data, length);
  certificate = brevet_certificate_new (der, &error);
  if (certificate == NULL)
    {
      g_warning ("The certificate of the endorsement key cannot be read: %s", error->message);
      return;
    }
  brevet_output_set_text (description, "endorsementCertificateSubject", brevet_certificate_get_subject (certificate));
  brevet_output_set_text (description, "endorsementCertificateIssuer", brevet_certificate_get_issuer (certificate));
  brevet_output_set_text (description, "endorsementCertificateSha256", brevet_certificate_get_sha256 (certificate));
}

static char *
describe_maker (JsonObject *description)
{
  const char *maker = get (description, "manufacturer");
  const char *version = get (description, "firmwareVersion");

  if (maker != NULL && version != NULL)
    return g_strdup_printf (_("%s, firmware %s"), maker, version);
  return g_strdup (maker);
}

static char *
describe_identity_key (JsonObject *description)
{
  const char *handle = get (description, "identityKeyHandle");
  const char *use = get (description, "identityKeyUse");

  if (handle == NULL)
    return g_strdup (_("none yet"));
  if (g_strcmp0 (use, "hub") == 0)
    return g_strdup_printf (_("for the hub, at %s"), handle);
  if (g_strcmp0 (use, "registration") == 0)
    return g_strdup_printf (_("for registering, at %s"), handle);
  return g_strdup_printf (_("at %s"), handle);
}

void
brevet_tpm_view_print (JsonObject *description)
{
  g_autoptr(BrevetOutputTable) table = brevet_output_table_new ();
  g_autofree char *maker = describe_maker (description);
  g_autofree char *identity_key = describe_identity_key (description);

  brevet_output_table_add (table, _("TPM"), get (description, "tcti"));
  brevet_output_table_add (table, _("Made by"), maker);
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    brevet_output_table_add (table, _(rows[i].label), get (description, rows[i].member));
  if (get (description, "endorsementCertificate") == NULL)
    brevet_output_table_add (table, _("Certificate"), _("none in the TPM"));
  brevet_output_table_add (table, _("Key from the service"), identity_key);
  if (get (description, "lockout") != NULL)
    brevet_output_table_add (table, _("Locked"), _("yes: wrong authorisations have locked the TPM against guessing"));
  brevet_output_table_print (table);
}
