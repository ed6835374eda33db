/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-tpm-verifier.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-sas-token.h"
#include "brevet-tpm-blob.h"
#include "brevet-tpm-cipher.h"
#include "brevet-tpm-enrollment.h"
#include "brevet-tpm-memory.h"
#include "brevet-tpm-vendor-store.h"
#include "brevet-wire-json.h"

#include <string.h>

struct _BrevetTpmVerifier
{
  BrevetPlugin parent_instance;

  BrevetTpmVendorStore *vendor_store; /* or NULL: whose certificates are asked for */
};

static void verifier_iface_init (BrevetVerifierInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BrevetTpmVerifier, brevet_tpm_verifier, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_VERIFIER, verifier_iface_init))

/* What the body of a request says about the device's TPM; all is %NULL where it says nothing. */
typedef struct {
  JsonObject *members;
  const char *endorsement_key;
  const char *storage_root_key;
  const char *certificate;
} Presented;

/* One question: what the enrollment says, what is remembered, what the device shows. */
typedef struct {
  BrevetTpmEnrollment *enrollment;
  BrevetTpmMemory *memory;
  Presented presented;
} Question;

static void
question_clear (Question *question)
{
  g_clear_pointer (&question->enrollment, brevet_tpm_enrollment_free);
  g_clear_pointer (&question->memory, brevet_tpm_memory_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Question, question_clear)

static gboolean
brevet_tpm_verifier_configure (BrevetPlugin *plugin, GError **error)
{
  BrevetTpmVerifier *self = BREVET_TPM_VERIFIER (plugin);
  BrevetSettings *settings = brevet_plugin_get_settings (plugin);

  if (!brevet_tpm_cipher_init (error))
    return FALSE;
  if (!brevet_settings_has (settings, "vendor-store"))
    return TRUE;
  self->vendor_store = brevet_tpm_vendor_store_load (settings, "vendor-store", error);
  return self->vendor_store != NULL;
}

static JsonObject *
brevet_tpm_verifier_prepare (BrevetVerifier *verifier, BrevetAttestation *wanted, BrevetAttestation *stored, GError **error)
{
  if (!brevet_attestation_is_group (wanted))
    return brevet_tpm_enrollment_prepare (wanted, stored, error);
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID,
                       "The attestation “tpm” is for individual enrollments only: each TPM has an endorsement key of its own");
  return NULL;
}

static JsonObject *
brevet_tpm_verifier_describe (BrevetVerifier *verifier, BrevetAttestation *stored)
{
  return brevet_tpm_enrollment_describe (stored);
}

static JsonObject *
brevet_tpm_verifier_reveal (BrevetVerifier *verifier, BrevetAttestation *stored)
{
  return brevet_tpm_enrollment_reveal (stored);
}

/* A device without token and certificate shows its keys in the body. A token is judged by itself: whoever cannot sign shall not
 * make the service read. */
static gboolean
brevet_tpm_verifier_needs_body (BrevetVerifier *verifier, BrevetClaims *claims)
{
  return brevet_claims_get_token (claims) == NULL && brevet_claims_get_chain (claims) == NULL;
}

static gboolean
brevet_tpm_verifier_has_memory (BrevetVerifier *verifier)
{
  return TRUE;
}

static gboolean
reject (GError **error, const char *reason)
{
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_REJECTED, reason);
  return FALSE;
}

/* Refused like any stranger: another answer than without an enrollment would tell him that there is one. */
static gboolean
read_endorsement_key (BrevetClaims *claims, Presented *presented, GError **error)
{
  JsonObject *parameters = brevet_claims_get_parameters (claims);
  g_autoptr(GError) problem = NULL;

  if (parameters == NULL ||
      (brevet_wire_get_object (parameters, "tpm", &presented->members, &problem) &&
       (presented->members == NULL ||
        brevet_wire_get_string (presented->members, "endorsementKey", &presented->endorsement_key, &problem))))
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED, "What the device shows of its TPM cannot be read: %s", problem->message);
  return FALSE;
}

/* Who knows the endorsement key is told what is malformed. */
static gboolean
read_others (Presented *presented, GError **error)
{
  return brevet_wire_get_string (presented->members, "storageRootKey", &presented->storage_root_key, error) &&
         brevet_wire_get_string (presented->members, "endorsementCertificate", &presented->certificate, error);
}

/* Byte for byte, after base64. */
static gboolean
check_endorsement_key (Question *question, GError **error)
{
  g_autoptr(GBytes) shown = question->presented.endorsement_key != NULL
                              ? brevet_tpm_base64_decode (question->presented.endorsement_key)
                              : NULL;

  if (shown != NULL && g_bytes_equal (shown, question->enrollment->endorsement->bytes))
    return TRUE;
  return reject (error, shown != NULL
                          ? "The endorsement key of the device is not that of the enrollment: this is another TPM"
                          : "The request names no endorsement key in base64, and the enrollment demands that of a TPM");
}

/* A certificate in the request is as good as one in the enrollment: that of the maker is what counts. */
static gboolean
check_certificate (BrevetTpmVerifier *self, Question *question, GError **error)
{
  g_autoptr(BrevetChain) shown = NULL;
  BrevetChain *certificate = question->enrollment->certificate;

  if (self->vendor_store == NULL)
    return TRUE;
  if (certificate == NULL && question->presented.certificate != NULL)
    {
      g_autoptr(GError) problem = NULL;

      shown = brevet_tpm_endorsement_certificate_parse (question->presented.certificate, &problem);
      if (shown == NULL)
        return reject (error, problem->message);
      certificate = shown;
    }
  if (certificate == NULL)
    return reject (error, "There is no certificate of the endorsement key to check against the vendor store: neither the "
                          "enrollment nor the device has one");
  if (!brevet_tpm_endorsement_certificate_has_key (brevet_chain_get_leaf (certificate), question->enrollment->endorsement))
    return reject (error, "The certificate that the device shows is not that of its endorsement key");
  return brevet_tpm_vendor_store_check (self->vendor_store, certificate, error);
}

static JsonObject *
wrap_key (Question *question, BrevetTpmPublicArea *storage_root, BrevetSecret *key, GError **error)
{
  g_autoptr(GBytes) blob = brevet_tpm_blob_new (question->enrollment->endorsement, storage_root, key, NULL, error);
  g_autofree char *text = NULL;
  JsonObject *parameters;

  if (blob == NULL)
    return NULL;
  text = g_base64_encode (g_bytes_get_data (blob, NULL), g_bytes_get_size (blob));
  parameters = json_object_new ();
  json_object_set_string_member (parameters, "authenticationKey", text);
  return parameters;
}

/* That of the request counts before all others: a TPM that was cleared has a new one.
 * @otherwise: (nullable): which one counts if the request names none */
static BrevetTpmPublicArea *
choose_storage_root_key (Question *question, const char *otherwise, GError **error)
{
  g_autoptr(GError) problem = NULL;
  const char *text = question->presented.storage_root_key != NULL ? question->presented.storage_root_key : otherwise;
  BrevetTpmPublicArea *key = text != NULL ? brevet_tpm_public_area_parse_base64 (text, &problem) : NULL;

  if (key == NULL)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The member “tpm.storageRootKey” cannot be used: %s",
                 problem != NULL ? problem->message : "it is missing");
  return key;
}

static BrevetVerdict *
make_challenge (Question *question, GError **error)
{
  g_autoptr(BrevetTpmPublicArea) storage_root =
    choose_storage_root_key (question, question->enrollment->storage_root_text, error);
  g_autoptr(BrevetSecret) key = NULL;
  g_autofree char *text = NULL;
  g_autoptr(JsonObject) parameters = NULL;
  g_autoptr(JsonObject) memory = NULL;
  BrevetVerdict *verdict;

  if (storage_root == NULL)
    return NULL;
  text = g_base64_encode (g_bytes_get_data (storage_root->bytes, NULL), g_bytes_get_size (storage_root->bytes));
  key = brevet_tpm_memory_challenge (question->memory, text);
  parameters = wrap_key (question, storage_root, key, error);
  if (parameters == NULL)
    return NULL;
  json_object_set_string_member (parameters, "keyName", "registration");
  memory = brevet_tpm_memory_to_json (question->memory);
  verdict = brevet_verdict_new_challenge (parameters);
  brevet_verdict_set_memory (verdict, memory);
  return verdict;
}

/* Returns: for which storage root key the key was delivered that signs the token; %NULL if there is none */
static const char *
find_signer (Question *question, const BrevetSasToken *token, GError **error)
{
  const char *signer = brevet_tpm_memory_find_signer (question->memory, token, question->presented.storage_root_key);

  if (signer != NULL)
    return signer;
  reject (error, brevet_tpm_memory_has_keys (question->memory)
                   ? "The signature of the token matches no key that was sent to the TPM during the last hour"
                   : "The device has a token, but there is no challenge that it could answer: the last one is unknown or more than "
                     "an hour old, and the device has to begin anew");
  return NULL;
}

/* The second blob: the key that the device and its hub have in common (protocol/dps.md §6.2 point 6). */
static BrevetVerdict *
accept_token (Question *question, const char *signer, GError **error)
{
  g_autoptr(BrevetSecret) key = brevet_tpm_enrollment_derive_hub_key (question->enrollment);
  g_autoptr(BrevetTpmPublicArea) storage_root = choose_storage_root_key (question, signer, error);
  g_autofree char *fingerprint = NULL;
  g_autoptr(JsonObject) parameters = storage_root != NULL ? wrap_key (question, storage_root, key, error) : NULL;
  BrevetVerdict *verdict;

  if (parameters == NULL)
    return NULL;
  verdict = brevet_verdict_new_accepted ("key in the TPM", parameters);
  fingerprint = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, storage_root->bytes);
  brevet_verdict_set_recipient (verdict, fingerprint);
  return verdict;
}

static BrevetVerdict *
judge_token (Question *question, BrevetClaims *claims, GError **error)
{
  const char *id_scope = brevet_claims_get_id_scope (claims);
  const char *registration_id = brevet_claims_get_registration_id (claims);
  g_autoptr(BrevetSasToken) token = NULL;
  const char *signer;

  if (id_scope == NULL || registration_id == NULL)
    {
      reject (error, "The request does not say which device it is for");
      return NULL;
    }
  token = brevet_sas_token_parse_for_device (brevet_claims_get_token (claims), id_scope, registration_id,
                                             brevet_clock_now_seconds (), error);
  signer = token != NULL ? find_signer (question, token, error) : NULL;
  return signer != NULL ? accept_token (question, signer, error) : NULL;
}

/* What a device shows of its TPM is checked in every request that shows something: before a challenge, and beside the token. */
static BrevetVerdict *
judge (BrevetTpmVerifier *self, BrevetAttestation *attestation, BrevetClaims *claims, GError **error)
{
  gboolean has_token = brevet_claims_get_token (claims) != NULL;
  g_auto(Question) question = { NULL };

  question.enrollment = brevet_tpm_enrollment_load (attestation, error);
  if (question.enrollment == NULL || !read_endorsement_key (claims, &question.presented, error))
    return NULL;
  if (question.presented.members == NULL && !has_token)
    {
      reject (error, "The device shows neither the keys of its TPM nor a token; they stand in the body of a registration over "
                     "HTTPS, which is the only way for TPM attestation");
      return NULL;
    }
  if (question.presented.members != NULL &&
      (!check_endorsement_key (&question, error) || !read_others (&question.presented, error) ||
       !check_certificate (self, &question, error)))
    return NULL;
  question.memory = brevet_tpm_memory_new (brevet_attestation_get_memory (attestation), question.enrollment->endorsement_text,
                                           brevet_clock_now_seconds ());
  return has_token ? judge_token (&question, claims, error) : make_challenge (&question, error);
}

static void
brevet_tpm_verifier_verify_async (BrevetVerifier *verifier, BrevetAttestation *attestation, BrevetClaims *claims,
                                  GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (verifier, cancellable, callback, user_data);
  g_autoptr(GError) error = NULL;
  BrevetVerdict *verdict = judge (BREVET_TPM_VERIFIER (verifier), attestation, claims, &error);

  g_task_set_source_tag (task, brevet_tpm_verifier_verify_async);
  if (verdict == NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    g_task_return_pointer (task, verdict, (GDestroyNotify) brevet_verdict_unref);
}

static BrevetVerdict *
brevet_tpm_verifier_verify_finish (BrevetVerifier *verifier, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
verifier_iface_init (BrevetVerifierInterface *iface)
{
  iface->prepare = brevet_tpm_verifier_prepare;
  iface->describe = brevet_tpm_verifier_describe;
  iface->reveal = brevet_tpm_verifier_reveal;
  iface->needs_body = brevet_tpm_verifier_needs_body;
  iface->has_memory = brevet_tpm_verifier_has_memory;
  iface->verify_async = brevet_tpm_verifier_verify_async;
  iface->verify_finish = brevet_tpm_verifier_verify_finish;
}

static void
brevet_tpm_verifier_finalize (GObject *object)
{
  BrevetTpmVerifier *self = BREVET_TPM_VERIFIER (object);

  g_clear_pointer (&self->vendor_store, brevet_tpm_vendor_store_free);
  G_OBJECT_CLASS (brevet_tpm_verifier_parent_class)->finalize (object);
}

static void
brevet_tpm_verifier_class_init (BrevetTpmVerifierClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = brevet_tpm_verifier_finalize;
  BREVET_PLUGIN_CLASS (klass)->configure = brevet_tpm_verifier_configure;
}

static void
brevet_tpm_verifier_init (BrevetTpmVerifier *self)
{
}
