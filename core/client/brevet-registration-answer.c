/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-registration-answer.h"

#include "brevet-error.h"
#include "brevet-wire-error.h"
#include "brevet-wire-json.h"

/* No service is left alone for longer because it asks for it. */
#define LONGEST_RETRY_AFTER 86400

/* Codes have six digits (protocol/dps.md §1.5). */
#define LARGEST_CODE 999999

/* “REASON (code 401002, tracking id …)”, with what there is of it. */
static void
set_error (BrevetRegistrationAnswer *self, BrevetError code, const char *reason, gint64 wire_code, const char *tracking_id)
{
  g_autoptr(GString) text = g_string_new (reason);

  if (wire_code != 0 && tracking_id != NULL)
    g_string_append_printf (text, " (code %" G_GINT64_FORMAT ", tracking id %s)", wire_code, tracking_id);
  else if (wire_code != 0)
    g_string_append_printf (text, " (code %" G_GINT64_FORMAT ")", wire_code);
  else if (tracking_id != NULL)
    g_string_append_printf (text, " (tracking id %s)", tracking_id);
  self->error = g_error_new_literal (BREVET_ERROR, code, text->str);
  self->error_code = wire_code >= 0 && wire_code <= LARGEST_CODE ? (guint) wire_code : 0;
  self->tracking_id = g_strdup (tracking_id);
}

static void
describe_problem (BrevetRegistrationAnswer *self, BrevetReply *reply, BrevetError code, const char *what)
{
  g_autoptr(BrevetWireProblem) problem = brevet_wire_problem_parse (reply);
  g_autofree char *reason = NULL;

  if (problem->message != NULL)
    reason = g_strdup_printf ("%s with %u: %s", what, brevet_reply_get_status (reply), problem->message);
  else
    reason = g_strdup_printf ("%s with %u", what, brevet_reply_get_status (reply));
  set_error (self, code, reason, problem->code, problem->tracking_id);
}

/* A proxy's page, or that of a network that wants a login first, has the same status as a refusal, and goes away by itself. */
static gboolean
is_of_service (BrevetReply *reply)
{
  g_autoptr(BrevetWireProblem) problem = brevet_wire_problem_parse (reply);

  return problem->message != NULL || problem->code != 0;
}

static void
read_stranger (BrevetRegistrationAnswer *self, BrevetReply *reply)
{
  g_autofree char *reason = NULL;

  reason = g_strdup_printf ("Whoever answers with %u is perhaps not the service, but a proxy or a network that wants a login "
                            "first: the reply holds no error of the service", brevet_reply_get_status (reply));
  self->kind = BREVET_REGISTRATION_ANSWER_TROUBLE;
  set_error (self, BREVET_ERROR_UNREACHABLE, reason, 0, brevet_reply_get_header (reply, "x-ms-request-id"));
}

static int
read_retry_after (BrevetReply *reply)
{
  const char *text = brevet_reply_get_header (reply, "retry-after");
  guint64 seconds;

  if (text == NULL || !g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT64, &seconds, NULL))
    return -1;
  return (int) MIN (seconds, LONGEST_RETRY_AFTER);
}

/* What is left of a refusal's body when the members that every error has are taken away. */
static JsonObject *
read_challenge (BrevetReply *reply)
{
  static const char *const members[] = { "errorCode", "trackingId", "message", "info", "timestampUtc" };
  g_autoptr(JsonObject) object = brevet_wire_parse_object (brevet_reply_get_body (reply), "the challenge", NULL);

  if (object == NULL)
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS (members); i++)
    json_object_remove_member (object, members[i]);
  return json_object_get_size (object) > 0 ? g_steal_pointer (&object) : NULL;
}

static void
read_failure (BrevetRegistrationAnswer *self, BrevetReply *reply, BrevetRegistrationState *state)
{
  const char *tracking_id = brevet_reply_get_header (reply, "x-ms-request-id");
  g_autofree char *reason = g_strdup_printf ("The service answers that the registration is %s: %s",
                                             brevet_registration_status_to_string (state->status),
                                             state->error_message != NULL ? state->error_message : "it gives no reason");

  self->kind = BREVET_REGISTRATION_ANSWER_REFUSED;
  self->disabled = state->status == BREVET_REGISTRATION_DISABLED;
  set_error (self, BREVET_ERROR_REJECTED, reason, state->error_code, tracking_id);
}

static void
read_operation (BrevetRegistrationAnswer *self, BrevetReply *reply)
{
  g_autoptr(BrevetRegistrationState) state = NULL;

  self->kind = BREVET_REGISTRATION_ANSWER_TROUBLE;
  state = brevet_operation_parse (brevet_reply_get_body (reply), &self->operation_id, &self->error);
  if (state == NULL)
    {
      self->error->code = BREVET_ERROR_UNREACHABLE;
      return;
    }
  if (state->status == BREVET_REGISTRATION_ASSIGNED)
    {
      self->kind = BREVET_REGISTRATION_ANSWER_ASSIGNED;
      self->state = g_steal_pointer (&state);
    }
  else if (state->status == BREVET_REGISTRATION_FAILED || state->status == BREVET_REGISTRATION_DISABLED)
    read_failure (self, reply, state);
  else if (self->operation_id != NULL)
    self->kind = BREVET_REGISTRATION_ANSWER_ASSIGNING;
  else
    set_error (self, BREVET_ERROR_UNREACHABLE, "The service's reply names no operation to ask for", 0,
               brevet_reply_get_header (reply, "x-ms-request-id"));
}

BrevetRegistrationAnswer *
brevet_registration_answer_read (BrevetReply *reply)
{
  BrevetRegistrationAnswer *self = g_new0 (BrevetRegistrationAnswer, 1);
  guint status = brevet_reply_get_status (reply);

  self->retry_after = read_retry_after (reply);
  if (status < 300)
    {
      read_operation (self, reply);
      return self;
    }
  if (status >= 429 || status == 408)
    {
      self->kind = BREVET_REGISTRATION_ANSWER_TROUBLE;
      describe_problem (self, reply, BREVET_ERROR_UNREACHABLE, "The service answers");
      return self;
    }
  self->unauthenticated = status == 401;
  self->challenge = self->unauthenticated ? read_challenge (reply) : NULL;
  if (self->challenge == NULL && !is_of_service (reply))
    {
      read_stranger (self, reply);
      return self;
    }
  self->kind = self->challenge != NULL ? BREVET_REGISTRATION_ANSWER_CHALLENGE : BREVET_REGISTRATION_ANSWER_REFUSED;
  describe_problem (self, reply, BREVET_ERROR_REJECTED, "The service refuses");
  return self;
}

void
brevet_registration_answer_free (BrevetRegistrationAnswer *self)
{
  g_clear_pointer (&self->state, brevet_registration_state_free);
  g_clear_pointer (&self->challenge, json_object_unref);
  g_free (self->operation_id);
  g_free (self->tracking_id);
  g_clear_error (&self->error);
  g_free (self);
}
