/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "admin-enrollment-document.h"

#include "admin-file.h"
#include "argument-file.h"
#include "brevet-command.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-secret.h"
#include "brevet-wire-json.h"

#include <glib/gi18n-lib.h>

#define SYMMETRIC_KEY "symmetric-key"
#define TPM "tpm"
#define X509 "x509"

void
brevet_admin_enrollment_clear (BrevetAdminEnrollment *self)
{
  g_free (self->file);
  g_free (self->attestation);
  g_free (self->primary_key_file);
  g_free (self->secondary_key_file);
  g_free (self->endorsement_key);
  g_free (self->storage_root_key);
  g_free (self->endorsement_certificate);
  g_free (self->certificate);
  g_free (self->secondary_certificate);
  g_free (self->ca_reference);
  g_free (self->secondary_ca_reference);
  g_free (self->certificate_authority);
  g_free (self->standby_authority);
  g_free (self->trust_bundle);
  g_free (self->device_id);
  g_strfreev (self->hubs);
}

/* What belongs to one kind of attestation: the first option given, in the words of the command line. */
static const char *
find_option_of (const BrevetAdminEnrollment *self, const char *attestation)
{
  const struct {
    const char *attestation;
    const char *option;
    const char *value;
  } options[] = {
    { SYMMETRIC_KEY, "--primary-key-file", self->primary_key_file },
    { SYMMETRIC_KEY, "--secondary-key-file", self->secondary_key_file },
    { TPM, "--endorsement-key", self->endorsement_key },
    { TPM, "--storage-root-key", self->storage_root_key },
    { TPM, "--endorsement-certificate", self->endorsement_certificate },
    { X509, "--certificate", self->certificate },
    { X509, "--secondary-certificate", self->secondary_certificate },
    { X509, "--ca-reference", self->ca_reference },
    { X509, "--secondary-ca-reference", self->secondary_ca_reference },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (options); i++)
    if (options[i].value != NULL && g_str_equal (options[i].attestation, attestation))
      return options[i].option;
  return NULL;
}

/* Without word of it, the keys or certificates that are named tell. */
static const char *
get_attestation (const BrevetAdminEnrollment *self)
{
  if (self->attestation != NULL)
    return self->attestation;
  if (find_option_of (self, TPM) != NULL)
    return TPM;
  return find_option_of (self, X509) != NULL ? X509 : SYMMETRIC_KEY;
}

static gboolean
check_attestation (const BrevetAdminEnrollment *self)
{
  static const char *const known[] = { SYMMETRIC_KEY, TPM, X509 };
  const char *attestation = get_attestation (self);
  gboolean is_known = FALSE;

  for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
    {
      const char *option = find_option_of (self, known[i]);

      if (g_str_equal (known[i], attestation))
        is_known = TRUE;
      else if (option != NULL)
        {
          brevet_command_usage_error (_("%s does not go with the attestation %s"), option, attestation);
          return FALSE;
        }
    }
  if (!is_known)
    brevet_command_usage_error (_("--attestation “%s” is unknown; write symmetric-key, tpm or x509"), attestation);
  return is_known;
}

static gboolean
check_tpm (const BrevetAdminEnrollment *self)
{
  if (self->is_group)
    brevet_command_usage_error (_("A TPM stands for one device; leave --group out"));
  else if (self->endorsement_key == NULL)
    brevet_command_usage_error (_("The option --endorsement-key is missing; “brevet tpm show” prints it on the device"));
  else
    return TRUE;
  return FALSE;
}

static gboolean
check_x509 (const BrevetAdminEnrollment *self)
{
  gboolean refers = self->ca_reference != NULL || self->secondary_ca_reference != NULL;
  gboolean holds = self->certificate != NULL || self->secondary_certificate != NULL;

  if (!self->is_group && refers)
    brevet_command_usage_error (_("--ca-reference is for groups; name the device's own certificate with --certificate"));
  else if (refers && holds)
    brevet_command_usage_error (_("--certificate and --ca-reference exclude each other"));
  else if (refers && self->ca_reference == NULL)
    brevet_command_usage_error (_("The option --ca-reference is missing"));
  else if (!refers && self->certificate == NULL)
    brevet_command_usage_error (self->is_group ? _("The option --certificate is missing (or --ca-reference)")
                                               : _("The option --certificate is missing"));
  else
    return TRUE;
  return FALSE;
}

static gboolean
check_details (const BrevetAdminEnrollment *self)
{
  const char *attestation = get_attestation (self);

  if (!check_attestation (self))
    return FALSE;
  if (self->is_group && self->device_id != NULL)
    {
      brevet_command_usage_error (_("--device-id is for one device; leave --group out"));
      return FALSE;
    }
  if (self->standby_authority != NULL && self->certificate_authority == NULL)
    {
      brevet_command_usage_error (_("--standby-ca stands by for another one; name that with --certificate-authority"));
      return FALSE;
    }
  if (g_str_equal (attestation, TPM))
    return check_tpm (self);
  return !g_str_equal (attestation, X509) || check_x509 (self);
}

static gboolean
has_details (const BrevetAdminEnrollment *self)
{
  return self->attestation != NULL || find_option_of (self, SYMMETRIC_KEY) != NULL || find_option_of (self, TPM) != NULL ||
         find_option_of (self, X509) != NULL || self->certificate_authority != NULL ||
         self->standby_authority != NULL || self->trust_bundle != NULL ||
         self->device_id != NULL || self->hubs != NULL || self->disabled;
}

gboolean
brevet_admin_enrollment_check (const BrevetAdminEnrollment *self)
{
  if (self->file == NULL)
    return check_details (self);
  if (!has_details (self))
    return TRUE;
  brevet_command_usage_error (_("With --file, the whole enrollment stands in the file; leave the other options out"));
  return FALSE;
}

static gboolean
add_key (JsonObject *object, const char *member, const char *path, GError **error)
{
  g_autofree char *settled = path != NULL ? brevet_argument_file_settle (path, error) : NULL;
  g_autoptr(BrevetSecret) text = settled != NULL ? brevet_secret_new_from_file (settled, error) : NULL;

  if (path == NULL)
    return TRUE;
  if (text == NULL)
    return FALSE;
  json_object_set_string_member (object, member, (const char *) brevet_secret_get_data (text, NULL));
  return TRUE;
}

static gboolean
add_slot (JsonObject *slots, const char *slot, const char *path, GError **error)
{
  g_autofree char *pem = path != NULL ? brevet_admin_load_certificate (path, error) : NULL;
  JsonObject *object;

  if (path == NULL)
    return TRUE;
  if (pem == NULL)
    return FALSE;
  object = json_object_new ();
  json_object_set_string_member (object, "certificate", pem);
  json_object_set_object_member (slots, slot, object);
  return TRUE;
}

static void
add_text (JsonObject *object, const char *member, const char *value)
{
  if (value != NULL)
    json_object_set_string_member (object, member, value);
}

static JsonObject *
make_symmetric_key (const BrevetAdminEnrollment *self, GError **error)
{
  g_autoptr(JsonObject) keys = json_object_new ();

  if (!add_key (keys, "primaryKey", self->primary_key_file, error) ||
      !add_key (keys, "secondaryKey", self->secondary_key_file, error))
    return NULL;
  return g_steal_pointer (&keys);
}

static JsonObject *
make_tpm (const BrevetAdminEnrollment *self, GError **error)
{
  g_autoptr(JsonObject) tpm = json_object_new ();
  g_autofree char *pem = NULL;

  add_text (tpm, "endorsementKey", self->endorsement_key);
  add_text (tpm, "storageRootKey", self->storage_root_key);
  if (self->endorsement_certificate != NULL)
    {
      pem = brevet_admin_load_certificate (self->endorsement_certificate, error);
      if (pem == NULL)
        return NULL;
      add_text (tpm, "endorsementCertificate", pem);
    }
  return g_steal_pointer (&tpm);
}

static JsonObject *
make_x509 (const BrevetAdminEnrollment *self, GError **error)
{
  g_autoptr(JsonObject) x509 = json_object_new ();
  JsonObject *slots = json_object_new ();
  const char *member = self->is_group ? "signingCertificates" : "clientCertificates";

  json_object_set_object_member (x509, self->ca_reference != NULL ? "caReferences" : member, slots);
  add_text (slots, "primary", self->ca_reference);
  add_text (slots, "secondary", self->secondary_ca_reference);
  if (!add_slot (slots, "primary", self->certificate, error) ||
      !add_slot (slots, "secondary", self->secondary_certificate, error))
    return NULL;
  return g_steal_pointer (&x509);
}

/* Each kind of attestation: its name on the command line, its name in the protocol, and what makes its parameters. */
static const struct {
  const char *attestation;
  const char *type;
  JsonObject *(*make) (const BrevetAdminEnrollment *self, GError **error);
} mechanisms[] = {
  { SYMMETRIC_KEY, "symmetricKey", make_symmetric_key },
  { TPM, "tpm", make_tpm },
  { X509, "x509", make_x509 },
};

static JsonObject *
make_attestation (const BrevetAdminEnrollment *self, GError **error)
{
  const char *attestation = get_attestation (self);

  for (gsize i = 0; i < G_N_ELEMENTS (mechanisms); i++)
    {
      g_autoptr(JsonObject) object = NULL;
      JsonObject *parameters;

      if (!g_str_equal (mechanisms[i].attestation, attestation))
        continue;
      parameters = mechanisms[i].make (self, error);
      if (parameters == NULL)
        return NULL;
      object = json_object_new ();
      json_object_set_string_member (object, "type", mechanisms[i].type);
      json_object_set_object_member (object, mechanisms[i].type, parameters);
      return g_steal_pointer (&object);
    }
  g_return_val_if_reached (NULL);
}

static void
add_hubs (JsonObject *object, char **hubs)
{
  JsonArray *array;

  if (hubs == NULL)
    return;
  array = json_array_new ();
  for (gsize i = 0; hubs[i] != NULL; i++)
    json_array_add_string_element (array, hubs[i]);
  json_object_set_array_member (object, "iotHubs", array);
}

static void
add_issuance (JsonObject *object, const char *certificate_authority, const char *standby_authority)
{
  JsonObject *policy;

  if (certificate_authority == NULL)
    return;
  policy = json_object_new ();
  json_object_set_string_member (policy, "certificateAuthorityName", certificate_authority);
  if (standby_authority != NULL)
    json_object_set_string_member (policy, "standbyCertificateAuthorityName", standby_authority);
  json_object_set_object_member (object, "clientCertificateIssuancePolicy", policy);
}

static const char *
get_id_member (const BrevetAdminEnrollment *self)
{
  return self->is_group ? "enrollmentGroupId" : "registrationId";
}

static JsonObject *
load_document (const BrevetAdminEnrollment *self, GError **error)
{
  gsize length;
  char *text = brevet_admin_load_text (self->file, &length, error);
  g_autoptr(GBytes) content = text != NULL ? g_bytes_new_take (text, length) : NULL;
  g_autoptr(JsonObject) object = NULL;
  g_autoptr(GError) cause = NULL;
  const char *id = NULL;

  if (content == NULL)
    return NULL;
  object = brevet_wire_parse_object (content, _("the file"), &cause);
  if (object != NULL && brevet_wire_get_string (object, get_id_member (self), &id, &cause) &&
      (id == NULL || brevet_identifier_equal (id, self->id)))
    {
      json_object_set_string_member (object, get_id_member (self), self->id);
      return g_steal_pointer (&object);
    }
  if (cause != NULL)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, _("Cannot use the enrollment in %s: %s"), self->file,
                 cause->message);
  else
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, _("The enrollment in %s is that of “%s”, not of “%s”"),
                 self->file, id, self->id);
  return NULL;
}

JsonObject *
brevet_admin_enrollment_make (const BrevetAdminEnrollment *self, GError **error)
{
  g_autoptr(JsonObject) object = NULL;
  JsonObject *attestation;

  if (self->file != NULL)
    return load_document (self, error);
  attestation = make_attestation (self, error);
  if (attestation == NULL)
    return NULL;
  object = json_object_new ();
  json_object_set_string_member (object, get_id_member (self), self->id);
  json_object_set_object_member (object, "attestation", attestation);
  add_text (object, "deviceId", self->device_id);
  add_text (object, "trustBundleId", self->trust_bundle);
  add_issuance (object, self->certificate_authority, self->standby_authority);
  add_hubs (object, self->hubs);
  json_object_set_string_member (object, "provisioningStatus", self->disabled ? "disabled" : "enabled");
  return g_steal_pointer (&object);
}
