/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline-fixture.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-registry.h"
#include "test-authority.h"
#include "test-scratch.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define OPERATOR_KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static const char configuration[] =
  "[service]\n"
  "id-scope=" SCOPE "\n"
  "host-names=dps.example.net\n"
  "store=main\n"
  "[store main]\n"
  "type=sqlite\n"
  "file=store.db\n"
  "[listener https]\n"
  "type=https\n"
  "certificate=ca.pem\n"
  "key=ca.key\n"
  "[hub one]\n"
  "host-name=hub1.example.net\n"
  "[hub two]\n"
  "host-name=hub2.example.net\n"
  "[policy provisioningserviceowner]\n"
  "primary-key=" OPERATOR_KEY "\n"
  "[ca local]\n"
  "type=local\n"
  "certificate=ca.pem\n"
  "key=ca.key\n"
  "check-interval=0\n"
  "[ca scripted]\n"
  "type=scripted\n"
  "certificate=ca.pem\n"
  "key=ca.key\n"
  "check-interval=0\n"
  "ledger=ledger\n"
  "gate=gate\n";

static GMutex log_lock;
static GString *log_text;
static gint64 passed; /* atomic would do no good: time passes only while nothing else runs */

static gint leapt; /* atomic: seconds */

/* Everything in this process that measures time with a clock that never jumps asks here. */
int
clock_gettime (clockid_t clock, struct timespec *now)
{
  int result = (int) syscall (SYS_clock_gettime, clock, now);

  if (result == 0 && clock == CLOCK_MONOTONIC)
    now->tv_sec += g_atomic_int_get (&leapt);
  return result;
}

static gint64
tell_time (gpointer user_data)
{
  return g_get_real_time () + passed;
}

void
pipeline_pass_time (gint64 seconds)
{
  passed += seconds * G_USEC_PER_SEC;
}

void
pipeline_leap (gint64 seconds)
{
  pipeline_pass_time (seconds);
  g_atomic_int_add (&leapt, (gint) seconds);
}

/* The kernel's clock is not the one that leaps. */
static gboolean
on_tick (int descriptor, GIOCondition condition, gpointer user_data)
{
  Pipeline *self = user_data;
  guint64 ticks;

  if (read (descriptor, &ticks, sizeof ticks) == sizeof ticks)
    pipeline_leap (self->hurry);
  return G_SOURCE_CONTINUE;
}

void
pipeline_hurry (Pipeline *self, guint seconds)
{
  struct itimerspec interval = { { 0, 1000000 }, { 0, 1000000 } };

  if (self->hurry_source != 0)
    {
      g_source_remove (self->hurry_source);
      close (self->hurry_timer);
      self->hurry_source = 0;
    }
  self->hurry = seconds;
  if (seconds == 0)
    return;
  self->hurry_timer = timerfd_create (CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  g_assert_cmpint (timerfd_settime (self->hurry_timer, 0, &interval, NULL), ==, 0);
  self->hurry_source = g_unix_fd_add (self->hurry_timer, G_IO_IN, on_tick, self);
}

void
assert_records (Pipeline *self, const char *collection, guint count)
{
  g_autoptr(GPtrArray) records = pipeline_list (self, collection);

  g_assert_cmpuint (records->len, ==, count);
}

static GLogWriterOutput
keep_log (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
  g_mutex_lock (&log_lock);
  for (gsize i = 0; i < n_fields; i++)
    if (g_str_equal (fields[i].key, "MESSAGE") || g_str_has_prefix (fields[i].key, "BREVET_"))
      g_string_append_printf (log_text, "%s=%s ", fields[i].key, (const char *) fields[i].value);
  g_string_append_c (log_text, '\n');
  g_mutex_unlock (&log_lock);
  if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
    return g_log_writer_default (level, fields, n_fields, user_data);
  return G_LOG_WRITER_HANDLED;
}

gboolean
pipeline_logged (const char *words)
{
  gboolean found;

  g_mutex_lock (&log_lock);
  found = strstr (log_text->str, words) != NULL;
  g_mutex_unlock (&log_lock);
  return found;
}

static gboolean
keep_ticking (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

void
pipeline_wait_for_log (const char *words)
{
  guint tick = g_timeout_add (1, keep_ticking, NULL);

  while (!pipeline_logged (words))
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (tick);
}

guint
pipeline_count_logged (const char *words)
{
  guint count = 0;

  g_mutex_lock (&log_lock);
  for (const char *at = strstr (log_text->str, words); at != NULL; at = strstr (at + 1, words))
    count++;
  g_mutex_unlock (&log_lock);
  return count;
}

void
pipeline_init (int *argc, char ***argv)
{
  g_test_init (argc, argv, NULL);
  /* A service that warns of a CA does what it should. */
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
  log_text = g_string_new (NULL);
  g_log_set_writer_func (keep_log, NULL, NULL);
  brevet_clock_set_source (tell_time, NULL);
}

void
pipeline_start (Pipeline *self)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetConfig) config = brevet_config_new_from_text (self->configuration, "dps.conf", self->directory, &error);

  g_assert_no_error (error);
  self->service = brevet_service_new (config, &error);
  g_assert_no_error (error);
}

void
pipeline_set_up (Pipeline *self, gconstpointer data)
{
  g_autofree char *gate = NULL;

  passed = 0;
  g_string_truncate (log_text, 0);
  self->ledger = "ledger";
  self->directory = test_scratch_new ();
  self->root_pem = test_authority_write (self->directory, "Plant Root");
  gate = g_build_filename (self->directory, "gate", NULL);
  g_assert_cmpint (mkfifo (gate, 0600), ==, 0);
  self->gate = g_open (gate, O_RDWR | O_CLOEXEC, 0);
  self->configuration = g_strconcat (configuration, data, NULL);
  pipeline_start (self);
}

void
pipeline_open_gate (Pipeline *self)
{
  g_assert_cmpint (write (self->gate, "x", 1), ==, 1);
}

BrevetStore *
pipeline_open_store (Pipeline *self, BrevetRegistry *registry)
{
  g_autofree char *path = g_build_filename (self->directory, "store.db", NULL);
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("store", "main", NULL);
  g_autoptr(GError) error = NULL;
  BrevetStore *store;

  brevet_settings_set (settings, "file", path, NULL);
  store = (BrevetStore *) brevet_registry_create (registry, BREVET_TYPE_STORE, "store-sqlite", "main", settings, &error);
  g_assert_no_error (error);
  /* What was begun goes on without the service, and keeps its store open. */
  while (!brevet_store_open (store, &error) && g_error_matches (error, BREVET_ERROR, BREVET_ERROR_BUSY))
    {
      g_clear_error (&error);
      g_main_context_iteration (NULL, FALSE);
    }
  g_assert_no_error (error);
  return store;
}

static void
on_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  gboolean *stopped = user_data;

  brevet_service_stop_finish (BREVET_SERVICE (source), result);
  *stopped = TRUE;
}

/* What is done in the background keeps the store open until it has ended. */
void
pipeline_stop (Pipeline *self)
{
  gboolean stopped = FALSE;

  brevet_service_stop_async (self->service, on_stopped, &stopped);
  while (!stopped)
    g_main_context_iteration (NULL, TRUE);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_finalize_object (g_steal_pointer (&self->service));
}

GPtrArray *
pipeline_list (Pipeline *self, const char *collection)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(BrevetStore) store = NULL;
  g_autoptr(GError) error = NULL;
  GPtrArray *records;

  pipeline_hurry (self, 0);
  pipeline_stop (self);
  store = pipeline_open_store (self, registry);
  records = brevet_store_list (store, collection, NULL, NULL, 1000, &error);
  g_assert_no_error (error);
  g_clear_object (&store);
  pipeline_start (self);
  return records;
}

void
pipeline_tear_down (Pipeline *self, gconstpointer data)
{
  pipeline_hurry (self, 0);
  pipeline_stop (self);
  close (self->gate);
  test_scratch_remove (self->directory);
  g_free (self->directory);
  g_free (self->configuration);
  g_free (self->root_pem);
}

static GPtrArray *
read_ledger (Pipeline *self, const char *verb)
{
  g_autofree char *path = g_build_filename (self->directory, self->ledger, NULL);
  g_autofree char *text = NULL;
  GPtrArray *calls = g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);
  g_auto(GStrv) lines = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return calls;
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_auto(GStrv) fields = g_strsplit (lines[i], " ", -1);

      if (g_strcmp0 (fields[0], verb) == 0)
        g_ptr_array_add (calls, g_steal_pointer (&fields));
    }
  return calls;
}

guint
pipeline_count_calls (Pipeline *self, const char *verb)
{
  g_autoptr(GPtrArray) calls = read_ledger (self, verb);

  return calls->len;
}

char *
pipeline_get_call (Pipeline *self, const char *verb, guint index, guint field)
{
  g_autoptr(GPtrArray) calls = read_ledger (self, verb);

  g_assert_cmpuint (index, <, calls->len);
  return g_strdup (((char **) g_ptr_array_index (calls, index))[field]);
}

/* The CA writes a file, which wakes nobody: look again whenever anything, or a millisecond, has happened. */
void
pipeline_wait_for_calls (Pipeline *self, const char *verb, guint times)
{
  guint tick = g_timeout_add (1, keep_ticking, NULL);

  while (pipeline_count_calls (self, verb) < times)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (tick);
}
