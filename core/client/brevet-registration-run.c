/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-registration-client-private.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-registration-request.h"
#include "brevet-route.h"
#include "brevet-time-limit.h"

/* Seconds that the service may keep a request for; less than the patience of any transport. */
#define LONGEST_WAIT 30

/* Between two looks at an operation (protocol/dps.md §3.1). */
#define DEFAULT_POLL 2
#define SHORTEST_POLL 2
#define LONGEST_POLL 59

/* Growing pauses while the service is in trouble: half a second on average at first, half a minute at last. */
#define FIRST_PAUSE_MS 1000
#define LONGEST_PAUSE_MS 60000
#define LAST_DOUBLING 6

/* A token does not live for ever; a registration may take a day. */
#define EVIDENCE_LIFETIME (5 * G_TIME_SPAN_MINUTE)

/* One registration: the data of its task. */
typedef struct {
  BrevetRegistrationClient *client;
  GBytes *csr;
  JsonNode *payload;
  guint timeout;
  gint64 deadline;
  GSource *pause_source;
  BrevetTimeLimit *limit;
  JsonObject *challenge;
  gboolean challenge_is_fresh; /* answered, and nothing heard of the answer yet */
  gboolean began_anew;
  BrevetEvidence *evidence;
  gint64 evidence_time;
  char *operation_id;
  BrevetRegistrationState *state; /* while the prover takes its part of it */
  guint failures;
  GError *last_error;
} Registration;

static void
clear_pause (Registration *self)
{
  if (self->pause_source != NULL)
    g_source_destroy (self->pause_source);
  g_clear_pointer (&self->pause_source, g_source_unref);
}

static void
registration_free (Registration *self)
{
  g_clear_pointer (&self->limit, brevet_time_limit_free);
  clear_pause (self);
  g_clear_pointer (&self->csr, g_bytes_unref);
  g_clear_pointer (&self->payload, json_node_unref);
  g_clear_pointer (&self->challenge, json_object_unref);
  g_clear_pointer (&self->evidence, brevet_evidence_unref);
  g_clear_pointer (&self->state, brevet_registration_state_free);
  g_free (self->operation_id);
  g_clear_error (&self->last_error);
  g_free (self);
}

static void prove (GTask *task);

static gint64
get_remaining_ms (Registration *self)
{
  return MAX (0, (self->deadline - brevet_clock_monotonic ()) / 1000);
}

static void
fail_too_late (GTask *task)
{
  Registration *self = g_task_get_task_data (task);

  g_task_return_error (task, brevet_registration_client_describe_delay (self->client, self->timeout, self->last_error));
}

static gboolean
on_paused (gpointer user_data)
{
  g_autoptr(GTask) task = g_object_ref (G_TASK (user_data));
  Registration *self = g_task_get_task_data (task);

  clear_pause (self);
  if (g_cancellable_is_cancelled (g_task_get_cancellable (task)))
    g_task_return_error_if_cancelled (task);
  else if (get_remaining_ms (self) == 0)
    fail_too_late (task);
  else
    prove (task);
  return G_SOURCE_REMOVE;
}

/* The pause ends early when the caller cancels or the time is over. */
static void
pause_then_go_on (GTask *task, gint64 milliseconds)
{
  Registration *self = g_task_get_task_data (task);
  g_autoptr(GSource) cancelled = g_cancellable_source_new (brevet_time_limit_get_cancellable (self->limit));

  self->pause_source = g_timeout_source_new ((guint) MIN (milliseconds, get_remaining_ms (self)));
  g_source_set_dummy_callback (cancelled);
  g_source_add_child_source (self->pause_source, cancelled);
  g_source_set_callback (self->pause_source, on_paused, g_object_ref (task), g_object_unref);
  g_source_attach (self->pause_source, g_task_get_context (task));
}

static gint64
choose_pause (Registration *self, int retry_after)
{
  guint doublings = MIN (self->failures, LAST_DOUBLING);
  gint64 ceiling = MIN ((gint64) FIRST_PAUSE_MS << doublings, LONGEST_PAUSE_MS);
  gint64 jitter = g_random_int_range (0, (gint32) ceiling + 1);

  self->failures++;
  return (retry_after > 0 ? (gint64) retry_after * 1000 : 0) + jitter;
}

static void
try_again (GTask *task, GError *error, int retry_after)
{
  Registration *self = g_task_get_task_data (task);
  gint64 pause;

  if (!self->client->patient)
    {
      g_task_return_error (task, error);
      return;
    }
  pause = choose_pause (self, retry_after);
  g_message ("%s; trying again in %.1f s", error->message, (double) pause / 1000);
  g_clear_error (&self->last_error);
  self->last_error = error;
  pause_then_go_on (task, pause);
}

static void
poll_later (GTask *task, BrevetRegistrationAnswer *answer)
{
  Registration *self = g_task_get_task_data (task);
  int pause = answer->retry_after < 0 ? DEFAULT_POLL : CLAMP (answer->retry_after, SHORTEST_POLL, LONGEST_POLL);

  self->failures = 0;
  self->challenge_is_fresh = FALSE;
  g_clear_error (&self->last_error);
  g_free (self->operation_id);
  self->operation_id = g_steal_pointer (&answer->operation_id);
  brevet_registration_client_set_stage (self->client, BREVET_REGISTRATION_STAGE_ASSIGNING);
  pause_then_go_on (task, (gint64) pause * 1000);
}

/* A challenge is answered, be it the first or one that comes later, when the service no longer takes the answer to that; a service
 * that sends another one at once does not like the answer. */
static void
answer_challenge (GTask *task, BrevetRegistrationAnswer *answer)
{
  Registration *self = g_task_get_task_data (task);

  if (self->challenge_is_fresh)
    {
      g_task_return_error (task, g_steal_pointer (&answer->error));
      return;
    }
  self->challenge_is_fresh = TRUE;
  g_clear_pointer (&self->challenge, json_object_unref);
  self->challenge = g_steal_pointer (&answer->challenge);
  g_clear_pointer (&self->evidence, brevet_evidence_unref);
  prove (task);
}

/* A service forgets challenges after a while. Who is refused with an answer that it has accepted before asks for another one. */
static void
take_refusal (GTask *task, BrevetRegistrationAnswer *answer)
{
  Registration *self = g_task_get_task_data (task);

  if (!answer->unauthenticated || self->challenge == NULL || self->challenge_is_fresh || self->began_anew)
    {
      g_task_return_error (task, g_steal_pointer (&answer->error));
      return;
    }
  g_message ("%s; beginning anew", answer->error->message);
  self->began_anew = TRUE;
  g_clear_pointer (&self->challenge, json_object_unref);
  g_clear_pointer (&self->evidence, brevet_evidence_unref);
  g_clear_pointer (&self->operation_id, g_free);
  prove (task);
}

static void
on_accepted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Registration *self = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  if (!brevet_prover_accept_finish (BREVET_PROVER (source), result, &error))
    g_warning ("%s is assigned, but could not take what the service sent for its attestation: %s", self->client->registration_id,
               error->message);
  g_task_return_pointer (task, g_steal_pointer (&self->state), (GDestroyNotify) brevet_registration_state_free);
}

/* The device is assigned, whatever its prover does with its part of that. */
static void
take_assignment (GTask *task, BrevetRegistrationAnswer *answer)
{
  Registration *self = g_task_get_task_data (task);

  self->state = g_steal_pointer (&answer->state);
  if (self->state->attestation != NULL)
    brevet_prover_accept_async (self->client->prover, self->state->attestation, brevet_time_limit_get_cancellable (self->limit),
                                on_accepted, g_object_ref (task));
  else
    g_task_return_pointer (task, g_steal_pointer (&self->state), (GDestroyNotify) brevet_registration_state_free);
}

static void
act_on (GTask *task, BrevetRegistrationAnswer *answer)
{
  switch (answer->kind)
    {
    case BREVET_REGISTRATION_ANSWER_ASSIGNED:
      take_assignment (task, answer);
      break;
    case BREVET_REGISTRATION_ANSWER_ASSIGNING:
      poll_later (task, answer);
      break;
    case BREVET_REGISTRATION_ANSWER_CHALLENGE:
      answer_challenge (task, answer);
      break;
    case BREVET_REGISTRATION_ANSWER_REFUSED:
      take_refusal (task, answer);
      break;
    case BREVET_REGISTRATION_ANSWER_TROUBLE:
      try_again (task, g_steal_pointer (&answer->error), answer->retry_after);
      break;
    default:
      g_assert_not_reached ();
    }
}

static gboolean
may_pass (const GError *error)
{
  return g_error_matches (error, BREVET_ERROR, BREVET_ERROR_UNREACHABLE) ||
         g_error_matches (error, BREVET_ERROR, BREVET_ERROR_BUSY);
}

static void
fail (GTask *task, GError *error)
{
  Registration *self = g_task_get_task_data (task);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) && brevet_time_limit_has_passed (self->limit))
    {
      g_error_free (error);
      fail_too_late (task);
    }
  else if (may_pass (error))
    try_again (task, error, -1);
  else
    g_task_return_error (task, error);
}

static void
on_exchanged (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetRegistrationClient *client = g_task_get_source_object (task);
  g_autoptr(BrevetRegistrationAnswer) answer = NULL;
  g_autoptr(BrevetReply) reply = NULL;
  GError *error = NULL;

  reply = brevet_transport_exchange_finish (BREVET_TRANSPORT (source), result, &error);
  brevet_registration_client_set_failure (client, NULL);
  if (reply == NULL)
    {
      fail (task, error);
      return;
    }
  answer = brevet_registration_answer_read (reply);
  brevet_registration_client_set_failure (client, answer);
  act_on (task, answer);
}

static GBytes *
make_body (Registration *self)
{
  BrevetRegistrationRequest request = {
    .registration_id = self->client->registration_id,
    .attestation = brevet_evidence_get_parameters (self->evidence),
    .payload = self->payload,
    .csr = self->csr,
  };
  BrevetDialect dialect;

  brevet_dialect_parse (self->client->api_version, &dialect, NULL);
  return brevet_registration_request_print (&request, dialect);
}

static BrevetRequest *
make_request (Registration *self)
{
  g_autofree char *suffix = NULL;
  g_autofree char *path = NULL;
  g_autofree char *query = g_strconcat ("api-version=", self->client->api_version, NULL);
  g_autofree char *prefer = g_strdup_printf ("wait=%d", (int) CLAMP (get_remaining_ms (self) / 1000, 1, LONGEST_WAIT));
  BrevetRequest *request;

  suffix = self->operation_id != NULL ? g_strconcat ("operations/", self->operation_id, NULL) : g_strdup ("register");
  path = brevet_route_build_registration_path (self->client->id_scope, self->client->registration_id, suffix);
  request = brevet_request_new (self->operation_id != NULL ? "GET" : "PUT", path, query);
  brevet_request_set_header (request, "prefer", prefer);
  brevet_request_set_evidence (request, self->evidence);
  if (self->operation_id == NULL)
    {
      g_autoptr(GBytes) body = make_body (self);

      brevet_request_set_body (request, body);
    }
  return request;
}

static void
exchange (GTask *task)
{
  Registration *self = g_task_get_task_data (task);
  g_autoptr(BrevetRequest) request = make_request (self);

  if (self->operation_id == NULL)
    brevet_registration_client_set_stage (self->client, BREVET_REGISTRATION_STAGE_REGISTERING);
  brevet_transport_exchange_async (self->client->transport, request, brevet_time_limit_get_cancellable (self->limit),
                                   on_exchanged, g_object_ref (task));
}

static void
on_proved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Registration *self = g_task_get_task_data (task);
  GError *error = NULL;

  self->evidence = brevet_prover_prove_finish (BREVET_PROVER (source), result, &error);
  if (self->evidence == NULL)
    {
      fail (task, error);
      return;
    }
  self->evidence_time = brevet_clock_monotonic ();
  exchange (task);
}

static void
prove (GTask *task)
{
  Registration *self = g_task_get_task_data (task);

  if (self->evidence != NULL && brevet_clock_monotonic () - self->evidence_time < EVIDENCE_LIFETIME)
    {
      exchange (task);
      return;
    }
  g_clear_pointer (&self->evidence, brevet_evidence_unref);
  if (self->operation_id == NULL)
    brevet_registration_client_set_stage (self->client, BREVET_REGISTRATION_STAGE_PROVING);
  brevet_prover_prove_async (self->client->prover, self->client->id_scope, self->client->registration_id, self->challenge,
                             brevet_time_limit_get_cancellable (self->limit), on_proved, g_object_ref (task));
}

void
brevet_registration_run (GTask *task, GBytes *csr, JsonNode *payload, guint timeout)
{
  Registration *self = g_new0 (Registration, 1);

  g_task_set_task_data (task, self, (GDestroyNotify) registration_free);
  self->client = g_task_get_source_object (task);
  self->csr = csr != NULL ? g_bytes_ref (csr) : NULL;
  self->payload = payload != NULL ? json_node_ref (payload) : NULL;
  self->timeout = timeout;
  self->deadline = brevet_clock_monotonic () + (gint64) timeout * G_TIME_SPAN_SECOND;
  self->limit = brevet_time_limit_new (g_task_get_context (task), timeout * 1000, g_task_get_cancellable (task));
  prove (task);
}
