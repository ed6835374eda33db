/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-file-index.h"

#include <string.h>

struct _BrevetFileIndex
{
  guint64  generation;
  GTree   *entries; /* BrevetFileEntry, each its own key */
};

static int
compare_entries (gconstpointer a, gconstpointer b, gpointer user_data)
{
  const BrevetFileEntry *first = a;
  const BrevetFileEntry *second = b;
  int order = strcmp (first->collection, second->collection);

  return order != 0 ? order : strcmp (first->key, second->key);
}

BrevetFileIndex *
brevet_file_index_new (guint64 generation)
{
  BrevetFileIndex *self = g_new0 (BrevetFileIndex, 1);

  self->generation = generation;
  self->entries = g_tree_new_full (compare_entries, NULL, (GDestroyNotify) brevet_file_entry_unref, NULL);
  return self;
}

BrevetFileIndex *
brevet_file_index_copy_next (BrevetFileIndex *self)
{
  BrevetFileIndex *copy = brevet_file_index_new (self->generation + 1);

  for (GTreeNode *node = g_tree_node_first (self->entries); node != NULL; node = g_tree_node_next (node))
    brevet_file_index_put (copy, brevet_file_entry_ref (g_tree_node_value (node)));
  return copy;
}

void
brevet_file_index_free (BrevetFileIndex *self)
{
  g_tree_unref (self->entries);
  g_free (self);
}

guint64
brevet_file_index_get_generation (BrevetFileIndex *self)
{
  return self->generation;
}

BrevetFileEntry *
brevet_file_index_lookup (BrevetFileIndex *self, const char *collection, const char *key)
{
  const BrevetFileEntry wanted = { .collection = (char *) collection, .key = (char *) key };

  return g_tree_lookup (self->entries, &wanted);
}

void
brevet_file_index_put (BrevetFileIndex *self, BrevetFileEntry *entry)
{
  g_tree_replace (self->entries, entry, entry);
}

void
brevet_file_index_remove (BrevetFileIndex *self, const char *collection, const char *key)
{
  const BrevetFileEntry wanted = { .collection = (char *) collection, .key = (char *) key };

  g_tree_remove (self->entries, &wanted);
}

GPtrArray *
brevet_file_index_list (BrevetFileIndex *self, const char *collection, const char *parent, const char *after, guint limit)
{
  const BrevetFileEntry begin = { .collection = (char *) collection, .key = (char *) (after != NULL ? after : "") };
  GPtrArray *entries = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_file_entry_unref);
  GTreeNode *node = g_tree_upper_bound (self->entries, &begin);

  for (; node != NULL && entries->len < limit; node = g_tree_node_next (node))
    {
      BrevetFileEntry *entry = g_tree_node_value (node);

      if (!g_str_equal (entry->collection, collection))
        break;
      if (parent == NULL || g_strcmp0 (entry->parent, parent) == 0)
        g_ptr_array_add (entries, brevet_file_entry_ref (entry));
    }
  return entries;
}

GPtrArray *
brevet_file_index_list_all (BrevetFileIndex *self)
{
  GPtrArray *entries = g_ptr_array_new_full (g_tree_nnodes (self->entries), (GDestroyNotify) brevet_file_entry_unref);

  for (GTreeNode *node = g_tree_node_first (self->entries); node != NULL; node = g_tree_node_next (node))
    g_ptr_array_add (entries, brevet_file_entry_ref (g_tree_node_value (node)));
  return entries;
}
