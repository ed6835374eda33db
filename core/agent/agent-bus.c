/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent-bus.h"

#include "brevet-bus-names.h"
#include "identity-bus-methods.h"
#include "identity-bus.h"

struct _BrevetAgentBus
{
  GObject                   parent_instance;
  BrevetAgent              *agent;
  GDBusObjectManagerServer *manager;
  BrevetBusAgent1          *interface;
  GHashTable               *identities; /* BrevetIdentity → BrevetIdentityBus */
};

G_DEFINE_FINAL_TYPE (BrevetAgentBus, brevet_agent_bus, G_TYPE_OBJECT)

static void
update_identities (BrevetAgentBus *self)
{
  GPtrArray *identities = brevet_agent_get_identities (self->agent);
  g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < identities->len; i++)
    g_ptr_array_add (paths, brevet_bus_identity_path (brevet_identity_get_config (g_ptr_array_index (identities, i))->name));
  g_ptr_array_add (paths, NULL);
  brevet_bus_agent1_set_identities (self->interface, (const char *const *) paths->pdata);
}

static void
update_configuration (BrevetAgentBus *self)
{
  GPtrArray *warnings = brevet_agent_get_configuration_warnings (self->agent);
  g_autoptr(GPtrArray) texts = g_ptr_array_new ();
  const char *error = brevet_agent_get_configuration_error (self->agent);

  for (guint i = 0; i < warnings->len; i++)
    g_ptr_array_add (texts, g_ptr_array_index (warnings, i));
  g_ptr_array_add (texts, NULL);
  brevet_bus_agent1_set_configuration_error (self->interface, error != NULL ? error : "");
  brevet_bus_agent1_set_configuration_warnings (self->interface, (const char *const *) texts->pdata);
}

/* The order of the identities may have changed too. */
static void
update (BrevetAgentBus *self)
{
  update_identities (self);
  update_configuration (self);
}

static void
add_identity (BrevetAgentBus *self, BrevetIdentity *identity)
{
  BrevetIdentityBus *bus = brevet_identity_bus_new (identity);

  g_hash_table_insert (self->identities, identity, bus);
  g_dbus_object_manager_server_export (self->manager, brevet_identity_bus_get_object (bus));
}

static void
on_identity_added (BrevetAgentBus *self, BrevetIdentity *identity)
{
  add_identity (self, identity);
  update (self);
}

static void
on_identity_removed (BrevetAgentBus *self, BrevetIdentity *identity)
{
  GDBusObjectSkeleton *object = brevet_identity_bus_get_object (g_hash_table_lookup (self->identities, identity));

  g_dbus_object_manager_server_unexport (self->manager, g_dbus_object_get_object_path (G_DBUS_OBJECT (object)));
  g_hash_table_remove (self->identities, identity);
  update (self);
}

static void
on_reloaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GDBusMethodInvocation *invocation = user_data;
  g_autoptr(GError) error = NULL;

  if (brevet_agent_reload_finish (BREVET_AGENT (source), result, &error))
    g_dbus_method_invocation_return_value (invocation, NULL);
  else
    brevet_identity_bus_return_error (invocation, error);
}

static gboolean
on_reload (BrevetAgentBus *self, GDBusMethodInvocation *invocation)
{
  brevet_agent_reload_async (self->agent, on_reloaded, invocation);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
brevet_agent_bus_dispose (GObject *object)
{
  BrevetAgentBus *self = BREVET_AGENT_BUS (object);

  if (self->interface != NULL)
    {
      g_signal_handlers_disconnect_by_data (self->interface, self);
      g_dbus_interface_skeleton_unexport (G_DBUS_INTERFACE_SKELETON (self->interface));
    }
  if (self->manager != NULL)
    g_dbus_object_manager_server_set_connection (self->manager, NULL);
  g_hash_table_remove_all (self->identities);
  g_clear_object (&self->interface);
  g_clear_object (&self->manager);
  g_clear_object (&self->agent);
  G_OBJECT_CLASS (brevet_agent_bus_parent_class)->dispose (object);
}

static void
brevet_agent_bus_finalize (GObject *object)
{
  g_hash_table_unref (BREVET_AGENT_BUS (object)->identities);
  G_OBJECT_CLASS (brevet_agent_bus_parent_class)->finalize (object);
}

static void
brevet_agent_bus_class_init (BrevetAgentBusClass *class)
{
  G_OBJECT_CLASS (class)->dispose = brevet_agent_bus_dispose;
  G_OBJECT_CLASS (class)->finalize = brevet_agent_bus_finalize;
}

static void
brevet_agent_bus_init (BrevetAgentBus *self)
{
  self->identities = g_hash_table_new_full (NULL, NULL, NULL, g_object_unref);
  self->interface = brevet_bus_agent1_skeleton_new ();
  self->manager = g_dbus_object_manager_server_new (BREVET_BUS_PATH);
}

static void
follow_agent (BrevetAgentBus *self)
{
  GPtrArray *identities = brevet_agent_get_identities (self->agent);

  for (guint i = 0; i < identities->len; i++)
    add_identity (self, g_ptr_array_index (identities, i));
  g_signal_connect_swapped (self->interface, "handle-reload", G_CALLBACK (on_reload), self);
  g_signal_connect_object (self->agent, "identity-added", G_CALLBACK (on_identity_added), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->agent, "identity-removed", G_CALLBACK (on_identity_removed), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->agent, "configuration-changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
}

BrevetAgentBus *
brevet_agent_bus_new (BrevetAgent *agent, GDBusConnection *connection, GError **error)
{
  g_autoptr(BrevetAgentBus) self = g_object_new (BREVET_TYPE_AGENT_BUS, NULL);

  self->agent = g_object_ref (agent);
  brevet_bus_agent1_set_version (self->interface, BREVET_VERSION);
  /* Before it is exported: the first values are no change. */
  update (self);
  if (!g_dbus_interface_skeleton_export (G_DBUS_INTERFACE_SKELETON (self->interface), connection, BREVET_BUS_PATH, error))
    return NULL;
  follow_agent (self);
  /* Last, so that nobody is told of objects one by one that belong together. */
  g_dbus_object_manager_server_set_connection (self->manager, connection);
  return g_steal_pointer (&self);
}
