/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-tpm-prover.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-sas-token.h"
#include "brevet-tpm-identity-key.h"
#include "brevet-tpm-job.h"
#include "brevet-tpm-proof.h"

#define DEFAULT_TCTI "device:/dev/tpmrm0"
#define TIME_LIMIT_DEFAULT 120
#define TIME_LIMIT_MAX 3600

/* Persistent handles that the owner may use; those above belong to the platform. */
#define FIRST_HANDLE BREVET_TPM_PERSISTENT_FIRST
#define LAST_HANDLE 0x817fffff
#define ENDORSEMENT_KEY_HANDLE 0x81010001
#define STORAGE_ROOT_KEY_HANDLE 0x81000001
#define IDENTITY_KEY_HANDLE 0x81000100

struct _BrevetTpmProver
{
  BrevetPlugin parent_instance;

  char          *tcti;
  BrevetTpmProof proof;          /* of the thread that has the TPM */
  gint64         token_lifetime; /* seconds */
  gint64         time_limit;     /* seconds */
};

static void prover_iface_init (BrevetProverInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BrevetTpmProver, brevet_tpm_prover, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_PROVER, prover_iface_init))

/* Settings. */

static gboolean
read_handle (BrevetSettings *settings, const char *key, TPM2_HANDLE standard, TPM2_HANDLE *handle, GError **error)
{
  const char *text = brevet_settings_get_string (settings, key, NULL);
  guint64 number = standard;

  if (text != NULL && (!g_str_has_prefix (text, "0x") ||
                       !g_ascii_string_to_unsigned (text + 2, 16, FIRST_HANDLE, LAST_HANDLE, &number, NULL)))
    {
      g_propagate_error (error, brevet_settings_error (settings, key, "“%s” is not a persistent handle; write for example 0x%08x, "
                                                       "between 0x%08x and 0x%08x", text, standard, FIRST_HANDLE, LAST_HANDLE));
      return FALSE;
    }
  *handle = (TPM2_HANDLE) number;
  return TRUE;
}

static gboolean
read_authorization (BrevetSettings *settings, const char *key, BrevetSecret **secret, GError **error)
{
  gsize length = 0;

  if (!brevet_settings_get_secret (settings, key, secret, error))
    return FALSE;
  if (*secret != NULL)
    brevet_secret_get_data (*secret, &length);
  if (length <= sizeof ((TPM2B_AUTH *) NULL)->buffer)
    return TRUE;
  g_propagate_error (error, brevet_settings_error (settings, key, "it has %" G_GSIZE_FORMAT " bytes; no TPM takes more than %"
                                                   G_GSIZE_FORMAT, length, sizeof ((TPM2B_AUTH *) NULL)->buffer));
  return FALSE;
}

/* The key is called no …-file: what such a file holds is an input, and a change of it would make the device register anew. */
static char *
find_handles (BrevetPlugin *plugin, BrevetSettings *settings)
{
  g_autofree char *name = g_strconcat ("tpm-", brevet_plugin_get_name (plugin), ".json", NULL);

  return brevet_settings_get_state_path (settings, "handles-path", g_strdelimit (name, G_DIR_SEPARATOR_S " ", '-'));
}

/* The stack writes to standard error whatever it is asked and cannot do, be it expected or not; it looks here before it does so for
 * the first time. Settings are read on the main thread, before there is a TPM in use. */
static void
silence_stack (void)
{
  if (g_getenv ("TSS2_LOG") == NULL)
    g_setenv ("TSS2_LOG", "all+NONE", FALSE);
}

static gboolean
brevet_tpm_prover_configure (BrevetPlugin *plugin, GError **error)
{
  BrevetTpmProver *self = BREVET_TPM_PROVER (plugin);
  BrevetSettings *settings = brevet_plugin_get_settings (plugin);

  silence_stack ();
  self->tcti = g_strdup (brevet_settings_get_string (settings, "tcti", DEFAULT_TCTI));
  self->proof.handles_path = find_handles (plugin, settings);
  return read_handle (settings, "endorsement-key-handle", ENDORSEMENT_KEY_HANDLE, &self->proof.places.endorsement_key, error) &&
         read_handle (settings, "storage-root-key-handle", STORAGE_ROOT_KEY_HANDLE, &self->proof.places.storage_root_key, error) &&
         read_handle (settings, "identity-key-handle", IDENTITY_KEY_HANDLE, &self->proof.places.identity_key, error) &&
         read_authorization (settings, "owner-authorization", &self->proof.owner, error) &&
         read_authorization (settings, "endorsement-authorization", &self->proof.endorsement, error) &&
         brevet_settings_get_boolean (settings, "endorsement-certificate", TRUE, &self->proof.shows_certificate, error) &&
         brevet_settings_get_duration (settings, "time-limit", TIME_LIMIT_DEFAULT, 1, TIME_LIMIT_MAX, &self->time_limit, error) &&
         brevet_sas_read_token_lifetime (settings, &self->token_lifetime, error);
}

/* What is done on the thread that has the TPM. */

static gpointer
prove (BrevetTpm *tpm, gpointer source, gpointer data, GError **error)
{
  return brevet_tpm_proof_make (&BREVET_TPM_PROVER (source)->proof, tpm, data, error);
}

static gpointer
accept_key (BrevetTpm *tpm, gpointer source, gpointer data, GError **error)
{
  return GINT_TO_POINTER (brevet_tpm_proof_accept (&BREVET_TPM_PROVER (source)->proof, tpm, data, error));
}

static gpointer
describe (BrevetTpm *tpm, gpointer source, gpointer data, GError **error)
{
  return brevet_tpm_proof_describe (&BREVET_TPM_PROVER (source)->proof, tpm, error);
}

/* The verbs. */

static void
run (BrevetTpmProver *self, BrevetTpmWork work, BrevetTpmProofRequest *request, GDestroyNotify result_free,
     GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetTpmJob job = {
    .tcti = self->tcti,
    .seconds = (guint) self->time_limit,
    .work = work,
    .data = request,
    .data_free = (GDestroyNotify) brevet_tpm_proof_request_free,
    .result_free = result_free,
  };

  brevet_tpm_job_run_async (G_OBJECT (self), &job, cancellable, callback, user_data);
}

/* Returns: the blob, or NULL with an error */
static const char *
find_blob (JsonObject *challenge, GError **error)
{
  JsonNode *node = json_object_get_member (challenge, "authenticationKey");

  if (node != NULL && json_node_get_value_type (node) == G_TYPE_STRING)
    return json_node_get_string (node);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
               "The service wants something else than a TPM proved: there is no authenticationKey in its challenge; use the "
               "attestation of the device's enrollment");
  return NULL;
}

static void
brevet_tpm_prover_prove_async (BrevetProver *prover, const char *id_scope, const char *registration_id, JsonObject *challenge,
                               GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetTpmProver *self = BREVET_TPM_PROVER (prover);
  GError *error = NULL;
  const char *blob = challenge != NULL ? find_blob (challenge, &error) : NULL;
  BrevetTpmProofRequest *request;

  if (error != NULL)
    {
      g_task_report_error (prover, callback, user_data, brevet_tpm_job_run_async, error);
      return;
    }
  request = g_new0 (BrevetTpmProofRequest, 1);
  request->resource = g_strdup_printf ("%s/registrations/%s", id_scope, registration_id);
  request->expiry = brevet_clock_now_seconds () + self->token_lifetime;
  request->challenge = g_strdup (blob);
  request->use = BREVET_TPM_USE_REGISTRATION;
  run (self, prove, request, (GDestroyNotify) brevet_evidence_unref, cancellable, callback, user_data);
}

static BrevetEvidence *
brevet_tpm_prover_prove_finish (BrevetProver *prover, GAsyncResult *result, GError **error)
{
  return brevet_tpm_job_run_finish (result, error);
}

static void
brevet_tpm_prover_accept_async (BrevetProver *prover, JsonObject *parameters, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer user_data)
{
  GError *error = NULL;
  const char *blob = find_blob (parameters, &error);
  BrevetTpmProofRequest *request;

  if (blob == NULL)
    {
      g_task_report_error (prover, callback, user_data, brevet_tpm_job_run_async, error);
      return;
    }
  request = g_new0 (BrevetTpmProofRequest, 1);
  request->challenge = g_strdup (blob);
  request->use = BREVET_TPM_USE_HUB;
  run (BREVET_TPM_PROVER (prover), accept_key, request, NULL, cancellable, callback, user_data);
}

static gboolean
brevet_tpm_prover_accept_finish (BrevetProver *prover, GAsyncResult *result, GError **error)
{
  return brevet_tpm_job_run_finish (result, error) != NULL;
}

static void
brevet_tpm_prover_describe_async (BrevetProver *prover, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  run (BREVET_TPM_PROVER (prover), describe, NULL, (GDestroyNotify) json_object_unref, cancellable, callback, user_data);
}

static JsonObject *
brevet_tpm_prover_describe_finish (BrevetProver *prover, GAsyncResult *result, GError **error)
{
  return brevet_tpm_job_run_finish (result, error);
}

static void
prover_iface_init (BrevetProverInterface *iface)
{
  iface->prove_async = brevet_tpm_prover_prove_async;
  iface->prove_finish = brevet_tpm_prover_prove_finish;
  iface->accept_async = brevet_tpm_prover_accept_async;
  iface->accept_finish = brevet_tpm_prover_accept_finish;
  iface->describe_async = brevet_tpm_prover_describe_async;
  iface->describe_finish = brevet_tpm_prover_describe_finish;
}

static void
brevet_tpm_prover_finalize (GObject *object)
{
  BrevetTpmProver *self = BREVET_TPM_PROVER (object);

  g_free (self->tcti);
  brevet_tpm_proof_clear (&self->proof);
  G_OBJECT_CLASS (brevet_tpm_prover_parent_class)->finalize (object);
}

static void
brevet_tpm_prover_class_init (BrevetTpmProverClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = brevet_tpm_prover_finalize;
  BREVET_PLUGIN_CLASS (klass)->configure = brevet_tpm_prover_configure;
}

static void
brevet_tpm_prover_init (BrevetTpmProver *self)
{
}
