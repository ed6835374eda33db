/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-clock.h"
#include "brevet-handler.h"
#include "brevet-sas-token.h"
#include "pipeline-fixture.h"
#include "service-private.h"

#include <string.h>

#define OPERATOR_KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

struct _Question
{
  BrevetHandler *handler;
  BrevetRequest *request;
  GCancellable  *cancellable;
  GBytes        *body;
  BrevetReply   *reply;
};

static void
on_handled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Question *question = user_data;

  question->reply = brevet_handler_handle_finish (BREVET_HANDLER (source), result);
  g_assert_nonnull (question->reply);
}

static void
on_admitted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Question *question = user_data;

  question->reply = brevet_handler_admit_finish (BREVET_HANDLER (source), result);
  if (question->reply != NULL)
    return;
  brevet_request_set_body (question->request, question->body);
  brevet_handler_handle_async (question->handler, question->request, question->cancellable, on_handled, question);
}

static Question *
begin (Pipeline *self, const char *method, const char *path, const char *version, const char *resource, const char *key,
       const char *key_name, const char *body)
{
  Question *question = g_new0 (Question, 1);
  g_autofree char *query = g_strconcat ("api-version=", version, NULL);
  g_autoptr(BrevetClaims) claims = brevet_claims_new ();

  if (*key != '\0')
    {
      g_autoptr(BrevetSecret) secret = brevet_secret_new_from_base64 (key, NULL);
      g_autofree char *token = brevet_sas_token_create (resource, secret, brevet_clock_now_seconds () + 600, key_name);

      brevet_claims_set_token (claims, token);
    }
  brevet_claims_set_remote_address (claims, "192.0.2.7");
  question->handler = g_object_ref (BREVET_HANDLER (self->service));
  question->request = brevet_request_new (method, path, query);
  question->body = body != NULL ? g_bytes_new (body, strlen (body)) : NULL;
  brevet_request_set_claims (question->request, claims);
  return question;
}

Question *
ask_begin (Pipeline *self, const char *device, Ask ask)
{
  const char *scope = ask.scope != NULL ? ask.scope : SCOPE;
  const char *method = ask.method != NULL ? ask.method : "PUT";
  g_autofree char *resource = g_strdup_printf ("%s/registrations/%s", scope, device);
  g_autofree char *path = g_strdup_printf ("/%s%s", resource, ask.path != NULL ? ask.path : "/register");
  Question *question = begin (self, method, path, ask.version != NULL ? ask.version : PREVIEW, resource,
                              ask.key != NULL ? ask.key : DEVICE_KEY, "registration",
                              ask.body != NULL || g_str_equal (method, "GET") ? ask.body : "{}");

  question->cancellable = ask.cancellable != NULL ? g_object_ref (ask.cancellable) : NULL;
  brevet_request_set_header (question->request, "prefer", ask.prefer);
  brevet_request_set_header (question->request, "if-none-match", ask.if_none_match);
  brevet_handler_admit_async (question->handler, question->request, question->cancellable, on_admitted, question);
  return question;
}

gboolean
ask_is_answered (Question *question)
{
  return question->reply != NULL;
}

Heard *
ask_end (Question *question)
{
  Heard *heard = g_new0 (Heard, 1);
  GBytes *body;

  while (question->reply == NULL)
    g_main_context_iteration (g_main_context_get_thread_default (), TRUE);
  heard->reply = question->reply;
  heard->status = brevet_reply_get_status (heard->reply);
  body = brevet_reply_get_body (heard->reply);
  heard->text = body != NULL ? g_strndup (g_bytes_get_data (body, NULL), g_bytes_get_size (body)) : g_strdup ("");
  heard->node = json_from_string (heard->text, NULL);
  g_assert_cmpstr (brevet_reply_get_header (heard->reply, "x-ms-request-id"), ==,
                   brevet_request_get_tracking_id (question->request));
  brevet_request_unref (question->request);
  g_clear_pointer (&question->body, g_bytes_unref);
  g_clear_object (&question->cancellable);
  g_object_unref (question->handler);
  g_free (question);
  return heard;
}

Heard *
operate (Pipeline *self, guint status, const char *method, const char *path, const char *if_match, const char *body)
{
  Question *question = begin (self, method, path, PREVIEW, "dps.example.net", OPERATOR_KEY, "provisioningserviceowner", body);
  Heard *heard;

  brevet_request_set_header (question->request, "if-match", if_match);
  brevet_handler_admit_async (question->handler, question->request, NULL, on_admitted, question);
  heard = ask_end (question);
  if (heard->status != status)
    g_error ("%s %s: %u %s", method, path, heard->status, heard->text);
  return heard;
}

void
heard_free (Heard *self)
{
  brevet_reply_unref (self->reply);
  g_free (self->text);
  g_clear_pointer (&self->node, json_node_unref);
  g_free (self);
}

static JsonNode *
find_node (const Heard *self, const char *path)
{
  g_auto(GStrv) steps = g_strsplit (path, ".", -1);
  JsonNode *node = self->node;

  for (guint i = 0; steps[i] != NULL && node != NULL; i++)
    node = JSON_NODE_HOLDS_OBJECT (node) ? json_object_get_member (json_node_get_object (node), steps[i]) : NULL;
  return node;
}

const char *
heard_get (const Heard *self, const char *path)
{
  JsonNode *node = find_node (self, path);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;
}

gint64
heard_get_int (const Heard *self, const char *path)
{
  JsonNode *node = find_node (self, path);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_int (node) : 0;
}

BrevetCertificate *
heard_get_certificate (const Heard *self)
{
  const char *pem = heard_get (self, "registrationState.issuedClientCertificate");
  g_autoptr(BrevetChain) chain = pem != NULL ? brevet_chain_new_from_pem (pem, NULL) : NULL;

  return chain != NULL ? brevet_certificate_ref (brevet_chain_get_leaf (chain)) : NULL;
}

char *
heard_mask (const Heard *self)
{
  static const struct { const char *pattern, *word; } rules[] = {
    { "[0-9]\\.[0-9a-f]{16}\\.[0-9a-f-]{36}", "OPERATION" },
    { "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID" },
    { "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{7}Z", "TIME" },
    { "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z", "DATE" },
    { "\"etag\":\"[^\"]+\"", "\"etag\":\"ETAG\"" },
    { "-----BEGIN CERTIFICATE-----(\\\\n[A-Za-z0-9+/=]{1,64})+\\\\n-----END CERTIFICATE-----\\\\n", "PEM" },
    { "Thumbprint\":\"[0-9A-F]+\"", "Thumbprint\":\"HEX\"" },
    { "serialNumber\":\"[0-9A-F]+\"", "serialNumber\":\"HEX\"" },
  };
  char *text = g_strdup (self->text);

  for (guint i = 0; i < G_N_ELEMENTS (rules); i++)
    {
      g_autoptr(GRegex) regex = g_regex_new (rules[i].pattern, 0, 0, NULL);
      char *masked = g_regex_replace_literal (regex, text, -1, 0, rules[i].word, 0, NULL);

      g_free (text);
      text = masked;
    }
  return text;
}

/* The store has one queue for writing: what is answered last says that all before it is written. */
void
heard_deliver (Pipeline *pipeline, Heard *self)
{
  brevet_reply_delivered (self->reply);
  enroll (pipeline, "barrier", NULL);
}

void
enroll (Pipeline *self, const char *device, const char *members)
{
  g_autofree char *path = g_strconcat ("/enrollments/", device, NULL);
  g_autofree char *body = g_strdup_printf ("{\"registrationId\":\"%s\",\"attestation\":{\"type\":\"symmetricKey\",\"symmetricKey\":"
                                           "{\"primaryKey\":\"" DEVICE_KEY "\",\"secondaryKey\":\"" DEVICE_KEY "\"}}%s%s}",
                                           device, members != NULL ? "," : "", members != NULL ? members : "");
  g_autoptr(Heard) heard = operate (self, 200, "PUT", path, NULL, body);
}

char *
make_csr (BrevetKey *key, const char *common_name)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) der = brevet_key_create_csr (key, common_name, &error);

  g_assert_no_error (error);
  return g_base64_encode (g_bytes_get_data (der, NULL), g_bytes_get_size (der));
}

char *
make_body (const char *device, const char *csr)
{
  if (csr == NULL)
    return g_strdup_printf ("{\"registrationId\":\"%s\"}", device);
  return g_strdup_printf ("{\"registrationId\":\"%s\",\"clientCertificateCsr\":\"%s\"}", device, csr);
}

Heard *
device_register (Pipeline *self, const char *device, const char *csr)
{
  g_autofree char *body = make_body (device, csr);
  Heard *heard = ask (self, device, .body = body);

  if (heard->status != 202)
    g_error ("%s: %u %s", device, heard->status, heard->text);
  g_assert_cmpstr (heard_get (heard, "status"), ==, "assigning");
  return heard;
}

Heard *
device_await (Pipeline *self, const char *device, const char *operation_id)
{
  g_autofree char *path = g_strconcat ("/operations/", operation_id, NULL);
  Heard *heard = ask (self, device, .method = "GET", .path = path, .prefer = "wait=60");

  while (heard->status == 202)
    {
      heard_free (heard);
      heard = ask (self, device, .method = "GET", .path = path, .prefer = "wait=60");
    }
  g_assert_cmpuint (heard->status, ==, 200);
  return heard;
}

Heard *
device_provision (Pipeline *self, const char *device, const char *csr)
{
  g_autoptr(Heard) begun = device_register (self, device, csr);

  return device_await (self, device, heard_get (begun, "operationId"));
}

void
assert_assigned (const Heard *heard, const char *hub)
{
  g_assert_cmpuint (heard->status, ==, 200);
  g_assert_cmpstr (heard_get (heard, "status"), ==, "assigned");
  g_assert_cmpstr (heard_get (heard, "registrationState.status"), ==, "assigned");
  if (hub != NULL)
    g_assert_cmpstr (heard_get (heard, "registrationState.assignedHub"), ==, hub);
}

void
assert_failed (const Heard *heard, gint64 code, const char *message)
{
  g_assert_cmpuint (heard->status, ==, 200);
  g_assert_cmpstr (heard_get (heard, "status"), ==, "failed");
  g_assert_nonnull (heard_get (heard, "operationId"));
  g_assert_cmpstr (heard_get (heard, "registrationState.status"), ==, "failed");
  g_assert_cmpint (heard_get_int (heard, "registrationState.errorCode"), ==, code);
  if (message != NULL)
    g_assert_cmpstr (heard_get (heard, "registrationState.errorMessage"), ==, message);
  g_assert_null (heard_get (heard, "registrationState.issuedClientCertificate"));
}

void
assert_error (const Heard *heard, guint status, gint64 code)
{
  g_autofree char *header = g_strdup_printf ("%" G_GINT64_FORMAT, code);

  g_assert_cmpuint (heard->status, ==, status);
  g_assert_cmpint (heard_get_int (heard, "errorCode"), ==, code);
  g_assert_cmpstr (heard_get (heard, "trackingId"), ==, brevet_reply_get_header (heard->reply, "x-ms-request-id"));
  g_assert_cmpstr (brevet_reply_get_header (heard->reply, "x-ms-error-code"), ==, header);
  g_assert_nonnull (heard_get (heard, "message"));
  g_assert_nonnull (heard_get (heard, "timestampUtc"));
}

Heard *
pump_begin (Pipeline *self, const char *members)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");

  enroll (self, "pump-07", members);
  return device_register (self, "pump-07", csr);
}

Heard *
pump_await (Pipeline *self, const Heard *begun)
{
  return device_await (self, "pump-07", heard_get (begun, "operationId"));
}

Heard *
pump_provision (Pipeline *self, const char *members)
{
  g_autoptr(Heard) begun = pump_begin (self, members);

  pipeline_hurry (self, 1);
  return pump_await (self, begun);
}

void
assert_left (Pipeline *self, Heard **heard, guint orphans)
{
  g_clear_pointer (heard, heard_free);
  pipeline_hurry (self, 0);
  assert_records (self, "journal", 0);
  assert_records (self, "orphans", orphans);
}

static void
wait_for_end (Pipeline *pipeline)
{
  do
    g_main_context_iteration (NULL, FALSE);
  while (brevet_service_chores_is_running (pipeline->service->chores) || g_main_context_pending (NULL));
}

void
pipeline_let_work (Pipeline *pipeline)
{
  for (guint round = 0; round < 3; round++)
    {
      wait_for_end (pipeline);
      /* So that what was counted a moment ago is counted again. */
      pipeline_leap (2);
      brevet_service_chores_poke (pipeline->service->chores, NULL);
      wait_for_end (pipeline);
      enroll (pipeline, "barrier", NULL);
    }
}

void
pipeline_reload (Pipeline *pipeline, const char *former, const char *next)
{
  g_autoptr(GString) text = g_string_new (pipeline->configuration);
  g_autoptr(BrevetConfig) config = NULL;
  g_autoptr(GError) error = NULL;

  if (former != NULL)
    g_assert_cmpuint (g_string_replace (text, former, next, 1), ==, 1);
  else
    g_string_append (text, next);
  g_free (pipeline->configuration);
  pipeline->configuration = g_strdup (text->str);
  config = brevet_config_new_from_text (pipeline->configuration, "dps.conf", pipeline->directory, &error);
  g_assert_no_error (error);
  brevet_service_reload (pipeline->service, config, &error);
  g_assert_no_error (error);
}
