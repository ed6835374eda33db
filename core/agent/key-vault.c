/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "key-vault.h"

#include "brevet-error.h"
#include "brevet-token.h"

struct _BrevetKeyVault
{
  BrevetTokenWorker *worker;
  GHashTable        *pins;    /* URI of a token → PIN, or NULL if it needs none */
};

/* What a job on the thread needs. */
typedef struct {
  char *token;
  BrevetSecret *pin;
  char *label;        /* of a key, or what labels begin with */
  char *spki;
  BrevetKeyKind kind;
  char *common_name;
  char **keep;
} Wish;

static void
wish_free (gpointer data)
{
  Wish *wish = data;

  g_free (wish->token);
  g_clear_pointer (&wish->pin, brevet_secret_unref);
  g_free (wish->label);
  g_free (wish->spki);
  g_free (wish->common_name);
  g_strfreev (wish->keep);
  g_free (wish);
}

void
brevet_vault_key_free (BrevetVaultKey *self)
{
  g_clear_pointer (&self->key, brevet_key_unref);
  g_clear_pointer (&self->csr, g_bytes_unref);
  g_free (self);
}

void
brevet_vault_look_free (BrevetVaultLook *self)
{
  g_ptr_array_unref (self->removed);
  g_ptr_array_unref (self->kept);
  g_free (self);
}

static void
free_pin (gpointer pin)
{
  if (pin != NULL)
    brevet_secret_unref (pin);
}

BrevetKeyVault *
brevet_key_vault_new (void)
{
  BrevetKeyVault *self = g_rc_box_new0 (BrevetKeyVault);

  self->pins = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_pin);
  return self;
}

BrevetKeyVault *
brevet_key_vault_ref (BrevetKeyVault *self)
{
  return g_rc_box_acquire (self);
}

static void
clear (gpointer data)
{
  BrevetKeyVault *self = data;

  g_clear_pointer (&self->worker, brevet_token_worker_free);
  g_hash_table_unref (self->pins);
}

void
brevet_key_vault_unref (BrevetKeyVault *self)
{
  g_rc_box_release_full (self, clear);
}

void
brevet_key_vault_set_pin (BrevetKeyVault *self, const char *token, BrevetSecret *pin)
{
  g_hash_table_replace (self->pins, g_strdup (token), pin != NULL ? brevet_secret_ref (pin) : NULL);
}

gboolean
brevet_key_vault_knows (BrevetKeyVault *self, const char *token)
{
  return g_hash_table_contains (self->pins, token);
}

void
brevet_key_vault_run_async (BrevetKeyVault *self, const char *token, guint seconds, BrevetTokenJob job, gpointer data,
                            GDestroyNotify free_data, GDestroyNotify free_result, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer user_data)
{
  if (self->worker == NULL)
    self->worker = brevet_token_worker_new ();
  brevet_token_worker_run_async (self->worker, NULL, token, seconds, job, data, free_data, free_result, cancellable, callback,
                                 user_data);
}

static void
run_job (BrevetKeyVault *self, BrevetTokenJob job, Wish *wish, GDestroyNotify free_result, guint seconds, GCancellable *cancellable,
         GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetSecret *pin = g_hash_table_lookup (self->pins, wish->token);

  if (pin != NULL)
    wish->pin = brevet_secret_ref (pin);
  brevet_key_vault_run_async (self, wish->token, seconds, job, wish, wish_free, free_result, cancellable, callback, user_data);
}

/* Keys, on the thread. */

static BrevetVaultKey *
make_request (BrevetKey *key, Wish *wish, GError **error)
{
  g_autoptr(BrevetVaultKey) made = g_new0 (BrevetVaultKey, 1);

  if (key == NULL)
    return NULL;
  made->key = key;
  made->csr = brevet_key_create_csr (key, wish->common_name, error);
  if (made->csr != NULL)
    return g_steal_pointer (&made);
  g_prefix_error (error, "The key in the token “%s” does not sign: ", wish->token);
  return NULL;
}

static gpointer
make_job (gpointer data, GError **error)
{
  Wish *wish = data;

  return make_request (brevet_token_generate_key (wish->token, wish->pin, wish->kind, wish->label, error), wish, error);
}

static gboolean
has_label (Wish *wish, GError **error)
{
  g_auto(GStrv) labels = brevet_token_list_keys (wish->token, wish->pin, wish->label, error);

  if (labels == NULL)
    return FALSE;
  if (g_strv_contains ((const char *const *) labels, wish->label))
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND, "The token “%s” does not have the key “%s” any more", wish->token,
               wish->label);
  return FALSE;
}

static gpointer
open_job (gpointer data, GError **error)
{
  Wish *wish = data;
  g_autofree char *uri = brevet_token_key_uri (wish->token, wish->label);
  g_autoptr(BrevetKey) key = NULL;

  if (!has_label (wish, error))
    return NULL;
  key = brevet_key_load (uri, wish->pin, error);
  if (key == NULL)
    return NULL;
  if (g_strcmp0 (brevet_key_get_spki_sha256 (key), wish->spki) != 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND, "The key “%s” in the token “%s” is another one than it was",
                   wish->label, wish->token);
      return NULL;
    }
  return make_request (g_steal_pointer (&key), wish, error);
}

static Wish *
wish_new (BrevetGeneration *holder, const char *common_name)
{
  Wish *wish = g_new0 (Wish, 1);

  wish->token = g_strdup (holder->key_token);
  wish->label = g_strdup (holder->key_label);
  wish->spki = g_strdup (holder->key_spki);
  wish->common_name = g_strdup (common_name);
  return wish;
}

void
brevet_key_vault_make_async (BrevetKeyVault *self, BrevetGeneration *planned, BrevetKeyKind kind, const char *common_name,
                             guint seconds, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  Wish *wish = wish_new (planned, common_name);

  wish->kind = kind;
  run_job (self, make_job, wish, (GDestroyNotify) brevet_vault_key_free, seconds, cancellable, callback, user_data);
}

void
brevet_key_vault_open_async (BrevetKeyVault *self, BrevetGeneration *holder, const char *common_name, guint seconds,
                             GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  run_job (self, open_job, wish_new (holder, common_name), (GDestroyNotify) brevet_vault_key_free, seconds, cancellable, callback,
           user_data);
}

BrevetVaultKey *
brevet_key_vault_key_finish (GAsyncResult *result, GError **error)
{
  return brevet_token_worker_run_finish (result, error);
}

void
brevet_key_vault_release (BrevetKeyVault *self, BrevetKey *key)
{
  if (key != NULL)
    brevet_token_worker_release (self->worker, key, (GDestroyNotify) brevet_key_unref);
}

/* What is no longer needed, on the thread. */

static gpointer
drop_job (gpointer data, GError **error)
{
  Wish *wish = data;

  return brevet_token_delete_key (wish->token, wish->pin, wish->label, error) ? g_strdup (wish->label) : NULL;
}

void
brevet_key_vault_drop_async (BrevetKeyVault *self, BrevetGeneration *planned, guint seconds, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user_data)
{
  run_job (self, drop_job, wish_new (planned, NULL), g_free, seconds, cancellable, callback, user_data);
}

gboolean
brevet_key_vault_drop_finish (GAsyncResult *result, GError **error)
{
  g_autofree char *label = brevet_token_worker_run_finish (result, error);

  return label != NULL;
}

/* An exact look at the beginning once more: whatever a token answers, no key of somebody else is removed. */
static gboolean
is_needed (Wish *wish, const char *label)
{
  return !g_str_has_prefix (label, wish->label) || g_strv_contains ((const char *const *) wish->keep, label);
}

static gpointer
clean_job (gpointer data, GError **error)
{
  Wish *wish = data;
  g_auto(GStrv) labels = brevet_token_list_keys (wish->token, wish->pin, wish->label, error);
  g_autoptr(BrevetVaultLook) look = g_new0 (BrevetVaultLook, 1);

  look->removed = g_ptr_array_new_with_free_func (g_free);
  look->kept = g_ptr_array_new_with_free_func (g_free);
  if (labels == NULL)
    return NULL;
  for (gsize i = 0; labels[i] != NULL; i++)
    {
      gboolean needed = is_needed (wish, labels[i]);

      if (!needed && !brevet_token_delete_key (wish->token, wish->pin, labels[i], error))
        return NULL;
      g_ptr_array_add (needed ? look->kept : look->removed, g_strdup (labels[i]));
    }
  return g_steal_pointer (&look);
}

void
brevet_key_vault_clean_async (BrevetKeyVault *self, const char *token, const char *prefix, const char *const *keep, guint seconds,
                              GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  Wish *wish = g_new0 (Wish, 1);

  wish->token = g_strdup (token);
  wish->label = g_strdup (prefix);
  wish->keep = g_strdupv ((char **) keep);
  run_job (self, clean_job, wish, (GDestroyNotify) brevet_vault_look_free, seconds, cancellable, callback, user_data);
}

BrevetVaultLook *
brevet_key_vault_clean_finish (GAsyncResult *result, GError **error)
{
  return brevet_token_worker_run_finish (result, error);
}
