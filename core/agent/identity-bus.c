/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-bus.h"

#include "identity-bus-methods.h"

struct _BrevetIdentityBus
{
  GObject                  parent_instance;
  BrevetIdentity          *identity;
  BrevetBusObjectSkeleton *object;
  BrevetBusAgent1Identity *interface;
};

G_DEFINE_FINAL_TYPE (BrevetIdentityBus, brevet_identity_bus, G_TYPE_OBJECT)

/* D-Bus has no text that is absent. */
static const char *
text_or_empty (const char *text)
{
  return text != NULL ? text : "";
}

static void
update_configuration (BrevetIdentityBus *self)
{
  BrevetIdentityConfig *config = brevet_identity_get_config (self->identity);

  brevet_bus_agent1_identity_set_name (self->interface, config->name);
  brevet_bus_agent1_identity_set_service (self->interface, text_or_empty (config->service));
  brevet_bus_agent1_identity_set_id_scope (self->interface, text_or_empty (config->id_scope));
  brevet_bus_agent1_identity_set_registration_id (self->interface, text_or_empty (config->registration_id));
}

static void
update_state (BrevetIdentityBus *self)
{
  const BrevetIdentityMemory *memory = brevet_identity_get_memory (self->identity);
  BrevetBusAgent1Identity *interface = self->interface;

  brevet_bus_agent1_identity_set_state (interface, brevet_identity_state_to_string (brevet_identity_get_state (self->identity)));
  brevet_bus_agent1_identity_set_cause (interface, text_or_empty (brevet_identity_get_cause (self->identity)));
  brevet_bus_agent1_identity_set_next_attempt (interface, brevet_identity_get_next_attempt (self->identity));
  brevet_bus_agent1_identity_set_renewal_time (interface, brevet_identity_get_renewal_time (self->identity));
  brevet_bus_agent1_identity_set_failures (interface, memory->failures);
  brevet_bus_agent1_identity_set_last_success (interface, memory->last_success);
  brevet_bus_agent1_identity_set_last_error_name (interface, text_or_empty (memory->error_name));
  brevet_bus_agent1_identity_set_last_error_code (interface, memory->error_code);
  brevet_bus_agent1_identity_set_last_error_text (interface, text_or_empty (memory->error_text));
  brevet_bus_agent1_identity_set_last_error_tracking_id (interface, text_or_empty (memory->error_tracking_id));
  brevet_bus_agent1_identity_set_last_error_time (interface, memory->error_time);
}

static void
update_assignment (BrevetIdentityBus *self)
{
  BrevetGeneration *current = brevet_identity_get_current (self->identity);
  BrevetGeneration *previous = brevet_identity_get_previous (self->identity);

  brevet_bus_agent1_identity_set_device_id (self->interface, text_or_empty (current != NULL ? current->device_id : NULL));
  brevet_bus_agent1_identity_set_assigned_hub (self->interface, text_or_empty (current != NULL ? current->assigned_hub : NULL));
  brevet_bus_agent1_identity_set_generation (self->interface, current != NULL ? current->number : 0);
  brevet_bus_agent1_identity_set_previous_generation (self->interface, previous != NULL ? previous->number : 0);
}

static void
update_certificate (BrevetIdentityBus *self)
{
  BrevetGeneration *current = brevet_identity_get_current (self->identity);
  BrevetCertificate *leaf = current != NULL && current->chain != NULL ? brevet_chain_get_leaf (current->chain) : NULL;
  BrevetBusAgent1Identity *interface = self->interface;

  brevet_bus_agent1_identity_set_subject (interface, leaf != NULL ? brevet_certificate_get_subject (leaf) : "");
  brevet_bus_agent1_identity_set_issuer (interface, leaf != NULL ? brevet_certificate_get_issuer (leaf) : "");
  brevet_bus_agent1_identity_set_serial (interface, leaf != NULL ? brevet_certificate_get_serial (leaf) : "");
  brevet_bus_agent1_identity_set_not_before (interface, leaf != NULL ? brevet_certificate_get_not_before (leaf) : 0);
  brevet_bus_agent1_identity_set_not_after (interface, leaf != NULL ? brevet_certificate_get_not_after (leaf) : 0);
  brevet_bus_agent1_identity_set_sha256 (interface, leaf != NULL ? brevet_certificate_get_sha256 (leaf) : "");
}

/* Empty as long as there is nothing to be found there. */
static char *
locate (BrevetIdentityBus *self, gboolean exists, const char *record)
{
  char *path = exists ? brevet_identity_records_locate (brevet_identity_get_records (self->identity), record) : NULL;

  return path != NULL ? path : g_strdup ("");
}

static char *
locate_key (BrevetIdentityBus *self, BrevetGeneration *current)
{
  char *uri = current != NULL ? brevet_generation_dup_key_uri (current) : NULL;

  return uri != NULL ? uri : locate (self, current != NULL && current->key != NULL, BREVET_IDENTITY_KEY_NAME);
}

static void
update_locations (BrevetIdentityBus *self)
{
  BrevetGeneration *current = brevet_identity_get_current (self->identity);
  g_autofree char *key = locate_key (self, current);
  g_autofree char *certificate = locate (self, current != NULL && current->chain != NULL, BREVET_IDENTITY_CERTIFICATE_NAME);
  g_autofree char *bundle = locate (self, current != NULL && current->trust_bundle != NULL, BREVET_IDENTITY_TRUST_BUNDLE_NAME);

  brevet_bus_agent1_identity_set_key_location (self->interface, key);
  brevet_bus_agent1_identity_set_certificate_location (self->interface, certificate);
  brevet_bus_agent1_identity_set_trust_bundle_location (self->interface, bundle);
}

static void
update_trust_bundle (BrevetIdentityBus *self)
{
  BrevetGeneration *current = brevet_identity_get_current (self->identity);
  GPtrArray *problems = brevet_identity_get_trust_bundle_problems (self->identity);
  g_autoptr(GPtrArray) texts = g_ptr_array_new ();

  g_ptr_array_extend (texts, problems, NULL, NULL);
  g_ptr_array_add (texts, NULL);
  brevet_bus_agent1_identity_set_trust_bundle_problems (self->interface, (const char *const *) texts->pdata);
  brevet_bus_agent1_identity_set_trust_bundle_etag (self->interface,
                                                    text_or_empty (current != NULL ? current->trust_bundle_etag : NULL));
}

/* The skeleton gathers what really changes and sends it once, when the main loop has nothing else to do. */
static void
update (BrevetIdentityBus *self)
{
  update_configuration (self);
  update_state (self);
  update_assignment (self);
  update_certificate (self);
  update_locations (self);
  update_trust_bundle (self);
}

void
brevet_identity_bus_flush (BrevetIdentityBus *self)
{
  update (self);
  g_dbus_interface_skeleton_flush (G_DBUS_INTERFACE_SKELETON (self->interface));
}

static void
on_renewed (BrevetIdentityBus *self)
{
  brevet_identity_bus_flush (self);
  brevet_bus_agent1_identity_emit_renewed (self->interface, brevet_bus_agent1_identity_get_generation (self->interface),
                                           brevet_bus_agent1_identity_get_sha256 (self->interface),
                                           brevet_bus_agent1_identity_get_not_after (self->interface));
}

static void
on_failed (BrevetIdentityBus *self)
{
  brevet_identity_bus_flush (self);
  brevet_bus_agent1_identity_emit_failed (self->interface, brevet_bus_agent1_identity_get_last_error_name (self->interface),
                                          brevet_bus_agent1_identity_get_last_error_text (self->interface),
                                          brevet_bus_agent1_identity_get_last_error_tracking_id (self->interface),
                                          brevet_bus_agent1_identity_get_next_attempt (self->interface));
}

static void
on_trust_bundle_changed (BrevetIdentityBus *self)
{
  brevet_identity_bus_flush (self);
  brevet_bus_agent1_identity_emit_trust_bundle_changed (self->interface,
                                                        brevet_bus_agent1_identity_get_trust_bundle_etag (self->interface));
}

GDBusObjectSkeleton *
brevet_identity_bus_get_object (BrevetIdentityBus *self)
{
  return G_DBUS_OBJECT_SKELETON (self->object);
}

BrevetIdentity *
brevet_identity_bus_get_identity (BrevetIdentityBus *self)
{
  return self->identity;
}

static void
brevet_identity_bus_dispose (GObject *object)
{
  BrevetIdentityBus *self = BREVET_IDENTITY_BUS (object);

  if (self->interface != NULL)
    g_signal_handlers_disconnect_by_data (self->interface, self);
  g_clear_object (&self->interface);
  g_clear_object (&self->object);
  g_clear_object (&self->identity);
  G_OBJECT_CLASS (brevet_identity_bus_parent_class)->dispose (object);
}

static void
brevet_identity_bus_class_init (BrevetIdentityBusClass *class)
{
  G_OBJECT_CLASS (class)->dispose = brevet_identity_bus_dispose;
}

static void
brevet_identity_bus_init (BrevetIdentityBus *self)
{
  self->interface = brevet_bus_agent1_identity_skeleton_new ();
}

BrevetIdentityBus *
brevet_identity_bus_new (BrevetIdentity *identity)
{
  BrevetIdentityBus *self = g_object_new (BREVET_TYPE_IDENTITY_BUS, NULL);
  g_autofree char *path = brevet_bus_identity_path (brevet_identity_get_config (identity)->name);

  self->identity = g_object_ref (identity);
  self->object = brevet_bus_object_skeleton_new (path);
  brevet_bus_object_skeleton_set_agent1_identity (self->object, self->interface);
  brevet_identity_bus_connect_methods (self, self->interface);
  g_signal_connect_object (identity, "changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (identity, "renewed", G_CALLBACK (on_renewed), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (identity, "failed", G_CALLBACK (on_failed), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (identity, "trust-bundle-changed", G_CALLBACK (on_trust_bundle_changed), self, G_CONNECT_SWAPPED);
  /* Before it is exported: the first values are no change. */
  update (self);
  return self;
}
