/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-macros.h"
#include "brevet-settings.h"

G_BEGIN_DECLS

/**
 * BrevetConfig:
 *
 * A configuration as it was at one moment: a key file and the drop-ins `FILE.d/` + `*.conf`, read in name order, later keys
 * replacing earlier ones. Immutable; to reload, load a new one and swap.
 */
#define BREVET_TYPE_CONFIG (brevet_config_get_type ())
BREVET_API
G_DECLARE_FINAL_TYPE (BrevetConfig, brevet_config, BREVET, CONFIG, GObject)

/**
 * brevet_config_load:
 * @path: the main file; its drop-ins are in the directory with the same name and `.d` at the end
 *
 * Returns: (transfer full) (nullable): the configuration, or %NULL with %BREVET_ERROR_NOT_CONFIGURED naming file and line
 */
BREVET_API
BrevetConfig *brevet_config_load (const char *path, GError **error);

/**
 * brevet_config_new_from_text:
 * @text: what a file would hold
 * @name: what messages call it
 * @base_directory: (nullable): directory that relative paths are relative to
 *
 * Returns: (transfer full) (nullable): the configuration, or %NULL with an error
 */
BREVET_API
BrevetConfig *brevet_config_new_from_text (const char *text, const char *name, const char *base_directory, GError **error);

/**
 * brevet_config_get_path:
 *
 * Returns: (nullable) (transfer none): absolute path of the main file, %NULL if the configuration does not come from a file
 */
BREVET_API
const char *brevet_config_get_path (BrevetConfig *self);

/**
 * brevet_config_get_group:
 * @kind: first word of the group
 * @name: (nullable): rest of the group's name
 *
 * Returns: (nullable) (transfer none): the group, or %NULL if there is none
 */
BREVET_API
BrevetSettings *brevet_config_get_group (BrevetConfig *self, const char *kind, const char *name);

/**
 * brevet_config_ensure_group:
 *
 * Like brevet_config_get_group(), but an absent group is an empty one, so that every key has its default.
 *
 * Returns: (transfer none): the group
 */
BREVET_API
BrevetSettings *brevet_config_ensure_group (BrevetConfig *self, const char *kind, const char *name);

/**
 * brevet_config_list_groups:
 * @kind: first word
 *
 * Returns: (transfer full) (element-type BrevetSettings): all groups of the kind, in the order in which they first appear
 */
BREVET_API
GPtrArray *brevet_config_list_groups (BrevetConfig *self, const char *kind);

/**
 * brevet_config_list_unused:
 *
 * Returns: (transfer full) (element-type utf8): one text for every key or group that nobody has asked for: `FILE:LINE: [GROUP] KEY`
 */
BREVET_API
GPtrArray *brevet_config_list_unused (BrevetConfig *self);

G_END_DECLS
