/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent-client.h"

#include "brevet-error.h"

#include <glib/gi18n-lib.h>

#define DEFAULT_IDENTITY "main"

static BrevetError
code_of_bus_error (const GError *error)
{
  switch (error->code)
    {
    case G_DBUS_ERROR_ACCESS_DENIED:
    case G_DBUS_ERROR_AUTH_FAILED:
      return BREVET_ERROR_REJECTED;
    case G_DBUS_ERROR_LIMITS_EXCEEDED:
      return BREVET_ERROR_BUSY;
    case G_DBUS_ERROR_UNKNOWN_METHOD:
    case G_DBUS_ERROR_UNKNOWN_INTERFACE:
    case G_DBUS_ERROR_UNKNOWN_PROPERTY:
    case G_DBUS_ERROR_INVALID_ARGS:
      return BREVET_ERROR_UNSUPPORTED;
    case G_DBUS_ERROR_UNKNOWN_OBJECT:
      return BREVET_ERROR_NOT_FOUND;
    case G_DBUS_ERROR_FAILED:
    case G_DBUS_ERROR_NO_MEMORY:
      return BREVET_ERROR_FAILED;
    default:
      return BREVET_ERROR_UNREACHABLE;
    }
}

static BrevetError
code_of (const GError *error)
{
  if (error->domain == BREVET_ERROR)
    return (BrevetError) error->code;
  if (error->domain == G_DBUS_ERROR)
    return code_of_bus_error (error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_DBUS_ERROR))
    return BREVET_ERROR_FAILED;
  return BREVET_ERROR_UNREACHABLE;
}

GError *
brevet_agent_client_explain (GError *error)
{
  g_autoptr(GError) original = error;
  BrevetError code = code_of (error);

  g_dbus_error_strip_remote_error (original);
  if (original->domain == BREVET_ERROR)
    return g_steal_pointer (&original);
  if (code == BREVET_ERROR_REJECTED)
    return g_error_new (BREVET_ERROR, code, _("You must be root to do this: %s"), original->message);
  if (code == BREVET_ERROR_UNREACHABLE)
    return g_error_new (BREVET_ERROR, code, _("brevetd does not answer: %s; “systemctl status brevetd” tells more"),
                        original->message);
  if (code == BREVET_ERROR_NOT_FOUND)
    return g_error_new (BREVET_ERROR, code, _("brevetd has this identity no more: %s"), original->message);
  if (code == BREVET_ERROR_UNSUPPORTED)
    return g_error_new (BREVET_ERROR, code, _("This brevetd is of another version than this command: %s"), original->message);
  return g_error_new (BREVET_ERROR, code, _("brevetd failed: %s"), original->message);
}

static gboolean
fail (GError **error, GError *local_error)
{
  g_propagate_error (error, brevet_agent_client_explain (local_error));
  return FALSE;
}

static gboolean
connect_to_bus (BrevetAgentClient *self, GBusType bus, GError **error)
{
  g_autoptr(GError) local_error = NULL;

  self->connection = g_bus_get_sync (bus, NULL, &local_error);
  if (self->connection == NULL)
    {
      g_dbus_error_strip_remote_error (local_error);
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_UNREACHABLE,
                   bus == G_BUS_TYPE_SYSTEM ? _("The system bus cannot be reached: %s; “systemctl status dbus” tells more")
                                            : _("The session bus cannot be reached: %s; is DBUS_SESSION_BUS_ADDRESS set?"),
                   local_error->message);
      return FALSE;
    }
  /* A bus that goes away is told like any other failure. */
  g_dbus_connection_set_exit_on_close (self->connection, FALSE);
  return TRUE;
}

static GVariant *
call_bus (BrevetAgentClient *self, const char *method, GVariant *arguments, const char *type, GError **error)
{
  return g_dbus_connection_call_sync (self->connection, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                      method, arguments, G_VARIANT_TYPE (type), G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, error);
}

static gboolean
is_running (BrevetAgentClient *self, gboolean *running, GError **error)
{
  g_autoptr(GVariant) reply = call_bus (self, "NameHasOwner", g_variant_new ("(s)", BREVET_BUS_NAME), "(b)", error);

  if (reply != NULL)
    g_variant_get (reply, "(b)", running);
  return reply != NULL;
}

/* The proxies would start it too, but keep to themselves why that failed. */
static gboolean
start_agent (BrevetAgentClient *self, GError **error)
{
  g_autoptr(GError) local_error = NULL;
  g_autoptr(GVariant) reply = NULL;
  gboolean running = FALSE;

  if (!is_running (self, &running, &local_error))
    return fail (error, g_steal_pointer (&local_error));
  if (running)
    return TRUE;
  reply = call_bus (self, "StartServiceByName", g_variant_new ("(su)", BREVET_BUS_NAME, 0), "(u)", &local_error);
  if (reply != NULL)
    return TRUE;
  g_dbus_error_strip_remote_error (local_error);
  if (g_error_matches (local_error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN))
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_UNREACHABLE,
                 _("brevetd is not running, and not installed so that the bus could start it; “systemctl status brevetd” tells "
                   "more"));
  else
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_UNREACHABLE,
                 _("brevetd is not running and could not be started: %s; “systemctl status brevetd” tells more"),
                 local_error->message);
  return FALSE;
}

static gboolean
read_agent (BrevetAgentClient *self, GError **error)
{
  g_autoptr(GError) local_error = NULL;

  self->agent = brevet_bus_agent1_proxy_new_sync (self->connection, G_DBUS_PROXY_FLAGS_DO_NOT_AUTO_START, BREVET_BUS_NAME,
                                                  BREVET_BUS_PATH, NULL, &local_error);
  if (self->agent != NULL)
    self->objects = brevet_bus_object_manager_client_new_sync (self->connection,
                                                               G_DBUS_OBJECT_MANAGER_CLIENT_FLAGS_DO_NOT_AUTO_START,
                                                               BREVET_BUS_NAME, BREVET_BUS_PATH, NULL, &local_error);
  return self->objects != NULL || fail (error, g_steal_pointer (&local_error));
}

BrevetAgentClient *
brevet_agent_client_new (GBusType bus, GError **error)
{
  g_autoptr(BrevetAgentClient) self = g_new0 (BrevetAgentClient, 1);

  /* From here on the errors of the agent are known by their D-Bus names. */
  (void) BREVET_ERROR;

  if (!connect_to_bus (self, bus, error) || !start_agent (self, error) || !read_agent (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
brevet_agent_client_free (BrevetAgentClient *self)
{
  g_clear_object (&self->objects);
  g_clear_object (&self->agent);
  g_clear_object (&self->connection);
  g_free (self);
}

/* All identities in the order of the configuration (transfer full). */
static GPtrArray *
list_identities (BrevetAgentClient *self)
{
  g_autoptr(GPtrArray) identities = g_ptr_array_new_with_free_func (g_object_unref);
  const char *const *paths = brevet_bus_agent1_get_identities (self->agent);

  for (guint i = 0; paths != NULL && paths[i] != NULL; i++)
    {
      g_autoptr(GDBusObject) object = g_dbus_object_manager_get_object (self->objects, paths[i]);
      BrevetBusAgent1Identity *identity = NULL;

      if (object != NULL)
        identity = brevet_bus_object_get_agent1_identity (BREVET_BUS_OBJECT (object));
      if (identity != NULL && brevet_bus_agent1_identity_get_name (identity) != NULL)
        g_ptr_array_add (identities, identity);
      else
        g_clear_object (&identity);
    }
  return g_steal_pointer (&identities);
}

static BrevetBusAgent1Identity *
find_name (GPtrArray *identities, const char *name)
{
  for (guint i = 0; i < identities->len; i++)
    if (g_strcmp0 (brevet_bus_agent1_identity_get_name (identities->pdata[i]), name) == 0)
      return g_object_ref (identities->pdata[i]);
  return NULL;
}

static char *
join_names (GPtrArray *identities)
{
  g_autoptr(GString) names = g_string_new (NULL);

  for (guint i = 0; i < identities->len; i++)
    g_string_append_printf (names, "%s%s", i > 0 ? ", " : "", brevet_bus_agent1_identity_get_name (identities->pdata[i]));
  return g_string_free (g_steal_pointer (&names), FALSE);
}

static void
set_not_found (BrevetAgentClient *self, GPtrArray *identities, const char *name, GError **error)
{
  const char *mistake = brevet_bus_agent1_get_configuration_error (self->agent);
  g_autofree char *names = join_names (identities);

  if (identities->len == 0 && mistake != NULL && *mistake != '\0')
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                 _("brevetd has no identity, since its configuration is not in effect: %s"), mistake);
  else if (identities->len == 0)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                 _("brevetd has no identity; add a group [identity NAME] to its configuration"));
  else if (name == NULL)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _("There are several identities; name one: %s"), names);
  else
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _("There is no identity “%s”; there are: %s"), name, names);
}

BrevetBusAgent1Identity *
brevet_agent_client_find (BrevetAgentClient *self, const char *name, GError **error)
{
  g_autoptr(GPtrArray) identities = list_identities (self);
  BrevetBusAgent1Identity *identity = NULL;

  if (name == NULL && identities->len == 1)
    return g_object_ref (identities->pdata[0]);
  identity = find_name (identities, name != NULL ? name : DEFAULT_IDENTITY);
  if (identity == NULL)
    set_not_found (self, identities, name, error);
  return identity;
}

GPtrArray *
brevet_agent_client_select (BrevetAgentClient *self, const char *name, GError **error)
{
  GPtrArray *identities = NULL;
  BrevetBusAgent1Identity *identity = NULL;

  if (name == NULL)
    return list_identities (self);
  identity = brevet_agent_client_find (self, name, error);
  if (identity == NULL)
    return NULL;
  identities = g_ptr_array_new_with_free_func (g_object_unref);
  g_ptr_array_add (identities, identity);
  return identities;
}

BrevetBusAgent1Identity *
brevet_agent_client_reload (BrevetAgentClient *self, BrevetBusAgent1Identity *identity, GError **error)
{
  const char *path = g_dbus_proxy_get_object_path (G_DBUS_PROXY (identity));
  g_autoptr(GError) local_error = NULL;
  BrevetBusAgent1Identity *fresh = brevet_bus_agent1_identity_proxy_new_sync (
    self->connection, G_DBUS_PROXY_FLAGS_DO_NOT_AUTO_START, BREVET_BUS_NAME, path, NULL, &local_error);

  if (fresh == NULL)
    fail (error, g_steal_pointer (&local_error));
  return fresh;
}
