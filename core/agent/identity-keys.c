/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-private.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-log.h"

#include <string.h>

/* A look at the tokens, at the start and whenever other keys are needed than before: is the key in use still there, and what is not
 * needed any more? It goes on beside everything else and holds up nothing: what cannot be removed now is removed later.
 *
 * Nothing is removed that is needed by what is in memory, by what is on the disk (read anew, for memory may not know how a commit
 * ended), or by an attempt that is being made. A key that is made after this was put together is made after the look, too, since a
 * token is asked one thing after the other. */

/* Time for a look at one token, in seconds. */
#define LOOK_PATIENCE 60

typedef struct {
  gpointer identity;
  GCancellable *cancellable;
  BrevetStoredIdentity *stored;
  GPtrArray *tokens;    /* what is still to be looked at, the next one last */
} Look;

static void
look_free (Look *look)
{
  g_clear_object (&look->cancellable);
  g_clear_pointer (&look->stored, brevet_stored_identity_free);
  g_clear_pointer (&look->tokens, g_ptr_array_unref);
  g_free (look);
}

void
brevet_identity_take_key_settings (BrevetIdentity *self)
{
  GPtrArray *tokens = brevet_identity_records_get_tokens (self->records);

  brevet_identity_end_look (self);
  g_clear_pointer (&self->looked_for, g_free);
  self->next_look = 0;
  if (self->config->key_token != NULL)
    {
      brevet_key_vault_set_pin (self->vault, self->config->key_token, self->config->key_pin);
      return;
    }
  /* Keys are made elsewhere now: the PIN is there to remove what is left. */
  for (guint i = 0; self->config->key_pin != NULL && i < tokens->len; i++)
    brevet_key_vault_set_pin (self->vault, tokens->pdata[i], self->config->key_pin);
}

void
brevet_identity_end_look (BrevetIdentity *self)
{
  if (self->look != NULL)
    g_cancellable_cancel (self->look);
  g_clear_object (&self->look);
}

/* Which keys are needed. */

static void
add_label (GPtrArray *labels, BrevetGeneration *generation)
{
  if (generation != NULL && generation->key_label != NULL)
    g_ptr_array_add (labels, g_strdup (generation->key_label));
}

static GPtrArray *
list_needed (BrevetIdentity *self)
{
  GPtrArray *labels = g_ptr_array_new_with_free_func (g_free);

  add_label (labels, self->current);
  add_label (labels, self->previous);
  add_label (labels, self->staged);
  add_label (labels, self->candidate);
  if (self->attempt == NULL)
    return labels;
  add_label (labels, brevet_identity_attempt_get_staged (self->attempt));
  add_label (labels, brevet_identity_attempt_get_candidate (self->attempt));
  return labels;
}

static char **
list_kept (BrevetIdentity *self, BrevetStoredIdentity *stored)
{
  GPtrArray *labels = list_needed (self);

  add_label (labels, stored->current);
  add_label (labels, stored->previous);
  add_label (labels, stored->staged);
  g_ptr_array_add (labels, NULL);
  g_ptr_array_set_free_func (labels, NULL);
  return (char **) g_ptr_array_free (labels, FALSE);
}

/* What a look is made for: if that is as it was, nothing new would be seen. */
static char *
describe_need (BrevetIdentity *self)
{
  GPtrArray *tokens = brevet_identity_records_get_tokens (self->records);
  g_autoptr(GPtrArray) labels = list_needed (self);
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < labels->len; i++)
    g_string_append_printf (text, "%s ", (const char *) labels->pdata[i]);
  for (guint i = 0; i < tokens->len; i++)
    g_string_append_printf (text, "%s ", (const char *) tokens->pdata[i]);
  return g_string_free (text, FALSE);
}

/* What is seen. */

static gboolean
has_key_in_use (BrevetIdentity *self, const char *token)
{
  return self->current != NULL && g_strcmp0 (self->current->key_token, token) == 0;
}

static void
set_problem (BrevetIdentity *self, const char *token, GError *error)
{
  g_autofree char *before = g_steal_pointer (&self->key_problem);

  brevet_identity_strip_stop (error->message);
  self->key_problem = g_strdup_printf ("The token “%s” with the key cannot be used: %s", token, error->message);
  if (g_strcmp0 (before, self->key_problem) != 0)
    brevet_identity_report (self, G_LOG_LEVEL_WARNING, BREVET_MESSAGE_TOKEN_FAILED, NULL, "Identity %s: %s", self->config->name,
                            self->key_problem);
}

/* Told once, however often it is tried. */
static void
report_left_behind (BrevetIdentity *self, const char *token, const GError *error)
{
  g_autofree char *before = g_steal_pointer (&self->left_behind);

  self->left_behind = g_strdup_printf ("%s: %s", token, error->message);
  if (g_strcmp0 (before, self->left_behind) != 0)
    brevet_identity_report (self, G_LOG_LEVEL_WARNING, BREVET_MESSAGE_TOKEN_FAILED, NULL,
                            "Identity %s: keys that are no longer needed may be left in the token “%s”: %s", self->config->name,
                            token, error->message);
}

static void
take_failure (BrevetIdentity *self, const char *token, GError *error)
{
  if (has_key_in_use (self, token))
    set_problem (self, token, error);
  else
    report_left_behind (self, token, error);
  if (brevet_key_vault_knows (self->vault, token))
    self->next_look = brevet_clock_now_seconds () + 1;
}

static gboolean
lacks_key_in_use (BrevetIdentity *self, BrevetVaultLook *seen)
{
  g_autofree char *prefix = brevet_identity_records_dup_key_prefix (self->records);

  return prefix != NULL && g_str_has_prefix (self->current->key_label, prefix) &&
         !g_ptr_array_find_with_equal_func (seen->kept, self->current->key_label, g_str_equal, NULL);
}

static void
take_sight (BrevetIdentity *self, const char *token, BrevetVaultLook *seen)
{
  for (guint i = 0; i < seen->removed->len; i++)
    g_info ("Identity %s: the key %s was removed from the token “%s”", self->config->name, (const char *) seen->removed->pdata[i],
            token);
  g_clear_pointer (&self->left_behind, g_free);
  if (has_key_in_use (self, token))
    {
      g_clear_pointer (&self->key_problem, g_free);
      self->key_lost = lacks_key_in_use (self, seen);
      if (self->key_lost)
        brevet_identity_report (self, G_LOG_LEVEL_WARNING, BREVET_MESSAGE_TOKEN_FAILED, NULL,
                                "Identity %s: the token “%s” does not have the key %s any more, so that the certificate is of no "
                                "use; it is renewed with a new key", self->config->name, token, self->current->key_label);
    }
  else if (seen->kept->len == 0 && g_strcmp0 (self->config->key_token, token) != 0 && self->attempt == NULL)
    brevet_identity_records_forget_token (self->records, token);
}

/* One token after the other. */

static void look_at_next (BrevetIdentity *self, Look *look);

static void
end (BrevetIdentity *self, Look *look)
{
  gint64 now = brevet_clock_now_seconds ();

  look_free (look);
  g_clear_object (&self->look);
  if (self->current == NULL || self->current->key_label == NULL)
    g_clear_pointer (&self->key_problem, g_free);
  self->failed_looks = self->next_look != 0 ? self->failed_looks + 1 : 0;
  if (self->next_look != 0)
    self->next_look = now + brevet_backoff_compute (&self->config->backoff, self->failed_looks, 0, G_MAXINT64, g_random_double ());
  brevet_identity_decide (self);
}

static void
on_cleaned (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Look *look = user_data;
  g_autoptr(BrevetIdentity) self = brevet_identity_take_weakly (look->identity);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetVaultLook) seen = brevet_key_vault_clean_finish (result, &error);
  g_autofree char *token = g_ptr_array_steal_index (look->tokens, look->tokens->len - 1);

  if (self == NULL || g_cancellable_is_cancelled (look->cancellable))
    {
      look_free (look);
      return;
    }
  if (seen != NULL)
    take_sight (self, token, seen);
  else
    take_failure (self, token, error);
  look_at_next (self, look);
}

static void
skip_unknown (BrevetIdentity *self, const char *token)
{
  g_autoptr(GError) error = NULL;

  g_set_error (&error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
               "its PIN is not known any more; set key-token-pin-file in [identity %s] without key-token once, or remove them with "
               "p11tool --login --delete", self->config->name);
  take_failure (self, token, error);
}

static void
look_at_next (BrevetIdentity *self, Look *look)
{
  g_autofree char *prefix = brevet_identity_records_dup_key_prefix (self->records);
  g_auto(GStrv) kept = list_kept (self, look->stored);

  while (look->tokens->len > 0)
    {
      const char *token = g_ptr_array_index (look->tokens, look->tokens->len - 1);

      if (brevet_key_vault_knows (self->vault, token))
        {
          look->identity = brevet_identity_hold_weakly (self);
          brevet_key_vault_clean_async (self->vault, token, prefix, (const char *const *) kept, LOOK_PATIENCE, look->cancellable,
                                        on_cleaned, look);
          return;
        }
      skip_unknown (self, token);
      g_ptr_array_remove_index (look->tokens, look->tokens->len - 1);
    }
  end (self, look);
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Look *look = user_data;
  g_autoptr(BrevetIdentity) self = brevet_identity_take_weakly (look->identity);
  g_autoptr(GError) error = NULL;

  look->stored = brevet_identity_records_load_finish (BREVET_IDENTITY_RECORDS (source), result, &error);
  if (self == NULL || g_cancellable_is_cancelled (look->cancellable))
    {
      look_free (look);
      return;
    }
  /* What is damaged may name a key that is needed. */
  if (look->stored != NULL && look->stored->problems->len == 0)
    {
      look_at_next (self, look);
      return;
    }
  self->next_look = brevet_clock_now_seconds () + 1;
  end (self, look);
}

static void
begin (BrevetIdentity *self)
{
  GPtrArray *tokens = brevet_identity_records_get_tokens (self->records);
  g_autoptr(BrevetIdentityRecords) records = NULL;
  Look *look = g_new0 (Look, 1);

  look->identity = brevet_identity_hold_weakly (self);
  look->cancellable = g_cancellable_new ();
  look->tokens = g_ptr_array_copy (tokens, (GCopyFunc) g_strdup, NULL);
  g_ptr_array_set_free_func (look->tokens, g_free);
  self->look = g_object_ref (look->cancellable);
  self->next_look = 0;
  records = brevet_identity_records_new (self->store, self->config->name, self->config->trust_bundle_name);
  brevet_identity_records_load_async (records, look->cancellable, on_read, look);
}

/* Begins a look if it is time for one. Returns when it is time for the next one; 0 for never, as far as known. */
gint64
brevet_identity_look_at_keys (BrevetIdentity *self, gint64 now)
{
  g_autofree char *need = NULL;

  if (self->look != NULL || !self->config->enabled || brevet_identity_records_get_tokens (self->records)->len == 0)
    return 0;
  need = describe_need (self);
  if (g_strcmp0 (need, self->looked_for) != 0)
    {
      self->next_look = now;
      self->failed_looks = 0;
    }
  if (self->next_look == 0 || self->next_look > now)
    return self->next_look;
  g_free (self->looked_for);
  self->looked_for = g_steal_pointer (&need);
  begin (self);
  return 0;
}
