/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-bundle.h"

#include "brevet-error.h"
#include "brevet-wire-json.h"

/* More would tell nobody more. */
#define MOST_PROBLEMS 20

static GPtrArray *
new_certificates (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);
}

static gboolean
contains (GPtrArray *certificates, BrevetCertificate *certificate)
{
  for (guint i = 0; i < certificates->len; i++)
    if (brevet_certificate_equal (g_ptr_array_index (certificates, i), certificate))
      return TRUE;
  return FALSE;
}

static void
take_all (GPtrArray *certificates, BrevetTrustBundle *bundle)
{
  for (guint i = 0; i < brevet_trust_bundle_get_length (bundle); i++)
    if (!contains (certificates, brevet_trust_bundle_get (bundle, i)))
      g_ptr_array_add (certificates, brevet_certificate_ref (brevet_trust_bundle_get (bundle, i)));
}

static BrevetTrustBundle *
read_entry (JsonNode *entry, GError **error)
{
  const char *pem = NULL;
  BrevetTrustBundle *bundle;

  if (!JSON_NODE_HOLDS_OBJECT (entry))
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "It is no object");
      return NULL;
    }
  if (!brevet_wire_get_string (json_node_get_object (entry), "certificate", &pem, error))
    return NULL;
  bundle = pem != NULL ? brevet_trust_bundle_new_from_pem (pem, error) : NULL;
  if (bundle != NULL && brevet_trust_bundle_get_length (bundle) > 0)
    return bundle;
  g_clear_pointer (&bundle, brevet_trust_bundle_unref);
  if (error != NULL && *error == NULL)
    g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "It holds no certificate");
  return NULL;
}

static GPtrArray *
read_entries (JsonArray *entries, GPtrArray *problems)
{
  g_autoptr(GPtrArray) certificates = new_certificates ();
  guint left_out = 0;

  for (guint i = 0; i < json_array_get_length (entries); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(BrevetTrustBundle) bundle = read_entry (json_array_get_element (entries, i), &error);

      if (bundle != NULL)
        take_all (certificates, bundle);
      else if (++left_out <= MOST_PROBLEMS)
        g_ptr_array_add (problems, g_strdup_printf ("The entry certificates[%u] of the trust bundle is left out: %s", i,
                                                    error->message));
    }
  if (left_out > MOST_PROBLEMS)
    g_ptr_array_add (problems, g_strdup_printf ("%u more entries of the trust bundle are left out", left_out - MOST_PROBLEMS));
  return g_steal_pointer (&certificates);
}

static gboolean
is_usable (BrevetCertificate *certificate, gint64 now)
{
  return brevet_certificate_is_ca (certificate) && now <= brevet_certificate_get_not_after (certificate);
}

static gboolean
has_usable (GPtrArray *certificates, gint64 now)
{
  for (guint i = 0; i < certificates->len; i++)
    if (is_usable (g_ptr_array_index (certificates, i), now))
      return TRUE;
  return FALSE;
}

/* What is stored is read back with the same limit. Local certificates are what the device's owner wants: the others make room. */
static void
make_room (GPtrArray *certificates, BrevetTrustBundle *local, GPtrArray *problems)
{
  guint most = BREVET_TRUST_BUNDLE_MAX_LENGTH - (local != NULL ? brevet_trust_bundle_get_length (local) : 0);

  if (certificates->len <= most)
    return;
  g_ptr_array_add (problems, g_strdup_printf ("The trust bundle is too long: the last %u of its %u certificates are left out",
                                              certificates->len - most, certificates->len));
  g_ptr_array_set_size (certificates, (int) most);
}

BrevetTrustBundle *
brevet_identity_bundle_read (JsonObject *document, BrevetTrustBundle *local, gint64 now, GPtrArray *problems)
{
  JsonNode *entries = json_object_get_member (document, "certificates");
  g_autoptr(GPtrArray) certificates = NULL;
  g_autoptr(BrevetTrustBundle) bundle = NULL;

  if (entries == NULL || !JSON_NODE_HOLDS_ARRAY (entries))
    {
      g_ptr_array_add (problems, g_strdup ("The service's trust bundle is not used: it has no list of certificates"));
      return NULL;
    }
  certificates = read_entries (json_node_get_array (entries), problems);
  if (!has_usable (certificates, now))
    {
      g_ptr_array_add (problems, g_strdup ("The service's trust bundle is not used: it has no CA certificate that is valid now"));
      return NULL;
    }
  make_room (certificates, local, problems);
  bundle = brevet_trust_bundle_new (certificates);
  return brevet_identity_bundle_add (bundle, local);
}

BrevetTrustBundle *
brevet_identity_bundle_add (BrevetTrustBundle *bundle, BrevetTrustBundle *local)
{
  g_autoptr(GPtrArray) certificates = NULL;

  if (bundle == NULL || local == NULL)
    return bundle != NULL ? brevet_trust_bundle_ref (bundle) : local != NULL ? brevet_trust_bundle_ref (local) : NULL;
  certificates = new_certificates ();
  take_all (certificates, bundle);
  take_all (certificates, local);
  if (certificates->len > BREVET_TRUST_BUNDLE_MAX_LENGTH)
    g_ptr_array_set_size (certificates, BREVET_TRUST_BUNDLE_MAX_LENGTH);
  return brevet_trust_bundle_new (certificates);
}

gboolean
brevet_identity_bundle_equal (BrevetTrustBundle *one, BrevetTrustBundle *other)
{
  if (one == NULL || other == NULL)
    return one == other;
  if (brevet_trust_bundle_get_length (one) != brevet_trust_bundle_get_length (other))
    return FALSE;
  for (guint i = 0; i < brevet_trust_bundle_get_length (one); i++)
    if (!brevet_certificate_equal (brevet_trust_bundle_get (one, i), brevet_trust_bundle_get (other, i)))
      return FALSE;
  return TRUE;
}
