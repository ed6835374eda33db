/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service-context.h"

#include "brevet-error.h"
#include "brevet-identifier.h"
#include "crl-publisher.h"
#include "service-chores.h"

BrevetServiceContext *
brevet_service_context_ref (BrevetServiceContext *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
context_clear (gpointer data)
{
  BrevetServiceContext *self = data;

  g_free (self->id_scope);
  g_clear_pointer (&self->chores, brevet_service_chores_unref);
  g_clear_pointer (&self->crls, brevet_crl_publisher_unref);
  g_strfreev (self->host_names);
  g_clear_object (&self->store);
  g_clear_pointer (&self->verifiers, g_hash_table_unref);
  g_clear_object (&self->authorities);
  g_clear_pointer (&self->census, brevet_census_unref);
  g_clear_pointer (&self->holders, brevet_bundle_holders_unref);
  g_clear_pointer (&self->hubs, brevet_hubs_free);
  g_clear_pointer (&self->policies, brevet_access_policies_free);
  g_clear_pointer (&self->key_policy, brevet_key_policy_unref);
  g_clear_pointer (&self->subject_policy, brevet_subject_policy_unref);
}

void
brevet_service_context_unref (BrevetServiceContext *self)
{
  g_atomic_rc_box_release_full (self, context_clear);
}

static gboolean
read_allocation (BrevetSettings *settings, BrevetAllocationPolicy *policy, GError **error)
{
  const char *text = brevet_settings_get_string (settings, "allocation", "hashed");

  if (g_ascii_strcasecmp (text, "hashed") == 0)
    *policy = BREVET_ALLOCATION_HASHED;
  else if (g_ascii_strcasecmp (text, "geoLatency") == 0)
    *policy = BREVET_ALLOCATION_GEO_LATENCY;
  else if (g_ascii_strcasecmp (text, "static") == 0)
    *policy = BREVET_ALLOCATION_STATIC;
  else
    {
      g_propagate_error (error, brevet_settings_error (settings, "allocation", "“%s” is no allocation policy of a service; write "
                                                       "hashed, geoLatency or static", text));
      return FALSE;
    }
  return TRUE;
}

static gboolean
read_durations (BrevetServiceContext *self, BrevetSettings *settings, GError **error)
{
  gint64 retry_after;
  gint64 maximum_wait;
  gint64 issuance_timeout;
  gint64 ambiguity_patience;

  if (!brevet_settings_get_duration (settings, "retry-after", 3, 2, 59, &retry_after, error) ||
      !brevet_settings_get_duration (settings, "maximum-wait", 30, 0, 300, &maximum_wait, error) ||
      !brevet_settings_get_duration (settings, "issuance-timeout", 3600, 10, 7 * 86400, &issuance_timeout, error) ||
      !brevet_settings_get_duration (settings, "ambiguity-patience", 3600, 0, 30 * 86400, &ambiguity_patience, error))
    return FALSE;
  self->retry_after = retry_after;
  self->maximum_wait = maximum_wait;
  self->issuance_timeout = issuance_timeout;
  self->ambiguity_patience = ambiguity_patience;
  return TRUE;
}

/* Host names are for the tokens of operators: without policies there are none. */
static gboolean
has_operators (BrevetConfig *config)
{
  g_autoptr(GPtrArray) policies = brevet_config_list_groups (config, "policy");

  return policies->len > 0;
}

static gboolean
read_identity (BrevetServiceContext *self, BrevetConfig *config, BrevetSettings *settings, GError **error)
{
  const char *id_scope = brevet_settings_require_string (settings, "id-scope", error);
  g_autoptr(GError) cause = NULL;

  if (id_scope == NULL)
    return FALSE;
  if (!brevet_identifier_check (BREVET_IDENTIFIER_ID_SCOPE, id_scope, &cause))
    {
      g_propagate_error (error, brevet_settings_error (settings, "id-scope", "%s", cause->message));
      return FALSE;
    }
  self->id_scope = g_strdup (id_scope);
  self->host_names = brevet_settings_get_strings (settings, "host-names");
  if (self->host_names[0] == NULL && has_operators (config))
    {
      g_propagate_error (error, brevet_settings_error (settings, "host-names",
                                                       "is missing; name the hosts under which operators reach this service"));
      return FALSE;
    }
  return TRUE;
}

/* Every attestation mechanism that is installed is offered; the enrollments decide which one a device uses. */
static GHashTable *
make_verifiers (BrevetConfig *config, BrevetRegistry *registry, GError **error)
{
  g_autoptr(GHashTable) verifiers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  g_auto(GStrv) mechanisms = brevet_registry_list_provided (registry, "attestation");

  for (guint i = 0; mechanisms[i] != NULL; i++)
    {
      const char *module = brevet_registry_find_module (registry, "attestation", mechanisms[i]);
      BrevetPlugin *verifier =
        brevet_registry_create (registry, BREVET_TYPE_VERIFIER, module, mechanisms[i],
                                brevet_config_ensure_group (config, "attestation", mechanisms[i]), error);

      if (verifier == NULL)
        return NULL;
      g_hash_table_insert (verifiers, g_strdup (mechanisms[i]), verifier);
    }
  if (g_hash_table_size (verifiers) == 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "No attestation plugin is installed in %s",
                   brevet_registry_get_search_path (registry));
      return NULL;
    }
  return g_steal_pointer (&verifiers);
}

BrevetServiceContext *
brevet_service_context_new (BrevetConfig *config, BrevetRegistry *registry, BrevetStore *store, BrevetAuthorityTraffics *traffics,
                            BrevetServiceChores *chores, GError **error)
{
  BrevetSettings *settings = brevet_config_ensure_group (config, "service", NULL);
  BrevetSettings *csr_settings = brevet_config_ensure_group (config, "csr", NULL);
  g_autoptr(BrevetServiceContext) self = g_atomic_rc_box_new0 (BrevetServiceContext);

  self->store = g_object_ref (store);
  self->census = brevet_census_new (store);
  self->chores = chores != NULL ? brevet_service_chores_ref (chores) : NULL;
  self->holders = brevet_bundle_holders_new (store, chores);
  if (!read_identity (self, config, settings, error) || !read_allocation (settings, &self->default_allocation, error) ||
      !read_durations (self, settings, error))
    return NULL;
  self->verifiers = make_verifiers (config, registry, error);
  if (self->verifiers == NULL)
    return NULL;
  self->authorities = brevet_authority_pool_new (config, registry, store, traffics, error);
  if (self->authorities == NULL)
    return NULL;
  self->hubs = brevet_hubs_new (config, error);
  if (self->hubs == NULL)
    return NULL;
  self->policies = brevet_access_policies_new (config, (const char *const *) self->host_names, error);
  if (self->policies == NULL)
    return NULL;
  self->key_policy = brevet_key_policy_new_from_settings (csr_settings, error);
  if (self->key_policy == NULL)
    return NULL;
  self->subject_policy = brevet_subject_policy_new (csr_settings, error);
  if (self->subject_policy == NULL)
    return NULL;
  return g_steal_pointer (&self);
}

BrevetVerifier *
brevet_service_context_get_verifier (BrevetServiceContext *self, const char *mechanism, GError **error)
{
  BrevetVerifier *verifier = g_hash_table_lookup (self->verifiers, mechanism);

  if (verifier == NULL)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_UNSUPPORTED, "No plugin for the attestation type “%s” is installed", mechanism);
  return verifier;
}
