/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-settings.h"
#include "brevet-error.h"
#include "brevet-settings-private.h"

typedef struct {
  char *key;
  char *value;
  char *origin;
  int   used;
  int   secret;
} Entry;

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

const char *
brevet_settings_lookup (BrevetSettings *self, const char *key)
{
  Entry *entry = g_hash_table_lookup (self->entries, key);

  if (entry == NULL)
    return NULL;
  g_atomic_int_set (&entry->used, 1);
  return entry->value;
}

void
brevet_settings_note_secret (BrevetSettings *self, const char *key)
{
  Entry *entry = g_hash_table_lookup (self->entries, key);

  if (entry != NULL)
    g_atomic_int_set (&entry->secret, 1);
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
