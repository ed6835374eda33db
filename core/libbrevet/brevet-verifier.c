/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-verifier.h"

struct _BrevetVerdict
{
  gboolean    accepted;
  char       *credential;
  JsonObject *parameters;
  JsonObject *memory;
  char       *recipient;
};

G_DEFINE_BOXED_TYPE (BrevetVerdict, brevet_verdict, brevet_verdict_ref, brevet_verdict_unref)

static BrevetVerdict *
brevet_verdict_new (gboolean accepted, const char *credential, JsonObject *parameters)
{
  BrevetVerdict *self = g_atomic_rc_box_new0 (BrevetVerdict);

  self->accepted = accepted;
  self->credential = g_strdup (credential);
  self->parameters = parameters != NULL ? json_object_ref (parameters) : json_object_new ();
  return self;
}

BrevetVerdict *
brevet_verdict_new_accepted (const char *credential, JsonObject *parameters)
{
  g_return_val_if_fail (credential != NULL, NULL);
  return brevet_verdict_new (TRUE, credential, parameters);
}

BrevetVerdict *
brevet_verdict_new_challenge (JsonObject *parameters)
{
  g_return_val_if_fail (parameters != NULL, NULL);
  return brevet_verdict_new (FALSE, NULL, parameters);
}

BrevetVerdict *
brevet_verdict_ref (BrevetVerdict *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return g_atomic_rc_box_acquire (self);
}

static void
brevet_verdict_clear (gpointer data)
{
  BrevetVerdict *self = data;

  g_free (self->credential);
  g_clear_pointer (&self->memory, json_object_unref);
  g_free (self->recipient);
  json_object_unref (self->parameters);
}

void
brevet_verdict_unref (BrevetVerdict *self)
{
  g_return_if_fail (self != NULL);
  g_atomic_rc_box_release_full (self, brevet_verdict_clear);
}

gboolean
brevet_verdict_is_accepted (BrevetVerdict *self)
{
  g_return_val_if_fail (self != NULL, FALSE);
  return self->accepted;
}

const char *
brevet_verdict_get_credential (BrevetVerdict *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->credential;
}

JsonObject *
brevet_verdict_get_parameters (BrevetVerdict *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->parameters;
}

void
brevet_verdict_set_memory (BrevetVerdict *self, JsonObject *memory)
{
  g_return_if_fail (self != NULL);

  g_clear_pointer (&self->memory, json_object_unref);
  self->memory = memory != NULL ? json_object_ref (memory) : NULL;
}

JsonObject *
brevet_verdict_get_memory (BrevetVerdict *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->memory;
}

void
brevet_verdict_set_recipient (BrevetVerdict *self, const char *recipient)
{
  g_return_if_fail (self != NULL);
  g_free (self->recipient);
  self->recipient = g_strdup (recipient);
}

const char *
brevet_verdict_get_recipient (BrevetVerdict *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->recipient;
}

G_DEFINE_INTERFACE (BrevetVerifier, brevet_verifier, BREVET_TYPE_PLUGIN)

static void
brevet_verifier_default_init (BrevetVerifierInterface *iface)
{
}

JsonObject *
brevet_verifier_prepare (BrevetVerifier *self, BrevetAttestation *wanted, BrevetAttestation *stored, GError **error)
{
  g_return_val_if_fail (BREVET_IS_VERIFIER (self), NULL);
  g_return_val_if_fail (wanted != NULL, NULL);

  return BREVET_VERIFIER_GET_IFACE (self)->prepare (self, wanted, stored, error);
}

JsonObject *
brevet_verifier_describe (BrevetVerifier *self, BrevetAttestation *stored)
{
  g_return_val_if_fail (BREVET_IS_VERIFIER (self), NULL);
  g_return_val_if_fail (stored != NULL, NULL);

  return BREVET_VERIFIER_GET_IFACE (self)->describe (self, stored);
}

JsonObject *
brevet_verifier_reveal (BrevetVerifier *self, BrevetAttestation *stored)
{
  g_return_val_if_fail (BREVET_IS_VERIFIER (self), NULL);
  g_return_val_if_fail (stored != NULL, NULL);

  if (BREVET_VERIFIER_GET_IFACE (self)->reveal == NULL)
    return BREVET_VERIFIER_GET_IFACE (self)->describe (self, stored);
  return BREVET_VERIFIER_GET_IFACE (self)->reveal (self, stored);
}

gboolean
brevet_verifier_needs_body (BrevetVerifier *self, BrevetClaims *claims)
{
  g_return_val_if_fail (BREVET_IS_VERIFIER (self), FALSE);
  g_return_val_if_fail (claims != NULL, FALSE);

  if (BREVET_VERIFIER_GET_IFACE (self)->needs_body == NULL)
    return FALSE;
  return BREVET_VERIFIER_GET_IFACE (self)->needs_body (self, claims);
}

gboolean
brevet_verifier_has_memory (BrevetVerifier *self)
{
  g_return_val_if_fail (BREVET_IS_VERIFIER (self), FALSE);

  return BREVET_VERIFIER_GET_IFACE (self)->has_memory != NULL && BREVET_VERIFIER_GET_IFACE (self)->has_memory (self);
}

char **
brevet_verifier_dup_subject_keys (BrevetVerifier *self, BrevetAttestation *attestation)
{
  g_return_val_if_fail (BREVET_IS_VERIFIER (self), NULL);
  g_return_val_if_fail (attestation != NULL, NULL);

  if (BREVET_VERIFIER_GET_IFACE (self)->dup_subject_keys == NULL)
    return NULL;
  return BREVET_VERIFIER_GET_IFACE (self)->dup_subject_keys (self, attestation);
}

char **
brevet_verifier_dup_references (BrevetVerifier *self, BrevetAttestation *attestation)
{
  g_return_val_if_fail (BREVET_IS_VERIFIER (self), NULL);
  g_return_val_if_fail (attestation != NULL, NULL);

  if (BREVET_VERIFIER_GET_IFACE (self)->dup_references == NULL)
    return NULL;
  return BREVET_VERIFIER_GET_IFACE (self)->dup_references (self, attestation);
}

void
brevet_verifier_verify_async (BrevetVerifier *self, BrevetAttestation *attestation, BrevetClaims *claims, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (BREVET_IS_VERIFIER (self));
  g_return_if_fail (attestation != NULL && claims != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  BREVET_VERIFIER_GET_IFACE (self)->verify_async (self, attestation, claims, cancellable, callback, user_data);
}

BrevetVerdict *
brevet_verifier_verify_finish (BrevetVerifier *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (BREVET_IS_VERIFIER (self), NULL);
  g_return_val_if_fail (G_IS_ASYNC_RESULT (result), NULL);

  return BREVET_VERIFIER_GET_IFACE (self)->verify_finish (self, result, error);
}
