/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-claims.h"
#include "brevet-secret.h"

struct _BrevetClaims
{
  char        *token;
  BrevetChain *chain;
  char        *remote_address;
  char        *id_scope;
  char        *registration_id;
  JsonObject  *parameters;
  gboolean     public_only;
};

G_DEFINE_BOXED_TYPE (BrevetClaims, brevet_claims, brevet_claims_ref, brevet_claims_unref)

BrevetClaims *
brevet_claims_new (void)
{
  return g_atomic_rc_box_new0 (BrevetClaims);
}

BrevetClaims *
brevet_claims_ref (BrevetClaims *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return g_atomic_rc_box_acquire (self);
}

static void
brevet_claims_clear (gpointer data)
{
  BrevetClaims *self = data;

  brevet_secret_free_text (self->token);
  g_clear_pointer (&self->chain, brevet_chain_unref);
  g_free (self->remote_address);
  g_free (self->id_scope);
  g_free (self->registration_id);
  g_clear_pointer (&self->parameters, json_object_unref);
}

void
brevet_claims_unref (BrevetClaims *self)
{
  g_return_if_fail (self != NULL);
  g_atomic_rc_box_release_full (self, brevet_claims_clear);
}

void
brevet_claims_set_token (BrevetClaims *self, const char *token)
{
  char *copy = NULL;

  g_return_if_fail (self != NULL);

  copy = g_strdup (token);
  brevet_secret_free_text (self->token);
  self->token = copy;
}

const char *
brevet_claims_get_token (BrevetClaims *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->token;
}

void
brevet_claims_set_chain (BrevetClaims *self, BrevetChain *chain)
{
  g_return_if_fail (self != NULL);

  if (chain != NULL)
    brevet_chain_ref (chain);
  g_clear_pointer (&self->chain, brevet_chain_unref);
  self->chain = chain;
}

BrevetChain *
brevet_claims_get_chain (BrevetClaims *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->chain;
}

static void
replace_text (char **place, const char *text)
{
  char *copy = g_strdup (text);

  g_free (*place);
  *place = copy;
}

void
brevet_claims_set_remote_address (BrevetClaims *self, const char *address)
{
  g_return_if_fail (self != NULL);
  replace_text (&self->remote_address, address);
}

const char *
brevet_claims_get_remote_address (BrevetClaims *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->remote_address;
}

void
brevet_claims_set_device (BrevetClaims *self, const char *id_scope, const char *registration_id)
{
  g_return_if_fail (self != NULL);
  replace_text (&self->id_scope, id_scope);
  replace_text (&self->registration_id, registration_id);
}

const char *
brevet_claims_get_id_scope (BrevetClaims *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->id_scope;
}

const char *
brevet_claims_get_registration_id (BrevetClaims *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->registration_id;
}

void
brevet_claims_set_parameters (BrevetClaims *self, JsonObject *parameters)
{
  g_return_if_fail (self != NULL);

  if (parameters != NULL)
    json_object_ref (parameters);
  g_clear_pointer (&self->parameters, json_object_unref);
  self->parameters = parameters;
}

JsonObject *
brevet_claims_get_parameters (BrevetClaims *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->parameters;
}

void
brevet_claims_set_public_only (BrevetClaims *self, gboolean public_only)
{
  g_return_if_fail (self != NULL);
  self->public_only = public_only;
}

gboolean
brevet_claims_get_public_only (BrevetClaims *self)
{
  g_return_val_if_fail (self != NULL, TRUE);
  return self->public_only;
}
