/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "admin-enrollment-view.h"

#include "admin-json.h"
#include "brevet-clock.h"
#include "brevet-wire-json.h"
#include "output-text.h"

#include <glib/gi18n-lib.h>

/* The text of a member, %NULL if there is none: a service may leave out, or write otherwise, what is only shown. */
static const char *
get_text (JsonObject *object, const char *member)
{
  const char *text = NULL;

  return object != NULL && brevet_wire_get_string (object, member, &text, NULL) ? text : NULL;
}

static void
add_time (BrevetOutputTable *table, const char *label, JsonObject *object, const char *member)
{
  g_autofree char *text = brevet_output_describe_time (brevet_admin_json_get_time (object, member), brevet_clock_now_seconds ());

  brevet_output_table_add (table, label, text);
}

static JsonObject *
get_object (JsonObject *object, const char *member)
{
  JsonObject *value = NULL;

  return object != NULL && brevet_wire_get_object (object, member, &value, NULL) ? value : NULL;
}

static void
add_symmetric_key (BrevetOutputTable *table, JsonObject *keys)
{
  brevet_output_table_add (table, _("Primary key"), get_text (keys, "primaryKey"));
  brevet_output_table_add (table, _("Secondary key"), get_text (keys, "secondaryKey"));
}

static void
add_tpm (BrevetOutputTable *table, JsonObject *tpm)
{
  brevet_output_table_add (table, _("Endorsement key"), get_text (tpm, "endorsementKey"));
  brevet_output_table_add (table, _("Storage root key"), get_text (tpm, "storageRootKey"));
}

static void
add_certificate (BrevetOutputTable *table, const char *label, JsonObject *slot)
{
  JsonObject *info = get_object (slot, "info");
  const char *subject = get_text (info, "subjectName");

  if (info == NULL)
    return;
  brevet_output_table_add (table, label, subject != NULL ? subject : "?");
  brevet_output_table_add (table, "", get_text (info, "sha256Thumbprint"));
}

static void
add_x509 (BrevetOutputTable *table, JsonObject *x509)
{
  JsonObject *references = get_object (x509, "caReferences");
  JsonObject *slots = get_object (x509, "clientCertificates");

  if (slots == NULL)
    slots = get_object (x509, "signingCertificates");
  add_certificate (table, _("Primary certificate"), get_object (slots, "primary"));
  add_certificate (table, _("Secondary certificate"), get_object (slots, "secondary"));
  brevet_output_table_add (table, _("Primary CA"), get_text (references, "primary"));
  brevet_output_table_add (table, _("Secondary CA"), get_text (references, "secondary"));
}

static void
add_attestation (BrevetOutputTable *table, JsonObject *attestation)
{
  brevet_output_table_add (table, _("Attestation"), get_text (attestation, "type"));
  add_symmetric_key (table, get_object (attestation, "symmetricKey"));
  add_tpm (table, get_object (attestation, "tpm"));
  add_x509 (table, get_object (attestation, "x509"));
}

static void
add_hubs (BrevetOutputTable *table, JsonObject *enrollment)
{
  g_auto(GStrv) hubs = NULL;

  if (brevet_wire_get_strings (enrollment, "iotHubs", &hubs, NULL) && hubs != NULL)
    brevet_output_table_add_list (table, _("Hubs"), (const char *const *) hubs);
}

void
brevet_admin_enrollment_print (JsonObject *enrollment, gboolean is_group)
{
  g_autoptr(BrevetOutputTable) table = brevet_output_table_new ();
  JsonObject *policy = get_object (enrollment, "clientCertificateIssuancePolicy");

  brevet_output_table_add (table, is_group ? _("Enrollment group") : _("Enrollment"),
                           get_text (enrollment, is_group ? "enrollmentGroupId" : "registrationId"));
  brevet_output_table_add (table, _("Status"), get_text (enrollment, "provisioningStatus"));
  add_attestation (table, get_object (enrollment, "attestation"));
  brevet_output_table_add (table, _("Device id"), get_text (enrollment, "deviceId"));
  brevet_output_table_add (table, _("Certificate authority"), get_text (policy, "certificateAuthorityName"));
  brevet_output_table_add (table, _("Standby"), get_text (policy, "standbyCertificateAuthorityName"));
  brevet_output_table_add (table, _("Trust bundle"), get_text (enrollment, "trustBundleId"));
  add_hubs (table, enrollment);
  add_time (table, _("Created"), enrollment, "createdDateTimeUtc");
  add_time (table, _("Changed"), enrollment, "lastUpdatedDateTimeUtc");
  brevet_output_table_print (table);
}
