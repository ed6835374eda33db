/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fault-calls.h"
#include "file-versions.h"

#include <errno.h>
#include <string.h>

/* Every system call of a commit fails. Old or new, never neither. */

/* Commits under a fault; returns whether the fault was reached. */
static gboolean
try_fault (Faulty *self, const Fault *fault, gboolean *done)
{
  g_autoptr(GError) error = NULL;
  guint calls, found;

  file_set_warnings_fatal (FALSE);
  fault_arm (self->world->directory, fault);
  *done = file_commit_version (self->store, self->version, self->version + 1, &error);
  calls = fault_disarm ();
  file_set_warnings_fatal (TRUE);

  found = file_check_version (self->store);
  if (*done)
    g_assert_cmpuint (found, ==, self->version + 1);
  else
    {
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_FAILED);
      g_assert_nonnull (strstr (error->message, self->world->directory));
      g_assert_nonnull (strstr (error->message, g_strerror (fault->code)));
      g_assert_true ((strstr (error->message, "make room") != NULL) == (fault->code == ENOSPC));
      g_assert_true (found == self->version || found == self->version + 1);
    }
  self->version = found;
  return calls >= fault->at;
}

/* A call that failed without doing anything: what was answered is what is stored, but for the very last step, which makes the
 * switch durable. */
static void
test_failing_calls (gconstpointer data)
{
  const Fault *model = data;
  Faulty self = { NULL };
  guint failed = 0, uncertain = 0;
  Fault fault = *model;
  gboolean reached = TRUE;

  faulty_init (&self);
  for (fault.at = 1; reached; fault.at++)
    {
      guint before = self.version;
      gboolean done;

      reached = try_fault (&self, &fault, &done);
      failed += !done;
      uncertain += !done && self.version != before;
      if (fault.at % 2 == 0)
        faulty_reopen (&self);
      faulty_go_on (&self);
      faulty_reopen (&self);
    }
  g_assert_cmpuint (failed, >, 40);
  g_assert_cmpuint (uncertain, >=, model->kind == FAULT_DONE_AND_FAIL ? 4 : 3);   /* open, fsync and close of the directory */
  g_assert_cmpuint (uncertain, <=, 4);
  faulty_clear (&self);
}

/* A disk that comes back is not taken by surprise: after an uncertain switch even a batch without effect is brought to the disk. */
static void
test_uncertain_switch (void)
{
  Fault count = { FAULT_NONE, "fsync", 0, 0 };
  Fault last = { FAULT_FAIL, "fsync", 0, EIO };
  Faulty self = { NULL };
  gboolean done;
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GError) error = NULL;

  faulty_init (&self);
  fault_arm (self.world->directory, &count);
  g_assert_true (file_commit_version (self.store, 1, 2, NULL));
  last.at = fault_disarm ();
  self.version = 2;
  g_assert_true (try_fault (&self, &last, &done));
  g_assert_false (done);
  g_assert_cmpuint (self.version, ==, 3);

  brevet_batch_delete (batch, "others", "nothing", NULL);
  fault_arm (self.world->directory, &count);
  brevet_store_commit (self.store, batch, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (fault_disarm (), >=, 4);
  fault_arm (self.world->directory, &count);
  brevet_store_commit (self.store, batch, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (fault_disarm (), ==, 0);
  faulty_reopen (&self);
  faulty_clear (&self);
}

/* Interruptions and short writes are no failures, and where links are refused bodies are copied. */
static void
test_harmless (gconstpointer data)
{
  const Fault *fault = data;
  Faulty self = { NULL };
  gboolean done;

  faulty_init (&self);
  for (guint i = 0; i < 3; i++)
    {
      g_assert_true (try_fault (&self, fault, &done));
      g_assert_true (done);
      faulty_reopen (&self);
    }
  faulty_clear (&self);
}

static void
test_short_writes (void)
{
  Fault fault = { FAULT_SHORT, "write", 1, ENOSPC };
  Faulty self = { NULL };
  gboolean reached = TRUE;

  faulty_init (&self);
  for (; reached; fault.at++)
    {
      gboolean done;

      reached = try_fault (&self, &fault, &done);
      g_assert_true (done != reached);
      faulty_reopen (&self);
      faulty_go_on (&self);
    }
  g_assert_cmpuint (fault.at, >, 4);
  faulty_clear (&self);
}

static guint
find_call (GPtrArray *trace, guint from, const char *format, ...) G_GNUC_PRINTF (3, 4);

static guint
find_call (GPtrArray *trace, guint from, const char *format, ...)
{
  g_autofree char *wanted = NULL;
  va_list arguments;

  va_start (arguments, format);
  wanted = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  for (guint i = from; i < trace->len; i++)
    if (g_str_equal (trace->pdata[i], wanted))
      return i;
  g_error ("“%s” is not called behind call number %u", wanted, from);
}

/* Whatever gets a name or content is synced behind that and before the generation gets its name, that before the switch, and the
 * switch before the answer. Nothing else makes a commit durable. */
static void
test_order_of_syncs (void)
{
  Fault fault = { FAULT_NONE, NULL, 0, 0 };
  Faulty self = { NULL };
  g_autoptr(GPtrArray) trace = NULL;
  guint named, switched, writes = 0, names = 0;

  faulty_init (&self);
  fault_arm (self.world->directory, &fault);
  g_assert_true (file_commit_version (self.store, 1, 2, NULL));
  fault_disarm ();
  trace = fault_steal_trace ();
  named = find_call (trace, 0, "rename %s/generation-2", self.world->directory);
  switched = find_call (trace, named, "rename %s/current", self.world->directory);
  for (guint i = 0; i < named; i++)
    {
      g_auto(GStrv) words = g_strsplit (trace->pdata[i], " ", 2);
      g_autofree char *parent = g_path_get_dirname (words[1]);

      if (!g_str_has_prefix (words[1], self.world->directory) || strstr (words[1], "generation-2.new/") == NULL)
        continue;
      if (g_str_equal (words[0], "write"))
        {
          g_assert_cmpuint (find_call (trace, i, "fsync %s", words[1]), <, named);
          writes++;
        }
      if (g_str_equal (words[0], "link") || g_str_equal (words[0], "mkdir") || g_str_equal (words[0], "write"))
        {
          g_assert_cmpuint (find_call (trace, i, "fsync %s", parent), <, named);
          names++;
        }
    }
  g_assert_cmpuint (writes, ==, 4);   /* changed, partner, only-2, index */
  g_assert_cmpuint (names, ==, 7);    /* these, the link of kept, two collections */
  g_assert_cmpuint (find_call (trace, named, "fsync %s", self.world->directory), <, switched);
  find_call (trace, switched, "fsync %s", self.world->directory);
  faulty_clear (&self);
}

static const Fault failing[] = {
  { FAULT_FAIL, NULL, 0, EIO },
  { FAULT_FAIL, NULL, 0, ENOSPC },
  { FAULT_FAIL_FROM, NULL, 0, EIO },
  { FAULT_FAIL_FROM, NULL, 0, ENOSPC },
  { FAULT_DONE_AND_FAIL, NULL, 0, EIO },
};
static const Fault harmless[] = {
  { FAULT_SHORT_FROM, "write", 1, 0 },
  { FAULT_FAIL, "write", 2, EINTR },
  { FAULT_FAIL, "fsync", 2, EINTR },
  { FAULT_FAIL, "open", 2, EINTR },
  { FAULT_DONE_AND_FAIL, "close", 2, EINTR },
  { FAULT_FAIL_FROM, "link", 1, EMLINK },
  { FAULT_FAIL_FROM, "link", 1, EPERM },
};

static void
add_faults (const char *name, const Fault *faults, guint count, GTestDataFunc function)
{
  for (guint i = 0; i < count; i++)
    {
      g_autofree char *path = g_strdup_printf ("/store-file/%s/%u", name, i + 1);

      g_test_add_data_func (path, &faults[i], function);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_faults ("failing-calls", failing, G_N_ELEMENTS (failing), test_failing_calls);
  add_faults ("harmless", harmless, G_N_ELEMENTS (harmless), test_harmless);
  g_test_add_func ("/store-file/short-writes", test_short_writes);
  g_test_add_func ("/store-file/uncertain-switch", test_uncertain_switch);
  g_test_add_func ("/store-file/order-of-syncs", test_order_of_syncs);
  return g_test_run ();
}
