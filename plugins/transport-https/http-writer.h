/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-message.h"

G_BEGIN_DECLS

/* Returns: (transfer full): the bytes of @reply, head and body in one piece so that they travel in one record if they fit
 * @is_head: whether the request was HEAD, whose reply has no body
 * @close: whether the connection is closed behind it
 * @is_secure: whether the host may ask for TLS from now on (a host that is asked without it must not, RFC 6797 §7.2)
 * @now: seconds since 1970-01-01 UTC */
GBytes *http_writer_write (BrevetReply *reply, gboolean is_head, gboolean close, gboolean is_secure, gint64 now);

G_END_DECLS
