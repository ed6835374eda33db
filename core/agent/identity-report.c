/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-private.h"

#include "brevet-clock.h"
#include "brevet-log.h"

#include <string.h>

static char *
format_time (gint64 seconds)
{
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc (seconds);

  return time != NULL ? g_date_time_format (time, "%Y-%m-%d %H:%M:%S UTC") : g_strdup_printf ("%" G_GINT64_FORMAT, seconds);
}

/* Sentences of GLib and others end in a stop; here they come to stand inside other ones. */
void
brevet_identity_strip_stop (char *text)
{
  gsize length = strlen (text);

  if (length > 1 && text[length - 1] == '.' && text[length - 2] != '.')
    text[length - 1] = '\0';
}

char *
brevet_identity_describe_stage (BrevetIdentity *self, BrevetIdentityState stage)
{
  const char *hub;

  switch (stage)
    {
    case BREVET_IDENTITY_ATTESTING:
      return g_strdup_printf ("Making the proof for %s that this is “%s”", self->config->service, self->config->registration_id);
    case BREVET_IDENTITY_REGISTERING:
      return g_strdup_printf ("Registering with %s", self->config->service);
    case BREVET_IDENTITY_ASSIGNING:
      return g_strdup_printf ("Waiting for %s, which works on the registration", self->config->service);
    case BREVET_IDENTITY_INSTALLING:
      hub = self->attempt != NULL ? brevet_identity_attempt_get_hub (self->attempt) : NULL;
      if (hub != NULL)
        return g_strdup_printf ("Trying the new certificate at the hub %s, port %u", hub, self->config->hub_port);
      return g_strdup_printf ("Checking and storing the answer of %s", self->config->service);
    case BREVET_IDENTITY_UNPROVISIONED:
    case BREVET_IDENTITY_WAITING_FOR_TIME:
    case BREVET_IDENTITY_WAITING_FOR_NETWORK:
    case BREVET_IDENTITY_PROVISIONED:
    case BREVET_IDENTITY_RENEWING:
    case BREVET_IDENTITY_BACKING_OFF:
    case BREVET_IDENTITY_REFUSED:
    case BREVET_IDENTITY_DISABLED:
    default:
      return g_strdup ("");
    }
}

/* What there is, whatever else goes wrong. Fits behind a sentence. */
static char *
describe_current (BrevetIdentity *self, gint64 now)
{
  g_autofree char *end = NULL;

  if (self->current == NULL)
    return g_strdup ("there is no identity yet");
  if (self->current->chain == NULL)
    return g_strdup ("the assignment stays in use");
  end = format_time (brevet_generation_get_not_after (self->current));
  if (brevet_identity_is_expired (self->current, now))
    return g_strdup_printf ("the certificate in use has expired at %s", end);
  return g_strdup_printf ("the certificate in use is valid until %s", end);
}

static char *
capitalise (const char *sentence)
{
  return g_strdup_printf ("%c%s", g_ascii_toupper (sentence[0]), sentence + 1);
}

static char *
describe_pause (BrevetIdentity *self, const char *current)
{
  if (self->memory->next_attempt == 0 && self->key_problem != NULL)
    return g_strdup_printf ("%s; %s", self->key_problem, current);
  if (self->cancelled)
    return g_strdup_printf ("The attempt was cancelled; %s", current);
  if (self->memory->error_text != NULL)
    return g_strdup_printf ("%s; %s", self->memory->error_text, current);
  return g_strdup_printf ("The next attempt is planned; %s", current);
}

char *
brevet_identity_describe_rest (BrevetIdentity *self, const BrevetIdentityPlan *plan, gint64 now)
{
  g_autofree char *current = describe_current (self, now);
  g_autofree char *clock = NULL;

  switch (plan->state)
    {
    case BREVET_IDENTITY_UNPROVISIONED:
      return g_strdup ("There is no identity yet");
    case BREVET_IDENTITY_WAITING_FOR_TIME:
      clock = format_time (now);
      return g_strdup_printf ("The clock says %s, which cannot be right; waiting for it to be set; %s", clock, current);
    case BREVET_IDENTITY_PROVISIONED:
      return capitalise (current);
    case BREVET_IDENTITY_DISABLED:
      if (!self->config->enabled)
        return g_strdup_printf ("The configuration switches it off (enabled=no in [identity %s]); %s", self->config->name, current);
      return describe_pause (self, current);
    case BREVET_IDENTITY_WAITING_FOR_NETWORK:
    case BREVET_IDENTITY_BACKING_OFF:
    case BREVET_IDENTITY_REFUSED:
      return describe_pause (self, current);
    case BREVET_IDENTITY_ATTESTING:
    case BREVET_IDENTITY_REGISTERING:
    case BREVET_IDENTITY_ASSIGNING:
    case BREVET_IDENTITY_INSTALLING:
    case BREVET_IDENTITY_RENEWING:
    default:
      return g_strdup ("");
    }
}

void
brevet_identity_report (BrevetIdentity *self, GLogLevelFlags level, const char *message_id, const char *tracking_id,
                        const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list arguments;

  va_start (arguments, format);
  message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  brevet_log_event (level, message_id, message, "BREVET_IDENTITY", self->config->name, "BREVET_REGISTRATION",
                    self->config->registration_id, "BREVET_TRACKING_ID", tracking_id, NULL);
}

void
brevet_identity_report_installed (BrevetIdentity *self)
{
  BrevetGeneration *current = self->current;
  BrevetCertificate *leaf = NULL;
  g_autofree char *end = NULL;

  if (current->chain == NULL)
    {
      brevet_identity_report (self, G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_IDENTITY_INSTALLED, NULL,
                              "Identity %s: generation %" G_GUINT64_FORMAT " of “%s” is in use, assigned to %s, no certificate",
                              self->config->name, current->number, self->config->registration_id, current->assigned_hub);
      return;
    }
  leaf = brevet_chain_get_leaf (current->chain);
  end = format_time (brevet_certificate_get_not_after (leaf));
  brevet_identity_report (self, G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_IDENTITY_INSTALLED, NULL,
                          "Identity %s: generation %" G_GUINT64_FORMAT " of “%s” is in use, assigned to %s, certificate %s valid "
                          "until %s", self->config->name, current->number, self->config->registration_id, current->assigned_hub,
                          brevet_certificate_get_serial (leaf), end);
}

/* The message of its hub is in what was reported before. */
void
brevet_identity_report_unproven (BrevetIdentity *self)
{
  brevet_identity_report (self, G_LOG_LEVEL_WARNING, BREVET_MESSAGE_HUB_PROOF_FAILED, NULL,
                          "Identity %s: generation %" G_GUINT64_FORMAT " is in use without the consent of its hub %s, for the "
                          "certificate before it was about to end", self->config->name, self->current->number,
                          self->current->assigned_hub);
}

void
brevet_identity_report_failure (BrevetIdentity *self, BrevetIdentityFault fault)
{
  const BrevetIdentityMemory *memory = self->memory;
  gint64 now = brevet_clock_now_seconds ();
  g_autofree char *current = describe_current (self, now);
  g_autofree char *next = format_time (memory->next_attempt);
  gboolean loud = fault != BREVET_IDENTITY_FAULT_SERVICE || memory->refusals > 0;
  const char *message_id = BREVET_MESSAGE_ATTEMPT_FAILED;

  if (fault == BREVET_IDENTITY_FAULT_TOKEN)
    message_id = BREVET_MESSAGE_TOKEN_FAILED;
  else if (fault == BREVET_IDENTITY_FAULT_STORAGE)
    message_id = BREVET_MESSAGE_STORAGE_FAILED;
  else if (fault == BREVET_IDENTITY_FAULT_HUB)
    message_id = BREVET_MESSAGE_HUB_PROOF_FAILED;
  else if (memory->refusals > 0)
    message_id = BREVET_MESSAGE_DEVICE_REFUSED;
  brevet_identity_report (self, loud ? G_LOG_LEVEL_WARNING : G_LOG_LEVEL_MESSAGE, message_id, memory->error_tracking_id,
                          "Identity %s: %s; %s; next attempt at %s", self->config->name, memory->error_text, current, next);
}

void
brevet_identity_report_expired (BrevetIdentity *self)
{
  g_autofree char *current = describe_current (self, brevet_clock_now_seconds ());

  brevet_identity_report (self, G_LOG_LEVEL_WARNING, BREVET_MESSAGE_IDENTITY_EXPIRED, NULL,
                          "Identity %s: %s; a new one is asked for", self->config->name, current);
}
