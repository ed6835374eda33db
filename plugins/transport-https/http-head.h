/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http-reader.h"

G_BEGIN_DECLS

/* Reads request line and header fields out of @text, which is complete, holds neither control characters but tabs and proper line
 * ends nor bytes above 0x7e, and is cut into pieces here. Returns: FALSE after http_reader_fail() */
gboolean http_head_parse (HttpReader *reader, char *text);

gboolean http_reader_fail (HttpReader *self, guint status, const char *message);

G_END_DECLS
