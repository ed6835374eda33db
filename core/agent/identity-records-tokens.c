/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-records-private.h"

#include "brevet-error.h"
#include "brevet-wire-json.h"

#include <gnutls/crypto.h>
#include <string.h>

/* What is stored about the keys of an identity in tokens: what their labels begin with, so that they can be told from those of
 * others, and which tokens may have some. It is stored before the first key is made, and survives every generation. */

#define LABEL_BEGIN "brevet-"
#define INSTALLATION_SIZE 8
#define RANDOM_SIZE 4

static char *
make_random (gsize size)
{
  guint8 bytes[INSTALLATION_SIZE];
  GString *text = g_string_new (NULL);

  g_assert (size <= sizeof bytes);
  gnutls_rnd (GNUTLS_RND_NONCE, bytes, size);
  for (gsize i = 0; i < size; i++)
    g_string_append_printf (text, "%02x", bytes[i]);
  return g_string_free (text, FALSE);
}

static gboolean
is_installation (const char *text)
{
  return strlen (text) == 2 * INSTALLATION_SIZE && strspn (text, "0123456789abcdef") == 2 * INSTALLATION_SIZE;
}

/* The record may be lost while a generation is not. */
static void
learn (BrevetIdentityRecords *self, BrevetGeneration *generation)
{
  g_autofree char *begin = g_strconcat (LABEL_BEGIN, self->name, "-", NULL);
  g_autofree char *installation = NULL;

  if (generation == NULL || generation->key_label == NULL)
    return;
  brevet_identity_records_add_token (self, generation->key_token);
  if (self->installation != NULL || !g_str_has_prefix (generation->key_label, begin))
    return;
  installation = g_strndup (generation->key_label + strlen (begin), 2 * INSTALLATION_SIZE);
  if (!is_installation (installation))
    return;
  self->installation = g_steal_pointer (&installation);
  self->tokens_changed = TRUE;
}

static gboolean
parse (BrevetIdentityRecords *self, JsonObject *object, GError **error)
{
  g_autofree char *installation = NULL;
  g_auto(GStrv) tokens = NULL;

  if (!brevet_identity_json_dup_string (object, "installation", &installation, error)
      || !brevet_wire_get_strings (object, "tokens", &tokens, error))
    return FALSE;
  if (installation == NULL || !is_installation (installation))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "the member “installation” is not %d hexadecimal digits",
                   2 * INSTALLATION_SIZE);
      return FALSE;
    }
  self->installation = g_steal_pointer (&installation);
  for (gsize i = 0; tokens != NULL && tokens[i] != NULL; i++)
    brevet_identity_records_add_token (self, tokens[i]);
  return TRUE;
}

gboolean
brevet_identity_records_read_tokens (BrevetIdentityRecords *self, BrevetRecord *record, BrevetStoredIdentity *stored,
                                     GError **error)
{
  g_autoptr(JsonObject) object = NULL;
  gboolean read = TRUE;

  g_clear_pointer (&self->installation, g_free);
  g_ptr_array_set_size (self->tokens, 0);
  if (record != NULL)
    {
      object = brevet_identity_json_parse (brevet_record_get_body (record), "the record “" BREVET_IDENTITY_TOKENS_NAME "”", error);
      read = object != NULL && parse (self, object, error);
    }
  self->tokens_changed = !read;
  learn (self, stored->current);
  learn (self, stored->previous);
  learn (self, stored->staged);
  return read;
}

void
brevet_identity_records_put_tokens (BrevetIdentityRecords *self, BrevetBatch *batch)
{
  g_autoptr(JsonObject) object = brevet_identity_json_new ();
  JsonArray *tokens = json_array_new ();
  g_autoptr(GBytes) body = NULL;

  for (guint i = 0; i < self->tokens->len; i++)
    json_array_add_string_element (tokens, self->tokens->pdata[i]);
  json_object_set_string_member (object, "installation", self->installation);
  json_object_set_array_member (object, "tokens", tokens);
  body = brevet_wire_print_object (object);
  brevet_batch_put (batch, self->collections[BREVET_PLACE_CURRENT], BREVET_IDENTITY_TOKENS_NAME, NULL, body, NULL);
}

char *
brevet_identity_records_dup_key_prefix (BrevetIdentityRecords *self)
{
  g_return_val_if_fail (BREVET_IS_IDENTITY_RECORDS (self), NULL);
  return self->installation != NULL ? g_strconcat (LABEL_BEGIN, self->name, "-", self->installation, "-", NULL) : NULL;
}

char *
brevet_identity_records_make_key_label (BrevetIdentityRecords *self, const char *token, guint64 number)
{
  g_autofree char *prefix = NULL;
  g_autofree char *random = make_random (RANDOM_SIZE);

  g_return_val_if_fail (BREVET_IS_IDENTITY_RECORDS (self) && token != NULL, NULL);

  if (self->installation == NULL)
    {
      self->installation = make_random (INSTALLATION_SIZE);
      self->tokens_changed = TRUE;
    }
  brevet_identity_records_add_token (self, token);
  prefix = brevet_identity_records_dup_key_prefix (self);
  return g_strdup_printf ("%s%" G_GUINT64_FORMAT "-%s", prefix, number, random);
}

GPtrArray *
brevet_identity_records_get_tokens (BrevetIdentityRecords *self)
{
  g_return_val_if_fail (BREVET_IS_IDENTITY_RECORDS (self), NULL);
  return self->tokens;
}

void
brevet_identity_records_add_token (BrevetIdentityRecords *self, const char *token)
{
  if (g_ptr_array_find_with_equal_func (self->tokens, token, g_str_equal, NULL))
    return;
  g_ptr_array_add (self->tokens, g_strdup (token));
  self->tokens_changed = TRUE;
}

void
brevet_identity_records_forget_token (BrevetIdentityRecords *self, const char *token)
{
  guint index = 0;

  g_return_if_fail (BREVET_IS_IDENTITY_RECORDS (self) && token != NULL);

  if (!g_ptr_array_find_with_equal_func (self->tokens, token, g_str_equal, &index))
    return;
  g_ptr_array_remove_index (self->tokens, index);
  self->tokens_changed = TRUE;
}
