/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-settings.h"

G_BEGIN_DECLS

/* Where the group begins, `FILE:LINE`: for messages about keys that are missing. */
void brevet_settings_set_origin (BrevetSettings *self, const char *origin);

const char *brevet_settings_get_origin (BrevetSettings *self);

/* The configuration that the group is part of. */
void brevet_settings_set_config (BrevetSettings *self, BrevetConfig *config);

/* The value of a key, or NULL. Every question for a key goes through here, so that keys nobody asked for can be told. */
const char *brevet_settings_lookup (BrevetSettings *self, const char *key);

/* What the key says is a secret. */
void brevet_settings_note_secret (BrevetSettings *self, const char *key);

/* Content of the file or the credential that a key `…-file` or `…-credential` names; NULL in @content for all other keys. */
gboolean brevet_settings_read_named (BrevetSettings *self, const char *key, BrevetSecret **content, GError **error);

G_END_DECLS
