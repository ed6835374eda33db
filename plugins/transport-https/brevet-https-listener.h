/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-gate-listener.h"

G_BEGIN_DECLS

/* The device and service APIs over HTTPS. See README.md for its settings. */
#define BREVET_TYPE_HTTPS_LISTENER (brevet_https_listener_get_type ())
G_DECLARE_FINAL_TYPE (BrevetHttpsListener, brevet_https_listener, BREVET, HTTPS_LISTENER, BrevetGateListener)

G_END_DECLS
