/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command-store.h"

#include "brevet-command.h"
#include "record-readers.h"
#include "records-aside.h"

#include <glib/gi18n-lib.h>
#include <json-glib/json-glib.h>

#define PAGE 1000

typedef struct {
  char *config_path;
  gboolean json;
} Options;

static void
options_clear (Options *self)
{
  g_free (self->config_path);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

typedef struct {
  BrevetStore *store;
  const BrevetRecordReader *reader;
  JsonArray *collections;
  JsonArray *unreadable;
  JsonArray *aside;
  guint64 records; /* these two of the present collection */
  guint64 damaged;
} Check;

static void
check_clear (Check *self)
{
  g_clear_object (&self->store);
  json_array_unref (self->collections);
  json_array_unref (self->unreadable);
  json_array_unref (self->aside);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Check, check_clear)

static void
add (JsonArray *array, const char *collection, const char *key, const char *problem)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "collection", collection);
  if (key != NULL)
    json_object_set_string_member (object, "key", key);
  if (problem != NULL)
    json_object_set_string_member (object, "problem", problem);
  json_array_add_object_element (array, object);
}

static void
look_at_record (Check *self, BrevetRecord *record)
{
  g_autoptr(GError) problem = NULL;

  self->records++;
  if (self->reader->check (record, &problem))
    return;
  self->damaged++;
  add (self->unreadable, self->reader->collection, brevet_record_get_key (record), problem->message);
}

static void
look_at_aside (Check *self, BrevetRecord *record)
{
  add (self->aside, self->reader->collection, brevet_record_get_key (record), NULL);
}

static gboolean
walk (Check *self, const char *collection, void (*look) (Check *, BrevetRecord *), GError **error)
{
  g_autofree char *after = NULL;

  for (;;)
    {
      g_autoptr(GPtrArray) page = brevet_store_list (self->store, collection, NULL, after, PAGE, error);

      if (page == NULL)
        return FALSE;
      for (guint i = 0; i < page->len; i++)
        look (self, g_ptr_array_index (page, i));
      if (page->len < PAGE)
        return TRUE;
      g_free (after);
      after = g_strdup (brevet_record_get_key (g_ptr_array_index (page, PAGE - 1)));
    }
}

/* A collection that the store itself cannot go through does not hide the others. */
static void
look_at_collection (Check *self)
{
  g_autofree char *aside = brevet_records_aside (self->reader->collection);
  g_autoptr(GError) error = NULL;
  JsonObject *object = json_object_new ();

  self->records = self->damaged = 0;
  if (!walk (self, self->reader->collection, look_at_record, &error) || !walk (self, aside, look_at_aside, &error))
    add (self->unreadable, self->reader->collection, NULL, error->message);
  json_object_set_string_member (object, "collection", self->reader->collection);
  json_object_set_int_member (object, "records", self->records);
  json_object_set_int_member (object, "unreadable", self->damaged);
  json_array_add_object_element (self->collections, object);
}

static void
print_json (Check *self)
{
  g_autoptr(JsonObject) object = json_object_new ();
  g_autoptr(JsonNode) root = json_node_new (JSON_NODE_OBJECT);
  g_autofree char *text = NULL;

  json_object_set_array_member (object, "collections", json_array_ref (self->collections));
  json_object_set_array_member (object, "unreadable", json_array_ref (self->unreadable));
  json_object_set_array_member (object, "aside", json_array_ref (self->aside));
  json_node_set_object (root, object);
  text = json_to_string (root, TRUE);
  g_print ("%s\n", text);
}

/* One line each, as it is written on the command line behind “store set-aside”. */
static void
print_entries (JsonArray *array)
{
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonObject *object = json_array_get_object_element (array, i);
      const char *key = json_object_get_string_member_with_default (object, "key", NULL);
      const char *problem = json_object_get_string_member_with_default (object, "problem", NULL);
      g_autofree char *quoted = key != NULL ? g_shell_quote (key) : g_strdup ("");
      g_autofree char *printable = brevet_command_make_printable (quoted);
      g_autofree char *reason = problem != NULL ? brevet_command_make_printable (problem) : NULL;

      g_print ("  %s %s\n", json_object_get_string_member (object, "collection"), printable);
      if (reason != NULL)
        g_print ("    %s\n", reason);
    }
}

static guint64
count_records (Check *self)
{
  guint64 records = 0;

  for (guint i = 0; i < json_array_get_length (self->collections); i++)
    records += json_object_get_int_member (json_array_get_object_element (self->collections, i), "records");
  return records;
}

static void
print_text (Check *self)
{
  guint unreadable = json_array_get_length (self->unreadable);
  g_autofree char *records = g_strdup_printf ("%" G_GUINT64_FORMAT, count_records (self));

  if (unreadable > 0)
    {
      g_print ("%s\n", _("Cannot be read:"));
      print_entries (self->unreadable);
    }
  if (json_array_get_length (self->aside) > 0)
    {
      g_print ("%s\n", _("Set aside:"));
      print_entries (self->aside);
    }
  g_print (_("Records: %s, of which cannot be read: %u\n"), records, unreadable);
  if (unreadable > 0)
    g_print (_("Next: restore them from a backup, write them anew with the service API, or stop the service and run\n"
               "  brevet-dps store set-aside COLLECTION KEY\n"));
}

static int
run (const Options *options)
{
  g_autoptr(GError) error = NULL;
  g_auto(Check) check = {
    .store = brevet_command_open_store (options->config_path, TRUE, &error),
    .collections = json_array_new (),
    .unreadable = json_array_new (),
    .aside = json_array_new (),
  };

  if (check.store == NULL)
    return brevet_command_fail (error);
  for (check.reader = brevet_record_readers_list (); check.reader->collection != NULL; check.reader++)
    look_at_collection (&check);
  if (options->json)
    print_json (&check);
  else
    print_text (&check);
  return json_array_get_length (check.unreadable) == 0 ? BREVET_EXIT_OK : BREVET_EXIT_REFUSED;
}

int
brevet_dps_command_store_check (int argc, char **argv)
{
  g_auto(Options) options = { 0 };
  int exit_code = BREVET_EXIT_OK;
  const GOptionEntry entries[] = {
    { "config", 'c', 0, G_OPTION_ARG_FILENAME, &options.config_path, N_("Configuration file of the service"), N_("FILE") },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, N_("Print the result as JSON"), NULL },
    { NULL }
  };

  if (!brevet_command_parse ("store check", NULL, entries,
                             _("Reads every record of the store as the service does, and lists those that cannot be read, and "
                               "those that were\n"
                               "set aside. It changes nothing, and the service may be running, unless only one process can use the "
                               "store.\n"
                               "\n"
                               "Exit codes: 0 all can be read, 1 failed, 2 wrong command line, 3 some cannot be read, 4 the store "
                               "is in use,\n"
                               "5 the configuration is wrong"),
                             0, 0, &argc, &argv, &exit_code))
    return exit_code;
  return run (&options);
}
