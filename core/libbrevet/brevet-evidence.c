/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-evidence.h"
#include "brevet-secret.h"

struct _BrevetEvidence
{
  char        *token;
  BrevetChain *chain;
  BrevetKey   *key;
  JsonObject  *parameters;
};

G_DEFINE_BOXED_TYPE (BrevetEvidence, brevet_evidence, brevet_evidence_ref, brevet_evidence_unref)

BrevetEvidence *
brevet_evidence_new (void)
{
  return g_atomic_rc_box_new0 (BrevetEvidence);
}

BrevetEvidence *
brevet_evidence_ref (BrevetEvidence *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return g_atomic_rc_box_acquire (self);
}

static void
brevet_evidence_clear (gpointer data)
{
  BrevetEvidence *self = data;

  brevet_secret_free_text (self->token);
  g_clear_pointer (&self->chain, brevet_chain_unref);
  g_clear_pointer (&self->key, brevet_key_unref);
  g_clear_pointer (&self->parameters, json_object_unref);
}

void
brevet_evidence_unref (BrevetEvidence *self)
{
  g_return_if_fail (self != NULL);
  g_atomic_rc_box_release_full (self, brevet_evidence_clear);
}

void
brevet_evidence_set_token (BrevetEvidence *self, const char *token)
{
  char *copy = NULL;

  g_return_if_fail (self != NULL);

  copy = g_strdup (token);
  brevet_secret_free_text (self->token);
  self->token = copy;
}

const char *
brevet_evidence_get_token (BrevetEvidence *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->token;
}

void
brevet_evidence_set_credential (BrevetEvidence *self, BrevetChain *chain, BrevetKey *key)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail ((chain == NULL) == (key == NULL));

  if (chain != NULL)
    {
      brevet_chain_ref (chain);
      brevet_key_ref (key);
    }
  g_clear_pointer (&self->chain, brevet_chain_unref);
  g_clear_pointer (&self->key, brevet_key_unref);
  self->chain = chain;
  self->key = key;
}

BrevetChain *
brevet_evidence_get_chain (BrevetEvidence *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->chain;
}

BrevetKey *
brevet_evidence_get_key (BrevetEvidence *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->key;
}

void
brevet_evidence_set_parameters (BrevetEvidence *self, JsonObject *parameters)
{
  g_return_if_fail (self != NULL);

  if (parameters != NULL)
    json_object_ref (parameters);
  g_clear_pointer (&self->parameters, json_object_unref);
  self->parameters = parameters;
}

JsonObject *
brevet_evidence_get_parameters (BrevetEvidence *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->parameters;
}
