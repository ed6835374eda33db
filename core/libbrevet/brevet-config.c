/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-config.h"
#include "brevet-config-reader-private.h"
#include "brevet-error.h"
#include "brevet-settings-private.h"
#include "brevet-text-file.h"

#include <string.h>

#define FILE_MAX_SIZE (16 * 1024 * 1024)

typedef struct {
  BrevetSettings *settings;
  gboolean asked;
} Group;

struct _BrevetConfig
{
  GObject     parent_instance;

  char       *path;      /* NULL if it does not come from a file */
  char       *base_directory;
  GMutex      lock;      /* guards the two below: a group that is asked for is marked, or made if need be */
  GHashTable *by_name;   /* "kind name" → Group, owned by groups */
  GPtrArray  *groups;
};

G_DEFINE_FINAL_TYPE (BrevetConfig, brevet_config, G_TYPE_OBJECT)

static void
group_free (gpointer data)
{
  Group *group = data;

  g_object_unref (group->settings);
  g_free (group);
}

static void
brevet_config_finalize (GObject *object)
{
  BrevetConfig *self = BREVET_CONFIG (object);

  g_hash_table_unref (self->by_name);
  g_ptr_array_unref (self->groups);
  g_free (self->path);
  g_free (self->base_directory);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (brevet_config_parent_class)->finalize (object);
}

static void
brevet_config_class_init (BrevetConfigClass *class)
{
  G_OBJECT_CLASS (class)->finalize = brevet_config_finalize;
}

static void
brevet_config_init (BrevetConfig *self)
{
  g_mutex_init (&self->lock);
  self->by_name = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->groups = g_ptr_array_new_with_free_func (group_free);
}

static char *
group_id (const char *kind, const char *name)
{
  return name != NULL ? g_strdup_printf ("%s %s", kind, name) : g_strdup (kind);
}

static Group *
find_group (BrevetConfig *self, const char *kind, const char *name)
{
  g_autofree char *id = group_id (kind, name);

  return g_hash_table_lookup (self->by_name, id);
}

static Group *
ensure_group (BrevetConfig *self, const char *kind, const char *name)
{
  Group *group = find_group (self, kind, name);

  if (group != NULL)
    return group;
  group = g_new0 (Group, 1);
  group->settings = brevet_settings_new (kind, name, self->base_directory);
  brevet_settings_set_config (group->settings, self);
  g_ptr_array_add (self->groups, group);
  g_hash_table_insert (self->by_name, group_id (kind, name), group);
  return group;
}

/* The head of a group as it is written: `ca  factory` is the group `factory` of the kind `ca`. */
static BrevetSettings *
ensure_group_by_heading (const char *heading, gpointer user_data)
{
  BrevetConfig *self = user_data;
  g_autofree char *text = g_strstrip (g_strdup (heading));
  char *end = text + strcspn (text, " \t");
  char *name = *end != '\0' ? g_strchug (end + 1) : NULL;

  *end = '\0';
  return ensure_group (self, text, name)->settings;
}

static gboolean
read_file (BrevetConfig *self, const char *path, GError **error)
{
  char *text = NULL;
  gsize length = 0;
  gboolean fine = FALSE;

  text = brevet_text_file_read (path, FILE_MAX_SIZE, &length, error);
  if (text == NULL)
    {
      g_prefix_error (error, "Could not read the configuration: ");
      return FALSE;
    }
  if (strlen (text) != length)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "%s: this is not a text file, as there are zero bytes in it",
                 path);
  else
    fine = brevet_config_read_text (text, path, ensure_group_by_heading, self, error);
  brevet_secret_free_text (text);
  return fine;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Paths of the drop-ins in name order; none if there is no such directory. */
static GPtrArray *
list_drop_ins (const char *path, GError **error)
{
  g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *directory = g_strconcat (path, ".d", NULL);
  g_autoptr(GError) local_error = NULL;
  g_autoptr(GDir) dir = g_dir_open (directory, 0, &local_error);
  const char *name = NULL;

  if (dir == NULL && !g_error_matches (local_error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "Could not read the directory of drop-ins: %s",
                   local_error->message);
      return NULL;
    }
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_suffix (name, ".conf") && *name != '.')
      g_ptr_array_add (paths, g_build_filename (directory, name, NULL));
  g_ptr_array_sort (paths, compare_names);
  return g_steal_pointer (&paths);
}

BrevetConfig *
brevet_config_load (const char *path, GError **error)
{
  g_autoptr(BrevetConfig) self = NULL;
  g_autoptr(GPtrArray) drop_ins = NULL;

  g_return_val_if_fail (path != NULL, NULL);

  self = g_object_new (BREVET_TYPE_CONFIG, NULL);
  self->path = g_canonicalize_filename (path, NULL);
  self->base_directory = g_path_get_dirname (self->path);
  if (!read_file (self, self->path, error))
    return NULL;

  drop_ins = list_drop_ins (self->path, error);
  if (drop_ins == NULL)
    return NULL;
  for (guint i = 0; i < drop_ins->len; i++)
    if (!read_file (self, g_ptr_array_index (drop_ins, i), error))
      return NULL;
  return g_steal_pointer (&self);
}

BrevetConfig *
brevet_config_new_from_text (const char *text, const char *name, const char *base_directory, GError **error)
{
  g_autoptr(BrevetConfig) self = NULL;

  g_return_val_if_fail (text != NULL && name != NULL, NULL);

  self = g_object_new (BREVET_TYPE_CONFIG, NULL);
  self->base_directory = g_canonicalize_filename (base_directory != NULL ? base_directory : ".", NULL);
  if (!brevet_config_read_text (text, name, ensure_group_by_heading, self, error))
    return NULL;
  return g_steal_pointer (&self);
}

const char *
brevet_config_get_path (BrevetConfig *self)
{
  g_return_val_if_fail (BREVET_IS_CONFIG (self), NULL);
  return self->path;
}

static BrevetSettings *
ask (Group *group)
{
  if (group == NULL)
    return NULL;
  group->asked = TRUE;
  return group->settings;
}

BrevetSettings *
brevet_config_get_group (BrevetConfig *self, const char *kind, const char *name)
{
  BrevetSettings *settings = NULL;

  g_return_val_if_fail (BREVET_IS_CONFIG (self) && kind != NULL, NULL);

  g_mutex_lock (&self->lock);
  settings = ask (find_group (self, kind, name));
  g_mutex_unlock (&self->lock);
  return settings;
}

BrevetSettings *
brevet_config_ensure_group (BrevetConfig *self, const char *kind, const char *name)
{
  BrevetSettings *settings = NULL;

  g_return_val_if_fail (BREVET_IS_CONFIG (self) && kind != NULL, NULL);

  g_mutex_lock (&self->lock);
  settings = ask (ensure_group (self, kind, name));
  g_mutex_unlock (&self->lock);
  return settings;
}

GPtrArray *
brevet_config_list_groups (BrevetConfig *self, const char *kind)
{
  GPtrArray *found = NULL;

  g_return_val_if_fail (BREVET_IS_CONFIG (self) && kind != NULL, NULL);

  found = g_ptr_array_new_with_free_func (g_object_unref);
  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->groups->len; i++)
    {
      Group *group = g_ptr_array_index (self->groups, i);

      if (g_str_equal (brevet_settings_get_kind (group->settings), kind))
        g_ptr_array_add (found, g_object_ref (ask (group)));
    }
  g_mutex_unlock (&self->lock);
  return found;
}

static void
add_unused (GPtrArray *unused, Group *group)
{
  const char *origin = brevet_settings_get_origin (group->settings);

  if (group->asked)
    {
      g_autoptr(GPtrArray) keys = brevet_settings_list_unused (group->settings);

      g_ptr_array_extend_and_steal (unused, g_steal_pointer (&keys));
    }
  else
    {
      g_autofree char *id = group_id (brevet_settings_get_kind (group->settings), brevet_settings_get_name (group->settings));

      g_ptr_array_add (unused, g_strdup_printf ("%s: [%s]", origin, id));
    }
}

GPtrArray *
brevet_config_list_unused (BrevetConfig *self)
{
  GPtrArray *unused = NULL;

  g_return_val_if_fail (BREVET_IS_CONFIG (self), NULL);

  unused = g_ptr_array_new_with_free_func (g_free);
  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->groups->len; i++)
    add_unused (unused, g_ptr_array_index (self->groups, i));
  g_mutex_unlock (&self->lock);
  return unused;
}
