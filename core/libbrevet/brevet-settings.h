/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-macros.h"
#include "brevet-secret.h"

G_BEGIN_DECLS

/* Of brevet-config.h, which knows this file. */
typedef struct _BrevetConfig BrevetConfig;

/**
 * BrevetSettings:
 *
 * One group of a configuration, such as `[ca factory]`: what a plugin is configured with. It remembers where each key was written,
 * so that every message about a value names file and line, and which keys were asked for, so that unknown keys can be reported.
 * Getters set %BREVET_ERROR_NOT_CONFIGURED with a message of the form
 * `/etc/brevet/dps.conf:12: [ca factory] validity: “xyz” is not a duration; write for example 90d`.
 * Safe to read from several threads.
 */
#define BREVET_TYPE_SETTINGS (brevet_settings_get_type ())
BREVET_API
G_DECLARE_FINAL_TYPE (BrevetSettings, brevet_settings, BREVET, SETTINGS, GObject)

/**
 * brevet_settings_new:
 * @kind: first word of the group, such as `ca`
 * @name: (nullable): rest of the group's name, such as `factory`
 * @base_directory: (nullable): directory that relative paths are relative to; %NULL for the current one
 *
 * An empty group, to be filled with brevet_settings_set(); for objects that do not come from a file, and for tests.
 *
 * Returns: (transfer full): new settings
 */
BREVET_API
BrevetSettings *brevet_settings_new (const char *kind, const char *name, const char *base_directory);

/**
 * brevet_settings_set:
 * @key: name of the key
 * @value: its text
 * @origin: (nullable): where it was written, for messages: `FILE:LINE`
 *
 * Sets or replaces one key. Only before the settings are shared.
 */
BREVET_API
void brevet_settings_set (BrevetSettings *self, const char *key, const char *value, const char *origin);

/**
 * brevet_settings_copy:
 * @kind: first word of the copy's heading
 * @name: (nullable): rest of it
 *
 * Returns: (transfer full): settings of their own with the same keys and values, which messages place where they were written, and
 *   the same directory for relative paths
 */
BREVET_API
BrevetSettings *brevet_settings_copy (BrevetSettings *self, const char *kind, const char *name);

/**
 * brevet_settings_get_base_directory:
 *
 * Returns: (transfer none): absolute path of the directory that relative paths are relative to
 */
BREVET_API
const char *brevet_settings_get_base_directory (BrevetSettings *self);

/**
 * brevet_settings_list_keys:
 *
 * Returns: (transfer container) (element-type utf8): the keys, valid as long as @self. Does not count as asking for them.
 */
BREVET_API
GPtrArray *brevet_settings_list_keys (BrevetSettings *self);

/**
 * brevet_settings_peek:
 *
 * Returns: (nullable) (transfer none): the text, as brevet_settings_get_string(); does not count as asking for it
 */
BREVET_API
const char *brevet_settings_peek (BrevetSettings *self, const char *key);

/**
 * brevet_settings_is_secret:
 *
 * Returns: %TRUE if somebody has asked for @key with brevet_settings_get_secret(), so that its value is not to be shown, nor
 *   stored as it is
 */
BREVET_API
gboolean brevet_settings_is_secret (BrevetSettings *self, const char *key);

/**
 * brevet_settings_get_kind:
 *
 * Returns: (transfer none): first word of the group's heading, such as `ca`
 */
BREVET_API
const char *brevet_settings_get_kind (BrevetSettings *self);

/**
 * brevet_settings_get_name:
 *
 * Returns: (nullable) (transfer none): rest of the group's name
 */
BREVET_API
const char *brevet_settings_get_name (BrevetSettings *self);

/**
 * brevet_settings_get_config:
 *
 * The configuration that this group is part of, for a plugin that reads further groups beside its own. The settings do not keep it:
 * once whoever loaded it has dropped it, there is none any more. It is there while a plugin is configured with a group of a file.
 *
 * Returns: (transfer full) (nullable): the configuration; %NULL if it is gone, or for settings that do not come from one
 */
BREVET_API
BrevetConfig *brevet_settings_get_config (BrevetSettings *self);

/**
 * brevet_settings_has:
 *
 * Returns: %TRUE if the group has @key, even if it is empty
 */
BREVET_API
gboolean brevet_settings_has (BrevetSettings *self, const char *key);

/**
 * brevet_settings_get_string:
 * @fallback: (nullable): value if the key is absent
 *
 * Returns: (nullable) (transfer none): the text, valid as long as @self
 */
BREVET_API
const char *brevet_settings_get_string (BrevetSettings *self, const char *key, const char *fallback);

/**
 * brevet_settings_require_string:
 *
 * Returns: (nullable) (transfer none): the text, or %NULL with an error that says which key is missing where
 */
BREVET_API
const char *brevet_settings_require_string (BrevetSettings *self, const char *key, GError **error);

/**
 * brevet_settings_get_strings:
 *
 * A list separated by `;` or `,`; white space around the items is dropped, empty items are too.
 *
 * Returns: (transfer full) (array zero-terminated=1): the items; empty if the key is absent
 */
BREVET_API
char **brevet_settings_get_strings (BrevetSettings *self, const char *key);

/**
 * brevet_settings_get_int:
 * @fallback: value if the key is absent
 * @minimum: smallest value allowed
 * @maximum: largest value allowed
 * @value: (out): the number
 *
 * Returns: %FALSE with an error if the text is not a whole number in the range
 */
BREVET_API
gboolean brevet_settings_get_int (BrevetSettings *self, const char *key, gint64 fallback, gint64 minimum, gint64 maximum,
                                  gint64 *value, GError **error);

/**
 * brevet_settings_get_boolean:
 * @value: (out): `true`, `yes`, `on`, `1` or `false`, `no`, `off`, `0`
 */
BREVET_API
gboolean brevet_settings_get_boolean (BrevetSettings *self, const char *key, gboolean fallback, gboolean *value, GError **error);

/**
 * brevet_settings_get_duration:
 * @fallback: seconds if the key is absent
 * @minimum: smallest number of seconds allowed
 * @maximum: largest number of seconds allowed
 * @seconds: (out): a number with a unit: `30s`, `5min` (or `5m`), `12h`, `90d`, `2w`, `1y` (365 days); several may follow each
 *   other: `1h 30min`. A bare number means seconds.
 */
BREVET_API
gboolean brevet_settings_get_duration (BrevetSettings *self, const char *key, gint64 fallback, gint64 minimum, gint64 maximum,
                                       gint64 *seconds, GError **error);

/**
 * brevet_settings_get_path:
 *
 * Returns: (nullable) (transfer full): absolute path, relative ones resolved against the directory of the main configuration file;
 *   %NULL if the key is absent
 */
BREVET_API
char *brevet_settings_get_path (BrevetSettings *self, const char *key);

/**
 * brevet_settings_get_state_path:
 * @name: (nullable): name of a file in the state directory; %NULL for that directory itself
 *
 * Where a program may keep something: what @key says, as brevet_settings_get_path() has it; else below the first directory of
 * `$STATE_DIRECTORY`, which systemd sets for `StateDirectory=`.
 *
 * Returns: (nullable) (transfer full): absolute path; %NULL if there is neither
 */
BREVET_API
char *brevet_settings_get_state_path (BrevetSettings *self, const char *key, const char *name);

/**
 * brevet_settings_get_secret:
 * @key: base name. Read from the first of: file named by `KEY-file`, systemd credential named by `KEY-credential` (in
 *   `$CREDENTIALS_DIRECTORY`), the value of `KEY` itself.
 * @secret: (out) (nullable): the secret, or %NULL if none of the three is there
 *
 * Returns: %FALSE with an error if a source was named but cannot be read
 */
BREVET_API
gboolean brevet_settings_get_secret (BrevetSettings *self, const char *key, BrevetSecret **secret, GError **error);

/**
 * brevet_settings_error: (skip)
 * @key: (nullable): the key whose value is wrong
 * @format: what is wrong and what to write instead
 *
 * Makes an error of %BREVET_ERROR_NOT_CONFIGURED with file, line, group and key in front.
 *
 * Returns: (transfer full): the error
 */
BREVET_API
GError *brevet_settings_error (BrevetSettings *self, const char *key, const char *format, ...) G_GNUC_PRINTF (3, 4);

/**
 * brevet_settings_equal:
 *
 * Returns: %TRUE if both have the same keys with the same values, wherever they were written
 */
BREVET_API
gboolean brevet_settings_equal (BrevetSettings *self, BrevetSettings *other);

/**
 * brevet_settings_digest:
 * @keys: (nullable) (array zero-terminated=1): the keys that count; %NULL for all
 * @checksum: what to feed
 *
 * Feeds kind, keys and values into @checksum, sorted by key; of a key `…-file` the content of the file too, and of a key
 * `…-credential` that of the systemd credential. So it can be told whether something has changed, and nothing be read back. Absent
 * keys are left out; the group's name, and where in which file it is written, do not count. Keys do not count as asked for.
 *
 * Returns: %FALSE with %BREVET_ERROR_NOT_CONFIGURED naming a file that cannot be read; @checksum is of no use then
 */
BREVET_API
gboolean brevet_settings_digest (BrevetSettings *self, const char *const *keys, GChecksum *checksum, GError **error);

/**
 * brevet_settings_list_unused:
 *
 * Returns: (transfer full) (element-type utf8): `FILE:LINE: [GROUP] KEY` of every key that nobody has asked for, in file order
 */
BREVET_API
GPtrArray *brevet_settings_list_unused (BrevetSettings *self);

G_END_DECLS
