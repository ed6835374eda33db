/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor-event.h"

#include "brevet-clock.h"
#include "brevet-command.h"
#include "output-text.h"
#include "output.h"

#include <glib/gi18n-lib.h>

struct _BrevetMonitorEvent
{
  gint64 now;
  char *subject;
  char *text;
  BrevetOutputColour colour;
  JsonObject *object;
};

BrevetMonitorEvent *
brevet_monitor_event_new (const char *kind, BrevetBusAgent1Identity *identity, const char *text)
{
  BrevetMonitorEvent *self = g_new0 (BrevetMonitorEvent, 1);
  const char *name = identity != NULL ? brevet_bus_agent1_identity_get_name (identity) : NULL;

  self->now = brevet_clock_now_seconds ();
  self->subject = brevet_command_make_printable (name != NULL ? name : "brevetd");
  self->text = brevet_command_make_printable (text);
  self->object = json_object_new ();
  brevet_output_set_time (self->object, "time", self->now);
  brevet_output_set_text (self->object, "event", kind);
  brevet_output_set_text (self->object, "identity", name);
  return self;
}

static gboolean
is_empty (const char *text)
{
  return text == NULL || *text == '\0';
}

BrevetMonitorEvent *
brevet_monitor_event_new_state (BrevetBusAgent1Identity *identity)
{
  const char *state = brevet_bus_agent1_identity_get_state (identity);
  const char *cause = brevet_bus_agent1_identity_get_cause (identity);
  g_autofree char *text = is_empty (cause) ? g_strdup (state) : g_strdup_printf ("%s: %s", state, cause);
  BrevetMonitorEvent *self = brevet_monitor_event_new ("state", identity, text);

  brevet_output_set_text (self->object, "state", state);
  brevet_output_set_text (self->object, "cause", cause);
  return self;
}

static BrevetMonitorEvent *
new_renewed (BrevetBusAgent1Identity *identity, GVariant *arguments)
{
  guint64 generation = 0;
  const char *sha256 = NULL;
  gint64 not_after = 0;
  g_autofree char *expiry = NULL;
  g_autofree char *text = NULL;
  BrevetMonitorEvent *self = NULL;

  g_variant_get (arguments, "(t&sx)", &generation, &sha256, &not_after);
  expiry = brevet_output_describe_time (not_after, brevet_clock_now_seconds ());
  text = expiry != NULL ? g_strdup_printf (_("a new certificate is in use, expires %s"), expiry)
                        : g_strdup (_("a new identity is in use"));
  self = brevet_monitor_event_new ("renewed", identity, text);
  self->colour = BREVET_OUTPUT_GOOD;
  json_object_set_int_member (self->object, "generation", (gint64) MIN (generation, G_MAXINT64));
  brevet_output_set_text (self->object, "sha256", sha256);
  brevet_output_set_time (self->object, "notAfter", not_after);
  return self;
}

static BrevetMonitorEvent *
new_failed (BrevetBusAgent1Identity *identity, GVariant *arguments)
{
  const char *name = NULL;
  const char *reason = NULL;
  const char *tracking_id = NULL;
  gint64 next_attempt = 0;
  g_autofree char *next = NULL;
  g_autoptr(GString) text = g_string_new (NULL);
  BrevetMonitorEvent *self = NULL;

  g_variant_get (arguments, "(&s&s&sx)", &name, &reason, &tracking_id, &next_attempt);
  next = brevet_output_describe_time (next_attempt, brevet_clock_now_seconds ());
  g_string_append_printf (text, _("the attempt failed: %s"), is_empty (reason) ? name : reason);
  if (!is_empty (tracking_id))
    g_string_append_printf (text, _(" (tracking id %s)"), tracking_id);
  if (next != NULL)
    g_string_append_printf (text, _("; next attempt %s"), next);
  self = brevet_monitor_event_new ("failed", identity, text->str);
  self->colour = BREVET_OUTPUT_BAD;
  brevet_output_set_text (self->object, "name", name);
  brevet_output_set_text (self->object, "text", reason);
  brevet_output_set_text (self->object, "trackingId", tracking_id);
  brevet_output_set_time (self->object, "nextAttempt", next_attempt);
  return self;
}

static BrevetMonitorEvent *
new_trust_bundle_changed (BrevetBusAgent1Identity *identity, GVariant *arguments)
{
  const char *etag = NULL;
  g_autofree char *text = NULL;
  BrevetMonitorEvent *self = NULL;

  g_variant_get (arguments, "(&s)", &etag);
  text = is_empty (etag) ? g_strdup (_("another trust bundle is in use"))
                         : g_strdup_printf (_("another trust bundle is in use, version %s"), etag);
  self = brevet_monitor_event_new ("trust-bundle-changed", identity, text);
  brevet_output_set_text (self->object, "etag", etag);
  return self;
}

typedef struct {
  const char *name;
  const char *type;
  BrevetMonitorEvent *(*new) (BrevetBusAgent1Identity *identity, GVariant *arguments);
} Signal;

static const Signal signals[] = {
  { "Renewed", "(tsx)", new_renewed },
  { "Failed", "(sssx)", new_failed },
  { "TrustBundleChanged", "(s)", new_trust_bundle_changed },
};

BrevetMonitorEvent *
brevet_monitor_event_new_signal (BrevetBusAgent1Identity *identity, const char *name, GVariant *arguments)
{
  for (gsize i = 0; i < G_N_ELEMENTS (signals); i++)
    if (g_str_equal (signals[i].name, name) && g_variant_is_of_type (arguments, G_VARIANT_TYPE (signals[i].type)))
      return signals[i].new (identity, arguments);
  return NULL;
}

void
brevet_monitor_event_free (BrevetMonitorEvent *self)
{
  json_object_unref (self->object);
  g_free (self->subject);
  g_free (self->text);
  g_free (self);
}

void
brevet_monitor_event_print (BrevetMonitorEvent *self, gboolean json)
{
  g_autofree char *moment = NULL;
  g_autofree char *text = NULL;

  if (json)
    {
      brevet_output_print_json (self->object);
      return;
    }
  moment = brevet_output_describe_moment (self->now);
  text = brevet_output_paint (self->colour, self->text);
  g_print ("%s %s: %s\n", moment, self->subject, text);
}
