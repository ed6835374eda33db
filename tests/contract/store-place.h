/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "store-suite.h"

/* A store at a place in the file system, whatever it makes of that. */

/* Of this plugin, whose setting @key names the place; not open yet. 0 for the default number of waiting requests. */
BrevetStore *store_place_create (const char *plugin, const char *key, const char *place, gint64 maximum_queued);

/* Opening it fails with this code, and the message names the place and says this text. */
void store_place_assert_open_fails (BrevetStore *store, const char *place, int code, const char *text);

/* A process that holds the store open keeps others away and is named to them, until its input ends. @place: the store of @world */
void store_place_check_holder (const StoreSuite *suite, gpointer world, const char *place, GSubprocess *holder);

/* Records that fill a disk: 50,000 bytes each. */
gboolean store_place_put_block (BrevetStore *store, guint number, GError **error);
void store_place_assert_blocks (BrevetStore *store, guint count);
