/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs a fuzz target without libFuzzer, so that every build tests it: first each file of the corpus as it is, then mutations of
 * them. The same arguments always make the same mutations. An input that crashes the target is written to `crash-TARGET`.
 *
 * Usage: fuzz-NAME CORPUS_DIRECTORY [MUTATIONS] */
#include "fuzz.h"

#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUT_MAX_SIZE     (256 * 1024)
#define MAX_STEPS          6
#define DEFAULT_MUTATIONS  2000
#define SEED               20240229

typedef struct {
  char   *name;
  guint8 *data;
  gsize   size;
} Input;

/* What is running now, for the signal handler. */
static const guint8 *current_data;
static gsize current_size;
static char crash_path[256];

static void
on_abort (int signal_number)
{
  static const char message[] = "\nThe input that did this is in ";
  int fd = open (crash_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

  if (fd >= 0)
    {
      if (write (fd, current_data, current_size) < 0
          || write (STDERR_FILENO, message, sizeof message - 1) < 0
          || write (STDERR_FILENO, crash_path, strlen (crash_path)) < 0
          || write (STDERR_FILENO, "\n", 1) < 0)
        _exit (1);
      close (fd);
    }
  signal (signal_number, SIG_DFL);
  raise (signal_number);
}

/* A copy of exactly this size, so that a sanitizer sees each byte that is read behind the end. */
static void
run (const guint8 *data, gsize size)
{
  guint8 *copy = malloc (MAX (size, 1));

  if (size > 0)
    memcpy (copy, data, size);
  current_data = copy;
  current_size = size;
  LLVMFuzzerTestOneInput (copy, size);
  current_data = NULL;
  current_size = 0;
  free (copy);
}

static void
input_free (gpointer data)
{
  Input *input = data;

  g_free (input->name);
  g_free (input->data);
  g_free (input);
}

static int
compare_inputs (gconstpointer a, gconstpointer b)
{
  const Input *const *first = a;
  const Input *const *second = b;

  return strcmp ((*first)->name, (*second)->name);
}

static GPtrArray *
load_corpus (const char *directory)
{
  GPtrArray *corpus = g_ptr_array_new_with_free_func (input_free);
  g_autoptr(GError) error = NULL;
  g_autoptr(GDir) dir = g_dir_open (directory, 0, &error);
  const char *name = NULL;

  if (dir == NULL)
    g_error ("There is no corpus: %s", error->message);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (directory, name, NULL);
      Input *input = g_new0 (Input, 1);

      input->name = g_strdup (name);
      if (!g_file_get_contents (path, (char **) &input->data, &input->size, &error))
        g_error ("Could not read the corpus: %s", error->message);
      g_ptr_array_add (corpus, input);
    }
  g_ptr_array_sort (corpus, compare_inputs);
  return corpus;
}

static guint8
random_byte (GRand *random)
{
  static const guint8 telling[] = "\0\xff\x7f\x80\r\n\t \"'\\/%&=;:,.{}[]()<>@+-*0019aAzZ";

  if (g_rand_boolean (random))
    return telling[g_rand_int_range (random, 0, sizeof telling - 1)];
  return g_rand_int_range (random, 0, 256);
}

/* Picks a range in @size bytes; short ones more often than long ones. */
static void
pick_range (GRand *random, gsize size, gsize *start, gsize *length)
{
  gsize longest = g_rand_boolean (random) ? MIN (size, 8) : size;

  *start = g_rand_int_range (random, 0, size);
  *length = g_rand_int_range (random, 1, longest + 1);
  *length = MIN (*length, size - *start);
}

static void
mutate_once (GRand *random, GByteArray *bytes, const Input *other)
{
  guint8 byte = random_byte (random);
  g_autofree guint8 *copy = NULL;
  gsize start = 0;
  gsize length = 0;

  if (bytes->len == 0)
    {
      g_byte_array_append (bytes, &byte, 1);
      return;
    }
  pick_range (random, bytes->len, &start, &length);

  switch (g_rand_int_range (random, 0, 7))
    {
    case 0:
      bytes->data[start] ^= 1 << g_rand_int_range (random, 0, 8);
      break;
    case 1:
      bytes->data[start] = byte;
      break;
    case 2:
      g_byte_array_remove_range (bytes, start, length);
      break;
    case 3:
      g_byte_array_set_size (bytes, start);
      break;
    case 4: /* insert one byte */
      g_byte_array_append (bytes, &byte, 1);
      memmove (bytes->data + start + 1, bytes->data + start, bytes->len - start - 1);
      bytes->data[start] = byte;
      break;
    case 5: /* repeat a range at the end */
      copy = g_memdup2 (bytes->data + start, length);
      g_byte_array_append (bytes, copy, length);
      break;
    default: /* go on as another input does */
      g_byte_array_set_size (bytes, start);
      start = other->size > 0 ? (gsize) g_rand_int_range (random, 0, other->size) : 0;
      if (other->size > start)
        g_byte_array_append (bytes, other->data + start, other->size - start);
    }
}

static void
run_mutation (GRand *random, GPtrArray *corpus)
{
  const Input *base = g_ptr_array_index (corpus, g_rand_int_range (random, 0, corpus->len));
  g_autoptr(GByteArray) bytes = g_byte_array_new ();
  int steps = g_rand_int_range (random, 1, MAX_STEPS + 1);

  g_byte_array_append (bytes, base->data, base->size);
  for (int i = 0; i < steps; i++)
    mutate_once (random, bytes, g_ptr_array_index (corpus, g_rand_int_range (random, 0, corpus->len)));
  run (bytes->data, MIN (bytes->len, INPUT_MAX_SIZE));
}

int
main (int argc, char **argv)
{
  g_autoptr(GPtrArray) corpus = NULL;
  g_autoptr(GRand) random = g_rand_new_with_seed (SEED);
  g_autofree char *name = g_path_get_basename (argv[0]);
  guint64 mutations = DEFAULT_MUTATIONS;

  if (argc < 2 || (argc > 2 && !g_ascii_string_to_unsigned (argv[2], 10, 0, G_MAXUINT, &mutations, NULL)))
    {
      g_printerr ("Usage: %s CORPUS_DIRECTORY [MUTATIONS]\n", name);
      return 2;
    }
  g_snprintf (crash_path, sizeof crash_path, "crash-%s", name);
  signal (SIGABRT, on_abort);
  signal (SIGTRAP, on_abort);

  corpus = load_corpus (argv[1]);
  if (corpus->len == 0)
    g_error ("The corpus in %s is empty", argv[1]);
  for (guint i = 0; i < corpus->len; i++)
    {
      const Input *input = g_ptr_array_index (corpus, i);

      run (input->data, input->size);
    }
  for (guint64 i = 0; i < mutations; i++)
    run_mutation (random, corpus);
  g_print ("%s: %u inputs and %" G_GUINT64_FORMAT " mutations, no crash\n", name, corpus->len, mutations);
  return 0;
}
