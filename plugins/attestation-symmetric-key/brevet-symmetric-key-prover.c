/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-symmetric-key-prover.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-sas-token.h"

struct _BrevetSymmetricKeyProver
{
  BrevetPlugin parent_instance;

  BrevetSecret *key;        /* the device's own, or NULL */
  BrevetSecret *group_key;  /* its group's, or NULL */
  gint64 token_lifetime;    /* seconds */
};

static void prover_iface_init (BrevetProverInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BrevetSymmetricKeyProver, brevet_symmetric_key_prover, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_PROVER, prover_iface_init))

/* Reads a key that is written as base64; @key stays NULL if there is none. */
static gboolean
read_key (BrevetSettings *settings, const char *name, BrevetSecret **key, GError **error)
{
  g_autoptr(BrevetSecret) text = NULL;
  gsize length = 0;

  if (!brevet_settings_get_secret (settings, name, &text, error))
    return FALSE;
  if (text == NULL)
    return TRUE;
  *key = brevet_secret_new_from_base64 ((const char *) brevet_secret_get_data (text, NULL), NULL);
  if (*key != NULL)
    brevet_secret_get_data (*key, &length);
  if (length > 0)
    return TRUE;
  g_propagate_error (error, brevet_settings_error (settings, name, "the key is not base64; write it as the enrollment shows it"));
  return FALSE;
}

static gboolean
brevet_symmetric_key_prover_configure (BrevetPlugin *plugin, GError **error)
{
  BrevetSymmetricKeyProver *self = BREVET_SYMMETRIC_KEY_PROVER (plugin);
  BrevetSettings *settings = brevet_plugin_get_settings (plugin);

  if (!read_key (settings, "key", &self->key, error) || !read_key (settings, "group-key", &self->group_key, error) ||
      !brevet_sas_read_token_lifetime (settings, &self->token_lifetime, error))
    return FALSE;
  if ((self->key != NULL) != (self->group_key != NULL))
    return TRUE;
  g_propagate_error (error,
                     self->key == NULL
                       ? brevet_settings_error (settings, "key-file",
                                                "there is no key; name the file with the device's key here, or with its group's in "
                                                "group-key-file")
                       : brevet_settings_error (settings, "group-key-file",
                                                "there is a key of the device and one of its group; keep one of the two"));
  return FALSE;
}

static void
brevet_symmetric_key_prover_prove_async (BrevetProver *prover, const char *id_scope, const char *registration_id,
                                         JsonObject *challenge, GCancellable *cancellable, GAsyncReadyCallback callback,
                                         gpointer user_data)
{
  BrevetSymmetricKeyProver *self = BREVET_SYMMETRIC_KEY_PROVER (prover);
  g_autoptr(GTask) task = g_task_new (prover, cancellable, callback, user_data);
  g_autoptr(BrevetEvidence) evidence = NULL;
  g_autoptr(BrevetSecret) key = NULL;
  g_autofree char *resource = NULL;
  char *token;

  g_task_set_source_tag (task, brevet_symmetric_key_prover_prove_async);
  if (challenge != NULL)
    {
      g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_REJECTED,
                               "The service wants a challenge answered, which a symmetric key cannot do; use the attestation of "
                               "the device's enrollment");
      return;
    }

  key = self->key != NULL ? brevet_secret_ref (self->key) : brevet_sas_derive_key (self->group_key, registration_id);
  resource = g_strdup_printf ("%s/registrations/%s", id_scope, registration_id);
  token = brevet_sas_token_create (resource, key, brevet_clock_now_seconds () + self->token_lifetime, "registration");
  evidence = brevet_evidence_new ();
  brevet_evidence_set_token (evidence, token);
  brevet_secret_free_text (token);
  g_task_return_pointer (task, g_steal_pointer (&evidence), (GDestroyNotify) brevet_evidence_unref);
}

static BrevetEvidence *
brevet_symmetric_key_prover_prove_finish (BrevetProver *prover, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
prover_iface_init (BrevetProverInterface *iface)
{
  iface->prove_async = brevet_symmetric_key_prover_prove_async;
  iface->prove_finish = brevet_symmetric_key_prover_prove_finish;
}

static void
brevet_symmetric_key_prover_finalize (GObject *object)
{
  BrevetSymmetricKeyProver *self = BREVET_SYMMETRIC_KEY_PROVER (object);

  g_clear_pointer (&self->key, brevet_secret_unref);
  g_clear_pointer (&self->group_key, brevet_secret_unref);
  G_OBJECT_CLASS (brevet_symmetric_key_prover_parent_class)->finalize (object);
}

static void
brevet_symmetric_key_prover_class_init (BrevetSymmetricKeyProverClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = brevet_symmetric_key_prover_finalize;
  BREVET_PLUGIN_CLASS (klass)->configure = brevet_symmetric_key_prover_configure;
}

static void
brevet_symmetric_key_prover_init (BrevetSymmetricKeyProver *self)
{
}
