/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-tpm-vendor-store.h"

#include "brevet-error.h"
#include "brevet-text-file.h"

#include <gnutls/x509.h>
#include <string.h>

#define FILE_SIZE_MAX (1024 * 1024)

/* Trusted Computing Group, key purpose: certificate of an endorsement key. */
#define PURPOSE_EK_CERTIFICATE "2.23.133.8.1"

/* Critical extensions that are understood here or by GnuTLS. The last describes the TPM (subjectDirectoryAttributes: version of its
 * specification) and restricts nothing; some makers mark it all the same, and GnuTLS does not know it. */
static const char *const known_extensions[] = {
  "2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.30", "2.5.29.32", "2.5.29.35", "2.5.29.36", "2.5.29.37", "2.5.29.9",
};

struct _BrevetTpmVendorStore
{
  gnutls_x509_trust_list_t list;
  guint count;
};

void
brevet_tpm_vendor_store_free (BrevetTpmVendorStore *self)
{
  if (self == NULL)
    return;
  gnutls_x509_trust_list_deinit (self->list, TRUE);
  g_free (self);
}

static void
free_certificates (gnutls_x509_crt_t *certificates, guint count)
{
  for (guint i = 0; i < count; i++)
    gnutls_x509_crt_deinit (certificates[i]);
  gnutls_free (certificates);
}

static gboolean
are_authorities (const gnutls_x509_crt_t *certificates, guint count)
{
  for (guint i = 0; i < count; i++)
    if (gnutls_x509_crt_get_ca_status (certificates[i], NULL) <= 0)
      return FALSE;
  return TRUE;
}

/* Takes the certificates over. */
static gboolean
add_certificates (BrevetTpmVendorStore *self, gnutls_x509_crt_t *certificates, guint count)
{
  int added = gnutls_x509_trust_list_add_cas (self->list, certificates, count, 0);

  if (added < 0)
    {
      free_certificates (certificates, count);
      return FALSE;
    }
  gnutls_free (certificates);
  self->count += count;
  return TRUE;
}

static gboolean
add_file (BrevetTpmVendorStore *self, BrevetSettings *settings, const char *key, const char *path, GError **error)
{
  gnutls_x509_crt_t *certificates = NULL;
  guint count = 0;
  gsize length;
  g_autofree char *text = brevet_text_file_read (path, FILE_SIZE_MAX, &length, error);
  gnutls_datum_t pem = { (guchar *) text, (guint) (text != NULL ? length : 0) };
  const char *trouble = NULL;

  if (text == NULL)
    return FALSE;
  if (gnutls_x509_crt_list_import2 (&certificates, &count, &pem, GNUTLS_X509_FMT_PEM, 0) < 0)
    trouble = "has no certificate in PEM";
  else if (!are_authorities (certificates, count))
    {
      trouble = "has a certificate that is not one of a CA; keep only those of the makers' authorities";
      free_certificates (certificates, count);
    }
  else if (!add_certificates (self, certificates, count))
    trouble = "cannot be used";
  if (trouble == NULL)
    return TRUE;
  g_propagate_error (error, brevet_settings_error (settings, key, "%s %s", path, trouble));
  return FALSE;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static GPtrArray *
list_directory (const char *path, GError **error)
{
  g_autoptr(GDir) directory = g_dir_open (path, 0, error);
  g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  if (directory == NULL)
    return NULL;
  while ((name = g_dir_read_name (directory)) != NULL)
    if (*name != '.')
      g_ptr_array_add (files, g_build_filename (path, name, NULL));
  g_ptr_array_sort (files, compare_names);
  return g_steal_pointer (&files);
}

static gboolean
add_directory (BrevetTpmVendorStore *self, BrevetSettings *settings, const char *key, const char *path, GError **error)
{
  g_autoptr(GError) problem = NULL;
  g_autoptr(GPtrArray) files = list_directory (path, &problem);

  if (files == NULL)
    {
      g_propagate_error (error, brevet_settings_error (settings, key, "%s", problem->message));
      return FALSE;
    }
  for (guint i = 0; i < files->len; i++)
    if (!add_file (self, settings, key, g_ptr_array_index (files, i), error))
      return FALSE;
  if (self->count > 0)
    return TRUE;
  /* Nobody would be let in, which is not what anybody means. */
  g_propagate_error (error, brevet_settings_error (settings, key, "the directory %s is empty", path));
  return FALSE;
}

BrevetTpmVendorStore *
brevet_tpm_vendor_store_load (BrevetSettings *settings, const char *key, GError **error)
{
  g_autofree char *path = brevet_settings_get_path (settings, key);
  g_autoptr(BrevetTpmVendorStore) self = g_new0 (BrevetTpmVendorStore, 1);

  gnutls_x509_trust_list_init (&self->list, 0);
  if (g_file_test (path, G_FILE_TEST_IS_DIR) ? !add_directory (self, settings, key, path, error)
                                             : !add_file (self, settings, key, path, error))
    return NULL;
  return g_steal_pointer (&self);
}

/* These certificates have no subject: the serial number tells them apart. */
static gboolean
reject (GError **error, BrevetCertificate *certificate, const char *what)
{
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED, "The endorsement key's certificate %s, issued by “%s”, %s",
               brevet_certificate_get_serial (certificate), brevet_certificate_get_issuer (certificate), what);
  return FALSE;
}

static gboolean
has_purpose (gnutls_x509_crt_t certificate)
{
  for (guint i = 0;; i++)
    {
      char oid[128];
      gsize size = sizeof oid;
      guint critical;
      int result = gnutls_x509_crt_get_key_purpose_oid (certificate, i, oid, &size, &critical);

      if (result == GNUTLS_E_SHORT_MEMORY_BUFFER)
        continue;
      if (result < 0)
        return FALSE;
      if (strcmp (oid, PURPOSE_EK_CERTIFICATE) == 0)
        return TRUE;
    }
}

static gboolean
is_known_extension (const char *oid)
{
  for (guint i = 0; i < G_N_ELEMENTS (known_extensions); i++)
    if (strcmp (oid, known_extensions[i]) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
has_unknown_extension (gnutls_x509_crt_t certificate)
{
  for (guint i = 0;; i++)
    {
      char oid[128];
      gsize size = sizeof oid;
      guint critical = 0;
      int result = gnutls_x509_crt_get_extension_info (certificate, i, oid, &size, &critical);

      if (result == GNUTLS_E_SHORT_MEMORY_BUFFER)
        return TRUE;
      if (result < 0)
        return FALSE;
      if (critical && !is_known_extension (oid))
        return TRUE;
    }
}

static const char *
explain (guint status)
{
  if (status & GNUTLS_CERT_EXPIRED)
    return "or an issuer of it, has expired";
  if (status & GNUTLS_CERT_NOT_ACTIVATED)
    return "or an issuer of it, is not valid yet; check the clock of the service";
  if (status & GNUTLS_CERT_SIGNER_NOT_FOUND)
    return "does not lead to an authority of the vendor store; add that of the TPM's maker";
  if (status & GNUTLS_CERT_SIGNER_NOT_CA)
    return "was issued by something that is no CA";
  if (status & GNUTLS_CERT_INSECURE_ALGORITHM)
    return "is signed with an algorithm that is not safe any more";
  return "does not verify against the vendor store";
}

gboolean
brevet_tpm_vendor_store_check (BrevetTpmVendorStore *self, BrevetChain *certificate, GError **error)
{
  BrevetCertificate *leaf = brevet_chain_get_leaf (certificate);
  gnutls_x509_crt_t chain[BREVET_CHAIN_MAX_LENGTH];
  guint length = brevet_chain_get_length (certificate);
  guint status = 0;

  for (guint i = 0; i < length; i++)
    {
      chain[i] = brevet_certificate_get_crt (brevet_chain_get (certificate, i));
      if (has_unknown_extension (chain[i]))
        return reject (error, leaf, "or an issuer of it, has a critical extension that is not understood here");
      if (i > 0 && brevet_certificate_has_costly_key (brevet_chain_get (certificate, i)))
        return reject (error, leaf, "has an issuer whose key takes too long to verify a signature with");
    }
  if (gnutls_x509_trust_list_verify_crt2 (self->list, chain, length, NULL, 0, GNUTLS_VERIFY_IGNORE_UNKNOWN_CRIT_EXTENSIONS, &status,
                                          NULL) < 0)
    return reject (error, leaf, "cannot be verified");
  if (status != 0)
    return reject (error, leaf, explain (status));
  if (brevet_certificate_is_ca (leaf))
    return reject (error, leaf, "is that of a CA");
  if (!has_purpose (chain[0]))
    return reject (error, leaf, "is not for an endorsement key: it lacks the purpose " PURPOSE_EK_CERTIFICATE);
  return TRUE;
}
