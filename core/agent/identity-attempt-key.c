/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-attempt-private.h"

#include "brevet-error.h"
#include "identity-staging.h"

/* Step 1 of an attempt: key and CSR on stable storage before the service hears of them. For a key in a token its label comes first,
 * so that whatever happens while it is made, it is known whose it is. */

/* Longest time for a token, in seconds: RSA keys take a TPM a minute. */
#define TOKEN_PATIENCE 120

static guint
get_patience (BrevetIdentityAttempt *self)
{
  return MIN (self->config->timeout, TOKEN_PATIENCE);
}

static gboolean
fits (BrevetIdentityAttempt *self, BrevetGeneration *made)
{
  return brevet_identity_staging_fits (made, self->config, self->current, self->input_digest, self->new_key);
}

static void
on_staged (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIdentityAttempt *self = g_task_get_source_object (task);
  GError *error = NULL;

  if (brevet_identity_records_stage_finish (BREVET_IDENTITY_RECORDS (source), result, &error))
    {
      brevet_identity_attempt_register (task);
      return;
    }
  g_clear_pointer (&self->staged, brevet_generation_unref);
  brevet_identity_attempt_fail_storage (task, error);
}

static void
stage (GTask *task)
{
  BrevetIdentityAttempt *self = g_task_get_source_object (task);

  brevet_identity_records_stage_async (self->records, self->staged, NULL, on_staged, g_object_ref (task));
}

/* In memory. */

static void
on_made (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIdentityAttempt *self = g_task_get_source_object (task);
  GError *error = NULL;

  self->staged = brevet_identity_staging_make_finish (result, &error);
  if (self->staged == NULL)
    g_task_return_error (task, error);
  else
    stage (task);
}

/* In a token. */

/* Takes @error. */
static void
fail_token (GTask *task, GError *error)
{
  BrevetIdentityAttempt *self = g_task_get_source_object (task);

  self->fault = BREVET_IDENTITY_FAULT_TOKEN;
  g_task_return_error (task, error);
}

/* Takes @error. */
static void
fail_making (GTask *task, GError *error)
{
  BrevetIdentityAttempt *self = g_task_get_source_object (task);

  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_prefix_error (&error, "No key (%s) can be made in the token “%s”: ", self->config->key_type, self->config->key_token);
  fail_token (task, error);
}

/* What is staged from now on: @base with the key that was found or made. */
static void
take_key (BrevetIdentityAttempt *self, BrevetGeneration *base, BrevetVaultKey *found)
{
  BrevetGeneration *staged = brevet_generation_new (self->current != NULL ? self->current->number + 1 : 1, self->input_digest);

  staged->key_token = g_strdup (base->key_token);
  staged->key_label = g_strdup (base->key_label);
  staged->key_spki = g_strdup (brevet_key_get_spki_sha256 (found->key));
  staged->csr = g_bytes_ref (found->csr);
  g_clear_pointer (&self->staged, brevet_generation_unref);
  self->staged = staged;
  self->key = brevet_key_ref (found->key);
}

static void
on_made_in_token (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIdentityAttempt *self = g_task_get_source_object (task);
  g_autoptr(BrevetVaultKey) made = NULL;
  GError *error = NULL;

  made = brevet_key_vault_key_finish (result, &error);
  if (made == NULL)
    {
      fail_making (task, error);
      return;
    }
  take_key (self, self->staged, made);
  stage (task);
}

static void
on_planned (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIdentityAttempt *self = g_task_get_source_object (task);
  GError *error = NULL;

  if (brevet_identity_records_stage_finish (BREVET_IDENTITY_RECORDS (source), result, &error))
    {
      if (!g_task_return_error_if_cancelled (task))
        brevet_key_vault_make_async (self->vault, self->staged, self->config->key_kind, self->config->registration_id,
                                     get_patience (self), g_task_get_cancellable (task), on_made_in_token, g_object_ref (task));
      return;
    }
  g_clear_pointer (&self->staged, brevet_generation_unref);
  brevet_identity_attempt_fail_storage (task, error);
}

static void
plan_key (GTask *task)
{
  BrevetIdentityAttempt *self = g_task_get_source_object (task);
  guint64 number = self->current != NULL ? self->current->number + 1 : 1;
  g_autofree char *label = brevet_identity_records_make_key_label (self->records, self->config->key_token, number);

  self->staged = brevet_identity_staging_plan (self->config, self->current, self->input_digest, label);
  brevet_identity_records_stage_async (self->records, self->staged, NULL, on_planned, g_object_ref (task));
}

static void
on_dropped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIdentityAttempt *self = g_task_get_source_object (task);
  GError *error = NULL;

  if (!brevet_key_vault_drop_finish (result, &error))
    {
      fail_making (task, error);
      return;
    }
  g_clear_pointer (&self->staged, brevet_generation_unref);
  plan_key (task);
}

/* What is staged is a label alone: an attempt ended while its key was being made. */
static gboolean
has_unfinished_key (BrevetIdentityAttempt *self)
{
  return self->staged != NULL && self->staged->key_label != NULL && self->staged->key_spki == NULL &&
         g_strcmp0 (self->staged->key_token, self->config->key_token) == 0;
}

static void
make_in_token (GTask *task)
{
  BrevetIdentityAttempt *self = g_task_get_source_object (task);

  if (has_unfinished_key (self))
    {
      brevet_key_vault_drop_async (self->vault, self->staged, get_patience (self), g_task_get_cancellable (task), on_dropped,
                                   g_object_ref (task));
      return;
    }
  g_clear_pointer (&self->staged, brevet_generation_unref);
  plan_key (task);
}

static void
make (GTask *task)
{
  BrevetIdentityAttempt *self = g_task_get_source_object (task);

  g_clear_pointer (&self->candidate, brevet_generation_unref);
  brevet_identity_attempt_set_stage (self, BREVET_IDENTITY_ATTESTING);
  if (self->config->key_token != NULL)
    {
      make_in_token (task);
      return;
    }
  g_clear_pointer (&self->staged, brevet_generation_unref);
  brevet_identity_staging_make_async (self->config, self->current, self->input_digest, self->new_key,
                                      g_task_get_cancellable (task), on_made, g_object_ref (task));
}

/* Only a key that was in use may be of another kind than what is wanted now: with rekey=no it stays. */
static gboolean
is_usable (BrevetIdentityAttempt *self, BrevetKey *key)
{
  const char *used = self->current != NULL ? brevet_generation_get_spki (self->current) : NULL;

  return g_strcmp0 (used, brevet_key_get_spki_sha256 (key)) == 0 ||
         brevet_identity_staging_is_of_kind (key, self->config->key_kind);
}

/* A key that has gone from its token does not come back: another one is made. */
static gboolean
must_make_another (BrevetIdentityAttempt *self, BrevetVaultKey *found, const GError *error)
{
  if (found != NULL)
    return !is_usable (self, found->key);
  return g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND);
}

static void
on_opened (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIdentityAttempt *self = g_task_get_source_object (task);
  g_autoptr(BrevetVaultKey) found = NULL;
  g_autoptr(GError) error = NULL;

  found = brevet_key_vault_key_finish (result, &error);
  if (must_make_another (self, found, error))
    {
      g_debug ("Another key is made: %s", error != NULL ? error->message : "it is of another kind now");
      make (task);
    }
  else if (found == NULL)
    fail_token (task, g_steal_pointer (&error));
  else if (self->candidate != NULL)
    {
      self->key = brevet_key_ref (found->key);
      brevet_identity_attempt_install (task);
    }
  else if (self->staged != NULL)
    {
      self->key = brevet_key_ref (found->key);
      brevet_identity_attempt_register (task);
    }
  else
    {
      take_key (self, self->current, found);
      stage (task);
    }
}

static void
open_key (GTask *task, BrevetGeneration *holder)
{
  BrevetIdentityAttempt *self = g_task_get_source_object (task);

  brevet_key_vault_open_async (self->vault, holder, self->config->registration_id, get_patience (self),
                               g_task_get_cancellable (task), on_opened, g_object_ref (task));
}

static gboolean
keeps_key_in_token (BrevetIdentityAttempt *self)
{
  return !self->new_key && self->current != NULL && self->current->key_label != NULL &&
         g_strcmp0 (self->current->key_token, self->config->key_token) == 0;
}

void
brevet_identity_attempt_get_key (GTask *task)
{
  BrevetIdentityAttempt *self = g_task_get_source_object (task);

  gboolean usable = fits (self, self->staged) && self->staged->csr != NULL;

  if (usable && self->staged->key_label != NULL)
    open_key (task, self->staged);
  else if (usable)
    brevet_identity_attempt_register (task);
  else if (keeps_key_in_token (self))
    {
      g_clear_pointer (&self->staged, brevet_generation_unref);
      open_key (task, self->current);
    }
  else
    make (task);
}

void
brevet_identity_attempt_take_up (GTask *task)
{
  BrevetIdentityAttempt *self = g_task_get_source_object (task);

  if (self->candidate->key_label != NULL)
    open_key (task, self->candidate);
  else
    brevet_identity_attempt_install (task);
}
