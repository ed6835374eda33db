/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "digicert-answer.h"

#include "digicert-json.h"

#include "brevet-ca-error.h"
#include "brevet-error.h"
#include "brevet-wire-json.h"

#include <string.h>

/* DigiCert says nothing about it; a human who approves takes longer. */
#define POLL_AFTER      30
#define MAX_TICKET_SIZE 200

/* What a ticket begins with: one of another API, or of another day's plugin, must not be taken for a request's id. */
#define TICKET_PREFIX "tlm/"

static const char *const rejections[] = { "REJECTED", "DENIED", "DECLINED", "CANCELED", "CANCELLED", "FAILED", "EXPIRED" };

static gboolean
refuse (GError **error, const char *text)
{
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, text);
  return FALSE;
}

/* --- refusals --- */

void
digicert_fault_clear (DigicertFault *self)
{
  g_clear_pointer (&self->code, g_free);
  g_clear_pointer (&self->message, g_free);
}

static gboolean
is_plain (const char *text, gsize longest)
{
  gsize length = text != NULL ? strlen (text) : 0;

  return length > 0 && length <= longest && strspn (text, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_-.|") == length;
}

static void
read_fault_object (JsonObject *object, DigicertFault *fault)
{
  g_autofree char *code = digicert_json_dup_name (object, "code");
  g_autofree char *field = digicert_json_dup_name (object, "field");
  const char *message = NULL;

  if (is_plain (code, 64))
    fault->code = g_steal_pointer (&code);
  fault->is_about_csr = g_strcmp0 (field, "csr") == 0 || (fault->code != NULL && strstr (fault->code, "csr") != NULL);
  if (brevet_wire_get_string (object, "message", &message, NULL) && message != NULL)
    fault->message = is_plain (field, 64) ? g_strdup_printf ("%s: %s", field, message) : g_strdup (message);
}

void
digicert_answer_read_fault (GBytes *body, DigicertFault *fault)
{
  g_autoptr(JsonObject) object = brevet_wire_parse_object (body, "the answer", NULL);
  JsonArray *errors = NULL;
  JsonObject *first = NULL;
  const char *text = NULL;

  if (object == NULL)
    return;
  if (digicert_json_get_array (object, "errors", &errors, NULL) && errors != NULL)
    first = digicert_json_get_item (errors, 0);
  if (first == NULL)
    brevet_wire_get_object (object, "error", &first, NULL);
  if (first != NULL)
    read_fault_object (first, fault);
  else if (brevet_wire_get_string (object, "error", &text, NULL) && text != NULL)
    fault->message = g_strdup (text);
}

/* --- certificates --- */

static BrevetCaOutcome *
make_issued (GPtrArray *certificates, const char *reference, GError **error)
{
  g_autoptr(BrevetChain) chain = brevet_chain_new (certificates, error);

  return chain != NULL ? brevet_ca_outcome_new_issued (chain, NULL, reference) : NULL;
}

/* The leaf is the first in the member that holds it; whatever else came along, in whatever place, may lead to its root. */
static GPtrArray *
collect_chain (JsonObject *object, const char *member, GError **error)
{
  g_autoptr(GPtrArray) certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);

  if (!digicert_json_collect (object, member, certificates, error))
    return NULL;
  if (certificates->len > 0 && (!digicert_json_collect (object, "ca_certs", certificates, error) ||
                                !digicert_json_collect (object, "chain", certificates, error)))
    return NULL;
  return g_steal_pointer (&certificates);
}

static BrevetCaOutcome *
make_pending (const char *request_id, GError **error)
{
  g_autofree char *ticket = g_strconcat (TICKET_PREFIX, request_id, NULL);

  if (digicert_answer_is_ticket (ticket))
    return brevet_ca_outcome_new_pending (ticket, POLL_AFTER, 0);
  refuse (error, "The member “request_id” is not the id of a request");
  return NULL;
}

static BrevetCaOutcome *
read_lifecycle (JsonObject *object, GError **error)
{
  g_autoptr(GPtrArray) certificates = collect_chain (object, "certificate", error);
  const char *request_id;

  if (certificates == NULL || !brevet_wire_get_string (object, "request_id", &request_id, error))
    return NULL;
  if (certificates->len > 0)
    return make_issued (certificates, brevet_certificate_get_serial (certificates->pdata[0]), error);
  if (request_id != NULL)
    return make_pending (request_id, error);
  refuse (error, "There is neither a certificate nor a request_id in it");
  return NULL;
}

static BrevetCaOutcome *
read_iot (JsonObject *object, GError **error)
{
  g_autoptr(GPtrArray) certificates = collect_chain (object, "pem", error);
  const char *certificate_id, *request_id, *status;

  if (certificates == NULL || !brevet_wire_get_string (object, "certificate_id", &certificate_id, error) ||
      !brevet_wire_get_string (object, "certificate_request_id", &request_id, error) ||
      !brevet_wire_get_string (object, "status", &status, error))
    return NULL;
  if (certificates->len > 0)
    return make_issued (certificates, certificate_id, error);
  if (request_id == NULL)
    refuse (error, "There is neither a pem nor a certificate_request_id in it");
  else if (certificate_id != NULL || g_strcmp0 (status, "AUTO_APPROVED") == 0)
    refuse (error, "It is about a certificate that was issued, and there is no pem in it");
  else
    /* Not PROFILE: somebody may still approve it, so no other CA must be asked for the same. */
    g_set_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_REJECTED,
                 "DigiCert keeps the request %s as %s, and IoT Trust Manager has no documented way to ask what becomes of it; "
                 "reject it there, and let the enrollment profile approve requests by itself",
                 is_plain (request_id, 64) ? request_id : "of a device", is_plain (status, 64) ? status : "pending");
  return NULL;
}

BrevetCaOutcome *
digicert_answer_read_issued (DigicertApi api, GBytes *body, GError **error)
{
  g_autoptr(JsonObject) object = brevet_wire_parse_object (body, "the answer", error);

  if (object == NULL)
    return NULL;
  return api == DIGICERT_API_IOT ? read_iot (object, error) : read_lifecycle (object, error);
}

static gboolean
is_rejection (const char *status)
{
  for (guint i = 0; status != NULL && i < G_N_ELEMENTS (rejections); i++)
    if (g_ascii_strcasecmp (status, rejections[i]) == 0)
      return TRUE;
  return FALSE;
}

/* Whether the request's id is repeated while it is pending is not documented. */
BrevetCaOutcome *
digicert_answer_read_picked_up (GBytes *body, const char *ticket, GError **error)
{
  g_autoptr(JsonObject) object = brevet_wire_parse_object (body, "the answer", error);
  g_autofree char *status = NULL;

  if (object == NULL)
    return NULL;
  status = digicert_json_dup_name (object, "status");
  if (is_rejection (status))
    {
      g_set_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_REJECTED, "DigiCert says that the pending request is %s", status);
      return NULL;
    }
  if (status != NULL && g_ascii_strcasecmp (status, "PENDING") == 0 && !json_object_has_member (object, "certificate"))
    return brevet_ca_outcome_new_pending (ticket, POLL_AFTER, 0);
  return read_lifecycle (object, error);
}

gboolean
digicert_answer_is_ticket (const char *ticket)
{
  return g_str_has_prefix (ticket, TICKET_PREFIX) && is_plain (ticket + strlen (TICKET_PREFIX), MAX_TICKET_SIZE);
}

const char *
digicert_answer_get_request_id (const char *ticket)
{
  return ticket + strlen (TICKET_PREFIX);
}

/* --- what there is already --- */

static gboolean
look_at_item (JsonObject *item, const char *spki_sha256, BrevetCaRequest *request, BrevetCertificate **newest, GError **error)
{
  g_autoptr(GPtrArray) certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);
  g_autofree char *status = digicert_json_dup_name (item, "status");
  BrevetCertificate *leaf;

  if (status != NULL && g_ascii_strcasecmp (status, "issued") != 0)
    return TRUE;
  if (!digicert_json_collect (item, "certificate", certificates, error))
    return FALSE;
  leaf = certificates->len > 0 ? certificates->pdata[0] : NULL;
  if (leaf == NULL || strcmp (brevet_certificate_get_spki_sha256 (leaf), spki_sha256) != 0 ||
      (request != NULL && brevet_ca_request_is_known (request, leaf)))
    return TRUE;
  if (*newest == NULL || brevet_certificate_get_not_before (leaf) > brevet_certificate_get_not_before (*newest))
    {
      g_clear_pointer (newest, brevet_certificate_unref);
      *newest = brevet_certificate_ref (leaf);
    }
  return TRUE;
}

int
digicert_answer_read_page (GBytes *body, const char *spki_sha256, BrevetCaRequest *request, BrevetCertificate **newest,
                           GError **error)
{
  g_autoptr(JsonObject) object = brevet_wire_parse_object (body, "the answer", error);
  JsonArray *items;

  if (object == NULL || !digicert_json_get_array (object, "items", &items, error))
    return -1;
  if (items == NULL)
    {
      refuse (error, "The member “items” is missing");
      return -1;
    }
  for (guint i = 0; i < json_array_get_length (items); i++)
    {
      JsonObject *item = digicert_json_get_item (items, i);

      if (item == NULL)
        refuse (error, "The member “items” must have objects only");
      if (item == NULL || !look_at_item (item, spki_sha256, request, newest, error))
        return -1;
    }
  return (int) json_array_get_length (items);
}

/* --- profiles --- */

void
digicert_profile_free (DigicertProfile *self)
{
  g_free (self->name);
  g_free (self->status);
  g_free (self->enrollment_method);
  g_free (self->authentication_method);
  g_free (self->demands);
  g_ptr_array_unref (self->issuers);
  g_free (self);
}

static char *
list_demands (JsonObject *certificate)
{
  g_autoptr(GString) demands = g_string_new (NULL);
  JsonObject *subject = NULL;
  JsonArray *attributes = NULL;

  if (!brevet_wire_get_object (certificate, "subject", &subject, NULL) || subject == NULL ||
      !digicert_json_get_array (subject, "attributes", &attributes, NULL) || attributes == NULL)
    return NULL;
  for (guint i = 0; i < json_array_get_length (attributes); i++)
    {
      JsonObject *attribute = digicert_json_get_item (attributes, i);
      g_autofree char *type = attribute != NULL ? digicert_json_dup_name (attribute, "type") : NULL;
      gboolean mandatory = FALSE;

      if (attribute != NULL && is_plain (type, 64) && g_ascii_strcasecmp (type, "common_name") != 0 &&
          brevet_wire_get_boolean (attribute, "mandatory", FALSE, &mandatory, NULL) && mandatory)
        g_string_append_printf (demands, "%s%s", demands->len > 0 ? ", " : "", type);
    }
  return demands->len > 0 ? g_strdup (demands->str) : NULL;
}

static gboolean
read_issuers (DigicertProfile *self, JsonObject *certificate, GError **error)
{
  JsonObject *issuer = NULL;

  if (!brevet_wire_get_object (certificate, "issuer", &issuer, error))
    return FALSE;
  if (issuer == NULL)
    return TRUE;
  if (!digicert_json_collect (issuer, "certificate", self->issuers, error) ||
      !digicert_json_collect (issuer, "chain", self->issuers, error))
    return FALSE;
  /* Some say here only who it is. */
  digicert_json_collect (issuer, "root", self->issuers, NULL);
  return TRUE;
}

DigicertProfile *
digicert_answer_read_profile (GBytes *body, GError **error)
{
  g_autoptr(JsonObject) object = brevet_wire_parse_object (body, "the profile", error);
  g_autoptr(DigicertProfile) self = NULL;
  JsonObject *certificate = NULL;

  if (object == NULL)
    return NULL;
  self = g_new0 (DigicertProfile, 1);
  self->issuers = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);
  self->name = digicert_json_dup_name (object, "name");
  self->status = digicert_json_dup_name (object, "status");
  self->enrollment_method = digicert_json_dup_name (object, "enrollment_method");
  self->authentication_method = digicert_json_dup_name (object, "authentication_method");
  if (!brevet_wire_get_boolean (object, "duplicate_cert_policy", TRUE, &self->allows_duplicates, error) ||
      !brevet_wire_get_boolean (object, "override_cert_validity_via_api", FALSE, &self->allows_validity, error) ||
      !brevet_wire_get_object (object, "certificate", &certificate, error))
    return NULL;
  if (certificate == NULL)
    return g_steal_pointer (&self);
  self->demands = list_demands (certificate);
  return read_issuers (self, certificate, error) ? g_steal_pointer (&self) : NULL;
}
