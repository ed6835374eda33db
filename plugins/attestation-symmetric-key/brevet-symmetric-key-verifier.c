/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-symmetric-key-verifier.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-sas-token.h"
#include "brevet-wire-json.h"

#include <string.h>

#define OWN_KEY_MIN 16
#define OWN_KEY_MAX 64
#define NEW_KEY_SIZE 64

struct _BrevetSymmetricKeyVerifier
{
  BrevetPlugin parent_instance;
};

static void verifier_iface_init (BrevetVerifierInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BrevetSymmetricKeyVerifier, brevet_symmetric_key_verifier, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_VERIFIER, verifier_iface_init))

/* The two keys of an enrollment, in the order in which they are tried, and what a log calls them. */
static const struct {
  const char *member;
  const char *own_name;
  const char *derived_name;
} slots[] = {
  { "primaryKey", "primary key", "key derived from the group's primary key" },
  { "secondaryKey", "secondary key", "key derived from the group's secondary key" },
};

static gboolean
check_own_key (const char *member, const char *text, GError **error)
{
  g_autoptr(BrevetSecret) key = brevet_secret_new_from_base64 (text, NULL);
  gsize length = 0;

  if (key != NULL)
    brevet_secret_get_data (key, &length);
  if (length >= OWN_KEY_MIN && length <= OWN_KEY_MAX)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The member “symmetricKey.%s” must be the base64 of %d to %d bytes",
               member, OWN_KEY_MIN, OWN_KEY_MAX);
  return FALSE;
}

static void
generate_key (JsonObject *parameters, const char *member)
{
  g_autoptr(BrevetSecret) key = brevet_secret_new_random (NEW_KEY_SIZE);
  char *text = brevet_secret_to_base64 (key);

  json_object_set_string_member (parameters, member, text);
  brevet_secret_free_text (text);
}

/* A key that was not sent is not meant to be removed: operators write back what they have read, and keys are never shown. */
static gboolean
prepare_key (JsonObject *parameters, const char *member, BrevetAttestation *wanted, BrevetAttestation *stored, GError **error)
{
  const char *text = NULL;

  if (!brevet_wire_get_string (brevet_attestation_get_parameters (wanted), member, &text, error))
    return FALSE;
  if (text != NULL)
    {
      if (!check_own_key (member, text, error))
        return FALSE;
      json_object_set_string_member (parameters, member, text);
      return TRUE;
    }

  if (stored != NULL && !brevet_wire_get_string (brevet_attestation_get_parameters (stored), member, &text, error))
    return FALSE;
  if (text != NULL)
    json_object_set_string_member (parameters, member, text);
  else
    generate_key (parameters, member);
  return TRUE;
}

static JsonObject *
brevet_symmetric_key_verifier_prepare (BrevetVerifier *verifier, BrevetAttestation *wanted, BrevetAttestation *stored,
                                       GError **error)
{
  g_autoptr(JsonObject) parameters = json_object_new ();

  for (guint i = 0; i < G_N_ELEMENTS (slots); i++)
    if (!prepare_key (parameters, slots[i].member, wanted, stored, error))
      return NULL;
  return g_steal_pointer (&parameters);
}

static JsonObject *
brevet_symmetric_key_verifier_describe (BrevetVerifier *verifier, BrevetAttestation *stored)
{
  return json_object_new ();
}

static JsonObject *
brevet_symmetric_key_verifier_reveal (BrevetVerifier *verifier, BrevetAttestation *stored)
{
  return json_object_ref (brevet_attestation_get_parameters (stored));
}

static BrevetSecret *
load_key (BrevetAttestation *attestation, const char *member, GError **error)
{
  const char *text = NULL;
  BrevetSecret *key = NULL;

  if (brevet_wire_get_string (brevet_attestation_get_parameters (attestation), member, &text, NULL) && text != NULL)
    key = brevet_secret_new_from_base64 (text, NULL);
  if (key == NULL)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT,
                 "The stored symmetric key “%s” cannot be read; write the enrollment again with new keys", member);
  return key;
}

/* A device may have derived its key from its own spelling of the registration id, or from the lower-case one. */
static gboolean
is_signed_by_derived_key (BrevetSasToken *token, BrevetSecret *group_key, const char *registration_id)
{
  g_autofree char *folded = brevet_identifier_fold (registration_id);
  g_autoptr(BrevetSecret) as_received = brevet_sas_derive_key (group_key, registration_id);
  g_autoptr(BrevetSecret) as_folded = NULL;

  if (brevet_sas_token_verify (token, as_received))
    return TRUE;
  if (strcmp (folded, registration_id) == 0)
    return FALSE;
  as_folded = brevet_sas_derive_key (group_key, folded);
  return brevet_sas_token_verify (token, as_folded);
}

static BrevetVerdict *
find_key (BrevetAttestation *attestation, BrevetSasToken *token, const char *registration_id, GError **error)
{
  gboolean is_group = brevet_attestation_is_group (attestation);

  for (guint i = 0; i < G_N_ELEMENTS (slots); i++)
    {
      g_autoptr(BrevetSecret) key = load_key (attestation, slots[i].member, error);

      if (key == NULL)
        return NULL;
      if (is_group ? is_signed_by_derived_key (token, key, registration_id) : brevet_sas_token_verify (token, key))
        return brevet_verdict_new_accepted (is_group ? slots[i].derived_name : slots[i].own_name, NULL);
    }
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
                       is_group ? "The signature of the token matches no key derived from the group's primary or secondary key"
                                : "The signature of the token matches neither the primary nor the secondary key of the enrollment");
  return NULL;
}

static BrevetVerdict *
judge (BrevetAttestation *attestation, BrevetClaims *claims, GError **error)
{
  const char *text = brevet_claims_get_token (claims);
  const char *id_scope = brevet_claims_get_id_scope (claims);
  const char *registration_id = brevet_claims_get_registration_id (claims);
  g_autoptr(BrevetSasToken) token = NULL;

  if (text == NULL || *text == '\0')
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
                           "There is no token, and the enrollment demands a symmetric key");
      return NULL;
    }
  if (id_scope == NULL || registration_id == NULL)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_REJECTED, "The request does not say which device it is for");
      return NULL;
    }
  token = brevet_sas_token_parse_for_device (text, id_scope, registration_id, brevet_clock_now_seconds (), error);
  if (token == NULL)
    return NULL;
  return find_key (attestation, token, registration_id, error);
}

static void
brevet_symmetric_key_verifier_verify_async (BrevetVerifier *verifier, BrevetAttestation *attestation, BrevetClaims *claims,
                                            GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (verifier, cancellable, callback, user_data);
  g_autoptr(GError) error = NULL;
  BrevetVerdict *verdict = judge (attestation, claims, &error);

  g_task_set_source_tag (task, brevet_symmetric_key_verifier_verify_async);
  if (verdict == NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    g_task_return_pointer (task, verdict, (GDestroyNotify) brevet_verdict_unref);
}

static BrevetVerdict *
brevet_symmetric_key_verifier_verify_finish (BrevetVerifier *verifier, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
verifier_iface_init (BrevetVerifierInterface *iface)
{
  iface->prepare = brevet_symmetric_key_verifier_prepare;
  iface->describe = brevet_symmetric_key_verifier_describe;
  iface->reveal = brevet_symmetric_key_verifier_reveal;
  iface->verify_async = brevet_symmetric_key_verifier_verify_async;
  iface->verify_finish = brevet_symmetric_key_verifier_verify_finish;
}

static void
brevet_symmetric_key_verifier_class_init (BrevetSymmetricKeyVerifierClass *klass)
{
}

static void
brevet_symmetric_key_verifier_init (BrevetSymmetricKeyVerifier *self)
{
}
