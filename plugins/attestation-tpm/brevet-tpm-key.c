/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-tpm-key.h"

#include <string.h>

/* So many handles behind the wanted one are tried. */
#define NEARBY 64

gboolean
brevet_tpm_name_equal (const TPM2B_NAME *one, const TPM2B_NAME *other)
{
  return one->size == other->size && memcmp (one->name, other->name, one->size) == 0;
}

GArray *
brevet_tpm_list_persistent (BrevetTpm *self, GError **error)
{
  g_autoptr(GArray) handles = g_array_new (FALSE, FALSE, sizeof (TPM2_HANDLE));
  TPM2_HANDLE next = BREVET_TPM_PERSISTENT_FIRST;
  TPMI_YES_NO more = TPM2_YES;

  while (more == TPM2_YES)
    {
      BREVET_TPM_AUTO TPMS_CAPABILITY_DATA *data = NULL;
      const TPML_HANDLE *part;

      if (!BREVET_TPM_RUN (self, "list its persistent objects", NULL, error,
                           Esys_GetCapability (brevet_tpm_get_esys (self), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                               TPM2_CAP_HANDLES, next, TPM2_MAX_CAP_HANDLES, &more, &data)))
        return NULL;
      part = &data->data.handles;
      g_array_append_vals (handles, part->handle, part->count);
      if (part->count == 0)
        break;
      next = part->handle[part->count - 1] + 1;
    }
  return g_steal_pointer (&handles);
}

gboolean
brevet_tpm_has_handle (GArray *handles, TPM2_HANDLE handle)
{
  for (guint i = 0; i < handles->len; i++)
    if (g_array_index (handles, TPM2_HANDLE, i) == handle)
      return TRUE;
  return FALSE;
}

TPM2_HANDLE
brevet_tpm_choose_free (GArray *handles, TPM2_HANDLE wanted)
{
  for (TPM2_HANDLE handle = wanted; handle < wanted + NEARBY && handle <= BREVET_TPM_PERSISTENT_LAST; handle++)
    if (!brevet_tpm_has_handle (handles, handle))
      return handle;
  return 0;
}

gboolean
brevet_tpm_read_key (BrevetTpm *self, TPM2_HANDLE handle, BrevetTpmKey *key, GError **error)
{
  ESYS_CONTEXT *esys = brevet_tpm_get_esys (self);
  g_autofree char *purpose = g_strdup_printf ("read the public part of the key at 0x%08x", handle);
  BREVET_TPM_AUTO TPM2B_PUBLIC *public_area = NULL;
  BREVET_TPM_AUTO TPM2B_NAME *name = NULL;

  *key = (BrevetTpmKey) { .object = ESYS_TR_NONE, .handle = handle };
  if (!BREVET_TPM_RUN (self, purpose, NULL, error,
                       Esys_TR_FromTPMPublic (esys, handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &key->object)) ||
      !BREVET_TPM_RUN (self, purpose, NULL, error,
                       Esys_ReadPublic (esys, key->object, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &public_area, &name, NULL)))
    return FALSE;
  key->public_area = *public_area;
  key->name = *name;
  return TRUE;
}

gboolean
brevet_tpm_persist (BrevetTpm *self, BrevetTpmKey *key, TPM2_HANDLE handle, const char *purpose, GError **error)
{
  ESYS_TR persistent = ESYS_TR_NONE;

  if (!BREVET_TPM_RUN (self, purpose, "owner-authorization", error,
                       Esys_EvictControl (brevet_tpm_get_esys (self), ESYS_TR_RH_OWNER, key->object, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                          ESYS_TR_NONE, handle, &persistent)))
    return FALSE;
  brevet_tpm_flush (self, key->object);
  key->object = persistent;
  key->handle = handle;
  return TRUE;
}

gboolean
brevet_tpm_evict (BrevetTpm *self, const BrevetTpmKey *key, GError **error)
{
  g_autofree char *purpose = g_strdup_printf ("remove the key at 0x%08x", key->handle);
  ESYS_TR gone = ESYS_TR_NONE;

  return BREVET_TPM_RUN (self, purpose, "owner-authorization", error,
                         Esys_EvictControl (brevet_tpm_get_esys (self), ESYS_TR_RH_OWNER, key->object, ESYS_TR_PASSWORD,
                                            ESYS_TR_NONE, ESYS_TR_NONE, key->handle, &gone));
}
