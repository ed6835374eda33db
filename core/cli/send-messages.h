/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "send-identity.h"

G_BEGIN_DECLS

/**
 * BrevetSendJob:
 * @identity: who sends, and where to
 * @port: port of the hub
 * @ca_file: (nullable): what the hub must be trusted by, in place of what the identity trusts
 * @topic: where the messages go
 * @text: (nullable): the message; %NULL: each line of standard input is one
 * @count: how often @text is sent
 * @interval: seconds between two messages
 * @timeout: seconds in which the hub must accept the device, and then acknowledge each message
 * @acknowledged: how many messages the hub has acknowledged
 * @entered: whether the hub has accepted the device
 *
 * What to send, and, from @acknowledged on, what came of it.
 */
typedef struct {
  const BrevetSendIdentity *identity;
  guint16 port;
  const char *ca_file;
  const char *topic;
  const char *text;
  guint count;
  guint interval;
  guint timeout;
  guint acknowledged;
  gboolean entered;
} BrevetSendJob;

/**
 * brevet_send_job_run:
 *
 * Connects, sends one message after the other with QoS 1, each when the one before it has been acknowledged, and disconnects.
 * SIGINT and SIGTERM end it; while it waits for standard input, that is no failure.
 *
 * Returns: %FALSE with an error for people if not everything was acknowledged
 */
gboolean brevet_send_job_run (BrevetSendJob *self, GError **error);

G_END_DECLS
