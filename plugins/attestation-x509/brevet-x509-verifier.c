/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-x509-verifier.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-trust-bundle-document.h"
#include "x509-certificate.h"
#include "x509-enrollment.h"
#include "x509-path.h"
#include "x509-subject.h"

struct _BrevetX509Verifier
{
  BrevetPlugin parent_instance;
};

static void verifier_iface_init (BrevetVerifierInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BrevetX509Verifier, brevet_x509_verifier, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_VERIFIER, verifier_iface_init))

/* The two slots of an enrollment, in the order in which they are tried, and what a log calls them. */
static const struct {
  const char *client;
  const char *signing;
  const char *signed_by;
} words[X509_N_SLOTS] = {
  { "primary certificate", "group's primary signing certificate", "certificate signed by the group's primary certificate" },
  { "secondary certificate", "group's secondary signing certificate", "certificate signed by the group's secondary certificate" },
};

static JsonObject *
brevet_x509_verifier_prepare (BrevetVerifier *verifier, BrevetAttestation *wanted, BrevetAttestation *stored, GError **error)
{
  return x509_enrollment_prepare (brevet_attestation_is_group (wanted), brevet_attestation_get_parameters (wanted),
                                  stored != NULL ? brevet_attestation_get_parameters (stored) : NULL, error);
}

static JsonObject *
brevet_x509_verifier_describe (BrevetVerifier *verifier, BrevetAttestation *stored)
{
  return x509_enrollment_describe (brevet_attestation_get_parameters (stored));
}

static char **
brevet_x509_verifier_dup_subject_keys (BrevetVerifier *verifier, BrevetAttestation *attestation)
{
  g_autoptr(GStrvBuilder) keys = g_strv_builder_new ();

  for (gsize i = 0; i < X509_N_SLOTS; i++)
    {
      g_autoptr(BrevetCertificate) certificate = NULL;

      if (x509_enrollment_get_certificate (brevet_attestation_get_parameters (attestation), X509_SIGNING_CERTIFICATES,
                                           x509_slots[i], &certificate, NULL) && certificate != NULL)
        g_strv_builder_add (keys, brevet_certificate_get_subject_sha256 (certificate));
    }
  return g_strv_builder_end (keys);
}

static char **
brevet_x509_verifier_dup_references (BrevetVerifier *verifier, BrevetAttestation *attestation)
{
  g_autoptr(GStrvBuilder) names = g_strv_builder_new ();
  g_auto(GStrv) all = NULL;

  for (gsize i = 0; i < X509_N_SLOTS; i++)
    {
      const char *name = x509_enrollment_get_reference (brevet_attestation_get_parameters (attestation), x509_slots[i]);

      if (name != NULL)
        g_strv_builder_add (names, name);
    }
  all = g_strv_builder_end (names);
  return all[0] != NULL ? g_steal_pointer (&all) : NULL;
}

static gboolean
check_device (BrevetCertificate *leaf, BrevetClaims *claims, GError **error)
{
  const char *claimed = brevet_claims_get_registration_id (claims);
  g_autoptr(GError) problem = NULL;
  g_autofree char *registration_id = x509_subject_dup_registration_id (leaf, &problem);

  if (registration_id != NULL && claimed != NULL && brevet_identifier_equal (registration_id, claimed))
    return TRUE;
  if (registration_id == NULL)
    g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_REJECTED, problem->message);
  else if (claimed == NULL)
    g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_REJECTED, "The request does not say which device it is for");
  else
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED, "The certificate is for the device “%s”, not for “%s”",
                 registration_id, claimed);
  return FALSE;
}

/* The operator has named this very certificate, so nothing counts of who has signed it. */
static gboolean
check_pinned (BrevetCertificate *leaf, GError **error)
{
  g_autoptr(GError) problem = NULL;

  if (x509_certificate_check_dates (leaf, "certificate", brevet_clock_now_seconds (), &problem) &&
      x509_certificate_check_purpose (leaf, "certificate", &problem) &&
      x509_certificate_check_key (leaf, "certificate", &problem))
    return TRUE;
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_REJECTED, problem->message);
  return FALSE;
}

static BrevetVerdict *
judge_individual (BrevetAttestation *attestation, BrevetClaims *claims, BrevetCertificate *leaf, GError **error)
{
  JsonObject *parameters = brevet_attestation_get_parameters (attestation);

  for (gsize i = 0; i < X509_N_SLOTS; i++)
    {
      g_autoptr(BrevetCertificate) certificate = NULL;

      if (!x509_enrollment_get_certificate (parameters, X509_CLIENT_CERTIFICATES, x509_slots[i], &certificate, error))
        return NULL;
      if (certificate == NULL || !brevet_certificate_equal (certificate, leaf))
        continue;
      if (!check_device (leaf, claims, error) || !check_pinned (leaf, error))
        return NULL;
      return brevet_verdict_new_accepted (words[i].client, NULL);
    }
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
               "The certificate “%s” with the SHA-256 thumbprint %s is neither the primary nor the secondary one of the enrollment",
               brevet_certificate_get_subject (leaf), brevet_certificate_get_sha256 (leaf));
  return NULL;
}

static gboolean
add_signing_certificate (GPtrArray *anchors, GPtrArray *credentials, BrevetAttestation *attestation, gsize slot, GError **error)
{
  g_autoptr(BrevetCertificate) certificate = NULL;

  if (!x509_enrollment_get_certificate (brevet_attestation_get_parameters (attestation), X509_SIGNING_CERTIFICATES,
                                        x509_slots[slot], &certificate, error))
    return FALSE;
  if (certificate == NULL)
    return TRUE;
  g_ptr_array_add (anchors, x509_anchor_new (certificate, words[slot].signing));
  g_ptr_array_add (credentials, g_strdup (words[slot].signed_by));
  return TRUE;
}

static void
add_reference (GPtrArray *anchors, GPtrArray *credentials, BrevetAttestation *attestation, gsize slot)
{
  const char *name = x509_enrollment_get_reference (brevet_attestation_get_parameters (attestation), x509_slots[slot]);
  BrevetCertificate *certificate = name != NULL ? brevet_attestation_get_certificate (attestation, name) : NULL;
  g_autofree char *noun = NULL;

  if (certificate == NULL)
    return;
  noun = g_strdup_printf ("verified CA certificate “%s”,", name);
  g_ptr_array_add (anchors, x509_anchor_new (certificate, noun));
  g_ptr_array_add (credentials, g_strdup_printf ("certificate that leads to the verified CA certificate “%s”", name));
}

/* What the group trusts, and beside it what a device has proved that a path led there. */
static gboolean
collect_anchors (GPtrArray *anchors, GPtrArray *credentials, BrevetAttestation *attestation, GError **error)
{
  const char *form = x509_enrollment_get_form (brevet_attestation_get_parameters (attestation));

  for (gsize i = 0; i < X509_N_SLOTS; i++)
    {
      if (!add_signing_certificate (anchors, credentials, attestation, i, error))
        return FALSE;
      add_reference (anchors, credentials, attestation, i);
    }
  if (anchors->len > 0)
    return TRUE;
  if (g_strcmp0 (form, X509_CA_REFERENCES) == 0)
    g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND,
                         "None of the CA certificates that the group refers to exists and is verified");
  else
    g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_CORRUPT,
                         "The stored group has no signing certificate; write the enrollment again with its certificates");
  return FALSE;
}

static BrevetVerdict *
accept_into_group (BrevetCertificate *leaf, const X509Anchor *anchor, const char *credential)
{
  g_autoptr(JsonObject) parameters = json_object_new ();

  json_object_set_object_member (parameters, "certificateInfo", brevet_certificate_metadata_to_json (leaf));
  json_object_set_object_member (parameters, "signingCertificateInfo", brevet_certificate_metadata_to_json (anchor->certificate));
  return brevet_verdict_new_accepted (credential, parameters);
}

static BrevetVerdict *
judge_group (BrevetAttestation *attestation, BrevetClaims *claims, BrevetChain *chain, GError **error)
{
  g_autoptr(GPtrArray) anchors = g_ptr_array_new_with_free_func ((GDestroyNotify) x509_anchor_free);
  g_autoptr(GPtrArray) credentials = g_ptr_array_new_with_free_func (g_free);
  const X509Anchor *anchor;
  guint index = 0;

  if (!collect_anchors (anchors, credentials, attestation, error))
    return NULL;
  anchor = x509_path_find (chain, anchors, brevet_clock_now_seconds (), error);
  if (anchor == NULL || !check_device (brevet_chain_get_leaf (chain), claims, error))
    return NULL;
  g_ptr_array_find (anchors, anchor, &index);
  return accept_into_group (brevet_chain_get_leaf (chain), anchor, credentials->pdata[index]);
}

static BrevetVerdict *
judge (BrevetAttestation *attestation, BrevetClaims *claims, GError **error)
{
  BrevetChain *chain = brevet_claims_get_chain (claims);

  if (chain == NULL)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
                           "There is no client certificate, and the enrollment demands one");
      return NULL;
    }
  if (brevet_attestation_is_group (attestation))
    return judge_group (attestation, claims, chain, error);
  return judge_individual (attestation, claims, brevet_chain_get_leaf (chain), error);
}

static void
brevet_x509_verifier_verify_async (BrevetVerifier *verifier, BrevetAttestation *attestation, BrevetClaims *claims,
                                   GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (verifier, cancellable, callback, user_data);
  g_autoptr(GError) error = NULL;
  BrevetVerdict *verdict = judge (attestation, claims, &error);

  g_task_set_source_tag (task, brevet_x509_verifier_verify_async);
  if (verdict == NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    g_task_return_pointer (task, verdict, (GDestroyNotify) brevet_verdict_unref);
}

static BrevetVerdict *
brevet_x509_verifier_verify_finish (BrevetVerifier *verifier, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
verifier_iface_init (BrevetVerifierInterface *iface)
{
  iface->prepare = brevet_x509_verifier_prepare;
  iface->describe = brevet_x509_verifier_describe;
  iface->dup_subject_keys = brevet_x509_verifier_dup_subject_keys;
  iface->dup_references = brevet_x509_verifier_dup_references;
  iface->verify_async = brevet_x509_verifier_verify_async;
  iface->verify_finish = brevet_x509_verifier_verify_finish;
}

static void
brevet_x509_verifier_class_init (BrevetX509VerifierClass *klass)
{
}

static void
brevet_x509_verifier_init (BrevetX509Verifier *self)
{
}
