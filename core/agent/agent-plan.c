/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent-plan.h"

#include "brevet-config.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-pkcs11.h"

#define DEFAULT_STORE "device"

/* What is needed while a plan is made. */
typedef struct {
  BrevetRegistry *registry;
  GHashTable *plugins; /* settings → plugin: a group is one instance, whoever names it */
} Maker;

static void
planned_identity_free (gpointer data)
{
  BrevetPlannedIdentity *planned = data;

  g_clear_pointer (&planned->config, brevet_identity_config_unref);
  g_clear_object (&planned->transport);
  g_clear_object (&planned->prover);
  g_free (planned);
}

void
brevet_agent_plan_free (BrevetAgentPlan *self)
{
  g_clear_pointer (&self->identities, g_ptr_array_unref);
  g_clear_object (&self->store);
  g_clear_pointer (&self->warnings, g_ptr_array_unref);
  g_free (self);
}

static BrevetPlugin *
make_once (Maker *maker, GType contract, const char *prefix, BrevetSettings *settings, GError **error)
{
  BrevetPlugin *plugin = g_hash_table_lookup (maker->plugins, settings);

  if (plugin != NULL)
    return g_object_ref (plugin);
  plugin = brevet_registry_create_from_group (maker->registry, contract, prefix, settings, error);
  if (plugin != NULL)
    g_hash_table_insert (maker->plugins, settings, g_object_ref (plugin));
  return plugin;
}

static BrevetPlannedIdentity *
plan_identity (Maker *maker, BrevetConfig *config, BrevetSettings *settings, GError **error)
{
  BrevetPlannedIdentity *planned = g_new0 (BrevetPlannedIdentity, 1);
  BrevetIdentityConfig *wanted = brevet_identity_config_new (config, settings, error);

  planned->config = wanted;
  if (wanted != NULL)
    planned->transport = (BrevetTransport *) make_once (maker, BREVET_TYPE_TRANSPORT, "transport", wanted->transport, error);
  if (planned->transport != NULL)
    planned->prover = (BrevetProver *) make_once (maker, BREVET_TYPE_PROVER, "attestation", wanted->attestation, error);
  if (planned->prover != NULL)
    return planned;
  planned_identity_free (planned);
  return NULL;
}

static gboolean
plan_identities (BrevetAgentPlan *self, Maker *maker, BrevetConfig *config, const char *path, GError **error)
{
  g_autoptr(GPtrArray) groups = brevet_config_list_groups (config, "identity");

  for (guint i = 0; i < groups->len; i++)
    {
      BrevetPlannedIdentity *planned = plan_identity (maker, config, g_ptr_array_index (groups, i), error);

      if (planned == NULL)
        return FALSE;
      g_ptr_array_add (self->identities, planned);
    }
  if (self->identities->len > 0)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
               "%s has no group [identity NAME], so there is nothing to do; write one with id-scope= and registration-id=", path);
  return FALSE;
}

static gboolean
plan_store (BrevetAgentPlan *self, Maker *maker, BrevetConfig *config, GError **error)
{
  BrevetSettings *agent = brevet_config_ensure_group (config, "agent", NULL);
  const char *name = brevet_settings_get_string (agent, "store", DEFAULT_STORE);
  BrevetSettings *settings = brevet_config_get_group (config, "store", name);

  if (settings == NULL)
    {
      g_propagate_error (error, brevet_settings_error (agent, "store", "there is no group [store %s]; add one", name));
      return FALSE;
    }
  self->store = (BrevetStore *) make_once (maker, BREVET_TYPE_STORE, "store", settings, error);
  return self->store != NULL;
}

static gboolean
is_same_device (const BrevetIdentityConfig *a, const BrevetIdentityConfig *b)
{
  return g_str_equal (a->id_scope, b->id_scope) && brevet_identifier_equal (a->registration_id, b->registration_id)
         && g_strcmp0 (a->service, b->service) == 0;
}

/* The service knows one device there, with one assignment: what one of them gets is taken from the other. */
static void
warn_of_twins (BrevetAgentPlan *self)
{
  for (guint i = 1; i < self->identities->len; i++)
    for (guint j = 0; j < i; j++)
      {
        const BrevetIdentityConfig *first = ((BrevetPlannedIdentity *) g_ptr_array_index (self->identities, j))->config;
        const BrevetIdentityConfig *second = ((BrevetPlannedIdentity *) g_ptr_array_index (self->identities, i))->config;

        if (is_same_device (first, second))
          g_ptr_array_add (self->warnings,
                           g_strdup_printf ("[identity %s] and [identity %s] are the same device for the service %s: id-scope=%s "
                                            "registration-id=%s; they will take each other's place there", first->name,
                                            second->name, first->service, first->id_scope, first->registration_id));
      }
}

static void
plan_warnings (BrevetAgentPlan *self, BrevetConfig *config)
{
  g_autoptr(GPtrArray) unused = brevet_config_list_unused (config);

  for (guint i = 0; i < unused->len; i++)
    g_ptr_array_add (self->warnings, g_strdup_printf ("%s is not known and has no effect", (char *) g_ptr_array_index (unused, i)));
}

/* A configuration is taken again every minute as long as not all of it can be used, and a PIN that was refused must not be tried
 * each time. The modules belong to the process, and so does what was done about them. */
static gboolean
use_modules (BrevetConfig *config, GError **error)
{
  static BrevetSettings *in_use;
  BrevetSettings *wanted = brevet_config_ensure_group (config, "pkcs11", NULL);

  if (in_use != NULL && brevet_settings_equal (in_use, wanted))
    {
      brevet_settings_get_string (wanted, "module", NULL);
      return TRUE;
    }
  if (!brevet_pkcs11_configure (config, error))
    return FALSE;
  g_set_object (&in_use, wanted);
  return TRUE;
}

BrevetAgentPlan *
brevet_agent_plan_new (const char *path, BrevetRegistry *registry, GError **error)
{
  g_autoptr(BrevetConfig) config = brevet_config_load (path, error);
  g_autoptr(GHashTable) plugins = g_hash_table_new_full (NULL, NULL, NULL, g_object_unref);
  g_autoptr(BrevetAgentPlan) self = g_new0 (BrevetAgentPlan, 1);
  Maker maker = { registry, plugins };

  self->identities = g_ptr_array_new_with_free_func (planned_identity_free);
  self->warnings = g_ptr_array_new_with_free_func (g_free);
  if (config == NULL || !use_modules (config, error) || !plan_identities (self, &maker, config, path, error) ||
      !plan_store (self, &maker, config, error))
    return NULL;
  plan_warnings (self, config);
  warn_of_twins (self);
  return g_steal_pointer (&self);
}

BrevetPlannedIdentity *
brevet_agent_plan_find (BrevetAgentPlan *self, const char *name)
{
  for (guint i = 0; i < self->identities->len; i++)
    {
      BrevetPlannedIdentity *planned = g_ptr_array_index (self->identities, i);

      if (g_str_equal (planned->config->name, name))
        return planned;
    }
  return NULL;
}
