/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "register-output.h"

#include "brevet-command.h"
#include "brevet-error.h"
#include "brevet-wire-json.h"
#include "output.h"

#include <gio/gio.h>
#include <glib/gi18n-lib.h>

#define PUBLIC_MODE 0644

BrevetChain *
brevet_register_read_certificate (const BrevetRegistrationState *state, BrevetCsr *csr, GError **error)
{
  g_autoptr(BrevetChain) chain = NULL;
  BrevetCertificate *leaf;

  if (state->certificate_pem == NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
                   _("The service assigned the device but sent no certificate for the CSR"));
      return NULL;
    }
  chain = brevet_chain_new_from_pem (state->certificate_pem, error);
  if (chain == NULL)
    {
      g_prefix_error (error, _("Cannot use the certificate that the service sent: "));
      return NULL;
    }
  leaf = brevet_chain_get_leaf (chain);
  if (!g_str_equal (brevet_certificate_get_spki_sha256 (leaf), brevet_csr_get_spki_sha256 (csr)))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED,
                   _("The certificate that the service sent (%s, serial number %s) is for another key than the CSR; it is not "
                     "written"),
                   brevet_certificate_get_subject (leaf), brevet_certificate_get_serial (leaf));
      return NULL;
    }
  return g_steal_pointer (&chain);
}

/* Each entry holds one certificate as text; a line end between two of them may be missing. */
static gboolean
append_certificates (JsonObject *document, GString *pem)
{
  JsonNode *member = json_object_get_member (document, "certificates");
  JsonArray *entries;

  if (member == NULL || !JSON_NODE_HOLDS_ARRAY (member))
    return FALSE;
  entries = json_node_get_array (member);
  for (guint i = 0; i < json_array_get_length (entries); i++)
    {
      JsonNode *entry = json_array_get_element (entries, i);
      const char *text = NULL;

      if (!JSON_NODE_HOLDS_OBJECT (entry) ||
          !brevet_wire_get_string (json_node_get_object (entry), "certificate", &text, NULL) || text == NULL)
        return FALSE;
      g_string_append (pem, text);
      g_string_append_c (pem, '\n');
    }
  return json_array_get_length (entries) > 0;
}

BrevetTrustBundle *
brevet_register_read_trust_bundle (const BrevetRegistrationState *state, GError **error)
{
  g_autoptr(GString) pem = g_string_new (NULL);
  BrevetTrustBundle *bundle;

  if (state->trust_bundle == NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
                   _("The service sent no trust bundle; name one in the device's enrollment"));
      return NULL;
    }
  if (!append_certificates (state->trust_bundle, pem))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, _("The trust bundle that the service sent holds no certificates"));
      return NULL;
    }
  bundle = brevet_trust_bundle_new_from_pem (pem->str, error);
  if (bundle == NULL)
    g_prefix_error (error, _("Cannot use the trust bundle that the service sent: "));
  return bundle;
}

gboolean
brevet_register_write (const char *path, const char *text, GError **error)
{
  g_autoptr(GError) local_error = NULL;

  if (g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, PUBLIC_MODE,
                                &local_error))
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, _("Cannot write %s: %s"), path, local_error->message);
  return FALSE;
}

static void
print_line (const char *label, const char *value)
{
  g_autofree char *printable = value != NULL ? brevet_command_make_printable (value) : NULL;

  if (printable != NULL)
    g_print ("%s: %s\n", label, printable);
}

static void
print_people (const BrevetRegisterResult *result)
{
  const BrevetRegistrationState *state = result->state;

  print_line (_("Registration"), state->registration_id);
  print_line (_("Status"), brevet_registration_status_to_string (state->status));
  print_line (_("Hub"), state->assigned_hub);
  print_line (_("Device"), state->device_id);
  if (result->chain != NULL)
    {
      BrevetCertificate *leaf = brevet_chain_get_leaf (result->chain);
      g_autofree char *expiry = brevet_output_format_time (brevet_certificate_get_not_after (leaf));

      print_line (_("Subject"), brevet_certificate_get_subject (leaf));
      print_line (_("Issuer"), brevet_certificate_get_issuer (leaf));
      print_line (_("Serial number"), brevet_certificate_get_serial (leaf));
      print_line (_("Expires"), expiry);
    }
  print_line (_("Certificate written to"), result->certificate_file);
  print_line (_("Trust bundle written to"), result->bundle_file);
}

static void
set_string (JsonObject *object, const char *member, const char *value)
{
  if (value != NULL)
    json_object_set_string_member (object, member, value);
}

static JsonObject *
describe_certificate (BrevetChain *chain, const char *file)
{
  JsonObject *object = json_object_new ();

  set_string (object, "file", file);
  brevet_output_set_certificate (object, brevet_chain_get_leaf (chain));
  json_object_set_int_member (object, "chainLength", brevet_chain_get_length (chain));
  return object;
}

static JsonObject *
describe_bundle (BrevetTrustBundle *bundle, const char *file)
{
  JsonObject *object = json_object_new ();

  set_string (object, "file", file);
  set_string (object, "etag", brevet_trust_bundle_get_etag (bundle));
  json_object_set_int_member (object, "certificates", brevet_trust_bundle_get_length (bundle));
  return object;
}

static void
print_json (const BrevetRegisterResult *result)
{
  const BrevetRegistrationState *state = result->state;
  g_autoptr(JsonObject) object = json_object_new ();

  set_string (object, "registrationId", state->registration_id);
  set_string (object, "status", brevet_registration_status_to_string (state->status));
  set_string (object, "substatus", state->substatus);
  set_string (object, "assignedHub", state->assigned_hub);
  set_string (object, "deviceId", state->device_id);
  if (state->payload != NULL)
    json_object_set_member (object, "payload", json_node_copy (state->payload));
  if (result->chain != NULL)
    json_object_set_object_member (object, "certificate", describe_certificate (result->chain, result->certificate_file));
  if (result->bundle != NULL)
    json_object_set_object_member (object, "trustBundle", describe_bundle (result->bundle, result->bundle_file));
  brevet_output_print_json (object);
}

void
brevet_register_print (const BrevetRegisterResult *result, gboolean json)
{
  if (json)
    print_json (result);
  else
    print_people (result);
}
