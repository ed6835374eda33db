/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Preloaded: makes each fsync and fdatasync last BREVET_FSYNC_MICROSECONDS longer, so that a fast disk behaves like a slow one. */

#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static void
delay (void)
{
  const char *text = getenv ("BREVET_FSYNC_MICROSECONDS");

  if (text != NULL)
    usleep (strtoul (text, NULL, 10));
}

int
fsync (int fd)
{
  static int (*real) (int);

  if (real == NULL)
    real = (int (*) (int)) dlsym (RTLD_NEXT, "fsync");
  delay ();
  return real (fd);
}

int
fdatasync (int fd)
{
  static int (*real) (int);

  if (real == NULL)
    real = (int (*) (int)) dlsym (RTLD_NEXT, "fdatasync");
  delay ();
  return real (fd);
}
