/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-message.h"
#include "brevet-network-peer.h"

#include <libsoup/soup.h>

G_BEGIN_DECLS

/**
 * BREVET_HTTPS_MAXIMUM_REPLY:
 *
 * Longest body of a reply, in bytes.
 */
#define BREVET_HTTPS_MAXIMUM_REPLY (1024 * 1024)

/**
 * brevet_https_exchange_run:
 * @task: answered with a #BrevetReply
 * @peer: lives as long as the source object of @task
 *
 * Sends @request once, on the thread-default main context, and reads the reply.
 */
void brevet_https_exchange_run (GTask *task, SoupSession *session, const BrevetNetworkPeer *peer, BrevetRequest *request);

G_END_DECLS
