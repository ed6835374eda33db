/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-gate-protocol.h"
#include "brevet-handler.h"
#include "http-forwarding.h"

G_BEGIN_DECLS

/* What all connections of one listener have in common; immutable once it is registered. Times in milliseconds. */
typedef struct
{
  BrevetHandler *handler;
  guint          header_timeout;
  guint          body_timeout;
  guint          idle_timeout;
  gsize          header_limit;
  gsize          body_limit;
  guint          request_limit;
  gboolean       public_only;   /* nothing but what is for everybody, and no other protocol */
  HttpForwarding forwarding;
} HttpService;

/* HTTP/1.1 over a gate; its user data is a HttpService.
 *
 * Memory of one connection beside the gate's: the head of one request, its body (64 KiB unless the route allows more, and only
 * after it was admitted) and one reply. */
extern const BrevetGateProtocol http_connection_protocol;

G_END_DECLS
