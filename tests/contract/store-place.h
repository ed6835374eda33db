/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet.h"

/* A store at a place in the file system, whatever it makes of that. */

/* Of this plugin, whose setting @key names the place; not open yet. 0 for the default number of waiting requests. */
BrevetStore *store_place_create (const char *plugin, const char *key, const char *place, gint64 maximum_queued);

/* Opening it fails with this code, and the message names the place and says this text. */
void store_place_assert_open_fails (BrevetStore *store, const char *place, int code, const char *text);
