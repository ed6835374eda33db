/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* System calls that fail, or that the process does not survive, as a test tells them to. The program that is linked with this
 * defines open(), write() and so on itself, so that plugins that it loads call these; link it with export_dynamic.
 *
 * fault-shim.c does the like for a whole program, which is not linked with it and is told from outside, through a page of memory. A
 * test of a plugin needs more than that page can say: calls of one name alone, a call that does its work and fails, and what was
 * called in which order; and it arms and looks within one process, where nothing has to be preloaded before the sanitizers. */

typedef enum {
  FAULT_NONE,            /* only counts */
  FAULT_FAIL,            /* call number `at` fails */
  FAULT_FAIL_FROM,       /* it and all that follow fail */
  FAULT_DONE_AND_FAIL,   /* it does its work and says that it failed */
  FAULT_SHORT,           /* it writes the half, and the call after it fails if there is a code */
  FAULT_SHORT_FROM,      /* it and all that follow write 100 bytes at most */
  FAULT_KILL_BEFORE,     /* the process is killed instead of it */
  FAULT_KILL_AFTER,      /* the process is killed after it */
} FaultKind;

typedef struct {
  FaultKind   kind;
  const char *only;   /* nullable: count calls of this name alone */
  guint       at;     /* from 1 */
  int         code;   /* errno */
} Fault;

/* Begins to count the calls that concern what is below a directory. */
void fault_arm (const char *directory, const Fault *fault);

/* Returns how many calls were counted; calls are as ever again. */
guint fault_disarm (void);

/* Returns: (transfer full): what was called since fault_arm(), in words: `fsync /tmp/x/file`; call after fault_disarm(). */
GPtrArray *fault_steal_trace (void);
