/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ca-call.h"

/* How often it is looked whether the request was sent, in milliseconds. */
#define LOOK 1

/* How long something may still be going on in an instance that nobody uses any more, in milliseconds. */
#define LONGEST_CLOSE 5000

/* One call, from its order to its line. */
typedef struct
{
  CaCall          *owner;
  JsonObject      *order;
  JsonObject      *answer;
  BrevetCaRequest *request;
  BrevetCaOutcome *outcome;
  GCancellable    *cancellable;
  guint            canceller;
  GObject         *kept; /* what is being closed; no reference */
  gint64           began;
} Call;

static const char *
get_text (JsonObject *object, const char *member, const char *fallback)
{
  JsonNode *node = json_object_get_member (object, member);

  return node != NULL && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : fallback;
}

static gint64
get_number (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node != NULL && json_node_get_value_type (node) == G_TYPE_INT64 ? json_node_get_int (node) : 0;
}

static gboolean
get_boolean (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node != NULL && json_node_get_value_type (node) == G_TYPE_BOOLEAN && json_node_get_boolean (node);
}

static void
end (Call *self)
{
  CaCall *owner = self->owner;

  if (self->canceller != 0)
    g_source_remove (self->canceller);
  json_object_set_int_member (self->answer, "milliseconds", (g_get_monotonic_time () - self->began) / 1000);
  owner->longest_gap = MAX (owner->longest_gap, ca_call_get_time () - owner->last_beat);
  json_object_set_int_member (self->answer, "heartbeat", owner->longest_gap / 1000);
  if (self->request != NULL)
    json_object_set_boolean_member (self->answer, "wasSent", brevet_ca_request_was_sent (self->request));
  ca_call_say (self->answer);
  owner->n_calls--;
  g_clear_pointer (&self->request, brevet_ca_request_unref);
  g_clear_pointer (&self->outcome, brevet_ca_outcome_unref);
  g_object_unref (self->cancellable);
  json_object_unref (self->order);
  json_object_unref (self->answer);
  g_free (self);
}

static void
end_with (Call *self, const GError *error)
{
  ca_call_add_error (self->answer, error);
  end (self);
}

/* --- requests --- */

static BrevetKey *
find_key (CaCall *self, const char *name)
{
  BrevetKey *key = g_hash_table_lookup (self->keys, name);

  if (key == NULL)
    {
      key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
      g_hash_table_insert (self->keys, g_strdup (name), key);
    }
  return key;
}

static BrevetCaRequest *
begin_attempt (BrevetKey *key, const char *name, GError **error)
{
  g_autoptr(GBytes) der = brevet_key_create_csr (key, name, error);
  g_autoptr(BrevetKeyPolicy) policy = brevet_key_policy_new ();
  g_autoptr(BrevetCsr) csr = der != NULL ? brevet_csr_new (der, policy, error) : NULL;
  g_autoptr(BrevetSecret) idempotency_key = brevet_secret_new_random (BREVET_CA_IDEMPOTENCY_KEY_SIZE);

  if (csr == NULL)
    return NULL;
  return brevet_ca_request_new ("00000000-0000-4000-8000-000000000001", name, csr, brevet_secret_get_data (idempotency_key, NULL),
                                brevet_clock_now_seconds ());
}

/* Asked again, CSR, idempotency key and time are those of the first time, as the core keeps them in its journal. */
static BrevetCaRequest *
repeat_attempt (BrevetCaRequest *attempt, const char *name)
{
  return brevet_ca_request_new (brevet_ca_request_get_operation_id (attempt), name, brevet_ca_request_get_csr (attempt),
                                brevet_ca_request_get_idempotency_key (attempt), brevet_ca_request_get_requested_at (attempt));
}

static gboolean
is_issuance (JsonObject *order)
{
  return g_str_equal (get_text (order, "do", ""), "issue") && !get_boolean (order, "again");
}

/* @known: ids of calls whose certificates the core has already */
static void
add_known (CaCall *self, BrevetCaRequest *request, JsonNode *known)
{
  JsonArray *array = known != NULL && JSON_NODE_HOLDS_ARRAY (known) ? json_node_get_array (known) : NULL;

  for (guint i = 0; array != NULL && i < json_array_get_length (array); i++)
    {
      const char *id = json_node_get_string (json_array_get_element (array, i));
      BrevetCaOutcome *issued = id != NULL ? g_hash_table_lookup (self->issued, id) : NULL;

      if (issued != NULL)
        brevet_ca_request_add_known (request,
                                     brevet_certificate_get_sha256 (brevet_chain_get_leaf (brevet_ca_outcome_get_chain (issued))));
    }
}

static BrevetCaRequest *
make_request (CaCall *self, JsonObject *order, GError **error)
{
  const char *name = get_text (order, "name", "dev-1");
  const char *key = get_text (order, "key", name);
  BrevetCaRequest *attempt = is_issuance (order) ? NULL : g_hash_table_lookup (self->attempts, key);
  BrevetCaRequest *request = attempt != NULL ? repeat_attempt (attempt, name) : begin_attempt (find_key (self, key), name, error);
  gint64 deadline = get_number (order, "deadline");

  if (request == NULL)
    return NULL;
  if (is_issuance (order))
    g_hash_table_replace (self->attempts, g_strdup (key), brevet_ca_request_ref (request));
  brevet_ca_request_set_uri (request, get_text (order, "uri", NULL));
  brevet_ca_request_set_validity (request, get_number (order, "validity"));
  add_known (self, request, json_object_get_member (order, "known"));
  if (deadline > 0)
    brevet_ca_request_set_deadline (request, brevet_clock_monotonic () + deadline * 1000);
  return request;
}

/* --- certificates --- */

static void
on_trust_for_check (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Call *self = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetTrustBundle) trust = brevet_ca_backend_get_trust_finish (BREVET_CA_BACKEND (source), result, &error);

  if (trust != NULL)
    ca_call_add_judgement (self->owner, self->answer, self->request, self->outcome, trust);
  else
    json_object_set_string_member (self->answer, "refusal", error->message);
  end (self);
}

static void
take_outcome (Call *self, BrevetCaOutcome *outcome, const GError *error)
{
  if (outcome == NULL)
    {
      end_with (self, error);
      return;
    }
  self->outcome = outcome;
  ca_call_add_outcome (self->answer, outcome);
  if (!brevet_ca_outcome_is_issued (outcome))
    {
      end (self);
      return;
    }
  g_hash_table_replace (self->owner->issued, g_strdup (get_text (self->order, "id", "")), brevet_ca_outcome_ref (outcome));
  brevet_ca_backend_get_trust_async (self->owner->backend, NULL, on_trust_for_check, self);
}

static void
on_issued (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GError) error = NULL;
  BrevetCaOutcome *outcome = brevet_ca_backend_issue_finish (BREVET_CA_BACKEND (source), result, &error);

  take_outcome (user_data, outcome, error);
}

static void
on_polled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GError) error = NULL;
  BrevetCaOutcome *outcome = brevet_ca_backend_poll_finish (BREVET_CA_BACKEND (source), result, &error);

  take_outcome (user_data, outcome, error);
}

static void
on_found (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GError) error = NULL;
  BrevetCaOutcome *outcome = brevet_ca_backend_find_finish (BREVET_CA_BACKEND (source), result, &error);

  take_outcome (user_data, outcome, error);
}

/* --- the other verbs --- */

static void
on_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  static const char *const states[] = { "unknown", "ok", "degraded", "down" };
  Call *self = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetCaHealth) health = brevet_ca_backend_check_finish (BREVET_CA_BACKEND (source), result, &error);

  if (health == NULL)
    {
      end_with (self, error);
      return;
    }
  json_object_set_string_member (self->answer, "outcome", "health");
  json_object_set_string_member (self->answer, "state", states[brevet_ca_health_get_state (health)]);
  json_object_set_string_member (self->answer, "message", brevet_ca_health_get_message (health));
  end (self);
}

static void
on_trust (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Call *self = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetTrustBundle) trust = brevet_ca_backend_get_trust_finish (BREVET_CA_BACKEND (source), result, &error);
  g_autofree char *pem = NULL;

  if (trust == NULL)
    {
      end_with (self, error);
      return;
    }
  pem = brevet_trust_bundle_to_pem (trust);
  json_object_set_string_member (self->answer, "outcome", "trust");
  json_object_set_string_member (self->answer, "certificates", pem);
  end (self);
}

static void
on_crl (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Call *self = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) crl = brevet_ca_backend_get_crl_finish (BREVET_CA_BACKEND (source), result, &error);
  g_autofree char *text = NULL;

  if (crl == NULL)
    {
      end_with (self, error);
      return;
    }
  text = g_base64_encode (g_bytes_get_data (crl, NULL), g_bytes_get_size (crl));
  json_object_set_string_member (self->answer, "outcome", "crl");
  json_object_set_string_member (self->answer, "crl", text);
  end (self);
}

static void
on_revoked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Call *self = user_data;
  g_autoptr(GError) error = NULL;

  if (!brevet_ca_backend_revoke_finish (BREVET_CA_BACKEND (source), result, &error))
    {
      end_with (self, error);
      return;
    }
  json_object_set_string_member (self->answer, "outcome", "revoked");
  end (self);
}

static void
begin_revocation (Call *self)
{
  BrevetCaOutcome *issued = g_hash_table_lookup (self->owner->issued, get_text (self->order, "of", ""));
  JsonNode *reason = json_object_get_member (self->order, "reason");

  if (issued == NULL)
    {
      g_autoptr(GError) error = g_error_new_literal (BREVET_ERROR, BREVET_ERROR_INVALID, "Nothing was issued in the call “of”");

      end_with (self, error);
      return;
    }
  brevet_ca_backend_revoke_async (self->owner->backend, brevet_chain_get_leaf (brevet_ca_outcome_get_chain (issued)),
                                  brevet_ca_outcome_get_backend_reference (issued),
                                  reason != NULL ? (BrevetRevocationReason) json_node_get_int (reason)
                                                 : BREVET_REVOCATION_SUPERSEDED,
                                  self->cancellable, on_revoked, self);
}

/* --- cancelling --- */

static gboolean
on_cancel (gpointer user_data)
{
  Call *self = user_data;

  self->canceller = 0;
  g_cancellable_cancel (self->cancellable);
  return G_SOURCE_REMOVE;
}

static gboolean
on_look (gpointer user_data)
{
  Call *self = user_data;

  if (!brevet_ca_request_was_sent (self->request))
    return G_SOURCE_CONTINUE;
  return on_cancel (self);
}

static void
plan_cancel (Call *self)
{
  gint64 milliseconds = get_number (self->order, "cancel");

  if (g_str_equal (get_text (self->order, "cancel", ""), "sent"))
    self->canceller = g_timeout_add (LOOK, on_look, self);
  else if (milliseconds > 0)
    self->canceller = g_timeout_add ((guint) milliseconds, on_cancel, self);
}

/* --- the end of an instance --- */

static void
on_freed (gpointer user_data, GObject *where_the_object_was)
{
  Call *self = user_data;

  json_object_set_boolean_member (self->answer, "freed", TRUE);
  end (self);
}

/* Whatever it is that keeps it does so for good. */
static gboolean
on_kept (gpointer user_data)
{
  Call *self = user_data;

  self->canceller = 0;
  g_object_weak_unref (self->kept, on_freed, self);
  json_object_set_boolean_member (self->answer, "freed", FALSE);
  end (self);
  return G_SOURCE_REMOVE;
}

static void
begin_close (Call *self)
{
  json_object_set_string_member (self->answer, "outcome", "closed");
  self->kept = G_OBJECT (self->owner->backend);
  self->canceller = g_timeout_add (LONGEST_CLOSE, on_kept, self);
  g_object_weak_ref (self->kept, on_freed, self);
  g_clear_object (&self->owner->backend);
}

/* --- choice --- */

static gboolean
ask (Call *self, const char *verb)
{
  BrevetCaBackend *backend = self->owner->backend;
  g_autoptr(GPtrArray) revocations = g_ptr_array_new ();

  if (g_str_equal (verb, "issue"))
    brevet_ca_backend_issue_async (backend, self->request, self->cancellable, on_issued, self);
  else if (g_str_equal (verb, "poll"))
    brevet_ca_backend_poll_async (backend, get_text (self->order, "ticket", ""), self->request, self->cancellable, on_polled, self);
  else if (g_str_equal (verb, "find"))
    brevet_ca_backend_find_async (backend, self->request, self->cancellable, on_found, self);
  else if (g_str_equal (verb, "check"))
    brevet_ca_backend_check_async (backend, self->cancellable, on_checked, self);
  else if (g_str_equal (verb, "trust"))
    brevet_ca_backend_get_trust_async (backend, self->cancellable, on_trust, self);
  else if (g_str_equal (verb, "crl"))
    brevet_ca_backend_get_crl_async (backend, revocations, self->cancellable, on_crl, self);
  else if (g_str_equal (verb, "revoke"))
    begin_revocation (self);
  else if (g_str_equal (verb, "close"))
    begin_close (self);
  else
    return FALSE;
  return TRUE;
}

void
ca_call_begin (CaCall *owner, JsonObject *order)
{
  Call *self = g_new0 (Call, 1);
  const char *verb = get_text (order, "do", "");
  g_autoptr(GError) error = NULL;

  self->owner = owner;
  self->order = json_object_ref (order);
  self->answer = json_object_new ();
  self->cancellable = g_cancellable_new ();
  self->began = g_get_monotonic_time ();
  if (owner->n_calls++ == 0)
    {
      owner->last_beat = ca_call_get_time ();
      owner->longest_gap = 0;
    }
  json_object_set_string_member (self->answer, "id", get_text (order, "id", ""));
  json_object_set_string_member (self->answer, "do", verb);
  if (g_str_equal (verb, "open"))
    {
      if (get_boolean (order, "forget"))
        ca_call_forget (owner);
      ca_call_open (owner, self->answer);
      end (self);
      return;
    }
  if (owner->backend == NULL)
    ca_call_open (owner, self->answer);
  self->request = make_request (owner, order, &error);
  if (owner->backend == NULL)
    end (self);
  else if (self->request == NULL)
    end_with (self, error);
  else
    {
      plan_cancel (self);
      if (ask (self, verb))
        return;
      g_set_error (&error, BREVET_ERROR, BREVET_ERROR_INVALID, "There is no command “%s”", verb);
      end_with (self, error);
    }
}
