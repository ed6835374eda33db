/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "x509-path.h"

#include "brevet-error.h"
#include "x509-certificate.h"

#include <gnutls/x509.h>
#include <string.h>

/* Looks at signatures for one stranger; an honest chain needs one for each of its certificates, and for each anchor. */
#define SIGNATURES_MAX 64

/* Whether a signature is true, and nothing else: all that follows from it is looked at afterwards. */
#define SIGNATURE_FLAGS                                                                                                            \
  (GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS | GNUTLS_VERIFY_DISABLE_CA_SIGN                   \
   | GNUTLS_VERIFY_ALLOW_BROKEN | GNUTLS_VERIFY_IGNORE_UNKNOWN_CRIT_EXTENSIONS)

/* Dates are checked against brevet's clock. */
#define PATH_FLAGS                                                                                                                 \
  (GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS | GNUTLS_VERIFY_DO_NOT_ALLOW_X509_V1_CA_CRT       \
   | GNUTLS_PROFILE_TO_VFLAGS (GNUTLS_PROFILE_MEDIUM))

/* A signature that has been verified: the search comes by the same ones again. */
typedef struct
{
  BrevetCertificate *certificate;
  BrevetCertificate *issuer;
  gboolean           is_true;
} Signature;

typedef struct
{
  GPtrArray   *issuers; /* BrevetCertificate: all that may be on the way */
  GPtrArray   *anchors;
  gint64       now;
  BrevetCertificate *path[BREVET_CHAIN_MAX_LENGTH]; /* the leaf, and upwards */
  guint        length;
  guint        steps; /* looks at a signature, each of which may be an expensive one */
  Signature    signatures[SIGNATURES_MAX];
  guint        n_signatures;
  const X509Anchor *reached;
  GError      *refusal; /* of the first path that led to an anchor */
  BrevetCertificate *costly;  /* an issuer whose key is not worked with */
  const X509Anchor *misnamed; /* an anchor that did not sign what names it as its issuer */
} Search;

X509Anchor *
x509_anchor_new (BrevetCertificate *certificate, const char *noun)
{
  X509Anchor *self = g_new0 (X509Anchor, 1);

  self->certificate = brevet_certificate_ref (certificate);
  self->noun = g_strdup (noun);
  return self;
}

void
x509_anchor_free (X509Anchor *self)
{
  brevet_certificate_unref (self->certificate);
  g_free (self->noun);
  g_free (self);
}

static gboolean
verify (BrevetCertificate *certificate, BrevetCertificate *issuer)
{
  gnutls_x509_crt_t crt = brevet_certificate_get_crt (issuer);
  unsigned int status = 0;

  return gnutls_x509_crt_verify (brevet_certificate_get_crt (certificate), &crt, 1, SIGNATURE_FLAGS, &status) >= 0 &&
         (status & (GNUTLS_CERT_SIGNATURE_FAILURE | GNUTLS_CERT_SIGNER_NOT_FOUND)) == 0;
}

static gboolean
is_signed_by (Search *self, BrevetCertificate *certificate, BrevetCertificate *issuer)
{
  Signature *made = &self->signatures[self->n_signatures];

  if (!brevet_certificate_is_issued_by (certificate, issuer) || self->steps == SIGNATURES_MAX)
    return FALSE;
  if (brevet_certificate_has_costly_key (issuer))
    {
      self->costly = issuer;
      return FALSE;
    }
  self->steps++;
  for (Signature *known = self->signatures; known < made; known++)
    if (known->certificate == certificate && known->issuer == issuer)
      return known->is_true;
  *made = (Signature) { certificate, issuer, verify (certificate, issuer) };
  self->n_signatures++;
  return made->is_true;
}

static gboolean
check_leaf (Search *self, GError **error)
{
  BrevetCertificate *leaf = self->path[0];
  const char *noun = "certificate";

  return x509_certificate_check_dates (leaf, noun, self->now, error) &&
         x509_certificate_check_usage (leaf, noun, GNUTLS_KEY_DIGITAL_SIGNATURE, "digitalSignature", error) &&
         x509_certificate_check_purpose (leaf, noun, error) && x509_certificate_check_key (leaf, noun, error) &&
         x509_certificate_check_signature (leaf, noun, error) && x509_certificate_check_critical (leaf, noun, error);
}

static gboolean
check_path_length (BrevetCertificate *issuer, const char *noun, guint below, GError **error)
{
  int allowed = x509_certificate_get_path_length (issuer);

  if (allowed < 0 || below <= (guint) allowed)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID,
               "The path is too long for the %s “%s”: %u CA certificates are below it, and its path length constraint allows %d",
               noun, brevet_certificate_get_subject (issuer), below, allowed);
  return FALSE;
}

static gboolean
check_issuer (Search *self, BrevetCertificate *issuer, const char *noun, guint below, GError **error)
{
  return x509_certificate_check_dates (issuer, noun, self->now, error) && x509_certificate_check_issuer (issuer, noun, error) &&
         x509_certificate_check_purpose (issuer, noun, error) && x509_certificate_check_key (issuer, noun, error) &&
         x509_certificate_check_critical (issuer, noun, error) && check_path_length (issuer, noun, below, error);
}

/* Certificates that carry the name of their issuer do not count (RFC 5280 §4.2.1.9): a CA makes them when it changes its key. */
static gboolean
check_fields (Search *self, const X509Anchor *anchor, GError **error)
{
  guint below = 0;

  if (!check_leaf (self, error))
    return FALSE;
  for (guint i = 1; i < self->length; i++)
    {
      if (!check_issuer (self, self->path[i], "intermediate certificate", below, error) ||
          !x509_certificate_check_signature (self->path[i], "intermediate certificate", error))
        return FALSE;
      if (!brevet_certificate_is_self_issued (self->path[i]))
        below++;
    }
  return check_issuer (self, anchor->certificate, anchor->noun, below, error);
}

static const char *
explain_status (unsigned int status)
{
  static const struct
  {
    unsigned int bit;
    const char  *words;
  } words[] = {
    { GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS, "it has a critical extension that is not understood" },
    { GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, "the certificate breaks a constraint of its issuers, on names or on path lengths" },
    { GNUTLS_CERT_INSECURE_ALGORITHM, "it has a signature or key that is not secure" },
    { GNUTLS_CERT_SIGNER_NOT_CA, "one of the issuers is not a CA" },
    { GNUTLS_CERT_SIGNATURE_FAILURE, "it has a false signature" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    if ((status & words[i].bit) != 0)
      return words[i].words;
  return "it does not verify";
}

/* GnuTLS has the last word; it also sees what has no words of its own here. */
static gboolean
check_with_library (Search *self, const X509Anchor *anchor, GError **error)
{
  gnutls_x509_crt_t top = brevet_certificate_get_crt (anchor->certificate);
  gnutls_x509_crt_t crts[BREVET_CHAIN_MAX_LENGTH];
  gnutls_x509_trust_list_t list;
  unsigned int status = 0;
  int code;

  for (guint i = 0; i < self->length; i++)
    crts[i] = brevet_certificate_get_crt (self->path[i]);
  code = gnutls_x509_trust_list_init (&list, 1);
  if (code >= 0)
    {
      code = gnutls_x509_trust_list_add_cas (list, &top, 1, 0);
      if (code >= 0)
        code = gnutls_x509_trust_list_verify_crt2 (list, crts, self->length, NULL, 0, PATH_FLAGS, &status, NULL);
      gnutls_x509_trust_list_deinit (list, 0);
    }
  if (code >= 0 && status == 0)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The path from the certificate “%s” to the %s “%s” is refused: %s",
               brevet_certificate_get_subject (self->path[0]), anchor->noun, brevet_certificate_get_subject (anchor->certificate),
               code < 0 ? gnutls_strerror (code) : explain_status (status));
  return FALSE;
}

static gboolean
try_anchor (Search *self, const X509Anchor *anchor)
{
  g_autoptr(GError) problem = NULL;

  if (check_fields (self, anchor, &problem) && check_with_library (self, anchor, &problem))
    {
      self->reached = anchor;
      return TRUE;
    }
  if (self->refusal == NULL)
    self->refusal = g_error_new_literal (BREVET_ERROR, BREVET_ERROR_REJECTED, problem->message);
  return FALSE;
}

static gboolean
is_taken (Search *self, BrevetCertificate *certificate)
{
  for (guint i = 0; i < self->length; i++)
    if (brevet_certificate_equal (self->path[i], certificate))
      return TRUE;
  for (guint i = 0; i < self->anchors->len; i++)
    if (brevet_certificate_equal (((X509Anchor *) self->anchors->pdata[i])->certificate, certificate))
      return TRUE;
  return FALSE;
}

static void
note_misnamed (Search *self, BrevetCertificate *certificate, const X509Anchor *anchor)
{
  if (g_str_equal (brevet_certificate_get_issuer_sha256 (certificate), brevet_certificate_get_subject_sha256 (anchor->certificate)))
    self->misnamed = anchor;
}

/* One more step up from the end of the path, in every direction there is. */
static gboolean
climb (Search *self)
{
  BrevetCertificate *last = self->path[self->length - 1];

  for (guint i = 0; i < self->anchors->len; i++)
    {
      const X509Anchor *anchor = self->anchors->pdata[i];

      if (!is_signed_by (self, last, anchor->certificate))
        note_misnamed (self, last, anchor);
      else if (try_anchor (self, anchor))
        return TRUE;
    }
  for (guint i = 0; i < self->issuers->len && self->length < BREVET_CHAIN_MAX_LENGTH; i++)
    {
      BrevetCertificate *issuer = self->issuers->pdata[i];

      if (is_taken (self, issuer) || !is_signed_by (self, last, issuer))
        continue;
      self->path[self->length++] = issuer;
      if (climb (self))
        return TRUE;
      self->length--;
    }
  return FALSE;
}

/* Whether an anchor has signed anything at all of what is shown. Who has nothing of a group's makes the service work with the keys
 * of the group, once for each certificate that bears its name, and never with keys of his own choice. */
static gboolean
is_near_anchor (Search *self)
{
  for (guint i = 0; i <= self->issuers->len; i++)
    {
      BrevetCertificate *certificate = i == 0 ? self->path[0] : self->issuers->pdata[i - 1];

      for (guint j = 0; j < self->anchors->len; j++)
        {
          const X509Anchor *anchor = self->anchors->pdata[j];

          if (is_signed_by (self, certificate, anchor->certificate))
            return TRUE;
          note_misnamed (self, certificate, anchor);
        }
    }
  return FALSE;
}

/* In the order of the chain, and then what does not fit into it. */
static GPtrArray *
list_issuers (BrevetChain *chain)
{
  GPtrArray *issuers = g_ptr_array_new ();

  for (guint i = 1; i < brevet_chain_get_length (chain); i++)
    g_ptr_array_add (issuers, brevet_chain_get (chain, i));
  for (guint i = 0; i < brevet_chain_get_n_spares (chain); i++)
    g_ptr_array_add (issuers, brevet_chain_get_spare (chain, i));
  return issuers;
}

static gboolean
is_anchor (Search *self, BrevetCertificate *certificate, GError **error)
{
  for (guint i = 0; i < self->anchors->len; i++)
    {
      const X509Anchor *anchor = self->anchors->pdata[i];

      if (!brevet_certificate_equal (anchor->certificate, certificate))
        continue;
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
                   "The device presents the %s itself, and not a certificate that was issued with it", anchor->noun);
      return TRUE;
    }
  return FALSE;
}

const X509Anchor *
x509_path_find (BrevetChain *chain, GPtrArray *anchors, gint64 now, GError **error)
{
  g_autoptr(GPtrArray) issuers = list_issuers (chain);
  Search search = { .issuers = issuers, .anchors = anchors, .now = now };
  BrevetCertificate *top = brevet_chain_get (chain, brevet_chain_get_length (chain) - 1);

  search.path[search.length++] = brevet_chain_get_leaf (chain);
  if (is_anchor (&search, search.path[0], error))
    return NULL;
  if (is_near_anchor (&search) && climb (&search))
    {
      g_clear_error (&search.refusal);
      return search.reached;
    }
  if (search.refusal != NULL)
    g_propagate_error (error, search.refusal);
  else if (search.costly != NULL)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND,
                 "The chain of the certificate “%s” leads over “%s”, whose key takes too long to verify a signature with; an "
                 "issuer must have RSA with at most 8192 bits and the exponent 65537, or a key on an elliptic curve",
                 brevet_certificate_get_subject (search.path[0]), brevet_certificate_get_subject (search.costly));
  else if (search.misnamed != NULL)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND,
                 "The chain of the certificate “%s” names the %s “%s” as an issuer, but was not signed with its key",
                 brevet_certificate_get_subject (search.path[0]), search.misnamed->noun,
                 brevet_certificate_get_subject (search.misnamed->certificate));
  else
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND,
                 "The chain of %u certificate%s does not lead to a certificate of the group; it ends at “%s”, issued by “%s”",
                 brevet_chain_get_length (chain), brevet_chain_get_length (chain) == 1 ? "" : "s",
                 brevet_certificate_get_subject (top), brevet_certificate_get_issuer (top));
  return NULL;
}
