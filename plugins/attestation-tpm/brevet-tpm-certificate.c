/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-tpm-certificate.h"

#include "brevet-tpm-error.h"

/* Where TPMs have the certificate of their endorsement key with RSA 2048 (TCG EK Credential Profile). */
#define CERTIFICATE_INDEX 0x01c00002

/* Every TPM allows so much in one command. */
#define SMALL_PART 512

#define PURPOSE "read the certificate of the endorsement key"

static gboolean
has_index (BrevetTpm *tpm, gboolean *has, GError **error)
{
  BREVET_TPM_AUTO TPMS_CAPABILITY_DATA *data = NULL;
  TPMI_YES_NO more;

  if (!BREVET_TPM_RUN (tpm, PURPOSE, NULL, error,
                       Esys_GetCapability (brevet_tpm_get_esys (tpm), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_HANDLES,
                                           CERTIFICATE_INDEX, 1, &more, &data)))
    return FALSE;
  *has = data->data.handles.count > 0 && data->data.handles.handle[0] == CERTIFICATE_INDEX;
  return TRUE;
}

/* Makers fill the index up behind the certificate. Its own length is in front, in two bytes after the tag of a sequence. */
static void
drop_filling (GByteArray *content)
{
  guint length;

  if (content->len < 4 || content->data[0] != 0x30 || content->data[1] != 0x82)
    return;
  length = 4 + ((guint) content->data[2] << 8 | content->data[3]);
  if (length < content->len)
    g_byte_array_set_size (content, length);
}

static gboolean
read_index (BrevetTpm *tpm, ESYS_TR index, ESYS_TR authority, guint size, GByteArray *content, GError **error)
{
  guint32 limit = 0;
  guint part = SMALL_PART;

  if (brevet_tpm_get_property (tpm, TPM2_PT_NV_BUFFER_MAX, &limit))
    part = CLAMP (limit, 1, TPM2_MAX_NV_BUFFER_SIZE);
  while (content->len < size)
    {
      BREVET_TPM_AUTO TPM2B_MAX_NV_BUFFER *data = NULL;
      guint16 wanted = (guint16) MIN (part, size - content->len);

      if (!BREVET_TPM_RUN (tpm, PURPOSE, NULL, error,
                           Esys_NV_Read (brevet_tpm_get_esys (tpm), authority, index, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                                         wanted, (UINT16) content->len, &data)))
        return FALSE;
      if (data->size == 0)
        break;
      g_byte_array_append (content, data->buffer, data->size);
    }
  return TRUE;
}

static GBytes *
read_certificate (BrevetTpm *tpm, GError **error)
{
  ESYS_CONTEXT *esys = brevet_tpm_get_esys (tpm);
  g_autoptr(GByteArray) content = g_byte_array_new ();
  BREVET_TPM_AUTO TPM2B_NV_PUBLIC *public_area = NULL;
  ESYS_TR index = ESYS_TR_NONE;
  gboolean by_itself;

  if (!BREVET_TPM_RUN (tpm, PURPOSE, NULL, error,
                       Esys_TR_FromTPMPublic (esys, CERTIFICATE_INDEX, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &index)) ||
      !BREVET_TPM_RUN (tpm, PURPOSE, NULL, error,
                       Esys_NV_ReadPublic (esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &public_area, NULL)))
    return NULL;
  by_itself = (public_area->nvPublic.attributes & TPMA_NV_AUTHREAD) != 0;
  if (!read_index (tpm, index, by_itself ? index : ESYS_TR_RH_OWNER, public_area->nvPublic.dataSize, content, error))
    return NULL;
  drop_filling (content);
  return g_byte_array_free_to_bytes (g_steal_pointer (&content));
}

gboolean
brevet_tpm_read_certificate (BrevetTpm *tpm, GBytes **certificate, GError **error)
{
  g_autoptr(GError) problem = NULL;
  gboolean has = FALSE;

  *certificate = NULL;
  if (!has_index (tpm, &has, error))
    return FALSE;
  if (!has)
    return TRUE;
  *certificate = read_certificate (tpm, &problem);
  if (problem == NULL)
    return TRUE;
  /* The TPM does answer, but does not show it: one can do without. */
  if (brevet_tpm_code_strip (brevet_tpm_get_last_code (tpm)) != TPM2_RC_SUCCESS && !g_error_matches (problem, G_IO_ERROR,
                                                                                                     G_IO_ERROR_CANCELLED))
    {
      g_debug ("%s", problem->message);
      return TRUE;
    }
  g_propagate_error (error, g_steal_pointer (&problem));
  return FALSE;
}
