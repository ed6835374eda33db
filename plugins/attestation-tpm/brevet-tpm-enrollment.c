/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-tpm-enrollment.h"

#include "brevet-certificate-text.h"
#include "brevet-error.h"
#include "brevet-sas-token.h"
#include "brevet-trust-bundle-document.h"
#include "brevet-wire-json.h"

#include <string.h>

#define HUB_SECRET_SIZE 32
#define CERTIFICATE_SIZE_MAX 65536
#define PUBLIC_EXPONENT 65537

/* What an operator sees of an enrollment, and may write. */
static const char *const open_members[] = { "endorsementKey", "storageRootKey", "endorsementCertificate" };

void
brevet_tpm_enrollment_free (BrevetTpmEnrollment *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->endorsement, brevet_tpm_public_area_free);
  g_free (self->endorsement_text);
  g_free (self->storage_root_text);
  g_clear_pointer (&self->certificate, brevet_chain_unref);
  g_clear_pointer (&self->hub_secret, brevet_secret_unref);
  g_free (self);
}

BrevetChain *
brevet_tpm_endorsement_certificate_parse (const char *text, GError **error)
{
  g_autoptr(GPtrArray) certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);
  BrevetCertificate *certificate;

  if (strstr (text, "-----BEGIN") != NULL)
    return brevet_chain_new_from_pem (text, error);
  certificate = brevet_certificate_new_from_text (text, error);
  if (certificate == NULL)
    return NULL;
  g_ptr_array_add (certificates, certificate);
  return brevet_chain_new (certificates, error);
}

/* Without the zero that keeps a number from looking negative. */
static gboolean
is_number (const gnutls_datum_t *number, gconstpointer data, gsize length)
{
  const guint8 *bytes = number->data;
  gsize size = number->size;

  while (size > 0 && *bytes == 0)
    {
      bytes++;
      size--;
    }
  return size == length && memcmp (bytes, data, length) == 0;
}

gboolean
brevet_tpm_endorsement_certificate_has_key (BrevetCertificate *certificate, BrevetTpmPublicArea *endorsement)
{
  static const guint8 exponent[] = { PUBLIC_EXPONENT >> 16, 0, PUBLIC_EXPONENT & 0xff };
  gnutls_datum_t modulus, public_exponent;
  gsize length;
  gconstpointer data = g_bytes_get_data (endorsement->modulus, &length);
  gboolean same;

  if (gnutls_x509_crt_get_pk_rsa_raw (brevet_certificate_get_crt (certificate), &modulus, &public_exponent) < 0)
    return FALSE;
  same = is_number (&modulus, data, length) && is_number (&public_exponent, exponent, sizeof exponent);
  gnutls_free (modulus.data);
  gnutls_free (public_exponent.data);
  return same;
}

static gboolean
refuse_member (GError **error, const char *member, const char *what)
{
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The member “tpm.%s” cannot be used: %s", member, what);
  return FALSE;
}

static BrevetTpmPublicArea *
read_key (JsonObject *parameters, const char *member, const char **text, GError **error)
{
  g_autoptr(GError) problem = NULL;
  BrevetTpmPublicArea *key = NULL;

  if (!brevet_wire_get_string (parameters, member, text, error) || *text == NULL)
    return NULL;
  key = brevet_tpm_public_area_parse_base64 (*text, &problem);
  if (key == NULL)
    refuse_member (error, member, problem->message);
  return key;
}

static void
set_bytes (JsonObject *object, const char *member, GBytes *bytes)
{
  g_autofree char *text = g_base64_encode (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));

  json_object_set_string_member (object, member, text);
}

static gboolean
prepare_certificate (JsonObject *wanted, BrevetTpmPublicArea *endorsement, JsonObject *prepared, GError **error)
{
  g_autoptr(BrevetChain) chain = NULL;
  g_autoptr(GError) problem = NULL;
  g_autofree char *pem = NULL;
  const char *text;

  if (!brevet_wire_get_string (wanted, "endorsementCertificate", &text, error))
    return FALSE;
  if (text == NULL)
    return TRUE;
  if (strlen (text) > CERTIFICATE_SIZE_MAX)
    return refuse_member (error, "endorsementCertificate", "it is longer than any certificate");
  chain = brevet_tpm_endorsement_certificate_parse (text, &problem);
  if (chain == NULL)
    return refuse_member (error, "endorsementCertificate", problem->message);
  if (!brevet_tpm_endorsement_certificate_has_key (brevet_chain_get_leaf (chain), endorsement))
    return refuse_member (error, "endorsementCertificate", "it is the certificate of another key");
  pem = brevet_chain_to_pem (chain);
  json_object_set_string_member (prepared, "endorsementCertificate", pem);
  return TRUE;
}

/* The hub would not know its device any more if the secret changed whenever an operator touches the enrollment. Another TPM is
 * another device. */
static void
prepare_hub_secret (BrevetAttestation *stored, JsonObject *prepared)
{
  g_autoptr(BrevetTpmEnrollment) known = stored != NULL ? brevet_tpm_enrollment_load (stored, NULL) : NULL;
  g_autoptr(BrevetSecret) secret = NULL;
  char *text;

  if (known != NULL && strcmp (known->endorsement_text, json_object_get_string_member (prepared, "endorsementKey")) == 0)
    secret = brevet_secret_ref (known->hub_secret);
  else
    secret = brevet_secret_new_random (HUB_SECRET_SIZE);
  text = brevet_secret_to_base64 (secret);
  json_object_set_string_member (prepared, "hubSecret", text);
  brevet_secret_free_text (text);
}

JsonObject *
brevet_tpm_enrollment_prepare (BrevetAttestation *wanted, BrevetAttestation *stored, GError **error)
{
  JsonObject *parameters = brevet_attestation_get_parameters (wanted);
  g_autoptr(BrevetTpmPublicArea) endorsement = NULL;
  g_autoptr(BrevetTpmPublicArea) storage_root = NULL;
  g_autoptr(JsonObject) prepared = json_object_new ();
  g_autoptr(GError) problem = NULL;
  const char *text;

  endorsement = read_key (parameters, "endorsementKey", &text, &problem);
  if (endorsement == NULL && problem == NULL)
    refuse_member (&problem, "endorsementKey", "it is missing");
  if (problem == NULL)
    storage_root = read_key (parameters, "storageRootKey", &text, &problem);
  if (problem != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&problem));
      return NULL;
    }
  set_bytes (prepared, "endorsementKey", endorsement->bytes);
  if (storage_root != NULL)
    set_bytes (prepared, "storageRootKey", storage_root->bytes);
  if (!prepare_certificate (parameters, endorsement, prepared, error))
    return NULL;
  prepare_hub_secret (stored, prepared);
  return g_steal_pointer (&prepared);
}

static void
describe_certificate (JsonObject *shown)
{
  g_autoptr(BrevetChain) chain = NULL;

  if (!json_object_has_member (shown, "endorsementCertificate"))
    return;
  chain = brevet_tpm_endorsement_certificate_parse (json_object_get_string_member (shown, "endorsementCertificate"), NULL);
  if (chain != NULL)
    json_object_set_object_member (shown, "endorsementCertificateInfo",
                                   brevet_certificate_metadata_to_json (brevet_chain_get_leaf (chain)));
}

JsonObject *
brevet_tpm_enrollment_describe (BrevetAttestation *stored)
{
  JsonObject *parameters = brevet_attestation_get_parameters (stored);
  JsonObject *shown = json_object_new ();

  for (guint i = 0; i < G_N_ELEMENTS (open_members); i++)
    {
      const char *text = NULL;

      if (brevet_wire_get_string (parameters, open_members[i], &text, NULL) && text != NULL)
        json_object_set_string_member (shown, open_members[i], text);
    }
  describe_certificate (shown);
  return shown;
}

static gboolean
load_members (BrevetTpmEnrollment *self, JsonObject *parameters, GError **error)
{
  const char *endorsement, *storage_root, *certificate, *secret;
  gsize length = 0;

  if (!brevet_wire_get_string (parameters, "endorsementKey", &endorsement, error) ||
      !brevet_wire_get_string (parameters, "storageRootKey", &storage_root, error) ||
      !brevet_wire_get_string (parameters, "endorsementCertificate", &certificate, error) ||
      !brevet_wire_get_string (parameters, "hubSecret", &secret, error))
    return FALSE;
  if (endorsement == NULL || secret == NULL)
    return refuse_member (error, endorsement == NULL ? "endorsementKey" : "hubSecret", "it is missing");
  self->endorsement_text = g_strdup (endorsement);
  self->storage_root_text = g_strdup (storage_root);
  self->endorsement = brevet_tpm_public_area_parse_base64 (endorsement, error);
  self->hub_secret = self->endorsement != NULL ? brevet_secret_new_from_base64 (secret, error) : NULL;
  if (self->hub_secret == NULL)
    return FALSE;
  brevet_secret_get_data (self->hub_secret, &length);
  if (length != HUB_SECRET_SIZE)
    return refuse_member (error, "hubSecret", "it is not as long as it was made");
  self->certificate = certificate != NULL ? brevet_tpm_endorsement_certificate_parse (certificate, error) : NULL;
  return certificate == NULL || self->certificate != NULL;
}

BrevetTpmEnrollment *
brevet_tpm_enrollment_load (BrevetAttestation *stored, GError **error)
{
  g_autoptr(BrevetTpmEnrollment) self = g_new0 (BrevetTpmEnrollment, 1);
  g_autoptr(GError) problem = NULL;

  if (load_members (self, brevet_attestation_get_parameters (stored), &problem))
    return g_steal_pointer (&self);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT,
               "The stored parameters of the TPM cannot be read; write the enrollment again: %s", problem->message);
  return NULL;
}

BrevetSecret *
brevet_tpm_enrollment_derive_hub_key (BrevetTpmEnrollment *self)
{
  return brevet_sas_derive_key (self->hub_secret, self->endorsement_text);
}

JsonObject *
brevet_tpm_enrollment_reveal (BrevetAttestation *stored)
{
  JsonObject *shown = brevet_tpm_enrollment_describe (stored);
  g_autoptr(BrevetTpmEnrollment) self = brevet_tpm_enrollment_load (stored, NULL);
  g_autoptr(BrevetSecret) key = self != NULL ? brevet_tpm_enrollment_derive_hub_key (self) : NULL;
  char *text;

  if (key == NULL)
    return shown;
  text = brevet_secret_to_base64 (key);
  json_object_set_string_member (shown, "hubKey", text);
  brevet_secret_free_text (text);
  return shown;
}
