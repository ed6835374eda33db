/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-transport.h"

G_BEGIN_DECLS

/**
 * BrevetHttpsTransport:
 *
 * A #BrevetTransport over HTTPS. Settings: `host`, `port`, `ca-file`, `timeout`, `proxy`.
 */
#define BREVET_TYPE_HTTPS_TRANSPORT (brevet_https_transport_get_type ())
G_DECLARE_FINAL_TYPE (BrevetHttpsTransport, brevet_https_transport, BREVET, HTTPS_TRANSPORT, BrevetPlugin)

G_END_DECLS
