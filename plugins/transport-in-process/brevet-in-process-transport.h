/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-transport.h"

G_BEGIN_DECLS

#define BREVET_TYPE_IN_PROCESS_TRANSPORT (brevet_in_process_transport_get_type ())

/**
 * BrevetInProcessTransport:
 *
 * A way to a service that runs in the process of its caller. Configured with a group `[transport NAME]` of type `in-process`.
 */
G_DECLARE_FINAL_TYPE (BrevetInProcessTransport, brevet_in_process_transport, BREVET, IN_PROCESS_TRANSPORT, BrevetPlugin)

G_END_DECLS
