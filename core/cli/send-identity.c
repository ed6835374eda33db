/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "send-identity.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "identity-health.h"
#include "output-text.h"

#include <errno.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* How often a generation may be replaced while it is being read, and how many seconds news of the next one may take. */
#define TRIES 5
#define NEWS_PATIENCE 1

static gboolean
check_health (BrevetBusAgent1Identity *identity, int *exit_code, GError **error)
{
  gint64 now = brevet_clock_now_seconds ();
  BrevetIdentityHealth health = brevet_identity_health_judge (identity, now);
  const char *name = brevet_bus_agent1_identity_get_name (identity);
  const char *cause = brevet_bus_agent1_identity_get_cause (identity);
  g_autofree char *end = NULL;

  if (health == BREVET_IDENTITY_HEALTH_VALID || health == BREVET_IDENTITY_HEALTH_OVERDUE)
    return TRUE;
  *exit_code = (int) health;
  if (brevet_bus_agent1_identity_get_generation (identity) == 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND, _("The identity “%s” is not provisioned: %s"), name, cause);
      return FALSE;
    }
  end = brevet_output_describe_time (brevet_bus_agent1_identity_get_not_after (identity), now);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND,
               _("The certificate of the identity “%s” is not valid at this time (it ends at %s): %s"), name, end, cause);
  return FALSE;
}

static gboolean
is_error_of_agent (const GError *error, BrevetError code)
{
  return g_error_matches (error, BREVET_ERROR, code);
}

static BrevetChain *
fetch_chain (BrevetBusAgent1Identity *identity, GError **error)
{
  g_autoptr(GError) local_error = NULL;
  g_autofree char *pem = NULL;

  if (brevet_bus_agent1_identity_call_get_certificate_sync (identity, &pem, NULL, &local_error))
    return brevet_chain_new_from_pem (pem, error);
  if (is_error_of_agent (local_error, BREVET_ERROR_NOT_FOUND))
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND,
                 _("The identity “%s” has no certificate with which one could go to a hub"),
                 brevet_bus_agent1_identity_get_name (identity));
  else
    g_propagate_error (error, brevet_agent_client_explain (g_steal_pointer (&local_error)));
  return NULL;
}

/* None is no error. */
static gboolean
fetch_trust (BrevetBusAgent1Identity *identity, BrevetTrustBundle **trust, GError **error)
{
  g_autoptr(GError) local_error = NULL;
  g_autofree char *pem = NULL;

  g_clear_pointer (trust, brevet_trust_bundle_unref);
  if (!brevet_bus_agent1_identity_call_get_trust_bundle_sync (identity, &pem, NULL, &local_error))
    {
      if (is_error_of_agent (local_error, BREVET_ERROR_NOT_FOUND))
        return TRUE;
      g_propagate_error (error, brevet_agent_client_explain (g_steal_pointer (&local_error)));
      return FALSE;
    }
  *trust = brevet_trust_bundle_new_from_pem (pem, error);
  return *trust != NULL;
}

static BrevetKey *
load_key (BrevetBusAgent1Identity *identity, BrevetSecret *pin, GError **error)
{
  const char *location = brevet_bus_agent1_identity_get_key_location (identity);

  if (location == NULL || *location == '\0')
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_UNSUPPORTED,
                   _("The key of the identity “%s” is where no other program can read it: the agent's store has no files"),
                   brevet_bus_agent1_identity_get_name (identity));
      return NULL;
    }
  if (*location == '/' && g_access (location, R_OK) != 0 && errno == EACCES)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
                   _("You must be root to do this: the key %s is not readable for others"), location);
      return NULL;
    }
  return brevet_key_load (location, *location == '/' ? NULL : pin, error);
}

/* The agent, its certificate and the key on the disk may be of different generations at this moment. */
static gboolean
is_of_one_generation (BrevetSendIdentity *self, BrevetBusAgent1Identity *identity)
{
  BrevetCertificate *leaf = brevet_chain_get_leaf (self->chain);

  return strcmp (brevet_key_get_spki_sha256 (self->key), brevet_certificate_get_spki_sha256 (leaf)) == 0 &&
         g_strcmp0 (brevet_bus_agent1_identity_get_sha256 (identity), brevet_certificate_get_sha256 (leaf)) == 0;
}

static void
clear (BrevetSendIdentity *self)
{
  g_clear_pointer (&self->hub, g_free);
  g_clear_pointer (&self->device_id, g_free);
  g_clear_pointer (&self->chain, brevet_chain_unref);
  g_clear_pointer (&self->key, brevet_key_unref);
  g_clear_pointer (&self->trust, brevet_trust_bundle_unref);
}

/* %FALSE without an error if not all of it is of one generation. */
static gboolean
fetch (BrevetSendIdentity *self, BrevetAgentClient *client, BrevetBusAgent1Identity *identity, BrevetSecret *pin, int *exit_code,
       GError **error)
{
  g_autoptr(BrevetBusAgent1Identity) fresh = brevet_agent_client_reload (client, identity, error);

  clear (self);
  if (fresh == NULL || !check_health (fresh, exit_code, error))
    return FALSE;
  self->hub = g_strdup (brevet_bus_agent1_identity_get_assigned_hub (fresh));
  self->device_id = g_strdup (brevet_bus_agent1_identity_get_device_id (fresh));
  self->chain = fetch_chain (fresh, error);
  if (self->chain == NULL || !fetch_trust (fresh, &self->trust, error))
    return FALSE;
  self->key = load_key (fresh, pin, error);
  return self->key != NULL && is_of_one_generation (self, fresh);
}

static gboolean
on_patience_over (gpointer user_data)
{
  *(gboolean *) user_data = TRUE;
  return G_SOURCE_CONTINUE;
}

static void
on_news (gboolean *over)
{
  *over = TRUE;
}

static void
wait_for_news (BrevetBusAgent1Identity *identity)
{
  gboolean over = FALSE;
  gulong handler = g_signal_connect_swapped (identity, "g-properties-changed", G_CALLBACK (on_news), &over);
  guint timer = g_timeout_add_seconds (NEWS_PATIENCE, on_patience_over, &over);

  while (!over)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (timer);
  g_signal_handler_disconnect (identity, handler);
}

BrevetSendIdentity *
brevet_send_identity_new (BrevetAgentClient *client, BrevetBusAgent1Identity *identity, BrevetSecret *pin, int *exit_code,
                          GError **error)
{
  g_autoptr(BrevetSendIdentity) self = g_new0 (BrevetSendIdentity, 1);
  g_autoptr(GError) local_error = NULL;

  *exit_code = 0;
  for (guint i = 0; i < TRIES; i++)
    {
      if (fetch (self, client, identity, pin, exit_code, &local_error))
        return g_steal_pointer (&self);
      if (local_error != NULL)
        {
          g_propagate_error (error, g_steal_pointer (&local_error));
          return NULL;
        }
      wait_for_news (identity);
    }
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_BUSY,
               _("The key of the identity “%s” does not belong to its certificate; is it being replaced? Try again"),
               brevet_bus_agent1_identity_get_name (identity));
  return NULL;
}

void
brevet_send_identity_free (BrevetSendIdentity *self)
{
  clear (self);
  g_free (self);
}
