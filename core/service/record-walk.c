/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record-walk.h"

#define PER_PAGE 200

typedef struct {
  char *collection;
  char *parent;
  BrevetRecordVisit visit;
  gpointer data;
} Walk;

static void
walk_free (gpointer data)
{
  Walk *walk = data;

  g_free (walk->collection);
  g_free (walk->parent);
  g_free (walk);
}

static void read_page (GTask *task, const char *after);

static void
on_page_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Walk *walk = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr(GPtrArray) records = brevet_store_list_finish (BREVET_STORE (source), result, &error);

  if (records == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  for (guint i = 0; i < records->len; i++)
    walk->visit (g_ptr_array_index (records, i), walk->data);
  if (records->len == PER_PAGE)
    read_page (task, brevet_record_get_key (g_ptr_array_index (records, PER_PAGE - 1)));
  else
    g_task_return_boolean (task, TRUE);
}

static void
read_page (GTask *task, const char *after)
{
  Walk *walk = g_task_get_task_data (task);

  brevet_store_list_async (g_task_get_source_object (task), walk->collection, walk->parent, after, PER_PAGE,
                           g_task_get_cancellable (task), on_page_read, g_object_ref (task));
}

void
brevet_record_walk_async (BrevetStore *store, const char *collection, const char *parent, BrevetRecordVisit visit, gpointer data,
                          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (store, cancellable, callback, user_data);
  Walk *walk = g_new0 (Walk, 1);

  g_task_set_source_tag (task, brevet_record_walk_async);
  walk->collection = g_strdup (collection);
  walk->parent = g_strdup (parent);
  walk->visit = visit;
  walk->data = data;
  g_task_set_task_data (task, walk, walk_free);
  read_page (task, NULL);
}

gboolean
brevet_record_walk_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
