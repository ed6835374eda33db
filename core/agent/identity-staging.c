/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-staging.h"

typedef struct {
  BrevetIdentityConfig *config;
  BrevetKey *key;  /* NULL: make one */
  guint64 number;
  char *input_digest;
} Staging;

static void
staging_free (gpointer data)
{
  Staging *self = data;

  brevet_identity_config_unref (self->config);
  g_clear_pointer (&self->key, brevet_key_unref);
  g_free (self->input_digest);
  g_free (self);
}

static gboolean
is_same_key (BrevetGeneration *one, BrevetGeneration *other)
{
  const char *spki = brevet_generation_get_spki (one);

  return spki != NULL && other != NULL && g_strcmp0 (spki, brevet_generation_get_spki (other)) == 0;
}

gboolean
brevet_identity_staging_is_of_kind (BrevetKey *key, BrevetKeyKind kind)
{
  unsigned int bits = 0;
  int algorithm = gnutls_privkey_get_pk_algorithm (brevet_key_get_privkey (key), &bits);

  switch (kind)
    {
    case BREVET_KEY_KIND_EC_P256:
      return algorithm == GNUTLS_PK_ECDSA && bits == 256;
    case BREVET_KEY_KIND_EC_P384:
      return algorithm == GNUTLS_PK_ECDSA && bits == 384;
    case BREVET_KEY_KIND_RSA_2048:
      return algorithm == GNUTLS_PK_RSA && bits == 2048;
    case BREVET_KEY_KIND_RSA_3072:
      return algorithm == GNUTLS_PK_RSA && bits == 3072;
    case BREVET_KEY_KIND_ED25519:
      return algorithm == GNUTLS_PK_EDDSA_ED25519;
    default:
      return FALSE;
    }
}

gboolean
brevet_identity_staging_fits (BrevetGeneration *made, BrevetIdentityConfig *config, BrevetGeneration *current,
                              const char *input_digest, gboolean new_key)
{
  if (made == NULL || g_strcmp0 (made->input_digest, input_digest) != 0)
    return FALSE;
  if (current != NULL && made->number <= current->number)
    return FALSE;
  if (!config->wants_certificate || (made->key == NULL && made->key_label == NULL))
    return made->key == NULL && made->key_label == NULL && !config->wants_certificate;
  if (brevet_generation_get_spki (made) == NULL || g_strcmp0 (made->key_token, config->key_token) != 0)
    return FALSE;
  if (is_same_key (made, current))
    return !new_key;
  /* What a key in a token is, is seen when it is opened. */
  return made->key == NULL || brevet_identity_staging_is_of_kind (made->key, config->key_kind);
}

static BrevetGeneration *
make (Staging *staging, GError **error)
{
  g_autoptr(BrevetGeneration) made = brevet_generation_new (staging->number, staging->input_digest);

  if (staging->key != NULL)
    made->key = brevet_key_ref (staging->key);
  else
    made->key = brevet_key_generate (staging->config->key_kind, error);
  if (made->key == NULL)
    return NULL;
  made->csr = brevet_key_create_csr (made->key, staging->config->registration_id, error);
  return made->csr != NULL ? g_steal_pointer (&made) : NULL;
}

static void
make_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  GError *error = NULL;
  BrevetGeneration *made = make (task_data, &error);

  if (made != NULL)
    g_task_return_pointer (task, made, (GDestroyNotify) brevet_generation_unref);
  else
    g_task_return_error (task, error);
}

void
brevet_identity_staging_make_async (BrevetIdentityConfig *config, BrevetGeneration *current, const char *input_digest,
                                    gboolean new_key, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Staging *staging = g_new0 (Staging, 1);

  g_task_set_source_tag (task, brevet_identity_staging_make_async);
  staging->config = brevet_identity_config_ref (config);
  staging->number = current != NULL ? current->number + 1 : 1;
  staging->input_digest = g_strdup (input_digest);
  if (!new_key && current != NULL && current->key != NULL)
    staging->key = brevet_key_ref (current->key);
  g_task_set_task_data (task, staging, staging_free);
  g_task_run_in_thread (task, make_thread);
}

BrevetGeneration *
brevet_identity_staging_make_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, brevet_identity_staging_make_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

BrevetGeneration *
brevet_identity_staging_plan (BrevetIdentityConfig *config, BrevetGeneration *current, const char *input_digest, const char *label)
{
  BrevetGeneration *planned = brevet_generation_new (current != NULL ? current->number + 1 : 1, input_digest);

  planned->key_token = g_strdup (config->key_token);
  planned->key_label = g_strdup (label);
  return planned;
}

BrevetGeneration *
brevet_identity_staging_complete (BrevetGeneration *staged, BrevetGeneration *candidate)
{
  BrevetGeneration *complete = brevet_generation_copy (candidate);

  if (staged != NULL && staged->csr != NULL)
    complete->csr = g_bytes_ref (staged->csr);
  return complete;
}

gboolean
brevet_identity_staging_is_complete (BrevetGeneration *staged)
{
  return staged != NULL && staged->chain != NULL && staged->assigned_hub != NULL;
}

BrevetGeneration *
brevet_identity_staging_make_candidate (BrevetGeneration *staged)
{
  BrevetGeneration *candidate = brevet_generation_copy (staged);

  g_clear_pointer (&candidate->csr, g_bytes_unref);
  return candidate;
}
