/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent.h"

#include "agent-preparation.h"
#include "agent-queue.h"
#include "brevet-log.h"

/* How long a configuration that could not be used at the start rests until it is tried again. */
#define RETRY_PAUSE 60

enum { PROP_RETRY_PAUSE = 1, N_PROPERTIES };
enum { SIGNAL_IDENTITY_ADDED, SIGNAL_IDENTITY_REMOVED, SIGNAL_CONFIGURATION_CHANGED, N_SIGNALS };

static GParamSpec *properties[N_PROPERTIES];
static guint signals[N_SIGNALS];

struct _BrevetAgent
{
  GObject           parent_instance;

  char             *config_path;
  guint             retry_pause;
  BrevetRegistry   *registry;
  BrevetStore      *store;          /* NULL until it is open; then it stays */
  GPtrArray        *identities;
  char             *configuration_error;
  GPtrArray        *warnings;
  BrevetAgentQueue *jobs;           /* loads, reloads and the stop */
  GCancellable     *stopping;
  gboolean          complete;       /* a whole configuration is in effect */
  gboolean          started;
  guint             retry;          /* source id */
  guint             network_watch;  /* source id */
  GNetworkMonitor  *network;
};

G_DEFINE_FINAL_TYPE (BrevetAgent, brevet_agent, G_TYPE_OBJECT)

/* What a job needs beside its task. */
typedef struct {
  BrevetAgentPreparation *preparation; /* of a load or reload that has come that far */
  guint pending;                       /* identities that stop */
} Job;

static void
job_free (gpointer data)
{
  Job *job = data;

  g_clear_pointer (&job->preparation, brevet_agent_preparation_free);
  g_free (job);
}

static gboolean
on_retry (gpointer user_data)
{
  BrevetAgent *self = user_data;

  self->retry = 0;
  brevet_agent_reload_async (self, NULL, NULL);
  return G_SOURCE_REMOVE;
}

static void
plan_retry (BrevetAgent *self)
{
  g_clear_handle_id (&self->retry, g_source_remove);
  if (!self->complete && !g_cancellable_is_cancelled (self->stopping))
    self->retry = g_timeout_add_seconds (self->retry_pause, on_retry, self);
}

/* The answer to a job whose error, if any, is in it. */
static void
end_job (BrevetAgent *self, GTask *task)
{
  Job *job = g_task_get_task_data (task);

  if (job->preparation != NULL && job->preparation->error != NULL)
    g_task_return_error (task, g_error_copy (job->preparation->error));
  else
    g_task_return_boolean (task, TRUE);
  plan_retry (self);
  brevet_agent_queue_end (self->jobs, task);
}

/* Told of once, however often the same mistake is found again. */
static void
set_configuration_error (BrevetAgent *self, const char *text)
{
  g_autofree char *message = NULL;

  if (g_strcmp0 (self->configuration_error, text) != 0 && text != NULL)
    {
      message = g_strdup_printf (self->complete ? "The configuration was not reloaded, nothing has changed: %s"
                                                : "The configuration cannot be used, and is tried again: %s", text);
      brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_CONFIGURATION_PROBLEM, message, NULL);
    }
  g_free (self->configuration_error);
  self->configuration_error = g_strdup (text);
  g_signal_emit (self, signals[SIGNAL_CONFIGURATION_CHANGED], 0);
}

/* Told of once, too: a configuration of which not everything can be used yet is taken again every minute. */
static void
take_warnings (BrevetAgent *self, BrevetAgentPlan *plan)
{
  g_autoptr(GPtrArray) former = self->warnings;

  if (!brevet_settings_equal (brevet_plugin_get_settings (BREVET_PLUGIN (self->store)),
                              brevet_plugin_get_settings (BREVET_PLUGIN (plan->store))))
    g_ptr_array_add (plan->warnings, g_strdup ("The store has changed in the configuration; that takes effect at the next start"));
  self->warnings = g_ptr_array_ref (plan->warnings);
  for (guint i = 0; i < self->warnings->len; i++)
    {
      const char *warning = g_ptr_array_index (self->warnings, i);

      if (!g_ptr_array_find_with_equal_func (former, warning, g_str_equal, NULL))
        brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_CONFIGURATION_PROBLEM, warning, NULL);
    }
}

static void
on_identity_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Job *job = g_task_get_task_data (task);

  brevet_identity_stop_finish (BREVET_IDENTITY (source), result);
  if (--job->pending == 0)
    end_job (g_task_get_source_object (task), task);
}

/* A job waits for what it stops: a later one may want the same name, and must not find the records in use. */
static void
stop_identities (GTask *task, GPtrArray *identities)
{
  Job *job = g_task_get_task_data (task);

  job->pending = identities->len;
  for (guint i = 0; i < identities->len; i++)
    brevet_identity_stop_async (g_ptr_array_index (identities, i), on_identity_stopped, task);
  if (identities->len == 0)
    end_job (g_task_get_source_object (task), task);
}

/* The identities in the order of the plan: those that go on with their new configuration, and those that have been loaded. */
static GPtrArray *
arrange_identities (GPtrArray *former, BrevetAgentPreparation *preparation, GPtrArray *added)
{
  GPtrArray *identities = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < preparation->plan->identities->len; i++)
    {
      BrevetPlannedIdentity *planned = g_ptr_array_index (preparation->plan->identities, i);
      BrevetIdentity *known = brevet_agent_find_identity (former, planned->config->name);
      BrevetIdentity *loaded = brevet_agent_find_identity (preparation->loaded, planned->config->name);

      if (known != NULL)
        brevet_identity_reconfigure (known, planned->config, planned->transport, planned->prover);
      else if (loaded != NULL)
        g_ptr_array_add (added, loaded);
      if (known != NULL || loaded != NULL)
        g_ptr_array_add (identities, g_object_ref (known != NULL ? known : loaded));
    }
  return identities;
}

static GPtrArray *
list_removed (GPtrArray *former, BrevetAgentPlan *plan)
{
  GPtrArray *removed = g_ptr_array_new ();

  for (guint i = 0; i < former->len; i++)
    {
      BrevetIdentity *identity = g_ptr_array_index (former, i);

      if (brevet_agent_plan_find (plan, brevet_identity_get_config (identity)->name) == NULL)
        g_ptr_array_add (removed, identity);
    }
  return removed;
}

static void
take_effect (BrevetAgent *self, GTask *task)
{
  BrevetAgentPreparation *preparation = ((Job *) g_task_get_task_data (task))->preparation;
  g_autoptr(GPtrArray) former = self->identities;
  g_autoptr(GPtrArray) added = g_ptr_array_new ();
  g_autoptr(GPtrArray) removed = list_removed (former, preparation->plan);
  gboolean again = self->complete;

  take_warnings (self, preparation->plan);
  self->identities = arrange_identities (former, preparation, added);
  self->complete = preparation->error == NULL;
  for (guint i = 0; i < removed->len; i++)
    g_signal_emit (self, signals[SIGNAL_IDENTITY_REMOVED], 0, g_ptr_array_index (removed, i));
  for (guint i = 0; i < added->len; i++)
    {
      g_signal_emit (self, signals[SIGNAL_IDENTITY_ADDED], 0, g_ptr_array_index (added, i));
      if (self->started)
        brevet_identity_start (g_ptr_array_index (added, i));
    }
  set_configuration_error (self, preparation->error != NULL ? preparation->error->message : NULL);
  if (again)
    brevet_log_event (G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_AGENT_RELOADED, "Reloaded the configuration", NULL);
  stop_identities (task, removed);
}

/* What could be loaded begins to work at the start, also beside an identity that cannot be read; later it is all or nothing. */
static gboolean
may_take_effect (BrevetAgent *self, BrevetAgentPreparation *preparation)
{
  gboolean usable = preparation->plan != NULL && preparation->store != NULL;

  return usable && (preparation->error == NULL || !self->complete);
}

static void
on_prepared (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  BrevetAgent *self = g_task_get_source_object (task);
  Job *job = g_task_get_task_data (task);

  job->preparation = brevet_agent_prepare_finish (result);
  g_set_object (&self->store, job->preparation->store);
  if (g_cancellable_is_cancelled (self->stopping))
    {
      g_clear_error (&job->preparation->error);
      g_cancellable_set_error_if_cancelled (self->stopping, &job->preparation->error);
      end_job (self, task);
    }
  else if (may_take_effect (self, job->preparation))
    take_effect (self, task);
  else
    {
      set_configuration_error (self, job->preparation->error->message);
      end_job (self, task);
    }
}

static void
run_load (GTask *task)
{
  BrevetAgent *self = g_task_get_source_object (task);

  brevet_agent_prepare_async (self->config_path, self->registry, self->store, self->identities, self->stopping, on_prepared, task);
}

static void
run_stop (GTask *task)
{
  BrevetAgent *self = g_task_get_source_object (task);

  stop_identities (task, self->identities);
}

static void
add_job (BrevetAgent *self, BrevetAgentJob job, gpointer tag, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);

  g_task_set_source_tag (task, tag);
  g_task_set_task_data (task, g_new0 (Job, 1), job_free);
  brevet_agent_queue_add (self->jobs, task, job);
}

void
brevet_agent_load_async (BrevetAgent *self, GAsyncReadyCallback callback, gpointer user_data)
{
  add_job (self, run_load, brevet_agent_load_async, callback, user_data);
}

void
brevet_agent_load_finish (BrevetAgent *self, GAsyncResult *result)
{
  g_task_propagate_boolean (G_TASK (result), NULL);
}

void
brevet_agent_reload_async (BrevetAgent *self, GAsyncReadyCallback callback, gpointer user_data)
{
  add_job (self, run_load, brevet_agent_reload_async, callback, user_data);
}

gboolean
brevet_agent_reload_finish (BrevetAgent *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
on_network_changed (GNetworkMonitor *monitor, gboolean available, gpointer user_data)
{
  BrevetAgent *self = user_data;

  for (guint i = 0; i < self->identities->len; i++)
    brevet_identity_network_changed (g_ptr_array_index (self->identities, i), available);
}

/* It is only a hint, and its making reads the routes of the system: that waits until there is nothing better to do. */
static gboolean
watch_network (gpointer user_data)
{
  BrevetAgent *self = user_data;

  self->network_watch = 0;
  self->network = g_object_ref (g_network_monitor_get_default ());
  g_signal_connect_object (self->network, "network-changed", G_CALLBACK (on_network_changed), self, 0);
  return G_SOURCE_REMOVE;
}

void
brevet_agent_start (BrevetAgent *self)
{
  if (self->started || g_cancellable_is_cancelled (self->stopping))
    return;
  self->started = TRUE;
  for (guint i = 0; i < self->identities->len; i++)
    brevet_identity_start (g_ptr_array_index (self->identities, i));
  self->network_watch = g_idle_add_full (G_PRIORITY_LOW, watch_network, self, NULL);
}

void
brevet_agent_stop_async (BrevetAgent *self, GAsyncReadyCallback callback, gpointer user_data)
{
  g_cancellable_cancel (self->stopping);
  g_clear_handle_id (&self->retry, g_source_remove);
  g_clear_handle_id (&self->network_watch, g_source_remove);
  add_job (self, run_stop, brevet_agent_stop_async, callback, user_data);
}

void
brevet_agent_stop_finish (BrevetAgent *self, GAsyncResult *result)
{
  g_task_propagate_boolean (G_TASK (result), NULL);
}

GPtrArray *
brevet_agent_get_identities (BrevetAgent *self)
{
  return self->identities;
}

const char *
brevet_agent_get_configuration_error (BrevetAgent *self)
{
  return self->configuration_error;
}

GPtrArray *
brevet_agent_get_configuration_warnings (BrevetAgent *self)
{
  return self->warnings;
}

static void
brevet_agent_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  BREVET_AGENT (object)->retry_pause = g_value_get_uint (value);
}

static void
brevet_agent_dispose (GObject *object)
{
  BrevetAgent *self = BREVET_AGENT (object);

  g_clear_handle_id (&self->retry, g_source_remove);
  g_clear_handle_id (&self->network_watch, g_source_remove);
  g_clear_object (&self->network);
  g_ptr_array_set_size (self->identities, 0);
  g_clear_object (&self->store);
  g_clear_object (&self->registry);
  G_OBJECT_CLASS (brevet_agent_parent_class)->dispose (object);
}

static void
brevet_agent_finalize (GObject *object)
{
  BrevetAgent *self = BREVET_AGENT (object);

  g_free (self->config_path);
  g_free (self->configuration_error);
  brevet_agent_queue_free (self->jobs);
  g_ptr_array_unref (self->warnings);
  g_ptr_array_unref (self->identities);
  g_object_unref (self->stopping);
  G_OBJECT_CLASS (brevet_agent_parent_class)->finalize (object);
}

static void
brevet_agent_class_init (BrevetAgentClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);

  object_class->set_property = brevet_agent_set_property;
  object_class->dispose = brevet_agent_dispose;
  object_class->finalize = brevet_agent_finalize;
  properties[PROP_RETRY_PAUSE] = g_param_spec_uint ("retry-pause", NULL, NULL, 1, G_MAXUINT, RETRY_PAUSE,
                                                    G_PARAM_WRITABLE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
  signals[SIGNAL_IDENTITY_ADDED] = g_signal_new ("identity-added", BREVET_TYPE_AGENT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                                 G_TYPE_NONE, 1, BREVET_TYPE_IDENTITY);
  signals[SIGNAL_IDENTITY_REMOVED] = g_signal_new ("identity-removed", BREVET_TYPE_AGENT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                                   G_TYPE_NONE, 1, BREVET_TYPE_IDENTITY);
  signals[SIGNAL_CONFIGURATION_CHANGED] = g_signal_new ("configuration-changed", BREVET_TYPE_AGENT, G_SIGNAL_RUN_LAST, 0, NULL,
                                                        NULL, NULL, G_TYPE_NONE, 0);
}

static void
brevet_agent_init (BrevetAgent *self)
{
  self->registry = brevet_registry_new ();
  self->identities = g_ptr_array_new_with_free_func (g_object_unref);
  self->warnings = g_ptr_array_new_with_free_func (g_free);
  self->stopping = g_cancellable_new ();
  self->jobs = brevet_agent_queue_new ();
}

BrevetAgent *
brevet_agent_new (const char *config_path)
{
  BrevetAgent *self = g_object_new (BREVET_TYPE_AGENT, NULL);

  self->config_path = g_strdup (config_path);
  return self;
}
