/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-issuer-path-private.h"

#include "brevet-ca-error.h"
#include "brevet-x509-private.h"

#include <string.h>

/* A CA has one path, two while it is rolled over; more means that something changes all the time. */
#define CACHE_MAX_SIZE 16

/* Dates are checked here, against the caller's idea of now and not that of GnuTLS. */
#define VERIFY_FLAGS                                                                                                               \
  (GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS | GNUTLS_VERIFY_DO_NOT_ALLOW_X509_V1_CA_CRT       \
   | GNUTLS_PROFILE_TO_VFLAGS (GNUTLS_PROFILE_MEDIUM))

typedef struct
{
  GPtrArray               *anchors; /* BrevetCertificate; the trust list only points to what they hold */
  gnutls_x509_trust_list_t list;
  gint64                   not_before;
  gint64                   not_after;
  int                      outlived; /* atomic: the operator has been told */
} VerifiedPath;

struct _BrevetIssuerPaths
{
  GMutex      lock;
  GHashTable *verified; /* char * → VerifiedPath */
};

static void
verified_path_clear (gpointer data)
{
  VerifiedPath *path = data;

  gnutls_x509_trust_list_deinit (path->list, 0);
  g_ptr_array_unref (path->anchors);
}

static void
verified_path_unref (VerifiedPath *path)
{
  g_atomic_rc_box_release_full (path, verified_path_clear);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VerifiedPath, verified_path_unref)

static VerifiedPath *
verified_path_new (void)
{
  VerifiedPath *path = g_atomic_rc_box_new0 (VerifiedPath);

  path->anchors = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);
  path->not_before = G_MININT64;
  path->not_after = G_MAXINT64;
  gnutls_x509_trust_list_init (&path->list, 0);
  return path;
}

static gboolean
verified_path_add_anchor (VerifiedPath *path, BrevetCertificate *certificate)
{
  gnutls_x509_crt_t crt = brevet_certificate_get_crt (certificate);

  g_ptr_array_add (path->anchors, brevet_certificate_ref (certificate));
  return gnutls_x509_trust_list_add_cas (path->list, &crt, 1, 0) == 1;
}

static void
verified_path_narrow (VerifiedPath *path, BrevetCertificate *certificate)
{
  path->not_before = MAX (path->not_before, brevet_certificate_get_not_before (certificate));
  path->not_after = MIN (path->not_after, brevet_certificate_get_not_after (certificate));
}

BrevetIssuerPaths *
brevet_issuer_paths_new (void)
{
  BrevetIssuerPaths *self = g_new0 (BrevetIssuerPaths, 1);

  g_mutex_init (&self->lock);
  self->verified = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) verified_path_unref);
  return self;
}

void
brevet_issuer_paths_free (BrevetIssuerPaths *self)
{
  g_hash_table_unref (self->verified);
  g_mutex_clear (&self->lock);
  g_free (self);
}

static char *
make_key (BrevetChain *chain, BrevetTrustBundle *trust)
{
  GString *key = g_string_sized_new (256);

  g_string_append (key, brevet_trust_bundle_get_etag (trust));
  for (guint i = 1; i < brevet_chain_get_length (chain); i++)
    g_string_append (key, brevet_certificate_get_sha256 (brevet_chain_get (chain, i)));
  return g_string_free (key, FALSE);
}

static VerifiedPath *
look_up (BrevetIssuerPaths *self, const char *key, gint64 now)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);
  VerifiedPath *path = g_hash_table_lookup (self->verified, key);

  if (path == NULL)
    return NULL;
  if (now >= path->not_before && now <= path->not_after)
    return g_atomic_rc_box_acquire (path);
  g_hash_table_remove (self->verified, key);
  return NULL;
}

static void
remember (BrevetIssuerPaths *self, const char *key, VerifiedPath *path)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  if (g_hash_table_size (self->verified) >= CACHE_MAX_SIZE)
    g_hash_table_remove_all (self->verified);
  g_hash_table_replace (self->verified, g_strdup (key), g_atomic_rc_box_acquire (path));
}

static gboolean
check_dates (BrevetCertificate *certificate, gint64 now, GError **error)
{
  gint64 not_before = brevet_certificate_get_not_before (certificate);
  gint64 not_after = brevet_certificate_get_not_after (certificate);
  g_autofree char *date = NULL;

  if (now >= not_before && now <= not_after)
    return TRUE;
  date = brevet_x509_format_date (now < not_before ? not_before : not_after);
  g_set_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_PROTOCOL, "The issuer “%s” %s %s",
               brevet_certificate_get_subject (certificate), now < not_before ? "is not valid before" : "expired at", date);
  return FALSE;
}

static void
set_path_error (BrevetCertificate *last, int code, unsigned int status, GError **error)
{
  gnutls_datum_t text = { NULL, 0 };

  if (code >= 0)
    code = gnutls_certificate_verification_status_print (status, GNUTLS_CRT_X509, &text, 0) < 0 ? GNUTLS_E_CERTIFICATE_ERROR : 0;
  g_set_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_PROTOCOL,
               "The path from the certificate does not lead to a trusted root; it ends at “%s”, issued by “%s”: %s",
               brevet_certificate_get_subject (last), brevet_certificate_get_issuer (last),
               text.data != NULL ? g_strchomp ((char *) text.data) : gnutls_strerror (code));
  gnutls_free (text.data);
}

/* GnuTLS builds the path from @chain to @list for the purpose of a TLS client. */
static gboolean
verify_with_list (gnutls_x509_trust_list_t list, BrevetChain *chain, guint length, GError **error)
{
  gnutls_x509_crt_t crts[BREVET_CHAIN_MAX_LENGTH];
  gnutls_typed_vdata_st purpose = { GNUTLS_DT_KEY_PURPOSE_OID, (guint8 *) GNUTLS_KP_TLS_WWW_CLIENT, 0 };
  unsigned int status = 0;
  int code;

  for (guint i = 0; i < length; i++)
    crts[i] = brevet_certificate_get_crt (brevet_chain_get (chain, i));
  purpose.size = strlen (GNUTLS_KP_TLS_WWW_CLIENT);
  code = gnutls_x509_trust_list_verify_crt2 (list, crts, length, &purpose, 1, VERIFY_FLAGS, &status, NULL);
  if (code >= 0 && status == 0)
    return TRUE;
  set_path_error (brevet_chain_get (chain, length - 1), code, status, error);
  return FALSE;
}

/* All that a path verified before leaves to be done. A trust list would copy the issuer for each leaf, and checks purposes: the
 * issuer's was checked with the path, the leaf's is the caller's to check. */
static gboolean
verify_leaf (VerifiedPath *path, BrevetCertificate *leaf, GError **error)
{
  g_autofree gnutls_x509_crt_t *anchors = g_new (gnutls_x509_crt_t, path->anchors->len);
  unsigned int status = 0;
  int code;

  for (guint i = 0; i < path->anchors->len; i++)
    anchors[i] = brevet_certificate_get_crt (path->anchors->pdata[i]);
  code = gnutls_x509_crt_verify (brevet_certificate_get_crt (leaf), anchors, path->anchors->len, VERIFY_FLAGS, &status);
  if (code >= 0 && status == 0)
    return TRUE;
  set_path_error (leaf, code, status, error);
  return FALSE;
}

static VerifiedPath *
collect_roots (BrevetTrustBundle *trust, gint64 now, GError **error)
{
  g_autoptr(VerifiedPath) roots = verified_path_new ();

  for (guint i = 0; i < brevet_trust_bundle_get_length (trust); i++)
    {
      BrevetCertificate *root = brevet_trust_bundle_get (trust, i);

      if (brevet_certificate_is_ca (root) && brevet_certificate_is_self_issued (root) && check_dates (root, now, NULL))
        verified_path_add_anchor (roots, root);
    }
  if (roots->anchors->len > 0)
    return g_steal_pointer (&roots);
  g_set_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_PROTOCOL,
               "None of the %u certificates that the CA says are to be trusted is a root that is valid now",
               brevet_trust_bundle_get_length (trust));
  return NULL;
}

static gboolean
has_name_constraints (BrevetCertificate *certificate)
{
  unsigned int critical;
  gsize size = 0;
  int code
    = gnutls_x509_crt_get_extension_by_oid (brevet_certificate_get_crt (certificate), "2.5.29.30", 0, NULL, &size, &critical);

  return code != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
}

/*
 * Verifies leaf and issuers together, which is what sees path lengths. Afterwards the issuing CA is an anchor of its own. Name
 * constraints further up depend on each leaf's names, so such a path is not remembered: @path stays %NULL.
 */
static gboolean
verify_in_full (BrevetChain *chain, BrevetTrustBundle *trust, gint64 now, VerifiedPath **path, GError **error)
{
  g_autoptr(VerifiedPath) roots = collect_roots (trust, now, error);
  g_autoptr(VerifiedPath) verified = verified_path_new ();
  guint length = brevet_chain_get_length (chain);
  BrevetCertificate *top = brevet_chain_get (chain, length - 1);
  gboolean constrained = FALSE;

  if (roots == NULL)
    return FALSE;
  for (guint i = 1; i < length; i++)
    {
      BrevetCertificate *issuer = brevet_chain_get (chain, i);

      if (!check_dates (issuer, now, error))
        return FALSE;
      verified_path_narrow (verified, issuer);
      constrained = constrained || has_name_constraints (issuer);
    }
  if (!verify_with_list (roots->list, chain, length, error))
    return FALSE;

  for (guint i = 0; i < roots->anchors->len; i++)
    {
      BrevetCertificate *root = roots->anchors->pdata[i];

      if (!brevet_certificate_is_issued_by (top, root))
        continue;
      verified_path_narrow (verified, root);
      constrained = constrained || has_name_constraints (root);
      if (length == 1)
        verified_path_add_anchor (verified, root);
    }
  if (length > 1)
    verified_path_add_anchor (verified, brevet_chain_get (chain, 1));
  *path = constrained ? NULL : g_steal_pointer (&verified);
  return TRUE;
}

/* Nothing checks nesting of dates when a certificate is verified later, so it does no harm but surprises. */
static void
warn_if_outlived (VerifiedPath *path, BrevetCertificate *leaf)
{
  if (brevet_certificate_get_not_after (leaf) > path->not_after && g_atomic_int_compare_and_exchange (&path->outlived, 0, 1))
    g_message ("The CA issues certificates that live longer than itself: “%s” is one of them",
               brevet_certificate_get_subject (leaf));
}

/*
 * brevet_issuer_paths_verify:
 * @chain: leaf and issuers, in order, without root; that the leaf may be used by a TLS client is checked already
 *
 * Returns: %FALSE with %BREVET_CA_ERROR_PROTOCOL if there is no valid path from the leaf to a root of @trust
 */
gboolean
brevet_issuer_paths_verify (BrevetIssuerPaths *self, BrevetChain *chain, BrevetTrustBundle *trust, gint64 now, GError **error)
{
  g_autofree char *key = make_key (chain, trust);
  g_autoptr(VerifiedPath) path = look_up (self, key, now);

  if (path != NULL)
    {
      if (!verify_leaf (path, brevet_chain_get_leaf (chain), error))
        return FALSE;
    }
  else
    {
      if (!verify_in_full (chain, trust, now, &path, error))
        return FALSE;
      if (path == NULL)
        return TRUE;
      remember (self, key, path);
    }
  warn_if_outlived (path, brevet_chain_get_leaf (chain));
  return TRUE;
}
