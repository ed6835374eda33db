/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-bus-names.h"

G_BEGIN_DECLS

/**
 * BrevetMonitorEvent:
 *
 * Something that happened to the agent or to an identity just now.
 */
typedef struct _BrevetMonitorEvent BrevetMonitorEvent;

/**
 * brevet_monitor_event_new:
 * @kind: the word for programs
 * @identity: (nullable): whom it happened to; the agent as a whole if %NULL
 * @text: what happened, for people
 */
BrevetMonitorEvent *brevet_monitor_event_new (const char *kind, BrevetBusAgent1Identity *identity, const char *text);

/**
 * brevet_monitor_event_new_state:
 *
 * Returns: (transfer full): that the state or its cause is what it is now
 */
BrevetMonitorEvent *brevet_monitor_event_new_state (BrevetBusAgent1Identity *identity);

/**
 * brevet_monitor_event_new_signal:
 * @name: D-Bus name of a signal
 * @arguments: its arguments
 *
 * Returns: (transfer full) (nullable): what the signal says; %NULL for one of a later version
 */
BrevetMonitorEvent *brevet_monitor_event_new_signal (BrevetBusAgent1Identity *identity, const char *name, GVariant *arguments);

void brevet_monitor_event_free (BrevetMonitorEvent *self);

/**
 * brevet_monitor_event_print:
 *
 * Prints one line, flushed.
 */
void brevet_monitor_event_print (BrevetMonitorEvent *self, gboolean json);

G_END_DECLS
