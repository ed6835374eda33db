/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-tpm-device.h"

#include "brevet-tpm-error.h"

#include <tss2/tss2_tctildr.h>

/* A TPM that asks for a command again gets it so often: 20 ms after the first time, with pauses twice as long each time, for about
 * ten seconds. ESYS itself has asked five times without a pause before. */
#define FIRST_PAUSE_MS 20
#define LAST_TRY 9

struct _BrevetTpm
{
  char              *tcti;
  GCancellable      *cancellable;
  TSS2_TCTI_CONTEXT *connection;
  ESYS_CONTEXT      *esys;
  GArray            *kept; /* ESYS_TR */
  TSS2_RC            last_code;
};

ESYS_CONTEXT *
brevet_tpm_get_esys (BrevetTpm *self)
{
  return self->esys;
}

const char *
brevet_tpm_get_tcti (BrevetTpm *self)
{
  return self->tcti;
}

TSS2_RC
brevet_tpm_get_last_code (BrevetTpm *self)
{
  return self->last_code;
}

void
brevet_tpm_keep (BrevetTpm *self, ESYS_TR handle)
{
  g_array_append_val (self->kept, handle);
}

gboolean
brevet_tpm_forget (BrevetTpm *self, ESYS_TR handle)
{
  for (guint i = 0; i < self->kept->len; i++)
    if (g_array_index (self->kept, ESYS_TR, i) == handle)
      {
        g_array_remove_index (self->kept, i);
        return TRUE;
      }
  return FALSE;
}

void
brevet_tpm_flush (BrevetTpm *self, ESYS_TR handle)
{
  if (brevet_tpm_forget (self, handle))
    Esys_FlushContext (self->esys, handle);
}

BrevetTpm *
brevet_tpm_open (const char *tcti, GCancellable *cancellable, GError **error)
{
  g_autoptr(BrevetTpm) self = g_new0 (BrevetTpm, 1);
  TSS2_RC code;

  self->tcti = g_strdup (tcti);
  self->kept = g_array_new (FALSE, FALSE, sizeof (ESYS_TR));
  g_set_object (&self->cancellable, cancellable);
  if (!brevet_tpm_begin (self, error))
    return NULL;
  /* An empty name would be any TPM that the stack finds. */
  code = *tcti != '\0' ? Tss2_TctiLdr_Initialize (tcti, &self->connection) : TSS2_TCTI_RC_NOT_SUPPORTED;
  if (code == TSS2_RC_SUCCESS)
    code = Esys_Initialize (&self->esys, self->connection, NULL);
  if (code == TSS2_RC_SUCCESS)
    return g_steal_pointer (&self);
  g_propagate_error (error, brevet_tpm_error_new_opening (code, tcti));
  return NULL;
}

void
brevet_tpm_close (BrevetTpm *self)
{
  while (self->kept->len > 0)
    brevet_tpm_flush (self, g_array_index (self->kept, ESYS_TR, self->kept->len - 1));
  if (self->esys != NULL)
    Esys_Finalize (&self->esys);
  if (self->connection != NULL)
    Tss2_TctiLdr_Finalize (&self->connection);
  g_array_unref (self->kept);
  g_clear_object (&self->cancellable);
  g_free (self->tcti);
  g_free (self);
}

gboolean
brevet_tpm_begin (BrevetTpm *self, GError **error)
{
  return !g_cancellable_set_error_if_cancelled (self->cancellable, error);
}

/* The pause ends early when somebody cancels. */
static void
pause_for (BrevetTpm *self, int milliseconds)
{
  GPollFD watch = { 0 };

  if (self->cancellable != NULL && g_cancellable_make_pollfd (self->cancellable, &watch))
    {
      g_poll (&watch, 1, milliseconds);
      g_cancellable_release_fd (self->cancellable);
    }
  else
    g_usleep ((gulong) milliseconds * 1000);
}

gboolean
brevet_tpm_repeats (BrevetTpm *self, TSS2_RC code, guint *tries)
{
  if (!brevet_tpm_code_may_pass (code) || *tries >= LAST_TRY)
    return FALSE;
  pause_for (self, FIRST_PAUSE_MS << *tries);
  (*tries)++;
  return !g_cancellable_is_cancelled (self->cancellable);
}

gboolean
brevet_tpm_get_property (BrevetTpm *self, TPM2_PT property, guint32 *value)
{
  BREVET_TPM_AUTO TPMS_CAPABILITY_DATA *data = NULL;
  TPMI_YES_NO more;

  if (Esys_GetCapability (self->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_TPM_PROPERTIES, property, 1, &more,
                          &data) != TSS2_RC_SUCCESS ||
      data->data.tpmProperties.count == 0 || data->data.tpmProperties.tpmProperty[0].property != property)
    return FALSE;
  *value = data->data.tpmProperties.tpmProperty[0].value;
  return TRUE;
}

/* When it is over: the TPM forgets one failure after the other. */
static void
add_recovery (BrevetTpm *self, GError *error)
{
  guint32 failures = 0, allowed = 0, interval = 0;
  g_autofree char *told = error->message;

  if (!brevet_tpm_get_property (self, TPM2_PT_LOCKOUT_COUNTER, &failures) ||
      !brevet_tpm_get_property (self, TPM2_PT_MAX_AUTH_FAIL, &allowed) ||
      !brevet_tpm_get_property (self, TPM2_PT_LOCKOUT_INTERVAL, &interval))
    error->message = g_strdup_printf ("%s; it opens again by itself after a while, or with tpm2_dictionarylockout -c", told);
  else
    error->message = g_strdup_printf ("%s: %u failures, where %u are allowed; one is forgotten every %u s, and with "
                                      "tpm2_dictionarylockout -c all are", told, failures, allowed, interval);
}

gboolean
brevet_tpm_end (BrevetTpm *self, TSS2_RC code, const char *purpose, const char *authorization, GError **error)
{
  GError *problem;

  self->last_code = code;
  if (code == TSS2_RC_SUCCESS)
    return TRUE;
  if (!brevet_tpm_begin (self, error))
    return FALSE;
  problem = brevet_tpm_error_new (code, self->tcti, purpose, authorization);
  if (brevet_tpm_code_strip (code) == TPM2_RC_LOCKOUT)
    add_recovery (self, problem);
  g_propagate_error (error, problem);
  return FALSE;
}
