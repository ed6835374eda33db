/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-tpm-root-keys.h"

#include "brevet-error.h"
#include "brevet-tpm-error.h"

#include <string.h>
#include <tss2/tss2_mu.h>

#define KEY_BYTES 256

/* What is different between the two. */
typedef struct {
  const char  *label;
  const char  *words;
  const char  *make_purpose;
  const char  *persist_purpose;
  const char  *authorization;
  ESYS_TR      hierarchy;
  TPMA_OBJECT  attributes;
  gboolean     has_policy;
} Role;

static const Role endorsement_role = {
  .label = "endorsementKey",
  .words = "endorsement key",
  .make_purpose = "make the endorsement key",
  .persist_purpose = "keep the endorsement key",
  .authorization = "endorsement-authorization",
  .hierarchy = ESYS_TR_RH_ENDORSEMENT,
  .attributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_ADMINWITHPOLICY |
                TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
  .has_policy = TRUE,
};

static const Role storage_role = {
  .label = "storageRootKey",
  .words = "storage root key",
  .make_purpose = "make the storage root key",
  .persist_purpose = "keep the storage root key",
  .authorization = "owner-authorization",
  .hierarchy = ESYS_TR_RH_OWNER,
  .attributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
                TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
};

/* PolicySecret with the authorisation of the endorsement hierarchy, as each endorsement key has it. */
static const guint8 endorsement_policy[] = {
  0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,
  0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
};

GBytes *
brevet_tpm_public_to_bytes (const TPM2B_PUBLIC *public_area)
{
  guint8 buffer[sizeof (TPM2B_PUBLIC)];
  size_t length = 0;
  TPM2B_PUBLIC copy = *public_area;

  /* The size is computed, whatever it said. */
  copy.size = 0;
  if (Tss2_MU_TPM2B_PUBLIC_Marshal (&copy, buffer, sizeof buffer, &length) != TSS2_RC_SUCCESS)
    length = 0;
  return g_bytes_new (buffer, length);
}

static void
fill_template (const Role *role, TPM2B_PUBLIC *template)
{
  TPMT_PUBLIC *area = &template->publicArea;
  TPMS_RSA_PARMS *rsa = &area->parameters.rsaDetail;

  memset (template, 0, sizeof *template);
  area->type = TPM2_ALG_RSA;
  area->nameAlg = TPM2_ALG_SHA256;
  area->objectAttributes = role->attributes;
  if (role->has_policy)
    {
      area->authPolicy.size = sizeof endorsement_policy;
      memcpy (area->authPolicy.buffer, endorsement_policy, sizeof endorsement_policy);
    }
  rsa->symmetric.algorithm = TPM2_ALG_AES;
  rsa->symmetric.keyBits.aes = 128;
  rsa->symmetric.mode.aes = TPM2_ALG_CFB;
  rsa->scheme.scheme = TPM2_ALG_NULL;
  rsa->keyBits = KEY_BYTES * 8;
  area->unique.rsa.size = KEY_BYTES;
}

static gboolean
is_like (const Role *role, const TPM2B_PUBLIC *public_area)
{
  TPM2B_PUBLIC template;
  g_autoptr(GBytes) wanted = NULL;
  g_autoptr(GBytes) found = NULL;

  if (public_area->publicArea.type != TPM2_ALG_RSA)
    return FALSE;
  fill_template (role, &template);
  template.publicArea.unique = public_area->publicArea.unique;
  wanted = brevet_tpm_public_to_bytes (&template);
  found = brevet_tpm_public_to_bytes (public_area);
  return g_bytes_equal (wanted, found);
}

/* The handles in the order in which they are looked at. */
static GArray *
sort_handles (GArray *taken, TPM2_HANDLE remembered, TPM2_HANDLE standard)
{
  GArray *order = g_array_new (FALSE, FALSE, sizeof (TPM2_HANDLE));

  if (brevet_tpm_has_handle (taken, remembered))
    g_array_append_val (order, remembered);
  if (standard != remembered && brevet_tpm_has_handle (taken, standard))
    g_array_append_val (order, standard);
  for (guint i = 0; i < taken->len; i++)
    if (!brevet_tpm_has_handle (order, g_array_index (taken, TPM2_HANDLE, i)))
      g_array_append_val (order, g_array_index (taken, TPM2_HANDLE, i));
  return order;
}

/* A key that the TPM does not show, for its hierarchy is switched off, is none for us. */
static gboolean
read_candidate (BrevetTpm *tpm, TPM2_HANDLE handle, BrevetTpmKey *key, GError **error)
{
  GError *problem = NULL;

  if (brevet_tpm_read_key (tpm, handle, key, &problem))
    return TRUE;
  if ((brevet_tpm_code_strip (brevet_tpm_get_last_code (tpm)) & TPM2_RC_FMT1) == 0)
    {
      g_propagate_error (error, problem);
      return FALSE;
    }
  g_debug ("%s", problem->message);
  g_error_free (problem);
  return TRUE;
}

/* The first that is the remembered one; else the first that is like the template. */
static gboolean
find (BrevetTpm *tpm, const Role *role, GArray *taken, TPM2_HANDLE standard, BrevetTpmHandles *handles, BrevetTpmKey *key,
      gboolean *found, GError **error)
{
  TPM2_HANDLE remembered = 0;
  g_autoptr(GArray) order = NULL;

  *found = FALSE;
  brevet_tpm_handles_get (handles, role->label, &remembered);
  order = sort_handles (taken, remembered, standard);
  for (guint i = 0; i < order->len; i++)
    {
      BrevetTpmKey candidate;

      if (!read_candidate (tpm, g_array_index (order, TPM2_HANDLE, i), &candidate, error))
        return FALSE;
      if (brevet_tpm_handles_get_use (handles, role->label, &candidate.name) != NULL ||
          (!*found && is_like (role, &candidate.public_area)))
        {
          *key = candidate;
          *found = TRUE;
          if (brevet_tpm_handles_get_use (handles, role->label, &candidate.name) != NULL ||
              brevet_tpm_handles_get_name (handles, role->label) == NULL)
            return TRUE;
        }
    }
  return TRUE;
}

/* Software does not agree about `unique`: some give zeros, some nothing, and the keys differ. */
static gboolean
make_primary (BrevetTpm *tpm, const Role *role, guint16 unique_size, BrevetTpmKey *key, GError **error)
{
  const TPM2B_SENSITIVE_CREATE sensitive = { 0 };
  const TPM2B_DATA outside_info = { 0 };
  const TPML_PCR_SELECTION creation_pcr = { 0 };
  TPM2B_PUBLIC template;
  BREVET_TPM_AUTO TPM2B_PUBLIC *public_area = NULL;
  BREVET_TPM_AUTO TPM2B_NAME *name = NULL;

  fill_template (role, &template);
  template.publicArea.unique.rsa.size = unique_size;
  *key = (BrevetTpmKey) { .object = ESYS_TR_NONE };
  if (!BREVET_TPM_RUN (tpm, role->make_purpose, role->authorization, error,
                       Esys_CreatePrimary (brevet_tpm_get_esys (tpm), role->hierarchy, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                                           &sensitive, &template, &outside_info, &creation_pcr, &key->object, &public_area, NULL,
                                           NULL, NULL)))
    return FALSE;
  brevet_tpm_keep (tpm, key->object);
  if (!BREVET_TPM_RUN (tpm, role->make_purpose, NULL, error, Esys_TR_GetName (brevet_tpm_get_esys (tpm), key->object, &name)))
    return FALSE;
  key->public_area = *public_area;
  key->name = *name;
  return TRUE;
}

/* A TPM makes the same key from the same template again, until it is cleared: so a key that was lost may come back. */
static gboolean
make_key (BrevetTpm *tpm, const Role *role, BrevetTpmHandles *handles, BrevetTpmKey *key, GError **error)
{
  BrevetTpmKey other;

  if (!make_primary (tpm, role, KEY_BYTES, key, error))
    return FALSE;
  if (brevet_tpm_handles_get_name (handles, role->label) == NULL ||
      brevet_tpm_handles_get_use (handles, role->label, &key->name) != NULL)
    return TRUE;
  if (!make_primary (tpm, role, 0, &other, error))
    return FALSE;
  if (brevet_tpm_handles_get_use (handles, role->label, &other.name) == NULL)
    {
      brevet_tpm_flush (tpm, other.object);
      return TRUE;
    }
  brevet_tpm_flush (tpm, key->object);
  *key = other;
  return TRUE;
}

static gboolean
create (BrevetTpm *tpm, const Role *role, GArray *taken, TPM2_HANDLE standard, BrevetTpmHandles *handles, BrevetTpmKey *key,
        GError **error)
{
  TPM2_HANDLE handle = brevet_tpm_choose_free (taken, standard);

  if (handle == 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                   "The TPM at %s has no free handle for the %s at 0x%08x or behind it; name another", brevet_tpm_get_tcti (tpm),
                   role->words, standard);
      return FALSE;
    }
  if (!make_key (tpm, role, handles, key, error) || !brevet_tpm_persist (tpm, key, handle, role->persist_purpose, error))
    return FALSE;
  g_array_append_val (taken, handle);
  g_message ("There was no %s in the TPM at %s; one is made, and kept at 0x%08x", role->words, brevet_tpm_get_tcti (tpm), handle);
  return TRUE;
}

static void
warn_of_change (BrevetTpm *tpm, const Role *role, BrevetTpmHandles *handles, const BrevetTpmKey *key)
{
  const char *old = brevet_tpm_handles_get_name (handles, role->label);
  g_autofree char *new = brevet_tpm_name_to_text (&key->name);

  if (old != NULL && !g_str_equal (old, new))
    g_warning ("The TPM at %s has another %s than before: its Name was %s and is %s; the TPM was cleared or replaced",
               brevet_tpm_get_tcti (tpm), role->words, old, new);
}

static gboolean
find_or_create (BrevetTpm *tpm, const Role *role, GArray *taken, TPM2_HANDLE standard, BrevetTpmHandles *handles,
                gboolean may_create, BrevetTpmKey *key, gboolean *found, GError **error)
{
  if (!find (tpm, role, taken, standard, handles, key, found, error))
    return FALSE;
  if (!*found && may_create)
    *found = create (tpm, role, taken, standard, handles, key, error);
  if (!*found)
    return !may_create;
  if (may_create)
    {
      warn_of_change (tpm, role, handles, key);
      brevet_tpm_handles_remember (handles, role->label, key->handle, &key->name, "root");
    }
  return TRUE;
}

gboolean
brevet_tpm_root_keys_find (BrevetTpm *tpm, const BrevetTpmPlaces *places, BrevetTpmHandles *handles, gboolean create,
                           BrevetTpmRootKeys *keys, GError **error)
{
  g_autoptr(GArray) taken = brevet_tpm_list_persistent (tpm, error);

  *keys = (BrevetTpmRootKeys) { .has_endorsement = FALSE };
  return taken != NULL &&
         find_or_create (tpm, &endorsement_role, taken, places->endorsement_key, handles, create, &keys->endorsement,
                         &keys->has_endorsement, error) &&
         find_or_create (tpm, &storage_role, taken, places->storage_root_key, handles, create, &keys->storage, &keys->has_storage,
                         error);
}
