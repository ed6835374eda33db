/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The checked variants of the calls would be redefined here. */
#undef _FORTIFY_SOURCE

#include "fault-calls.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAXIMUM_DESCRIPTORS 1024
#define SHORT_SIZE 100

static struct {
  GMutex mutex;
  char *directory; /* NULL while nothing is counted */
  Fault fault;
  guint count;
  gboolean fail_next;
  char *paths[MAXIMUM_DESCRIPTORS];
  GPtrArray *trace;
} state;

typedef enum {
  CALL_PASS,
  CALL_FAIL,
  CALL_DO_AND_FAIL,
  CALL_SHORT,
  CALL_DO_AND_DIE,
} Verdict;

static gboolean
concerns (const char *path)
{
  return state.directory != NULL && path != NULL && g_str_has_prefix (path, state.directory);
}

static Verdict
judge_counted (const Fault *fault)
{
  gboolean is_it = state.count == fault->at;
  gboolean is_reached = state.count >= fault->at;

  if (fault->kind == FAULT_KILL_BEFORE && is_it)
    raise (SIGKILL);
  if ((fault->kind == FAULT_FAIL && is_it) || (fault->kind == FAULT_FAIL_FROM && is_reached))
    return CALL_FAIL;
  if ((fault->kind == FAULT_SHORT && is_it) || (fault->kind == FAULT_SHORT_FROM && is_reached))
    return CALL_SHORT;
  if (fault->kind == FAULT_DONE_AND_FAIL && is_it)
    return CALL_DO_AND_FAIL;
  return fault->kind == FAULT_KILL_AFTER && is_it ? CALL_DO_AND_DIE : CALL_PASS;
}

static Verdict
judge (const char *name, const char *path)
{
  Verdict verdict = CALL_PASS;

  g_mutex_lock (&state.mutex);
  if (concerns (path))
    {
      g_ptr_array_add (state.trace, g_strdup_printf ("%s %s", name, path));
      if (state.fail_next)
        verdict = CALL_FAIL;
      else if (state.fault.only == NULL || g_str_equal (state.fault.only, name))
        {
          state.count++;
          verdict = judge_counted (&state.fault);
        }
      state.fail_next = verdict == CALL_SHORT && state.fault.kind == FAULT_SHORT && state.fault.code != 0;
    }
  g_mutex_unlock (&state.mutex);
  return verdict;
}

/* What a call that was judged returns; @result is what it really did. */
static int
conclude (Verdict verdict, int result)
{
  if (verdict == CALL_DO_AND_DIE)
    raise (SIGKILL);
  if (verdict != CALL_FAIL && verdict != CALL_DO_AND_FAIL)
    return result;
  errno = state.fault.code;
  return -1;
}

static void
remember (int descriptor, const char *path)
{
  if (descriptor < 0 || descriptor >= MAXIMUM_DESCRIPTORS)
    return;
  g_mutex_lock (&state.mutex);
  g_clear_pointer (&state.paths[descriptor], g_free);
  if (concerns (path))
    state.paths[descriptor] = g_strdup (path);
  g_mutex_unlock (&state.mutex);
}

static const char *
path_of (int descriptor)
{
  return descriptor >= 0 && descriptor < MAXIMUM_DESCRIPTORS ? state.paths[descriptor] : NULL;
}

void
fault_arm (const char *directory, const Fault *fault)
{
  g_mutex_lock (&state.mutex);
  state.directory = g_strdup (directory);
  state.fault = *fault;
  state.count = 0;
  state.fail_next = FALSE;
  g_clear_pointer (&state.trace, g_ptr_array_unref);
  state.trace = g_ptr_array_new_with_free_func (g_free);
  g_mutex_unlock (&state.mutex);
}

guint
fault_disarm (void)
{
  g_mutex_lock (&state.mutex);
  g_clear_pointer (&state.directory, g_free);
  for (guint i = 0; i < MAXIMUM_DESCRIPTORS; i++)
    g_clear_pointer (&state.paths[i], g_free);
  g_mutex_unlock (&state.mutex);
  return state.count;
}

GPtrArray *
fault_steal_trace (void)
{
  return g_steal_pointer (&state.trace);
}

#define REAL(name, type, ...) ((type (*) (__VA_ARGS__)) (gpointer) dlsym (RTLD_NEXT, name))
#define DECIDE(verdict, call) conclude (verdict, verdict == CALL_FAIL ? -1 : (call))

/* With 64-bit offsets the compiler calls open() by its other name. */
int
open (const char *path, int flags, ...)
{
  Verdict verdict = judge ("open", path);
  mode_t mode;
  va_list arguments;
  int descriptor;

  va_start (arguments, flags);
  mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg (arguments, mode_t) : 0;
  va_end (arguments);
  if (verdict == CALL_FAIL)
    return conclude (verdict, -1);
  descriptor = REAL ("open64", int, const char *, int, ...) (path, flags, mode);
  if (verdict == CALL_DO_AND_FAIL && descriptor >= 0)
    REAL ("close", int, int) (descriptor);
  else
    remember (descriptor, path);
  return conclude (verdict, descriptor);
}

ssize_t
write (int descriptor, const void *data, size_t length)
{
  Verdict verdict = judge ("write", path_of (descriptor));
  size_t part = length;
  ssize_t written;

  if (verdict == CALL_FAIL)
    return conclude (verdict, -1);
  if (verdict == CALL_SHORT)
    part = state.fault.kind == FAULT_SHORT ? (length + 1) / 2 : MIN (length, SHORT_SIZE);
  written = REAL ("write", ssize_t, int, const void *, size_t) (descriptor, data, part);
  return verdict == CALL_PASS || verdict == CALL_SHORT ? written : conclude (verdict, (int) written);
}

int
close (int descriptor)
{
  Verdict verdict = judge ("close", path_of (descriptor));

  /* A descriptor is gone even if its close fails. */
  remember (descriptor, NULL);
  return conclude (verdict, REAL ("close", int, int) (descriptor));
}

int
fsync (int descriptor)
{
  Verdict verdict = judge ("fsync", path_of (descriptor));

  return DECIDE (verdict, REAL ("fsync", int, int) (descriptor));
}

int
fchmod (int descriptor, mode_t mode)
{
  Verdict verdict = judge ("fchmod", path_of (descriptor));

  return DECIDE (verdict, REAL ("fchmod", int, int, mode_t) (descriptor, mode));
}

int
chmod (const char *path, mode_t mode)
{
  Verdict verdict = judge ("chmod", path);

  return DECIDE (verdict, REAL ("chmod", int, const char *, mode_t) (path, mode));
}

int
mkdir (const char *path, mode_t mode)
{
  Verdict verdict = judge ("mkdir", path);

  return DECIDE (verdict, REAL ("mkdir", int, const char *, mode_t) (path, mode));
}

int
rmdir (const char *path)
{
  Verdict verdict = judge ("rmdir", path);

  return DECIDE (verdict, REAL ("rmdir", int, const char *) (path));
}

int
unlink (const char *path)
{
  Verdict verdict = judge ("unlink", path);

  return DECIDE (verdict, REAL ("unlink", int, const char *) (path));
}

int
link (const char *from, const char *to)
{
  Verdict verdict = judge ("link", to);

  return DECIDE (verdict, REAL ("link", int, const char *, const char *) (from, to));
}

int
symlink (const char *target, const char *path)
{
  Verdict verdict = judge ("symlink", path);

  return DECIDE (verdict, REAL ("symlink", int, const char *, const char *) (target, path));
}

int
rename (const char *from, const char *to)
{
  Verdict verdict = judge ("rename", to);

  return DECIDE (verdict, REAL ("rename", int, const char *, const char *) (from, to));
}
