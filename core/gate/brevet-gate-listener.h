/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-gate.h"
#include "brevet-listener.h"

G_BEGIN_DECLS

/**
 * BrevetGateListener:
 *
 * What all listeners over a gate have in common: one gate of their own, made with their settings, and a protocol that is known to
 * it as long as they serve. Its `configure` makes the gate; who has settings beside those of #BrevetGate reads them and chains up.
 */
#define BREVET_TYPE_GATE_LISTENER (brevet_gate_listener_get_type ())
BREVET_API
G_DECLARE_DERIVABLE_TYPE (BrevetGateListener, brevet_gate_listener, BREVET, GATE_LISTENER, BrevetPlugin)

/**
 * BrevetGateListenerClass:
 * @protocol: first word of the name of the protocol; the name of the listener is the rest
 * @default_port: port if the settings name none
 * @register_protocols: registers the protocol under the name @name, and what else connections may be handed over to. On failure
 *   nothing is registered.
 * @is_public: whether this listener serves nothing but what is public, see brevet_gate_new_public(). Optional.
 * @unregister_protocols: takes back what was registered beside the protocol itself. Optional.
 */
struct _BrevetGateListenerClass
{
  BrevetPluginClass parent_class;

  const char *protocol;
  guint16     default_port;
  gboolean (*register_protocols) (BrevetGateListener *self, const char *name, BrevetHandler *handler, GError **error);
  gboolean (*is_public) (BrevetGateListener *self);
  void (*unregister_protocols) (BrevetGateListener *self);
};

G_END_DECLS
