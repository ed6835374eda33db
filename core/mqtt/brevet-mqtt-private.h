/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-mqtt-packet.h"

G_BEGIN_DECLS

/* Checks type and flags of a fixed header (§2.2.1, §2.2.2), as far as the first byte tells. */
gboolean brevet_mqtt_check_first (guint8 first, GError **error);

G_END_DECLS
