/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service-private.h"

#include "authority-chore.h"
#include "authority-health.h"
#include "brevet-error.h"
#include "brevet-log.h"
#include "configured-records.h"
#include "orphans.h"
#include "recovery.h"
#include "revocation-worker.h"
#include "secret-chore.h"
#include "trust-bundle-keeper.h"

struct _BrevetServiceChange
{
  int                      number;
  BrevetServiceContext    *context; /* these two until it takes effect */
  BrevetConfiguredRecords *records;
};

BrevetStore *
brevet_service_make_store (BrevetConfig *config, BrevetRegistry *registry, GError **error)
{
  BrevetSettings *service = brevet_config_ensure_group (config, "service", NULL);
  const char *name = brevet_settings_get_string (service, "store", "main");
  BrevetSettings *settings = brevet_config_get_group (config, "store", name);

  if (settings == NULL)
    {
      g_propagate_error (error, brevet_settings_error (service, "store", "there is no group [store %s]; add one", name));
      return NULL;
    }
  return (BrevetStore *) brevet_registry_create_from_group (registry, BREVET_TYPE_STORE, "store", settings, error);
}

static gboolean
make_store (BrevetService *self, BrevetConfig *config, GError **error)
{
  self->store = brevet_service_make_store (config, self->registry, error);
  return self->store != NULL;
}

static gboolean
make_listeners (BrevetService *self, BrevetConfig *config, GError **error)
{
  g_autoptr(GPtrArray) groups = NULL;

  if (self->embedded)
    return TRUE;
  groups = brevet_config_list_groups (config, "listener");
  for (guint i = 0; i < groups->len; i++)
    {
      BrevetPlugin *listener = brevet_registry_create_from_group (self->registry, BREVET_TYPE_LISTENER, "transport",
                                                                  g_ptr_array_index (groups, i), error);

      if (listener == NULL)
        return FALSE;
      g_ptr_array_add (self->listeners, listener);
    }
  if (self->listeners->len > 0)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
               "The configuration has no group [listener NAME], so nobody could reach the service");
  return FALSE;
}

/* Whoever operates a service sees soon that it has no hub; nobody operates one that is part of a device. */
static gboolean
check_hubs (BrevetService *self, BrevetConfig *config, BrevetServiceContext *context, GError **error)
{
  if (!self->embedded || brevet_hubs_list (context->hubs)[0] != NULL)
    return TRUE;
  g_propagate_error (error, brevet_settings_error (brevet_config_ensure_group (config, "service", NULL), NULL,
                                                   "there is no hub that devices could be assigned to; add a group [hub NAME] with "
                                                   "host-name=, the host that they shall connect to"));
  return FALSE;
}

static BrevetServiceContext *
make_context (BrevetService *self, BrevetConfig *config, GError **error)
{
  g_autoptr(BrevetServiceContext) context = brevet_service_context_new (config, self->registry, self->store, self->traffics,
                                                                         self->chores, error);

  if (context == NULL || !check_hubs (self, config, context, error))
    return NULL;
  context->crls = brevet_crl_publisher_ref (self->crls);
  return g_steal_pointer (&context);
}

static BrevetServiceContext *
get_context (gpointer owner)
{
  return brevet_service_ref_context (owner);
}

/* What the service does by itself: one line for each job. */
static void
add_chores (BrevetService *self)
{
  brevet_authority_chore_add (self->chores);
  brevet_authority_health_add (self->chores);
  brevet_revocation_worker_add (self->chores);
  brevet_orphans_add (self->chores);
  brevet_crl_publisher_add (self->crls, self->chores);
  brevet_trust_bundle_keeper_add (self->chores);
  brevet_secret_chore_add (self->chores);
}

static BrevetService *
service_new (BrevetConfig *config, gboolean embedded, GError **error)
{
  g_autoptr(BrevetService) self = g_object_new (BREVET_TYPE_SERVICE, NULL);
  g_autoptr(BrevetConfiguredRecords) records = NULL;

  self->embedded = embedded;
  self->chores = brevet_service_chores_new (get_context, self);
  self->limits = brevet_limits_new (config, error);
  if (self->limits == NULL || !make_store (self, config, error) || !brevet_store_open (self->store, error))
    return NULL;
  self->device_api = brevet_device_api_new (self->limits, self->waiters);
  self->context = make_context (self, config, error);
  if (self->context == NULL || !brevet_authority_pool_seal_stored (self->context->authorities, error) ||
      !make_listeners (self, config, error))
    return NULL;
  records = brevet_configured_records_new (config, self->context, error);
  if (records == NULL || !brevet_configured_records_commit (records, error))
    return NULL;
  if (brevet_recovery_run (self->context, self->limits, self->waiters, error) < 0)
    return NULL;
  add_chores (self);
  return g_steal_pointer (&self);
}

BrevetService *
brevet_service_new (BrevetConfig *config, GError **error)
{
  return service_new (config, FALSE, error);
}

BrevetService *
brevet_service_new_embedded (BrevetConfig *config, GError **error)
{
  return service_new (config, TRUE, error);
}

void
brevet_service_report_unused (BrevetConfig *config)
{
  g_autoptr(GPtrArray) unused = brevet_config_list_unused (config);

  for (guint i = 0; i < unused->len; i++)
    {
      g_autofree char *message = g_strdup_printf ("%s is not known and has no effect", (char *) g_ptr_array_index (unused, i));

      brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_CONFIGURATION_PROBLEM, message, NULL);
    }
}

/* Store, listeners and limits are set up once. A mistake there would be found by the next start, when nobody thinks of it any more,
 * so it is found now. */
static gboolean
check_what_stays (BrevetService *self, BrevetConfig *config, GError **error)
{
  g_autoptr(BrevetService) other = g_object_new (BREVET_TYPE_SERVICE, NULL);

  g_set_object (&other->registry, self->registry);
  other->embedded = self->embedded;
  other->limits = brevet_limits_new (config, error);
  return other->limits != NULL && make_store (other, config, error) && make_listeners (other, config, error);
}

static void
change_clear (gpointer data)
{
  BrevetServiceChange *self = data;

  g_clear_pointer (&self->records, brevet_configured_records_free);
  g_clear_pointer (&self->context, brevet_service_context_unref);
}

BrevetServiceChange *
brevet_service_change_ref (BrevetServiceChange *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
brevet_service_change_unref (BrevetServiceChange *self)
{
  g_atomic_rc_box_release_full (self, change_clear);
}

/* The next context reads the key anew; a file that was deleted meanwhile is put back first. */
static void
keep_secrets (BrevetService *self)
{
  g_autoptr(BrevetServiceContext) context = brevet_service_ref_context (self);
  g_autoptr(GError) error = NULL;

  if (!brevet_authority_pool_look_after_secrets (context->authorities, &error))
    g_warning ("%s", error->message);
}

BrevetServiceChange *
brevet_service_prepare (BrevetService *self, BrevetConfig *config, GError **error)
{
  g_autoptr(BrevetServiceChange) change = g_atomic_rc_box_new0 (BrevetServiceChange);

  keep_secrets (self);
  change->context = make_context (self, config, error);
  if (change->context == NULL || !check_what_stays (self, config, error))
    return NULL;
  change->records = brevet_configured_records_new (config, change->context, error);
  if (change->records == NULL)
    return NULL;
  change->number = ++self->prepared;
  return g_steal_pointer (&change);
}

gboolean
brevet_service_has_applied (BrevetService *self, BrevetServiceChange *change)
{
  return g_atomic_int_get (&self->applied) >= change->number;
}

/* The workers need the lock for every request, and the former plugins may take their time to go. */
static void
replace_context (BrevetService *self, BrevetServiceContext *context)
{
  BrevetServiceContext *former;

  g_mutex_lock (&self->lock);
  former = self->context;
  self->context = context;
  g_mutex_unlock (&self->lock);
  brevet_service_context_unref (former);
}

gboolean
brevet_service_apply (BrevetService *self, BrevetServiceChange *change, GError **error)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->applying);

  if (brevet_service_has_applied (self, change))
    return TRUE;
  if (!brevet_authority_pool_seal_stored (change->context->authorities, error) ||
      !brevet_configured_records_commit (change->records, error))
    return FALSE;
  brevet_authority_pool_put_in_force (change->context->authorities);
  replace_context (self, g_steal_pointer (&change->context));
  /* Secrets among them are not needed any more. */
  g_clear_pointer (&change->records, brevet_configured_records_free);
  g_atomic_int_set (&self->applied, change->number);
  brevet_service_chores_poke (self->chores, NULL);
  return TRUE;
}

gboolean
brevet_service_reload (BrevetService *self, BrevetConfig *config, GError **error)
{
  g_autoptr(BrevetServiceChange) change = brevet_service_prepare (self, config, error);

  if (change == NULL)
    return FALSE;
  for (guint i = 0; i < self->listeners->len; i++)
    if (!brevet_listener_reload (g_ptr_array_index (self->listeners, i), error))
      return FALSE;
  return brevet_service_apply (self, change, error);
}
