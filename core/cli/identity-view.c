/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-view.h"

#include "brevet-command.h"
#include "identity-health.h"
#include "output-text.h"

#include <glib/gi18n-lib.h>
#include <string.h>

typedef struct {
  BrevetBusAgent1Identity *identity;
  BrevetOutputTable *table;
  gint64 now;
} View;

static void
add_time (View *self, const char *label, gint64 seconds)
{
  g_autofree char *text = brevet_output_describe_time (seconds, self->now);

  brevet_output_table_add (self->table, label, text);
}

static void
add_number (View *self, const char *label, guint64 number)
{
  g_autofree char *text = number != 0 ? g_strdup_printf ("%" G_GUINT64_FORMAT, number) : NULL;

  brevet_output_table_add (self->table, label, text);
}

static void
add_plans (View *self)
{
  gint64 renewal = brevet_bus_agent1_identity_get_renewal_time (self->identity);
  gint64 attempt = brevet_bus_agent1_identity_get_next_attempt (self->identity);

  brevet_output_table_add (self->table, _("Cause"), brevet_bus_agent1_identity_get_cause (self->identity));
  add_time (self, _("Renewal"), renewal);
  if (attempt != renewal)
    add_time (self, _("Next attempt"), attempt);
}

/* What the sentence of the error says itself, is not said again. @text: (transfer full) */
static void
add_error_detail (View *self, const char *detail, char *text, const char *sentence)
{
  if (detail != NULL && *detail != '\0' && strstr (sentence, detail) == NULL)
    brevet_output_table_add (self->table, "", text);
  g_free (text);
}

static void
add_error (View *self, const char *sentence)
{
  const char *cause = brevet_bus_agent1_identity_get_cause (self->identity);
  const char *tracking_id = brevet_bus_agent1_identity_get_last_error_tracking_id (self->identity);
  guint code = brevet_bus_agent1_identity_get_last_error_code (self->identity);
  g_autofree char *digits = code != 0 ? g_strdup_printf ("%06u", code) : NULL;
  gint64 time = brevet_bus_agent1_identity_get_last_error_time (self->identity);

  /* Mostly it is what the identity waits for, and stands above. */
  if (time != 0 && cause != NULL && strstr (cause, sentence) != NULL)
    {
      add_time (self, _("Last error"), time);
      time = 0;
    }
  else
    brevet_output_table_add (self->table, _("Last error"), sentence);
  add_error_detail (self, digits, g_strdup_printf (_("code %06u"), code), sentence);
  add_error_detail (self, tracking_id, g_strdup_printf (_("tracking id %s"), tracking_id), sentence);
  add_time (self, "", time);
}

static void
add_troubles (View *self)
{
  const char *name = brevet_bus_agent1_identity_get_last_error_name (self->identity);
  const char *text = brevet_bus_agent1_identity_get_last_error_text (self->identity);

  add_number (self, _("Failures"), brevet_bus_agent1_identity_get_failures (self->identity));
  if (text == NULL || *text == '\0')
    text = name;
  if (text != NULL && *text != '\0')
    add_error (self, text);
}

static void
add_device (View *self)
{
  brevet_output_table_add (self->table, _("Hub"), brevet_bus_agent1_identity_get_assigned_hub (self->identity));
  brevet_output_table_add (self->table, _("Device"), brevet_bus_agent1_identity_get_device_id (self->identity));
}

static void
add_service (View *self)
{
  brevet_output_table_add (self->table, _("Registration"), brevet_bus_agent1_identity_get_registration_id (self->identity));
  brevet_output_table_add (self->table, _("Service"), brevet_bus_agent1_identity_get_service (self->identity));
  brevet_output_table_add (self->table, _("Scope"), brevet_bus_agent1_identity_get_id_scope (self->identity));
}

static void
add_certificate (View *self, BrevetIdentityViewDetail detail)
{
  brevet_output_table_add (self->table, _("Subject"), brevet_bus_agent1_identity_get_subject (self->identity));
  if (detail != BREVET_IDENTITY_VIEW_RESULT)
    {
      brevet_output_table_add (self->table, _("Issuer"), brevet_bus_agent1_identity_get_issuer (self->identity));
      brevet_output_table_add (self->table, _("Serial number"), brevet_bus_agent1_identity_get_serial (self->identity));
    }
  if (detail == BREVET_IDENTITY_VIEW_ALL)
    {
      brevet_output_table_add (self->table, _("SHA-256"), brevet_bus_agent1_identity_get_sha256 (self->identity));
      add_time (self, _("Valid from"), brevet_bus_agent1_identity_get_not_before (self->identity));
    }
  add_time (self, _("Expires"), brevet_bus_agent1_identity_get_not_after (self->identity));
}

static void
add_places (View *self)
{
  brevet_output_table_add (self->table, _("Key"), brevet_bus_agent1_identity_get_key_location (self->identity));
  brevet_output_table_add (self->table, _("Certificate"), brevet_bus_agent1_identity_get_certificate_location (self->identity));
  brevet_output_table_add (self->table, _("Trust bundle"), brevet_bus_agent1_identity_get_trust_bundle_location (self->identity));
  brevet_output_table_add (self->table, _("Its version"), brevet_bus_agent1_identity_get_trust_bundle_etag (self->identity));
  add_number (self, _("Generation"), brevet_bus_agent1_identity_get_generation (self->identity));
  add_number (self, _("Previous generation"), brevet_bus_agent1_identity_get_previous_generation (self->identity));
}

static BrevetOutputColour
colour_of (const char *state, BrevetIdentityHealth health)
{
  if (health == BREVET_IDENTITY_HEALTH_EXPIRED || health == BREVET_IDENTITY_HEALTH_BLOCKED || g_strcmp0 (state, "refused") == 0)
    return BREVET_OUTPUT_BAD;
  if (health == BREVET_IDENTITY_HEALTH_VALID && g_strcmp0 (state, "provisioned") == 0)
    return BREVET_OUTPUT_GOOD;
  return BREVET_OUTPUT_BUSY;
}

/* A clock that is behind is not the fault of the certificate. */
static char *
describe_dates (View *self)
{
  g_autoptr(GDateTime) clock = NULL;
  g_autofree char *text = NULL;

  if (!brevet_identity_health_is_early (self->identity, self->now))
    return g_strdup (_("certificate expired"));
  clock = g_date_time_new_from_unix_utc (self->now);
  text = g_date_time_format (clock, "%Y-%m-%d %H:%M:%S");
  return g_strdup_printf (_("certificate not yet valid: the clock says %s UTC"), text);
}

/* NULL where the state says it all. */
static const char *
remark_of (const char *state, BrevetIdentityHealth health)
{
  switch (health)
    {
    case BREVET_IDENTITY_HEALTH_OVERDUE:
      return _("renewal overdue");
    case BREVET_IDENTITY_HEALTH_UNPROVISIONED:
      return g_strcmp0 (state, "unprovisioned") != 0 ? _("no identity yet") : NULL;
    case BREVET_IDENTITY_HEALTH_BLOCKED:
      return _("no valid identity");
    case BREVET_IDENTITY_HEALTH_EXPIRED:
    case BREVET_IDENTITY_HEALTH_VALID:
    default:
      return NULL;
    }
}

static void
print_title (View *self)
{
  g_autofree char *name = brevet_command_make_printable (brevet_bus_agent1_identity_get_name (self->identity));
  const char *raw_state = brevet_bus_agent1_identity_get_state (self->identity);
  g_autofree char *state = brevet_command_make_printable (raw_state != NULL ? raw_state : "?");
  BrevetIdentityHealth health = brevet_identity_health_judge (self->identity, self->now);
  g_autofree char *dates = health == BREVET_IDENTITY_HEALTH_EXPIRED ? describe_dates (self) : NULL;
  const char *remark = dates != NULL ? dates : remark_of (state, health);
  g_autofree char *whole = remark != NULL ? g_strdup_printf ("%s (%s)", state, remark) : g_strdup (state);
  g_autofree char *painted = brevet_output_paint (colour_of (state, health), whole);

  g_print ("%s: %s\n", name, painted);
}

void
brevet_identity_view_print (BrevetBusAgent1Identity *identity, BrevetIdentityViewDetail detail, gint64 now)
{
  g_autoptr(BrevetOutputTable) table = brevet_output_table_new ();
  View view = { identity, table, now };

  print_title (&view);
  if (detail != BREVET_IDENTITY_VIEW_RESULT)
    {
      add_plans (&view);
      add_troubles (&view);
      add_time (&view, _("Last success"), brevet_bus_agent1_identity_get_last_success (identity));
    }
  add_certificate (&view, detail);
  add_device (&view);
  if (detail != BREVET_IDENTITY_VIEW_RESULT)
    add_service (&view);
  if (detail == BREVET_IDENTITY_VIEW_ALL)
    add_places (&view);
  brevet_output_table_add_list (table, _("Problems"), brevet_bus_agent1_identity_get_trust_bundle_problems (identity));
  brevet_output_table_print (table);
}
