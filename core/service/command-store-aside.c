/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A record is moved in one batch, with its content as it is: whatever happens, it is in one place or in the other. */

#include "command-store.h"

#include "brevet-command.h"
#include "brevet-error.h"
#include "record-readers.h"
#include "records-aside.h"
#include "records-devices.h"

#include <glib/gi18n-lib.h>

#define PAGE 1000

typedef struct {
  char *config_path;
  gboolean all;
} Options;

static void
options_clear (Options *self)
{
  g_free (self->config_path);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static gboolean
move (BrevetStore *store, BrevetRecord *record, const char *to, GError **error)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  BrevetChange *change;

  brevet_batch_put (batch, to, brevet_record_get_key (record), brevet_record_get_parent (record), brevet_record_get_body (record),
                    BREVET_IF_ABSENT);
  /* When it was written tells something about it, also here. */
  change = g_ptr_array_index (brevet_batch_get_changes (batch), 0);
  change->time = brevet_record_get_updated (record);
  brevet_batch_delete (batch, brevet_record_get_collection (record), brevet_record_get_key (record),
                       brevet_record_get_etag (record));
  /* The inventory may say what it said: the next census goes through all of it once more. */
  if (g_str_equal (brevet_record_get_collection (record), BREVET_COLLECTION_DEVICE_CERTIFICATES))
    brevet_batch_delete (batch, BREVET_COLLECTION_DEVICE_CERTIFICATES, BREVET_DEVICE_CERTIFICATES_COMPLETE, NULL);
  return brevet_store_commit (store, batch, error);
}

static const BrevetRecordReader *
find_reader (const char *collection, GError **error)
{
  const BrevetRecordReader *reader = brevet_record_readers_find (collection);
  g_autoptr(GString) known = NULL;

  if (reader != NULL)
    return reader;
  known = g_string_new (NULL);
  for (reader = brevet_record_readers_list (); reader->collection != NULL; reader++)
    g_string_append_printf (known, "%s%s", known->len > 0 ? ", " : "", reader->collection);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "There is no collection “%s”; there are: %s", collection, known->str);
  return NULL;
}

static void
print_moved (const char *what, const BrevetRecordReader *reader, const char *key)
{
  g_autofree char *printable = brevet_command_make_printable (key);

  g_print ("%s %s %s\n", what, reader->collection, printable);
}

static gboolean
set_aside (BrevetStore *store, const BrevetRecordReader *reader, BrevetRecord *record, GError **error)
{
  g_autofree char *aside = brevet_records_aside (reader->collection);

  if (!move (store, record, aside, error))
    {
      if (g_error_matches (*error, BREVET_ERROR, BREVET_ERROR_CONFLICT))
        g_prefix_error (error, "Another record lies aside under this key; bring it back or discard it first: ");
      return FALSE;
    }
  print_moved (_("Set aside:"), reader, brevet_record_get_key (record));
  g_print ("  %s\n", _(reader->consequence));
  return TRUE;
}

/* What can be read is nobody's trouble, and is not lost by a mistyped key. */
static gboolean
set_aside_one (BrevetStore *store, const char *collection, const char *key, GError **error)
{
  const BrevetRecordReader *reader = find_reader (collection, error);
  g_autoptr(BrevetRecord) record = reader != NULL ? brevet_store_get (store, collection, key, error) : NULL;
  g_autoptr(GError) problem = NULL;

  if (record == NULL)
    return FALSE;
  if (!reader->check (record, &problem))
    return set_aside (store, reader, record, error);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED, "The record “%s” of %s can be read; nothing was changed", key,
               collection);
  return FALSE;
}

static gboolean
set_aside_collection (BrevetStore *store, const BrevetRecordReader *reader, guint *moved, GError **error)
{
  g_autofree char *after = NULL;

  for (;;)
    {
      g_autoptr(GPtrArray) page = brevet_store_list (store, reader->collection, NULL, after, PAGE, error);

      if (page == NULL)
        return FALSE;
      for (guint i = 0; i < page->len; i++)
        {
          BrevetRecord *record = g_ptr_array_index (page, i);

          if (reader->check (record, NULL))
            continue;
          if (!set_aside (store, reader, record, error))
            return FALSE;
          ++*moved;
        }
      if (page->len < PAGE)
        return TRUE;
      g_free (after);
      after = g_strdup (brevet_record_get_key (g_ptr_array_index (page, PAGE - 1)));
    }
}

static gboolean
set_all_aside (BrevetStore *store, GError **error)
{
  guint moved = 0;

  for (const BrevetRecordReader *reader = brevet_record_readers_list (); reader->collection != NULL; reader++)
    if (!set_aside_collection (store, reader, &moved, error))
      return FALSE;
  if (moved == 0)
    g_print (_("Every record can be read.\n"));
  return TRUE;
}

static BrevetRecord *
find_aside (BrevetStore *store, const char *collection, const char *key, const BrevetRecordReader **reader, GError **error)
{
  g_autofree char *aside = brevet_records_aside (collection);

  *reader = find_reader (collection, error);
  return *reader != NULL ? brevet_store_get (store, aside, key, error) : NULL;
}

static gboolean
bring_back (BrevetStore *store, const char *collection, const char *key, GError **error)
{
  const BrevetRecordReader *reader;
  g_autoptr(BrevetRecord) record = find_aside (store, collection, key, &reader, error);

  if (record == NULL)
    return FALSE;
  if (!move (store, record, collection, error))
    {
      if (g_error_matches (*error, BREVET_ERROR, BREVET_ERROR_CONFLICT))
        g_prefix_error (error, "There is another record in its place by now: ");
      return FALSE;
    }
  print_moved (_("Brought back:"), reader, key);
  return TRUE;
}

static gboolean
discard (BrevetStore *store, const char *collection, const char *key, GError **error)
{
  const BrevetRecordReader *reader;
  g_autoptr(BrevetRecord) record = find_aside (store, collection, key, &reader, error);
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();

  if (record == NULL)
    return FALSE;
  brevet_batch_delete (batch, brevet_record_get_collection (record), key, brevet_record_get_etag (record));
  if (!brevet_store_commit (store, batch, error))
    return FALSE;
  print_moved (_("Discarded:"), reader, key);
  return TRUE;
}

static int
run (const Options *options, gboolean (*act) (BrevetStore *, const char *, const char *, GError **), char **argv)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetStore) store = NULL;

  if (!options->all && find_reader (argv[1], &error) == NULL)
    return brevet_command_usage_error ("%s", error->message);
  store = brevet_command_open_store (options->config_path, FALSE, &error);
  if (store == NULL || !(options->all ? set_all_aside (store, &error) : act (store, argv[1], argv[2], &error)))
    return brevet_command_fail (error);
  return BREVET_EXIT_OK;
}

int
brevet_dps_command_store_set_aside (int argc, char **argv)
{
  g_auto(Options) options = { 0 };
  int exit_code = BREVET_EXIT_OK;
  const GOptionEntry entries[] = {
    { "config", 'c', 0, G_OPTION_ARG_FILENAME, &options.config_path, N_("Configuration file of the service"), N_("FILE") },
    { "all", 0, 0, G_OPTION_ARG_NONE, &options.all, N_("Every record that cannot be read"), NULL },
    { NULL }
  };

  if (!brevet_command_parse ("store set-aside", N_("[COLLECTION KEY]"), entries,
                             _("Puts a record that “brevet-dps store check” lists out of the way of the service, and says what "
                               "that means. It\n"
                               "stays in the store. The service must not be running, unless several processes can use the store.\n"
                               "\n"
                               "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 it can be read, 4 the store is in use,\n"
                               "5 the configuration is wrong"),
                             0, 2, &argc, &argv, &exit_code))
    return exit_code;
  if (argc != (options.all ? 1 : 3))
    return brevet_command_usage_error (_("Name a collection and a key, or give --all"));
  return run (&options, set_aside_one, argv);
}

static int
run_with_key (const char *command, const char *description, gboolean (*act) (BrevetStore *, const char *, const char *, GError **),
              int argc, char **argv)
{
  g_auto(Options) options = { 0 };
  int exit_code = BREVET_EXIT_OK;
  const GOptionEntry entries[] = {
    { "config", 'c', 0, G_OPTION_ARG_FILENAME, &options.config_path, N_("Configuration file of the service"), N_("FILE") },
    { NULL }
  };

  if (!brevet_command_parse (command, N_("COLLECTION KEY"), entries, description, 2, 2, &argc, &argv, &exit_code))
    return exit_code;
  return run (&options, act, argv);
}

int
brevet_dps_command_store_bring_back (int argc, char **argv)
{
  return run_with_key ("store bring-back",
                       _("Puts a record that was set aside back in its place, if there is no other one by now. The service must "
                         "not be\n"
                         "running, unless several processes can use the store.\n"
                         "\n"
                         "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 another one is in its place, 4 the store is in "
                         "use,\n"
                         "5 the configuration is wrong"),
                       bring_back, argc, argv);
}

int
brevet_dps_command_store_discard (int argc, char **argv)
{
  return run_with_key ("store discard",
                       _("Deletes a record that was set aside, for good: also what it says to revocation lists. The service must "
                         "not be\n"
                         "running, unless several processes can use the store.\n"
                         "\n"
                         "Exit codes: 0 done, 1 failed, 2 wrong command line, 4 the store is in use, 5 the configuration is wrong"),
                       discard, argc, argv);
}
