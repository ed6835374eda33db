/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * brevet_bus_name_take_async:
 * @connection: connection to the bus
 * @name: well-known name
 * @patience: seconds that another owner is given to go
 * @callback: called when the name is ours, or will not be
 * @user_data: for @callback
 *
 * Asks for a name of the bus. The bus may still count the process that had it before as its owner: one that was killed is gone for
 * the service manager, which starts the next one, before the bus has read the end of its connection. So this waits in the queue of
 * the name for a while, where asking once would take that for a second agent.
 */
void brevet_bus_name_take_async (GDBusConnection *connection, const char *name, guint patience,
                                 GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_bus_name_take_finish:
 * @result: result
 * @error: %BREVET_ERROR_CONFLICT: another process keeps the name; others: what the bus answers
 *
 * Returns: %TRUE if the name is ours
 */
gboolean brevet_bus_name_take_finish (GAsyncResult *result, GError **error);

G_END_DECLS
