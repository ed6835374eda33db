/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent-client.h"
#include "brevet-chain.h"
#include "brevet-key.h"
#include "brevet-trust-bundle.h"

G_BEGIN_DECLS

/**
 * BrevetSendIdentity:
 * @hub: the assigned hub
 * @device_id: name of the device there
 * @chain: the certificate in use
 * @key: its key
 * @trust: (nullable): what the hub must be trusted by; %NULL for the system's trust
 *
 * An identity as one needs it to go to its hub. All of one generation.
 */
typedef struct {
  char *hub;
  char *device_id;
  BrevetChain *chain;
  BrevetKey *key;
  BrevetTrustBundle *trust;
} BrevetSendIdentity;

/**
 * brevet_send_identity_new:
 * @identity: what the agent tells
 * @pin: (nullable): PIN of the token, if the key is in one; the agent tells nobody its own
 * @exit_code: (out): where there is no valid identity: the value of its #BrevetIdentityHealth; else 0
 *
 * Fetches certificate and trust bundle from the agent, and the key from where the agent says. That is a use of the identity. A
 * renewal that comes in between is waited for.
 *
 * Returns: (transfer full) (nullable): the identity; %NULL with an error for people
 */
BrevetSendIdentity *brevet_send_identity_new (BrevetAgentClient *client, BrevetBusAgent1Identity *identity, BrevetSecret *pin,
                                              int *exit_code, GError **error);

void brevet_send_identity_free (BrevetSendIdentity *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetSendIdentity, brevet_send_identity_free)

G_END_DECLS
