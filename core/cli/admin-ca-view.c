/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "admin-ca-view.h"

#include "admin-json.h"
#include "brevet-clock.h"
#include "output-columns.h"
#include "output-text.h"

#include <glib/gi18n-lib.h>
#include <string.h>

/* As wide as the longest type that brevet brings along. */
#define LONGEST_IDENTITY 28

static char *
describe_time (JsonObject *object, const char *member)
{
  return brevet_output_describe_time (brevet_admin_json_get_time (object, member), brevet_clock_now_seconds ());
}

/* The distance alone, for a column. */
static char *
describe_distance (JsonObject *object, const char *member)
{
  char *text = describe_time (object, member);
  char *end = text != NULL ? strstr (text, " (") : NULL;

  if (end != NULL)
    *end = '\0';
  return text != NULL ? text : g_strdup ("");
}

static char *
describe_number (JsonObject *object, const char *member)
{
  return g_strdup_printf ("%" G_GINT64_FORMAT, brevet_admin_json_get_number (object, member));
}

static void
add_time (BrevetOutputTable *table, const char *label, JsonObject *object, const char *member)
{
  g_autofree char *text = describe_time (object, member);

  brevet_output_table_add (table, label, text);
}

static void
add_number (BrevetOutputTable *table, const char *label, JsonObject *object, const char *member)
{
  g_autofree char *text = describe_number (object, member);

  if (brevet_admin_json_get_number (object, member) > 0)
    brevet_output_table_add (table, label, text);
}

void
brevet_admin_ca_print_document (JsonObject *authority)
{
  g_autoptr(BrevetOutputTable) table = brevet_output_table_new ();

  brevet_output_table_add (table, _("Certificate authority"), brevet_admin_json_get_text (authority, "name"));
  brevet_output_table_add (table, _("Type"), brevet_admin_json_get_text (authority, "certificateAuthorityType"));
  brevet_output_table_add (table, _("Profile"), brevet_admin_json_get_text (authority, "profileName"));
  add_time (table, _("Created"), authority, "createdDateTimeUtc");
  add_time (table, _("Changed"), authority, "lastUpdatedDateTimeUtc");
  brevet_output_table_print (table);
}

/* --- status of certificate authorities ---------------------------------------------------------------------------------------- */

gboolean
brevet_admin_ca_is_down (JsonObject *authority)
{
  return g_strcmp0 (brevet_admin_json_get_text (authority, "state"), "down") == 0;
}

static const char *
get_state_words (JsonObject *authority)
{
  const char *state = brevet_admin_json_get_text (authority, "state");

  if (g_strcmp0 (state, "ok") == 0)
    return _("well");
  if (g_strcmp0 (state, "degraded") == 0)
    return _("needs a look");
  if (g_strcmp0 (state, "down") == 0)
    return _("down");
  return _("unknown");
}

/* What happens to those who ask. */
static char *
describe_circuit (JsonObject *authority)
{
  const char *circuit = brevet_admin_json_get_text (authority, "circuit");
  gint64 pause = brevet_admin_json_get_time (authority, "retryAt") - brevet_clock_now_seconds ();

  if (g_strcmp0 (circuit, "open") == 0)
    return g_strdup_printf (_("open; asked again in %d s"), (int) MAX (pause, 0));
  if (g_strcmp0 (circuit, "halfOpen") == 0)
    return g_strdup (_("half-open; one request finds out"));
  return g_strdup (circuit != NULL ? _("closed") : "");
}

static char *
describe_state (JsonObject *authority)
{
  g_autofree char *circuit = describe_circuit (authority);

  if (*circuit == '\0' || g_strcmp0 (brevet_admin_json_get_text (authority, "circuit"), "closed") == 0)
    return g_strdup (get_state_words (authority));
  return g_strdup_printf ("%s (%s)", get_state_words (authority), circuit);
}

static void
add_authority_row (BrevetOutputColumns *columns, JsonObject *authority)
{
  JsonObject *queue = brevet_admin_json_get_object (authority, "queue");
  const char *name = brevet_admin_json_get_text (authority, "name");
  const char *type = brevet_admin_json_get_text (authority, "certificateAuthorityType");
  g_autofree char *state = describe_state (authority);
  g_autofree char *waiting = describe_number (queue, "queued");
  g_autofree char *in_flight = describe_number (queue, "inFlight");
  g_autofree char *expires = describe_distance (authority, "expires");
  g_autofree char *devices = describe_number (authority, "devices");

  brevet_output_columns_add (columns, (const char *const[]) { name != NULL ? name : "?", type != NULL ? type : "", state, waiting,
                                                              in_flight, expires, devices, NULL });
}

/* The whole of it, which may be as long as the fingerprint of a key, is shown for one certificate authority alone. */
static char *
shorten_identity (const char *identity)
{
  g_autofree char *beginning = NULL;

  if (identity == NULL)
    return g_strdup (_("unknown"));
  if (!g_utf8_validate (identity, -1, NULL) || g_utf8_strlen (identity, -1) <= LONGEST_IDENTITY)
    return g_strdup (identity);
  beginning = g_utf8_substring (identity, 0, LONGEST_IDENTITY - 1);
  return g_strconcat (beginning, "…", NULL);
}

static void
add_earlier_rows (BrevetOutputColumns *columns, JsonObject *authority)
{
  JsonArray *versions = brevet_admin_json_get_array (authority, "earlierVersions");

  for (guint i = 0; i < brevet_admin_json_length (versions); i++)
    {
      JsonObject *version = brevet_admin_json_get_entry (versions, i);
      g_autofree char *identity = shorten_identity (brevet_admin_json_get_text (version, "identity"));
      g_autofree char *name = g_strdup_printf ("  %s", _("earlier:"));
      g_autofree char *until = describe_distance (version, "until");
      g_autofree char *state = *until != '\0' ? g_strdup_printf (_("replaced %s"), until) : g_strdup ("");
      g_autofree char *last = describe_distance (version, "lastCertificateExpires");
      g_autofree char *devices = describe_number (version, "devices");

      brevet_output_columns_add (columns, (const char *const[]) { name, identity, state, "", "", last, devices, NULL });
    }
}

void
brevet_admin_ca_print_table (JsonArray *authorities)
{
  g_autoptr(BrevetOutputColumns) columns =
    brevet_output_columns_new ((const char *const[]) { _("CA"), _("TYPE"), _("STATE"), _("WAITING"), _("IN FLIGHT"), _("EXPIRES"),
                                                       _("DEVICES"), NULL });

  for (guint i = 0; i < brevet_admin_json_length (authorities); i++)
    {
      JsonObject *authority = brevet_admin_json_get_entry (authorities, i);

      add_authority_row (columns, authority);
      add_earlier_rows (columns, authority);
    }
  brevet_output_columns_print (columns);
}

static void
add_queue (BrevetOutputTable *table, JsonObject *authority)
{
  JsonObject *queue = brevet_admin_json_get_object (authority, "queue");
  JsonObject *counters = brevet_admin_json_get_object (authority, "counters");
  int waiting = (int) brevet_admin_json_get_number (queue, "queued");
  g_autofree char *line = NULL;
  g_autofree char *total = NULL;

  if (queue == NULL)
    return;
  line = g_strdup_printf (waiting > 0 ? _("%d in flight, %d waiting, the first of them for %d s") : _("%d in flight, none waiting"),
                          (int) brevet_admin_json_get_number (queue, "inFlight"), waiting,
                          (int) brevet_admin_json_get_number (queue, "oldestSeconds"));
  brevet_output_table_add (table, _("Requests"), line);
  total = g_strdup_printf (_("%d since the service started, %d of them failed, %d in a row"),
                           (int) brevet_admin_json_get_number (counters, "asked"),
                           (int) brevet_admin_json_get_number (counters, "failed"),
                           (int) brevet_admin_json_get_number (counters, "failuresInARow"));
  brevet_output_table_add (table, "", total);
}

static void
add_certificates (BrevetOutputTable *table, const char *label, JsonArray *certificates)
{
  for (guint i = 0; i < brevet_admin_json_length (certificates); i++)
    {
      JsonObject *certificate = brevet_admin_json_get_entry (certificates, i);
      const char *subject = brevet_admin_json_get_text (certificate, "subject");
      g_autofree char *ends = describe_distance (certificate, "notAfter");
      g_autofree char *line = g_strdup_printf (_("%s, expires %s"), subject != NULL ? subject : "?", ends);

      brevet_output_table_add (table, i == 0 ? label : "", line);
    }
}

static void
add_devices (BrevetOutputTable *table, JsonObject *object)
{
  g_autofree char *devices = describe_number (object, "devices");

  brevet_output_table_add (table, _("Devices"), devices);
  add_number (table, _("Not yet fetched"), object, "devicesToCome");
  add_number (table, _("Being issued"), object, "issuancesUnderWay");
  add_time (table, _("Last certificate expires"), object, "lastCertificateExpires");
}

static void
print_earlier (JsonObject *version)
{
  g_autoptr(BrevetOutputTable) table = brevet_output_table_new ();
  const char *identity = brevet_admin_json_get_text (version, "identity");

  g_print ("\n");
  brevet_output_table_add (table, _("Earlier version"), identity != NULL ? identity : _("unknown"));
  add_time (table, _("Since"), version, "since");
  add_time (table, _("Until"), version, "until");
  add_devices (table, version);
  add_certificates (table, _("Trust"), brevet_admin_json_get_array (version, "trust"));
  brevet_output_table_print (table);
}

static void
add_bundles (BrevetOutputTable *table, JsonObject *authority)
{
  JsonArray *names = brevet_admin_json_get_array (authority, "trustBundles");

  for (guint i = 0; i < brevet_admin_json_length (names); i++)
    brevet_output_table_add (table, i == 0 ? _("Trust bundles") : "", brevet_admin_json_get_entry_text (names, i));
}

static void
add_health (BrevetOutputTable *table, JsonObject *authority)
{
  g_autofree char *state = describe_state (authority);

  brevet_output_table_add (table, _("State"), state);
  brevet_output_table_add (table, "", brevet_admin_json_get_text (authority, "message"));
  add_time (table, _("Checked"), authority, "checkedAt");
  add_time (table, _("Expires"), authority, "expires");
  add_time (table, _("Last answer"), authority, "lastSuccess");
  add_time (table, _("Last failure"), authority, "lastFailure");
  brevet_output_table_add (table, _("Problem"), brevet_admin_json_get_text (authority, "problem"));
}

static void
warn_of_unreadable (gint64 number)
{
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, number);

  if (number > 0)
    g_print (_("\nWarning: records that the service cannot read: %s. There may be more devices than are counted here, and no\n"
               "certificate leaves a trust bundle. “brevet-dps store check” lists these records.\n"), text);
}

void
brevet_admin_ca_print_warning (JsonArray *statuses)
{
  gint64 unreadable = 0;

  for (guint i = 0; i < brevet_admin_json_length (statuses); i++)
    unreadable = MAX (unreadable, brevet_admin_json_get_number (brevet_admin_json_get_entry (statuses, i), "unreadableRecords"));
  warn_of_unreadable (unreadable);
}

void
brevet_admin_ca_print_status (JsonObject *authority)
{
  g_autoptr(BrevetOutputTable) table = brevet_output_table_new ();
  JsonArray *versions = brevet_admin_json_get_array (authority, "earlierVersions");

  brevet_output_table_add (table, _("Certificate authority"), brevet_admin_json_get_text (authority, "name"));
  brevet_output_table_add (table, _("Type"), brevet_admin_json_get_text (authority, "certificateAuthorityType"));
  brevet_output_table_add (table, _("Identity"), brevet_admin_json_get_text (authority, "identity"));
  add_time (table, _("Since"), authority, "since");
  add_health (table, authority);
  add_queue (table, authority);
  add_devices (table, authority);
  add_certificates (table, _("Trust"), brevet_admin_json_get_array (authority, "trust"));
  add_bundles (table, authority);
  add_number (table, _("Still to be revoked"), authority, "pendingRevocations");
  add_number (table, _("Attempts without a result"), authority, "orphans");
  brevet_output_table_print (table);
  for (guint i = 0; i < brevet_admin_json_length (versions); i++)
    print_earlier (brevet_admin_json_get_entry (versions, i));
  warn_of_unreadable (brevet_admin_json_get_number (authority, "unreadableRecords"));
}

/* --- trust bundles ------------------------------------------------------------------------------------------------------------ */

static char *
describe_contents (JsonObject *version)
{
  JsonArray *certificates = brevet_admin_json_get_array (version, "certificates");
  g_autoptr(GString) text = g_string_new (NULL);

  for (guint i = 0; i < brevet_admin_json_length (certificates); i++)
    {
      JsonObject *certificate = brevet_admin_json_get_entry (certificates, i);
      const char *subject = brevet_admin_json_get_text (certificate, "subject");
      const char *source = brevet_admin_json_get_text (certificate, "certificateAuthority");

      g_string_append_printf (text, "%s%s", i > 0 ? "; " : "", subject != NULL ? subject : "?");
      if (source != NULL)
        g_string_append_printf (text, " (%s)", source);
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
add_version_row (BrevetOutputColumns *columns, const char *id, JsonObject *version)
{
  gboolean current = version != NULL && json_object_get_boolean_member_with_default (version, "isCurrent", FALSE);
  const char *etag = brevet_admin_json_get_text (version, "etag");
  g_autofree char *words = current ? g_strdup_printf (_("%.12s, current"), etag != NULL ? etag : "?")
                                   : g_strdup_printf ("%.12s", etag != NULL ? etag : "?");
  g_autofree char *since = describe_distance (version, "since");
  g_autofree char *devices = describe_number (version, "devices");
  g_autofree char *contents = describe_contents (version);

  brevet_output_columns_add (columns, (const char *const[]) { id, words, since, devices, contents, NULL });
}

static void
add_bundle_rows (BrevetOutputColumns *columns, JsonObject *bundle)
{
  const char *id = brevet_admin_json_get_text (bundle, "id");
  JsonArray *versions = brevet_admin_json_get_array (bundle, "versions");
  g_autofree char *without = describe_number (bundle, "devicesWithout");

  id = id != NULL ? id : "?";
  for (guint i = 0; i < brevet_admin_json_length (versions); i++)
    add_version_row (columns, id, brevet_admin_json_get_entry (versions, i));
  if (brevet_admin_json_get_number (bundle, "devicesWithout") > 0)
    brevet_output_columns_add (columns, (const char *const[]) { id, _("none yet"), "", without, "", NULL });
}

void
brevet_admin_bundle_print_table (JsonArray *bundles)
{
  g_autoptr(BrevetOutputColumns) columns =
    brevet_output_columns_new ((const char *const[]) { _("TRUST BUNDLE"), _("VERSION"), _("SINCE"), _("DEVICES"), _("CARRIES"),
                                                       NULL });

  for (guint i = 0; i < brevet_admin_json_length (bundles); i++)
    add_bundle_rows (columns, brevet_admin_json_get_entry (bundles, i));
  brevet_output_columns_print (columns);
}

/* --- issued certificates ------------------------------------------------------------------------------------------------------ */

static char *
describe_status (JsonObject *certificate)
{
  const char *status = brevet_admin_json_get_text (certificate, "status");
  JsonObject *revocation = brevet_admin_json_get_object (certificate, "revocation");
  const char *reason = brevet_admin_json_get_text (revocation, "reason");

  if (g_strcmp0 (status, "revoked") == 0)
    return g_strdup_printf (_("revoked (%s)"), reason != NULL ? reason : "?");
  if (g_strcmp0 (status, "refused") == 0)
    return g_strdup (_("refused by the service, never handed out"));
  return g_strdup (g_strcmp0 (status, "issued") == 0 ? _("issued") : status);
}

void
brevet_admin_issued_print (JsonObject *certificate)
{
  g_autoptr(BrevetOutputTable) table = brevet_output_table_new ();
  g_autofree char *status = describe_status (certificate);
  JsonObject *revocation = brevet_admin_json_get_object (certificate, "revocation");
  JsonObject *pending = brevet_admin_json_get_object (certificate, "pendingRevocation");

  brevet_output_table_add (table, _("Certificate"), brevet_admin_json_get_text (certificate, "id"));
  brevet_output_table_add (table, _("Registration"), brevet_admin_json_get_text (certificate, "registrationId"));
  brevet_output_table_add (table, _("Certificate authority"), brevet_admin_json_get_text (certificate, "certificateAuthorityName"));
  brevet_output_table_add (table, _("Status"), status);
  add_time (table, _("Revoked"), revocation, "time");
  brevet_output_table_add (table, _("Comment"), brevet_admin_json_get_text (revocation, "comment"));
  if (pending != NULL)
    brevet_output_table_add (table, _("To be done"), _("the certificate authority has still to be told"));
  brevet_output_table_add (table, _("Problem"), brevet_admin_json_get_text (pending, "problem"));
  brevet_output_table_add (table, _("Subject"), brevet_admin_json_get_text (certificate, "subject"));
  brevet_output_table_add (table, _("Issuer"), brevet_admin_json_get_text (certificate, "issuer"));
  brevet_output_table_add (table, _("Serial number"), brevet_admin_json_get_text (certificate, "serialNumber"));
  brevet_output_table_add (table, _("SHA-256"), brevet_admin_json_get_text (certificate, "sha256Thumbprint"));
  add_time (table, _("Valid from"), certificate, "notBefore");
  add_time (table, _("Expires"), certificate, "notAfter");
  brevet_output_table_print (table);
}
