/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-tpm-proof.h"

#include "brevet-sas-token.h"
#include "brevet-tpm-certificate.h"
#include "brevet-tpm-description.h"
#include "brevet-tpm-error.h"
#include "brevet-tpm-identity-key.h"

#include <gnutls/gnutls.h>
#include <string.h>

static void
authorize (BrevetTpm *tpm, ESYS_TR hierarchy, BrevetSecret *secret)
{
  TPM2B_AUTH auth = { 0 };
  const guint8 *data;
  gsize length;

  if (secret == NULL)
    return;
  data = brevet_secret_get_data (secret, &length);
  auth.size = (UINT16) length;
  memcpy (auth.buffer, data, length);
  Esys_TR_SetAuth (brevet_tpm_get_esys (tpm), hierarchy, &auth);
  gnutls_memset (&auth, 0, sizeof auth);
}

/* A wrong authorisation that the TPM has counted is not given once more: it would lock itself. */
static gboolean
prepare (BrevetTpmProof *self, BrevetTpm *tpm, GError **error)
{
  if (self->refusal != NULL)
    {
      g_propagate_prefixed_error (error, g_error_copy (self->refusal),
                                  "The TPM is not asked again before the settings have changed, or this program was restarted, "
                                  "lest it locks itself: ");
      return FALSE;
    }
  authorize (tpm, ESYS_TR_RH_OWNER, self->owner);
  authorize (tpm, ESYS_TR_RH_ENDORSEMENT, self->endorsement);
  return TRUE;
}

static void
remember_refusal (BrevetTpmProof *self, BrevetTpm *tpm, const GError *error)
{
  if (brevet_tpm_code_strip (brevet_tpm_get_last_code (tpm)) == TPM2_RC_AUTH_FAIL && self->refusal == NULL)
    self->refusal = g_error_copy (error);
}

void
brevet_tpm_proof_request_free (BrevetTpmProofRequest *self)
{
  g_free (self->resource);
  g_free (self->challenge);
  g_free (self);
}

void
brevet_tpm_proof_clear (BrevetTpmProof *self)
{
  g_clear_pointer (&self->handles_path, g_free);
  g_clear_pointer (&self->owner, brevet_secret_unref);
  g_clear_pointer (&self->endorsement, brevet_secret_unref);
  g_clear_error (&self->refusal);
}

static void
add_bytes (JsonObject *object, const char *member, GBytes *bytes)
{
  g_autofree char *text = g_base64_encode (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));

  json_object_set_string_member (object, member, text);
}

static gboolean
add_parameters (BrevetTpmProof *self, BrevetTpm *tpm, const BrevetTpmRootKeys *roots, BrevetEvidence *evidence, GError **error)
{
  g_autoptr(JsonObject) parameters = json_object_new ();
  g_autoptr(GBytes) endorsement = brevet_tpm_public_to_bytes (&roots->endorsement.public_area);
  g_autoptr(GBytes) storage = brevet_tpm_public_to_bytes (&roots->storage.public_area);
  g_autoptr(GBytes) certificate = NULL;
  JsonObject *shown = json_object_new ();

  add_bytes (shown, "endorsementKey", endorsement);
  add_bytes (shown, "storageRootKey", storage);
  json_object_set_object_member (parameters, "tpm", shown);
  if (self->shows_certificate && !brevet_tpm_read_certificate (tpm, &certificate, error))
    return FALSE;
  if (certificate != NULL)
    add_bytes (shown, "endorsementCertificate", certificate);
  brevet_evidence_set_parameters (evidence, parameters);
  return TRUE;
}

static gboolean
install_key (BrevetTpmProof *self, BrevetTpm *tpm, const BrevetTpmRootKeys *roots, BrevetTpmHandles *handles,
             const BrevetTpmProofRequest *request, BrevetTpmKey *key, GError **error)
{
  BrevetTpmChallenge challenge;

  return brevet_tpm_challenge_parse (request->challenge, &challenge, error) &&
         brevet_tpm_identity_key_install (tpm, roots, self->places.identity_key, handles, &challenge, request->use, key, error);
}

static gboolean
add_token (BrevetTpmProof *self, BrevetTpm *tpm, const BrevetTpmRootKeys *roots, BrevetTpmHandles *handles,
           const BrevetTpmProofRequest *request, BrevetEvidence *evidence, GError **error)
{
  g_autofree char *text = brevet_sas_token_get_signed_text (request->resource, request->expiry);
  g_autoptr(GBytes) data = g_bytes_new (text, strlen (text));
  g_autoptr(GBytes) signature = NULL;
  BrevetTpmKey key;
  char *token;

  if (!install_key (self, tpm, roots, handles, request, &key, error))
    return FALSE;
  signature = brevet_tpm_hmac (tpm, &key, data, error);
  if (signature == NULL)
    return FALSE;
  token = brevet_sas_token_create_signed (request->resource, request->expiry, "registration", signature);
  brevet_evidence_set_token (evidence, token);
  brevet_secret_free_text (token);
  return TRUE;
}

static BrevetEvidence *
make_evidence (BrevetTpmProof *self, BrevetTpm *tpm, const BrevetTpmProofRequest *request, GError **error)
{
  g_autoptr(BrevetTpmHandles) handles = brevet_tpm_handles_load (self->handles_path);
  g_autoptr(BrevetEvidence) evidence = brevet_evidence_new ();
  BrevetTpmRootKeys roots;

  if (!brevet_tpm_root_keys_find (tpm, &self->places, handles, TRUE, &roots, error) ||
      !add_parameters (self, tpm, &roots, evidence, error) ||
      (request->challenge != NULL && !add_token (self, tpm, &roots, handles, request, evidence, error)))
    return NULL;
  return g_steal_pointer (&evidence);
}

BrevetEvidence *
brevet_tpm_proof_make (BrevetTpmProof *self, BrevetTpm *tpm, const BrevetTpmProofRequest *request, GError **error)
{
  g_autoptr(GError) problem = NULL;
  BrevetEvidence *evidence;

  if (!prepare (self, tpm, error))
    return NULL;
  evidence = make_evidence (self, tpm, request, &problem);
  if (evidence == NULL)
    {
      remember_refusal (self, tpm, problem);
      g_propagate_error (error, g_steal_pointer (&problem));
    }
  return evidence;
}

static gboolean
take_key (BrevetTpmProof *self, BrevetTpm *tpm, const BrevetTpmProofRequest *request, GError **error)
{
  g_autoptr(BrevetTpmHandles) handles = brevet_tpm_handles_load (self->handles_path);
  BrevetTpmRootKeys roots;
  BrevetTpmKey key;

  return brevet_tpm_root_keys_find (tpm, &self->places, handles, TRUE, &roots, error) &&
         install_key (self, tpm, &roots, handles, request, &key, error);
}

gboolean
brevet_tpm_proof_accept (BrevetTpmProof *self, BrevetTpm *tpm, const BrevetTpmProofRequest *request, GError **error)
{
  g_autoptr(GError) problem = NULL;

  if (!prepare (self, tpm, error))
    return FALSE;
  if (take_key (self, tpm, request, &problem))
    return TRUE;
  remember_refusal (self, tpm, problem);
  g_propagate_error (error, g_steal_pointer (&problem));
  return FALSE;
}

JsonObject *
brevet_tpm_proof_describe (BrevetTpmProof *self, BrevetTpm *tpm, GError **error)
{
  g_autoptr(BrevetTpmHandles) handles = brevet_tpm_handles_load (self->handles_path);

  authorize (tpm, ESYS_TR_RH_OWNER, self->owner);
  return brevet_tpm_describe (tpm, &self->places, handles, error);
}
