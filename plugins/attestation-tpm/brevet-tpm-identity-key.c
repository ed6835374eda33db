/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-tpm-identity-key.h"

#include "brevet-error.h"
#include "brevet-tpm-error.h"

#include <gnutls/gnutls.h>
#include <string.h>
#include <tss2/tss2_rc.h>

#define LABEL "identityKey"
#define INNER_KEY_SIZE 16

#define ENDORSEMENT_AUTHORIZATION "endorsement-authorization"

/* Use of the endorsement key is allowed to whoever may use the endorsement hierarchy. */
static gboolean
start_policy (BrevetTpm *tpm, ESYS_TR *session, GError **error)
{
  const TPMT_SYM_DEF no_encryption = { .algorithm = TPM2_ALG_NULL };
  ESYS_CONTEXT *esys = brevet_tpm_get_esys (tpm);

  if (!BREVET_TPM_RUN (tpm, "start a session", NULL, error,
                       Esys_StartAuthSession (esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL,
                                              TPM2_SE_POLICY, &no_encryption, TPM2_ALG_SHA256, session)))
    return FALSE;
  brevet_tpm_keep (tpm, *session);
  return BREVET_TPM_RUN (tpm, "be allowed to use the endorsement key", ENDORSEMENT_AUTHORIZATION, error,
                         Esys_PolicySecret (esys, ESYS_TR_RH_ENDORSEMENT, *session, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                                            NULL, NULL, NULL, 0, NULL, NULL));
}

/* Some TPMs call it a failure when what they decrypt was encrypted for another key, and have none. */
static gboolean
is_sound (BrevetTpm *tpm)
{
  BREVET_TPM_AUTO TPM2B_MAX_BUFFER *details = NULL;
  TPM2_RC result = TPM2_RC_FAILURE;

  return Esys_GetTestResult (brevet_tpm_get_esys (tpm), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &details, &result) ==
           TSS2_RC_SUCCESS && result == TPM2_RC_SUCCESS;
}

/* What the TPM answers to something that was not encrypted for it, whichever of the checks notices first. */
static gboolean
is_for_another (BrevetTpm *tpm)
{
  switch (brevet_tpm_code_strip (brevet_tpm_get_last_code (tpm)))
    {
    case TPM2_RC_INTEGRITY:
    case TPM2_RC_VALUE:
    case TPM2_RC_SIZE:
    case TPM2_RC_BINDING:
    case TPM2_RC_INSUFFICIENT:
      return TRUE;
    case TPM2_RC_FAILURE:
      return is_sound (tpm);
    default:
      return FALSE;
    }
}

static void
explain_foreign (BrevetTpm *tpm, const GError *problem, GError **error)
{
  if (problem->domain == BREVET_ERROR && is_for_another (tpm))
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
                 "The service's challenge is for another TPM than that at %s (code 0x%x, %s); compare the device's enrollment with "
                 "what “brevet tpm show” says", brevet_tpm_get_tcti (tpm), brevet_tpm_get_last_code (tpm),
                 Tss2_RC_Decode (brevet_tpm_get_last_code (tpm)));
  else
    g_propagate_error (error, g_error_copy (problem));
}

static gboolean
activate (BrevetTpm *tpm, const BrevetTpmRootKeys *roots, const BrevetTpmChallenge *challenge, TPM2B_DATA *inner_key,
          GError **error)
{
  BREVET_TPM_AUTO TPM2B_DIGEST *opened = NULL;
  g_autoptr(GError) problem = NULL;
  ESYS_TR session = ESYS_TR_NONE;

  if (!start_policy (tpm, &session, error))
    return FALSE;
  if (!BREVET_TPM_RUN (tpm, "open the service's challenge", NULL, &problem,
                       Esys_ActivateCredential (brevet_tpm_get_esys (tpm), roots->storage.object, roots->endorsement.object,
                                                ESYS_TR_PASSWORD, session, ESYS_TR_NONE, &challenge->credential,
                                                &challenge->credential_secret, &opened)))
    {
      explain_foreign (tpm, problem, error);
      return FALSE;
    }
  brevet_tpm_flush (tpm, session);
  if (opened->size == INNER_KEY_SIZE)
    {
      inner_key->size = opened->size;
      memcpy (inner_key->buffer, opened->buffer, opened->size);
    }
  else
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED, "The service's challenge holds a key of %u bytes instead of %u",
                 opened->size, INNER_KEY_SIZE);
  gnutls_memset (opened, 0, sizeof *opened);
  return inner_key->size == INNER_KEY_SIZE;
}

static gboolean
import (BrevetTpm *tpm, const BrevetTpmRootKeys *roots, const BrevetTpmChallenge *challenge, const TPM2B_DATA *inner_key,
        BrevetTpmKey *key, GError **error)
{
  const TPMT_SYM_DEF_OBJECT inner = { .algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB };
  ESYS_CONTEXT *esys = brevet_tpm_get_esys (tpm);
  BREVET_TPM_AUTO TPM2B_PRIVATE *imported = NULL;
  g_autoptr(GError) problem = NULL;

  *key = (BrevetTpmKey) { .object = ESYS_TR_NONE, .public_area = challenge->public_area, .name = challenge->name };
  if (!BREVET_TPM_RUN (tpm, "import the service's key", NULL, &problem,
                       Esys_Import (esys, roots->storage.object, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, inner_key,
                                    &challenge->public_area, &challenge->duplicate, &challenge->duplicate_seed, &inner, &imported)))
    {
      explain_foreign (tpm, problem, error);
      return FALSE;
    }
  if (!BREVET_TPM_RUN (tpm, "load the service's key", NULL, error,
                       Esys_Load (esys, roots->storage.object, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, imported,
                                  &challenge->public_area, &key->object)))
    return FALSE;
  brevet_tpm_keep (tpm, key->object);
  return TRUE;
}

static gboolean
unwrap (BrevetTpm *tpm, const BrevetTpmRootKeys *roots, const BrevetTpmChallenge *challenge, BrevetTpmKey *key, GError **error)
{
  TPM2B_DATA inner_key = { 0 };
  gboolean done = activate (tpm, roots, challenge, &inner_key, error) && import (tpm, roots, challenge, &inner_key, key, error);

  gnutls_memset (&inner_key, 0, sizeof inner_key);
  return done;
}

/* Where nothing is remembered, as after the agent's files were lost, the look of the key has to do. */
static gboolean
is_ours (BrevetTpmHandles *handles, const BrevetTpmKey *key)
{
  if (brevet_tpm_handles_get_name (handles, LABEL) == NULL)
    return brevet_tpm_challenge_is_such_key (&key->public_area);
  return brevet_tpm_handles_get_use (handles, LABEL, &key->name) != NULL;
}

static gboolean
find_in (BrevetTpm *tpm, GArray *taken, TPM2_HANDLE standard, BrevetTpmHandles *handles, BrevetTpmKey *key, gboolean *found,
         GError **error)
{
  TPM2_HANDLE handle = standard;

  *found = FALSE;
  brevet_tpm_handles_get (handles, LABEL, &handle);
  if (!brevet_tpm_has_handle (taken, handle))
    return TRUE;
  if (!brevet_tpm_read_key (tpm, handle, key, error))
    return FALSE;
  *found = is_ours (handles, key);
  return TRUE;
}

gboolean
brevet_tpm_identity_key_find (BrevetTpm *tpm, TPM2_HANDLE standard, BrevetTpmHandles *handles, BrevetTpmKey *key, gboolean *found,
                              GError **error)
{
  g_autoptr(GArray) taken = brevet_tpm_list_persistent (tpm, error);

  return taken != NULL && find_in (tpm, taken, standard, handles, key, found, error);
}

/* As long as it is there it must be known as ours, however many others did not get there. */
static void
remember_old (BrevetTpmHandles *handles, const BrevetTpmKey *old)
{
  g_autofree char *use = g_strdup (brevet_tpm_handles_get_use (handles, LABEL, &old->name));

  brevet_tpm_handles_remember (handles, LABEL, old->handle, &old->name, use != NULL ? use : BREVET_TPM_USE_REGISTRATION);
}

const char *
brevet_tpm_identity_key_get_use (BrevetTpmHandles *handles, const BrevetTpmKey *key)
{
  return brevet_tpm_handles_get_use (handles, LABEL, &key->name);
}

/* Remembered before it is done: whatever happens in between, the key is known as ours afterwards. */
static gboolean
keep (BrevetTpm *tpm, GArray *taken, TPM2_HANDLE standard, BrevetTpmHandles *handles, const BrevetTpmKey *old, const char *use,
      BrevetTpmKey *key, GError **error)
{
  TPM2_HANDLE handle = old != NULL ? old->handle : brevet_tpm_choose_free (taken, standard);

  if (handle == 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                   "The TPM at %s has no free handle for the service's key at 0x%08x or behind it; name another with "
                   "identity-key-handle", brevet_tpm_get_tcti (tpm), standard);
      return FALSE;
    }
  if (old != NULL)
    remember_old (handles, old);
  brevet_tpm_handles_remember (handles, LABEL, handle, &key->name, use);
  return (old == NULL || brevet_tpm_evict (tpm, old, error)) &&
         brevet_tpm_persist (tpm, key, handle, "keep the service's key", error);
}

gboolean
brevet_tpm_identity_key_install (BrevetTpm *tpm, const BrevetTpmRootKeys *roots, TPM2_HANDLE standard, BrevetTpmHandles *handles,
                                 const BrevetTpmChallenge *challenge, const char *use, BrevetTpmKey *key, GError **error)
{
  g_autoptr(GArray) taken = brevet_tpm_list_persistent (tpm, error);
  BrevetTpmKey old;
  gboolean found = FALSE;

  if (taken == NULL || !find_in (tpm, taken, standard, handles, &old, &found, error))
    return FALSE;
  if (found && brevet_tpm_name_equal (&old.name, &challenge->name))
    {
      *key = old;
      brevet_tpm_handles_remember (handles, LABEL, old.handle, &old.name, use);
      return TRUE;
    }
  return unwrap (tpm, roots, challenge, key, error) &&
         keep (tpm, taken, standard, handles, found ? &old : NULL, use, key, error);
}

/* As much as goes into one command. */
static void
take_chunk (GBytes *data, gsize offset, TPM2B_MAX_BUFFER *chunk)
{
  gsize length = 0;
  const guint8 *bytes = g_bytes_get_data (data, &length);

  chunk->size = (UINT16) MIN (length - offset, sizeof chunk->buffer);
  if (chunk->size > 0)
    memcpy (chunk->buffer, bytes + offset, chunk->size);
}

static gboolean
hmac_in_parts (BrevetTpm *tpm, const BrevetTpmKey *key, GBytes *data, TPM2B_DIGEST **digest, GError **error)
{
  const TPM2B_AUTH no_auth = { 0 };
  ESYS_CONTEXT *esys = brevet_tpm_get_esys (tpm);
  TPM2B_MAX_BUFFER chunk = { 0 };
  ESYS_TR sequence = ESYS_TR_NONE;
  gsize offset = 0;

  if (!BREVET_TPM_RUN (tpm, "begin a signature", NULL, error,
                       Esys_HMAC_Start (esys, key->object, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &no_auth, TPM2_ALG_SHA256,
                                        &sequence)))
    return FALSE;
  brevet_tpm_keep (tpm, sequence);
  for (; g_bytes_get_size (data) - offset > sizeof chunk.buffer; offset += chunk.size)
    {
      take_chunk (data, offset, &chunk);
      if (!BREVET_TPM_RUN (tpm, "sign", NULL, error,
                           Esys_SequenceUpdate (esys, sequence, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &chunk)))
        return FALSE;
    }
  take_chunk (data, offset, &chunk);
  if (!BREVET_TPM_RUN (tpm, "end a signature", NULL, error,
                       Esys_SequenceComplete (esys, sequence, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &chunk, ESYS_TR_RH_NULL,
                                              digest, NULL)))
    return FALSE;
  brevet_tpm_forget (tpm, sequence);
  return TRUE;
}

GBytes *
brevet_tpm_hmac (BrevetTpm *tpm, const BrevetTpmKey *key, GBytes *data, GError **error)
{
  BREVET_TPM_AUTO TPM2B_DIGEST *digest = NULL;
  TPM2B_MAX_BUFFER chunk = { 0 };

  if (g_bytes_get_size (data) > sizeof chunk.buffer)
    return hmac_in_parts (tpm, key, data, &digest, error) ? g_bytes_new (digest->buffer, digest->size) : NULL;
  take_chunk (data, 0, &chunk);
  if (!BREVET_TPM_RUN (tpm, "sign", NULL, error,
                       Esys_HMAC (brevet_tpm_get_esys (tpm), key->object, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &chunk,
                                  TPM2_ALG_SHA256, &digest)))
    return NULL;
  return g_bytes_new (digest->buffer, digest->size);
}
