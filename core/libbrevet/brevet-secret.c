/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-secret.h"
#include "brevet-error.h"
#include "brevet-text-file-private.h"

#include <errno.h>
#include <gio/gio.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SECRET_FILE_MAX_SIZE (64 * 1024)
#define SLOT_SIZE            256
#define ARENA_SIZE           (64 * 1024)

struct _BrevetSecret
{
  guint8 *data;
  gsize   length;
  gsize   allocated;
};

G_DEFINE_BOXED_TYPE (BrevetSecret, brevet_secret, brevet_secret_ref, brevet_secret_unref)

/* Memory that stays out of core files comes in whole pages. Secrets are small and many, so short ones share arenas that are cut
 * into slots; a free slot holds the pointer to the next. */
static GMutex slots_lock;
static gpointer free_slots;

static gpointer
map_undumped (gsize size)
{
  gpointer memory = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (memory == MAP_FAILED)
    g_error ("Could not allocate %" G_GSIZE_FORMAT " bytes for a secret: %s", size, g_strerror (errno));
  madvise (memory, size, MADV_DONTDUMP);
  return memory;
}

static void
add_arena (void)
{
  guint8 *arena = map_undumped (ARENA_SIZE);

  for (gsize at = 0; at < ARENA_SIZE; at += SLOT_SIZE)
    {
      *(gpointer *) (gpointer) (arena + at) = free_slots;
      free_slots = arena + at;
    }
}

static guint8 *
allocate (gsize size)
{
  gpointer slot = NULL;

  if (size > SLOT_SIZE)
    return map_undumped (size);

  g_mutex_lock (&slots_lock);
  if (free_slots == NULL)
    add_arena ();
  slot = free_slots;
  free_slots = *(gpointer *) slot;
  g_mutex_unlock (&slots_lock);
  return slot;
}

static void
release (guint8 *data, gsize size)
{
  gnutls_memset (data, 0, size);
  if (size > SLOT_SIZE)
    {
      munmap (data, size);
      return;
    }

  g_mutex_lock (&slots_lock);
  *(gpointer *) (gpointer) data = free_slots;
  free_slots = data;
  g_mutex_unlock (&slots_lock);
}

static BrevetSecret *
brevet_secret_alloc (gsize length)
{
  BrevetSecret *self = g_atomic_rc_box_new0 (BrevetSecret);

  self->allocated = length + 1;
  self->data = allocate (self->allocated);
  self->length = length;
  self->data[length] = 0;
  return self;
}

BrevetSecret *
brevet_secret_new (gconstpointer data, gsize length)
{
  BrevetSecret *self = NULL;

  g_return_val_if_fail (data != NULL || length == 0, NULL);

  self = brevet_secret_alloc (length);
  if (length > 0)
    memcpy (self->data, data, length);
  return self;
}

/* g_base64_decode() skips what it does not understand; a mistyped key must not become another key. */
static gboolean
is_base64 (const char *text, gsize length)
{
  gsize padding = 0;

  if (length == 0 || length % 4 != 0)
    return FALSE;
  while (padding < 2 && text[length - 1 - padding] == '=')
    padding++;
  for (gsize i = 0; i < length - padding; i++)
    if (!g_ascii_isalnum (text[i]) && text[i] != '+' && text[i] != '/')
      return FALSE;
  return TRUE;
}

BrevetSecret *
brevet_secret_new_from_base64 (const char *text, GError **error)
{
  BrevetSecret *self = NULL;
  gsize length = 0;
  int state = 0;
  guint save = 0;

  g_return_val_if_fail (text != NULL, NULL);

  while (g_ascii_isspace (*text))
    text++;
  length = strlen (text);
  while (length > 0 && g_ascii_isspace (text[length - 1]))
    length--;
  if (!is_base64 (text, length))
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID,
                           "The key is not base64: expected letters, digits, “+”, “/” and “=” at the end, in groups of four");
      return NULL;
    }

  self = brevet_secret_alloc (length / 4 * 3);
  self->length = g_base64_decode_step (text, length, self->data, &state, &save);
  self->data[self->length] = 0;
  return self;
}

/* Reads to the end of the file, which may be a pipe; -1 with errno set on failure. */
static gssize
read_all (int fd, guint8 *buffer, gsize size)
{
  gsize length = 0;

  while (length < size)
    {
      gssize n = read (fd, buffer + length, size - length);

      if (n == 0)
        break;
      if (n < 0 && errno != EINTR)
        return -1;
      if (n > 0)
        length += n;
    }
  return length;
}

static BrevetSecret *
secret_from_buffer (const char *path, const guint8 *buffer, gssize length, GError **error)
{
  if (length > SECRET_FILE_MAX_SIZE)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                   "The secret in %s is longer than %d bytes; is it the right file?", path, SECRET_FILE_MAX_SIZE);
      return NULL;
    }
  if (length > 0 && buffer[length - 1] == '\n')
    length--;
  if (length > 0 && buffer[length - 1] == '\r')
    length--;
  if (length == 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "The file %s is empty; write the secret into it", path);
      return NULL;
    }
  return brevet_secret_new (buffer, length);
}

BrevetSecret *
brevet_secret_new_from_file (const char *path, GError **error)
{
  const gsize size = SECRET_FILE_MAX_SIZE + 1;
  BrevetSecret *self = NULL;
  guint8 *buffer = NULL;
  gssize length = 0;
  int code = 0;
  int fd = -1;

  g_return_val_if_fail (path != NULL, NULL);

  code = brevet_text_file_open (path, &fd);
  if (code == 0)
    {
      buffer = allocate (size);
      length = read_all (fd, buffer, size);
      code = length < 0 ? errno : 0;
      close (fd);
    }
  if (code != 0)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "Could not read the secret in %s: %s", path,
                 brevet_text_file_explain (code));
  else
    self = secret_from_buffer (path, buffer, length, error);

  if (buffer != NULL)
    release (buffer, size);
  return self;
}

BrevetSecret *
brevet_secret_new_random (gsize length)
{
  BrevetSecret *self = brevet_secret_alloc (length);
  int code = gnutls_rnd (GNUTLS_RND_KEY, self->data, length);

  if (code < 0)
    g_error ("The random source of GnuTLS failed: %s", gnutls_strerror (code));
  return self;
}

BrevetSecret *
brevet_secret_ref (BrevetSecret *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return g_atomic_rc_box_acquire (self);
}

static void
brevet_secret_wipe (gpointer data)
{
  BrevetSecret *self = data;

  release (self->data, self->allocated);
}

void
brevet_secret_unref (BrevetSecret *self)
{
  g_return_if_fail (self != NULL);
  g_atomic_rc_box_release_full (self, brevet_secret_wipe);
}

const guint8 *
brevet_secret_get_data (BrevetSecret *self, gsize *length)
{
  g_return_val_if_fail (self != NULL, NULL);

  if (length != NULL)
    *length = self->length;
  return self->data;
}

char *
brevet_secret_to_base64 (BrevetSecret *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return g_base64_encode (self->data, self->length);
}

gboolean
brevet_secret_equal (BrevetSecret *self, BrevetSecret *other)
{
  g_return_val_if_fail (self != NULL && other != NULL, FALSE);
  return self->length == other->length && gnutls_memcmp (self->data, other->data, self->length) == 0;
}

void
brevet_secret_free_text (char *text)
{
  if (text != NULL)
    gnutls_memset (text, 0, strlen (text));
  g_free (text);
}
