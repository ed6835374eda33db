/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-registration-client-private.h"

#include "brevet-error.h"
#include "brevet-time-limit.h"

enum { STAGE_CHANGED, N_SIGNALS };

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (BrevetRegistrationClient, brevet_registration_client, G_TYPE_OBJECT)

void
brevet_registration_client_set_stage (BrevetRegistrationClient *self, BrevetRegistrationStage stage)
{
  if (self->stage == (int) stage)
    return;
  self->stage = (int) stage;
  g_signal_emit (self, signals[STAGE_CHANGED], 0, (guint) stage);
}

void
brevet_registration_client_set_failure (BrevetRegistrationClient *self, const BrevetRegistrationAnswer *answer)
{
  g_clear_pointer (&self->failure.tracking_id, g_free);
  self->failure = (BrevetRegistrationFailure) { .retry_after = -1 };
  if (answer == NULL || answer->error == NULL)
    return;
  self->failure.error_code = answer->error_code;
  self->failure.tracking_id = g_strdup (answer->tracking_id);
  self->failure.retry_after = answer->retry_after;
  self->failure.disabled = answer->disabled;
}

GError *
brevet_registration_client_describe_delay (BrevetRegistrationClient *self, guint seconds, const GError *last)
{
  const char *reason = last != NULL ? last->message
                       : self->stage == BREVET_REGISTRATION_STAGE_PROVING
                         ? "what holds the device's credential (a file, a token, a TPM) does not answer"
                         : "the service does not answer, or a token does not sign for the connection to it";

  return g_error_new (BREVET_ERROR, BREVET_ERROR_UNREACHABLE, "The registration of %s has no result after %u seconds: %s",
                      self->registration_id, seconds, reason);
}

/* A registration is answered when its time is over or its caller cancels, even if a prover or a transport does not end then: both
 * may hang in a token or a TPM. The conversation has a task of its own, which they may keep. */

/* Seconds for them to end. */
#define GRACE 2

typedef struct {
  guint timeout;
  BrevetTimeLimit *limit;
  GSource *watch;   /* for the end of the time, and then of the grace */
} Patience;

static void
stop_watch (Patience *patience)
{
  if (patience->watch != NULL)
    g_source_destroy (patience->watch);
  g_clear_pointer (&patience->watch, g_source_unref);
}

static void
patience_free (gpointer data)
{
  Patience *patience = data;

  g_clear_pointer (&patience->limit, brevet_time_limit_free);
  stop_watch (patience);
  g_free (patience);
}

static void
watch (GTask *task, GSource *source, GSourceFunc callback)
{
  Patience *patience = g_task_get_task_data (task);

  stop_watch (patience);
  patience->watch = source;
  g_source_set_callback (source, callback, g_object_ref (task), g_object_unref);
  g_source_attach (source, g_task_get_context (task));
}

static gboolean
on_grace_over (gpointer user_data)
{
  g_autoptr(GTask) task = g_object_ref (G_TASK (user_data));
  BrevetRegistrationClient *self = g_task_get_source_object (task);
  Patience *patience = g_task_get_task_data (task);

  stop_watch (patience);
  if (brevet_time_limit_has_passed (patience->limit))
    g_task_return_error (task, brevet_registration_client_describe_delay (self, patience->timeout, NULL));
  else
    g_task_return_error_if_cancelled (task);
  return G_SOURCE_REMOVE;
}

static gboolean
on_time_over (GCancellable *cancellable, gpointer user_data)
{
  watch (user_data, g_timeout_source_new_seconds (GRACE), on_grace_over);
  return G_SOURCE_REMOVE;
}

static void
on_run (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Patience *patience = g_task_get_task_data (task);
  GError *error = NULL;
  BrevetRegistrationState *state = g_task_propagate_pointer (G_TASK (result), &error);

  if (patience->watch == NULL)
    {
      /* Nobody waits any more. */
      g_clear_pointer (&state, brevet_registration_state_free);
      g_clear_error (&error);
      return;
    }
  stop_watch (patience);
  if (state != NULL)
    g_task_return_pointer (task, state, (GDestroyNotify) brevet_registration_state_free);
  else
    g_task_return_error (task, error);
}

void
brevet_registration_client_register_async (BrevetRegistrationClient *self, GBytes *csr, JsonNode *payload, guint timeout,
                                           GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autoptr(GTask) inner = g_task_new (self, cancellable, on_run, g_object_ref (task));
  Patience *patience = g_new0 (Patience, 1);

  g_task_set_source_tag (task, brevet_registration_client_register_async);
  g_task_set_task_data (task, patience, patience_free);
  g_task_set_check_cancellable (task, FALSE);
  patience->timeout = timeout;
  patience->limit = brevet_time_limit_new (g_task_get_context (task), timeout * 1000, cancellable);
  watch (task, g_cancellable_source_new (brevet_time_limit_get_cancellable (patience->limit)), G_SOURCE_FUNC (on_time_over));
  self->stage = -1;
  brevet_registration_client_set_failure (self, NULL);
  brevet_registration_run (inner, csr, payload, timeout);
}

BrevetRegistrationState *
brevet_registration_client_register_finish (BrevetRegistrationClient *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, brevet_registration_client_register_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

void
brevet_registration_client_set_patient (BrevetRegistrationClient *self, gboolean patient)
{
  g_return_if_fail (BREVET_IS_REGISTRATION_CLIENT (self));

  self->patient = patient;
}

/* Returns: the same text, for ever; NULL if it is none of those */
static const char *
find_api_version (const char *api_version)
{
  static const char *const versions[] = { BREVET_API_VERSION_PREVIEW, BREVET_API_VERSION_2025_PREVIEW };

  for (gsize i = 0; i < G_N_ELEMENTS (versions); i++)
    if (g_str_equal (versions[i], api_version))
      return versions[i];
  return NULL;
}

gboolean
brevet_registration_client_speaks (const char *api_version)
{
  g_return_val_if_fail (api_version != NULL, FALSE);

  return find_api_version (api_version) != NULL;
}

void
brevet_registration_client_set_api_version (BrevetRegistrationClient *self, const char *api_version)
{
  g_return_if_fail (BREVET_IS_REGISTRATION_CLIENT (self));
  g_return_if_fail (brevet_registration_client_speaks (api_version));

  self->api_version = find_api_version (api_version);
}

const BrevetRegistrationFailure *
brevet_registration_client_get_failure (BrevetRegistrationClient *self)
{
  g_return_val_if_fail (BREVET_IS_REGISTRATION_CLIENT (self), NULL);

  return &self->failure;
}

static void
brevet_registration_client_finalize (GObject *object)
{
  BrevetRegistrationClient *self = BREVET_REGISTRATION_CLIENT (object);

  g_clear_object (&self->transport);
  g_clear_object (&self->prover);
  g_free (self->id_scope);
  g_free (self->registration_id);
  g_free (self->failure.tracking_id);
  G_OBJECT_CLASS (brevet_registration_client_parent_class)->finalize (object);
}

static void
brevet_registration_client_class_init (BrevetRegistrationClientClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = brevet_registration_client_finalize;

  signals[STAGE_CHANGED] = g_signal_new ("stage-changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                         G_TYPE_NONE, 1, G_TYPE_UINT);
}

static void
brevet_registration_client_init (BrevetRegistrationClient *self)
{
  self->patient = TRUE;
  self->api_version = BREVET_API_VERSION_PREVIEW;
  self->stage = -1;
  self->failure.retry_after = -1;
}

BrevetRegistrationClient *
brevet_registration_client_new (BrevetTransport *transport, BrevetProver *prover, const char *id_scope, const char *registration_id)
{
  BrevetRegistrationClient *self = g_object_new (BREVET_TYPE_REGISTRATION_CLIENT, NULL);

  self->transport = g_object_ref (transport);
  self->prover = g_object_ref (prover);
  self->id_scope = g_strdup (id_scope);
  self->registration_id = g_strdup (registration_id);
  return self;
}
