/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-trust-bundle.h"

#include "brevet-error.h"
#include "brevet-x509-private.h"

struct _BrevetTrustBundle
{
  GPtrArray *certificates;
  char      *etag;
};

G_DEFINE_BOXED_TYPE (BrevetTrustBundle, brevet_trust_bundle, brevet_trust_bundle_ref, brevet_trust_bundle_unref)

static void
bundle_clear (gpointer data)
{
  BrevetTrustBundle *self = data;

  g_ptr_array_unref (self->certificates);
  g_free (self->etag);
}

BrevetTrustBundle *
brevet_trust_bundle_ref (BrevetTrustBundle *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
brevet_trust_bundle_unref (BrevetTrustBundle *self)
{
  g_atomic_rc_box_release_full (self, bundle_clear);
}

static int
compare_der (gconstpointer a, gconstpointer b)
{
  BrevetCertificate *const *one = a;
  BrevetCertificate *const *other = b;

  return g_bytes_compare (brevet_certificate_get_der (*one), brevet_certificate_get_der (*other));
}

static gpointer
copy_certificate (gconstpointer certificate, gpointer user_data)
{
  return brevet_certificate_ref ((BrevetCertificate *) certificate);
}

static char *
make_etag (GPtrArray *certificates)
{
  g_autoptr(GPtrArray) sorted = g_ptr_array_copy (certificates, copy_certificate, NULL);
  g_autoptr(GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);

  g_ptr_array_sort (sorted, compare_der);
  for (guint i = 0; i < sorted->len; i++)
    {
      gsize size;
      const guint8 *der = g_bytes_get_data (brevet_certificate_get_der (sorted->pdata[i]), &size);

      g_checksum_update (checksum, der, size);
    }
  return g_strdup (g_checksum_get_string (checksum));
}

BrevetTrustBundle *
brevet_trust_bundle_new (GPtrArray *certificates)
{
  BrevetTrustBundle *self;
  g_autoptr(GHashTable) seen = NULL;

  g_return_val_if_fail (certificates != NULL, NULL);

  self = g_atomic_rc_box_new0 (BrevetTrustBundle);
  self->certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);
  seen = g_hash_table_new (g_bytes_hash, g_bytes_equal);
  for (guint i = 0; i < certificates->len; i++)
    if (g_hash_table_add (seen, brevet_certificate_get_der (certificates->pdata[i])))
      g_ptr_array_add (self->certificates, brevet_certificate_ref (certificates->pdata[i]));
  self->etag = make_etag (self->certificates);
  return self;
}

static gboolean
is_blank (const char *text)
{
  while (g_ascii_isspace (*text))
    text++;
  return *text == '\0';
}

BrevetTrustBundle *
brevet_trust_bundle_new_from_pem (const char *pem, GError **error)
{
  g_autoptr(GPtrArray) certificates = NULL;

  g_return_val_if_fail (pem != NULL, NULL);

  certificates = brevet_x509_parse_pem (pem, BREVET_TRUST_BUNDLE_MAX_LENGTH, error);
  if (certificates == NULL)
    return NULL;
  if (certificates->len == 0 && !is_blank (pem))
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The text holds no PEM certificate");
      return NULL;
    }
  return brevet_trust_bundle_new (certificates);
}

BrevetTrustBundle *
brevet_trust_bundle_load (const char *path, GError **error)
{
  g_autoptr(GError) local_error = NULL;
  g_autofree char *pem = NULL;
  BrevetTrustBundle *self;

  g_return_val_if_fail (path != NULL, NULL);

  if (!brevet_x509_load_text (path, &pem, error))
    return NULL;
  self = brevet_trust_bundle_new_from_pem (pem, &local_error);
  if (self == NULL)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "“%s” holds no usable trust bundle: %s", path,
                 local_error->message);
  return self;
}

guint
brevet_trust_bundle_get_length (BrevetTrustBundle *self)
{
  return self->certificates->len;
}

BrevetCertificate *
brevet_trust_bundle_get (BrevetTrustBundle *self, guint index)
{
  g_return_val_if_fail (index < self->certificates->len, NULL);
  return self->certificates->pdata[index];
}

const char *
brevet_trust_bundle_get_etag (BrevetTrustBundle *self)
{
  return self->etag;
}

char *
brevet_trust_bundle_to_pem (BrevetTrustBundle *self)
{
  return brevet_x509_certificates_to_pem (self->certificates);
}

static char *
describe_problem (BrevetCertificate *certificate, gint64 now)
{
  const char *subject = brevet_certificate_get_subject (certificate);
  g_autofree char *date = NULL;

  if (!brevet_certificate_is_ca (certificate))
    return g_strdup_printf ("“%s” is not a CA certificate", subject);
  if (now > brevet_certificate_get_not_after (certificate))
    {
      date = brevet_x509_format_date (brevet_certificate_get_not_after (certificate));
      return g_strdup_printf ("“%s” expired at %s", subject, date);
    }
  if (now < brevet_certificate_get_not_before (certificate))
    {
      date = brevet_x509_format_date (brevet_certificate_get_not_before (certificate));
      return g_strdup_printf ("“%s” is not valid before %s", subject, date);
    }
  return NULL;
}

GPtrArray *
brevet_trust_bundle_list_problems (BrevetTrustBundle *self, gint64 now)
{
  GPtrArray *problems = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < self->certificates->len; i++)
    {
      char *problem = describe_problem (self->certificates->pdata[i], now);

      if (problem != NULL)
        g_ptr_array_add (problems, problem);
    }
  return problems;
}
