/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-settings.h"
#include "brevet-duration.h"
#include "brevet-error.h"
#include "brevet-settings-private.h"

#include <errno.h>
#include <string.h>

typedef struct {
  char *key;
  char *value;
  char *origin;
  int   used;
  int   secret;
} Entry;

/* Characters of 24 bytes in base64. */
#define SHORTEST_KEY 32

struct _BrevetSettings
{
  GObject     parent_instance;

  char       *kind;
  char       *name;
  char       *base_directory;
  char       *origin;
  GWeakRef    config;    /* it holds us */
  GHashTable *entries;   /* key → Entry, owned by order */
  GPtrArray  *order;
};

G_DEFINE_FINAL_TYPE (BrevetSettings, brevet_settings, G_TYPE_OBJECT)

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  g_free (entry->key);
  brevet_secret_free_text (entry->value);
  g_free (entry->origin);
  g_free (entry);
}

static void
brevet_settings_finalize (GObject *object)
{
  BrevetSettings *self = BREVET_SETTINGS (object);

  g_free (self->kind);
  g_free (self->name);
  g_free (self->base_directory);
  g_free (self->origin);
  g_weak_ref_clear (&self->config);
  g_hash_table_unref (self->entries);
  g_ptr_array_unref (self->order);
  G_OBJECT_CLASS (brevet_settings_parent_class)->finalize (object);
}

static void
brevet_settings_class_init (BrevetSettingsClass *class)
{
  G_OBJECT_CLASS (class)->finalize = brevet_settings_finalize;
}

static void
brevet_settings_init (BrevetSettings *self)
{
  g_weak_ref_init (&self->config, NULL);
  self->entries = g_hash_table_new (g_str_hash, g_str_equal);
  self->order = g_ptr_array_new_with_free_func (entry_free);
}

BrevetSettings *
brevet_settings_new (const char *kind, const char *name, const char *base_directory)
{
  BrevetSettings *self = NULL;

  g_return_val_if_fail (kind != NULL, NULL);

  self = g_object_new (BREVET_TYPE_SETTINGS, NULL);
  self->kind = g_strdup (kind);
  self->name = g_strdup (name);
  self->base_directory = g_canonicalize_filename (base_directory != NULL ? base_directory : ".", NULL);
  return self;
}

void
brevet_settings_set_origin (BrevetSettings *self, const char *origin)
{
  g_free (self->origin);
  self->origin = g_strdup (origin);
}

const char *
brevet_settings_get_origin (BrevetSettings *self)
{
  return self->origin;
}

void
brevet_settings_set_config (BrevetSettings *self, BrevetConfig *config)
{
  g_weak_ref_set (&self->config, config);
}

BrevetConfig *
brevet_settings_get_config (BrevetSettings *self)
{
  g_return_val_if_fail (BREVET_IS_SETTINGS (self), NULL);
  return g_weak_ref_get (&self->config);
}

void
brevet_settings_set (BrevetSettings *self, const char *key, const char *value, const char *origin)
{
  Entry *entry = NULL;

  g_return_if_fail (BREVET_IS_SETTINGS (self));
  g_return_if_fail (key != NULL && value != NULL);

  entry = g_hash_table_lookup (self->entries, key);
  if (entry != NULL)
    {
      g_hash_table_remove (self->entries, key);
      g_ptr_array_remove (self->order, entry);
    }
  entry = g_new0 (Entry, 1);
  entry->key = g_strdup (key);
  entry->value = g_strdup (value);
  entry->origin = g_strdup (origin);
  g_hash_table_insert (self->entries, entry->key, entry);
  g_ptr_array_add (self->order, entry);
}

const char *
brevet_settings_get_kind (BrevetSettings *self)
{
  g_return_val_if_fail (BREVET_IS_SETTINGS (self), NULL);
  return self->kind;
}

const char *
brevet_settings_get_name (BrevetSettings *self)
{
  g_return_val_if_fail (BREVET_IS_SETTINGS (self), NULL);
  return self->name;
}

/* Every question for a key goes through here, so that keys nobody asked for can be told. */
static const char *
lookup (BrevetSettings *self, const char *key)
{
  Entry *entry = g_hash_table_lookup (self->entries, key);

  if (entry == NULL)
    return NULL;
  g_atomic_int_set (&entry->used, 1);
  return entry->value;
}

gboolean
brevet_settings_has (BrevetSettings *self, const char *key)
{
  g_return_val_if_fail (BREVET_IS_SETTINGS (self) && key != NULL, FALSE);
  return lookup (self, key) != NULL;
}

const char *
brevet_settings_get_string (BrevetSettings *self, const char *key, const char *fallback)
{
  const char *value = NULL;

  g_return_val_if_fail (BREVET_IS_SETTINGS (self) && key != NULL, NULL);

  value = lookup (self, key);
  return value != NULL ? value : fallback;
}

const char *
brevet_settings_require_string (BrevetSettings *self, const char *key, GError **error)
{
  const char *value = NULL;

  g_return_val_if_fail (BREVET_IS_SETTINGS (self) && key != NULL, NULL);

  value = lookup (self, key);
  if (value != NULL && *value != '\0')
    return value;
  g_propagate_error (error, brevet_settings_error (self, key, value == NULL ? "this key is missing; add “%s=…”"
                                                                            : "the value is empty; write “%s=…”", key));
  return NULL;
}

char **
brevet_settings_get_strings (BrevetSettings *self, const char *key)
{
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new ();
  g_auto(GStrv) items = NULL;
  const char *value = NULL;

  g_return_val_if_fail (BREVET_IS_SETTINGS (self) && key != NULL, NULL);

  value = lookup (self, key);
  items = g_strsplit_set (value != NULL ? value : "", ";,", -1);
  for (char **item = items; *item != NULL; item++)
    if (*g_strstrip (*item) != '\0')
      g_strv_builder_add (builder, *item);
  return g_strv_builder_end (builder);
}

gboolean
brevet_settings_get_int (BrevetSettings *self, const char *key, gint64 fallback, gint64 minimum, gint64 maximum, gint64 *value,
                         GError **error)
{
  g_autofree char *text = NULL;

  g_return_val_if_fail (BREVET_IS_SETTINGS (self) && key != NULL && value != NULL, FALSE);

  text = g_strdup (lookup (self, key));
  *value = fallback;
  if (text == NULL || g_ascii_string_to_signed (g_strstrip (text), 10, minimum, maximum, value, NULL))
    return TRUE;
  g_propagate_error (error, brevet_settings_error (self, key, "“%s” is not a whole number from %" G_GINT64_FORMAT " to %"
                                                   G_GINT64_FORMAT, text, minimum, maximum));
  return FALSE;
}

gboolean
brevet_settings_get_boolean (BrevetSettings *self, const char *key, gboolean fallback, gboolean *value, GError **error)
{
  static const char *const yes[] = { "true", "yes", "on", "1", NULL };
  static const char *const no[] = { "false", "no", "off", "0", NULL };
  const char *text = NULL;

  g_return_val_if_fail (BREVET_IS_SETTINGS (self) && key != NULL && value != NULL, FALSE);

  text = lookup (self, key);
  if (text == NULL)
    *value = fallback;
  else if (g_strv_contains (yes, text))
    *value = TRUE;
  else if (g_strv_contains (no, text))
    *value = FALSE;
  else
    {
      g_propagate_error (error, brevet_settings_error (self, key, "“%s” is neither true nor false; write “true” or “false”", text));
      return FALSE;
    }
  return TRUE;
}

gboolean
brevet_settings_get_duration (BrevetSettings *self, const char *key, gint64 fallback, gint64 minimum, gint64 maximum,
                              gint64 *seconds, GError **error)
{
  g_autofree char *shortest = NULL;
  g_autofree char *longest = NULL;
  const char *text = NULL;

  g_return_val_if_fail (BREVET_IS_SETTINGS (self) && key != NULL && seconds != NULL, FALSE);

  text = lookup (self, key);
  *seconds = fallback;
  if (text == NULL)
    return TRUE;
  if (!brevet_duration_parse (text, seconds))
    {
      g_propagate_error (error, brevet_settings_error (self, key, "“%s” is not a duration; write for example 90d", text));
      return FALSE;
    }
  if (*seconds >= minimum && *seconds <= maximum)
    return TRUE;

  shortest = brevet_duration_format (minimum);
  longest = brevet_duration_format (maximum);
  g_propagate_error (error, brevet_settings_error (self, key, "“%s” is out of range; write a duration from %s to %s", text,
                                                   shortest, longest));
  return FALSE;
}

char *
brevet_settings_get_path (BrevetSettings *self, const char *key)
{
  const char *value = NULL;

  g_return_val_if_fail (BREVET_IS_SETTINGS (self) && key != NULL, NULL);

  value = lookup (self, key);
  if (value == NULL || *value == '\0')
    return NULL;
  return g_canonicalize_filename (value, self->base_directory);
}

/* Keys are 32 bytes as a rule, in base64; names of files seldom look like that, and keys are pasted into the wrong line. */
static gboolean
looks_like_key (const char *value)
{
  gsize length = strspn (value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=");

  return length >= SHORTEST_KEY && value[length] == '\0' && value[0] != '/';
}

static gboolean
refuse_key (BrevetSettings *self, const char *key, const char *value, GError **error)
{
  if (value == NULL || !looks_like_key (value))
    return FALSE;
  g_propagate_error (error, brevet_settings_error (self, key, "the value names nothing that can be read, and looks like a key "
                                                   "itself; write the key into a file that nobody else can read, and name that "
                                                   "file here"));
  return TRUE;
}

/* Path of a systemd credential, see “Credentials” in systemd.exec(5). */
static char *
credential_path (BrevetSettings *self, const char *key, const char *name, GError **error)
{
  const char *directory = g_getenv ("CREDENTIALS_DIRECTORY");

  if (*name == '\0' || strchr (name, '/') != NULL || g_str_equal (name, "..") || g_str_equal (name, "."))
    {
      if (!refuse_key (self, key, name, error))
        g_propagate_error (error, brevet_settings_error (self, key, "“%s” is not the name of a credential", name));
      return NULL;
    }
  if (directory == NULL)
    {
      if (refuse_key (self, key, name, error))
        return NULL;
      g_propagate_error (error, brevet_settings_error (self, key, "there are no credentials, as $CREDENTIALS_DIRECTORY is not set; "
                                                       "add “LoadCredential=%s:…” to the unit", name));
      return NULL;
    }
  return g_build_filename (directory, name, NULL);
}

/* Errors are read by many: what may be the secret itself does not get into one. */
static BrevetSecret *
read_secret (BrevetSettings *self, const char *key, const char *path, GError **error)
{
  g_autoptr(GError) local_error = NULL;
  BrevetSecret *secret = brevet_secret_new_from_file (path, &local_error);

  if (secret == NULL && !refuse_key (self, key, lookup (self, key), error))
    g_propagate_error (error, brevet_settings_error (self, key, "%s", local_error->message));
  return secret;
}

/* systemd separates several state directories of a unit by colons. */
char *
brevet_settings_get_state_path (BrevetSettings *self, const char *key, const char *name)
{
  g_autofree char *path = brevet_settings_get_path (self, key);
  const char *list = g_getenv ("STATE_DIRECTORY");
  g_autofree char *directory = NULL;

  if (path != NULL)
    return g_canonicalize_filename (path, NULL);
  if (list == NULL || !g_path_is_absolute (list))
    return NULL;
  directory = g_strndup (list, strcspn (list, ":"));
  return g_canonicalize_filename (name != NULL ? name : directory, directory);
}

static void
note_secret (BrevetSettings *self, const char *key)
{
  Entry *entry = g_hash_table_lookup (self->entries, key);

  if (entry != NULL)
    g_atomic_int_set (&entry->secret, 1);
}

gboolean
brevet_settings_get_secret (BrevetSettings *self, const char *key, BrevetSecret **secret, GError **error)
{
  g_autofree char *file_key = NULL;
  g_autofree char *credential_key = NULL;
  g_autofree char *path = NULL;
  const char *credential = NULL;
  const char *value = NULL;

  g_return_val_if_fail (BREVET_IS_SETTINGS (self) && key != NULL && secret != NULL, FALSE);

  file_key = g_strconcat (key, "-file", NULL);
  credential_key = g_strconcat (key, "-credential", NULL);
  path = brevet_settings_get_path (self, file_key);
  credential = lookup (self, credential_key);
  value = lookup (self, key);
  note_secret (self, key);
  *secret = NULL;

  if (path != NULL)
    *secret = read_secret (self, file_key, path, error);
  else if (credential != NULL)
    {
      path = credential_path (self, credential_key, credential, error);
      if (path != NULL)
        *secret = read_secret (self, credential_key, path, error);
    }
  else
    {
      if (value != NULL && *value != '\0')
        *secret = brevet_secret_new (value, strlen (value));
      return TRUE;
    }
  return *secret != NULL;
}

/* `FILE:LINE: [kind name] key`, as far as it is known. */
static void
append_place (GString *text, BrevetSettings *self, const char *key, const char *origin)
{
  if (origin != NULL)
    g_string_append_printf (text, "%s: ", origin);
  g_string_append_printf (text, "[%s", self->kind);
  if (self->name != NULL)
    g_string_append_printf (text, " %s", self->name);
  g_string_append_c (text, ']');
  if (key != NULL)
    g_string_append_printf (text, " %s", key);
}

GError *
brevet_settings_error (BrevetSettings *self, const char *key, const char *format, ...)
{
  g_autoptr(GString) text = g_string_new (NULL);
  const char *origin = NULL;
  Entry *entry = NULL;
  va_list arguments;

  g_return_val_if_fail (BREVET_IS_SETTINGS (self), NULL);

  entry = key != NULL ? g_hash_table_lookup (self->entries, key) : NULL;
  origin = entry != NULL ? entry->origin : self->origin;
  append_place (text, self, key, origin);
  g_string_append (text, ": ");

  va_start (arguments, format);
  g_string_append_vprintf (text, format, arguments);
  va_end (arguments);
  return g_error_new_literal (BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, text->str);
}

gboolean
brevet_settings_equal (BrevetSettings *self, BrevetSettings *other)
{
  g_return_val_if_fail (BREVET_IS_SETTINGS (self) && BREVET_IS_SETTINGS (other), FALSE);

  if (self->order->len != other->order->len)
    return FALSE;
  for (guint i = 0; i < self->order->len; i++)
    {
      Entry *mine = g_ptr_array_index (self->order, i);
      Entry *theirs = g_hash_table_lookup (other->entries, mine->key);

      if (theirs == NULL || !g_str_equal (mine->value, theirs->value))
        return FALSE;
    }
  return TRUE;
}

BrevetSettings *
brevet_settings_copy (BrevetSettings *self, const char *kind, const char *name)
{
  BrevetSettings *copy = NULL;

  g_return_val_if_fail (BREVET_IS_SETTINGS (self), NULL);

  copy = brevet_settings_new (kind, name, self->base_directory);
  brevet_settings_set_origin (copy, self->origin);
  for (guint i = 0; i < self->order->len; i++)
    {
      Entry *entry = g_ptr_array_index (self->order, i);

      brevet_settings_set (copy, entry->key, entry->value, entry->origin);
    }
  return copy;
}

const char *
brevet_settings_get_base_directory (BrevetSettings *self)
{
  g_return_val_if_fail (BREVET_IS_SETTINGS (self), NULL);
  return self->base_directory;
}

GPtrArray *
brevet_settings_list_keys (BrevetSettings *self)
{
  GPtrArray *keys = NULL;

  g_return_val_if_fail (BREVET_IS_SETTINGS (self), NULL);

  keys = g_ptr_array_new ();
  for (guint i = 0; i < self->order->len; i++)
    g_ptr_array_add (keys, ((Entry *) g_ptr_array_index (self->order, i))->key);
  return keys;
}

const char *
brevet_settings_peek (BrevetSettings *self, const char *key)
{
  Entry *entry = NULL;

  g_return_val_if_fail (BREVET_IS_SETTINGS (self) && key != NULL, NULL);

  entry = g_hash_table_lookup (self->entries, key);
  return entry != NULL ? entry->value : NULL;
}

gboolean
brevet_settings_is_secret (BrevetSettings *self, const char *key)
{
  Entry *entry = NULL;

  g_return_val_if_fail (BREVET_IS_SETTINGS (self) && key != NULL, FALSE);

  entry = g_hash_table_lookup (self->entries, key);
  return entry != NULL && g_atomic_int_get (&entry->secret);
}

gboolean
brevet_settings_read_named (BrevetSettings *self, const char *key, BrevetSecret **content, GError **error)
{
  const char *value = brevet_settings_peek (self, key);
  g_autofree char *path = NULL;

  *content = NULL;
  if (value == NULL || *value == '\0' || (!g_str_has_suffix (key, "-file") && !g_str_has_suffix (key, "-credential")))
    return TRUE;
  path = g_str_has_suffix (key, "-file") ? g_canonicalize_filename (value, self->base_directory)
                                         : credential_path (self, key, value, error);
  if (path != NULL)
    *content = read_secret (self, key, path, error);
  return *content != NULL;
}

GPtrArray *
brevet_settings_list_unused (BrevetSettings *self)
{
  GPtrArray *unused = NULL;

  g_return_val_if_fail (BREVET_IS_SETTINGS (self), NULL);

  unused = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < self->order->len; i++)
    {
      Entry *entry = g_ptr_array_index (self->order, i);
      g_autoptr(GString) text = g_string_new (NULL);

      if (g_atomic_int_get (&entry->used))
        continue;
      append_place (text, self, entry->key, entry->origin);
      g_ptr_array_add (unused, g_strdup (text->str));
    }
  return unused;
}
