/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "key-vault.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * BREVET_HUB_PROOF_TIMEOUT:
 *
 * Seconds in which a hub must have accepted a device.
 */
#define BREVET_HUB_PROOF_TIMEOUT 30

/**
 * brevet_hub_proof_async:
 * @candidate: a complete generation with a certificate
 * @key: its key, ready for use
 * @vault: way to keys in tokens; with such a key all of it happens there, since a token may hang
 * @port: port of its hub
 * @timeout: seconds
 *
 * Tries at the assigned hub whether it takes @candidate: connects with its key, certificate and trust bundle (the system's trust
 * where it has none), and disconnects as soon as it is accepted. Nothing is published.
 */
void brevet_hub_proof_async (BrevetGeneration *candidate, BrevetKey *key, BrevetKeyVault *vault, guint16 port, guint timeout,
                             GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_hub_proof_finish:
 *
 * Returns: %FALSE with %BREVET_ERROR_REJECTED, %BREVET_ERROR_UNREACHABLE or %BREVET_ERROR_UNTRUSTED, in words that name the hub and
 *   what it said, or %G_IO_ERROR_CANCELLED
 */
gboolean brevet_hub_proof_finish (GAsyncResult *result, GError **error);

G_END_DECLS
