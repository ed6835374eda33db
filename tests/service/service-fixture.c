/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service-fixture.h"

#include "brevet-clock.h"
#include "brevet-etag.h"
#include "brevet-sas-token.h"
#include "service-api.h"
#include "test-authority.h"
#include "test-scratch.h"

#include <string.h>

#define HOST "dps.example.net"
#define KEY  "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static const char configuration[] =
  "[service]\n"
  "id-scope=0ne000A1B2C\n"
  "host-names=" HOST "\n"
  "store=main\n"
  "[store main]\n"
  "file=store.db\n"
  "[ca Factory]\n"
  "type=local\n"
  "certificate=ca.pem\n"
  "key=ca.key\n"
  "[hub one]\n"
  "host-name=hub1.example.net\n"
  "[hub two]\n"
  "host-name=hub2.example.net\n"
  "[policy " OWNER "]\n"
  "primary-key=" KEY "\n"
  "[policy " READER "]\n"
  "rights=EnrollmentRead\n"
  "primary-key=" KEY "\n"
  "[policy " CONFIG "]\n"
  "rights=ServiceConfig\n"
  "primary-key=" KEY "\n";

static void
open_store (Service *service)
{
  g_autofree char *path = g_build_filename (service->directory, "store.db", NULL);
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("store", "main", NULL);
  g_autoptr(BrevetPlugin) real = NULL;
  g_autoptr(GError) error = NULL;

  brevet_settings_set (settings, "file", path, NULL);
  real = brevet_registry_create (service->registry, BREVET_TYPE_STORE, "store-sqlite", "main", settings, &error);
  g_assert_no_error (error);
  service->store = interposed_store_new (BREVET_STORE (real));
  brevet_store_open (BREVET_STORE (service->store), &error);
  g_assert_no_error (error);
}

/* @data: (nullable): a configuration in place of the usual one */
void
service_set_up (Service *service, gconstpointer data)
{
  g_autoptr(BrevetConfig) config = NULL;
  g_autoptr(GError) error = NULL;

  service->directory = test_scratch_new ();
  service->root_pem = test_authority_write (service->directory, "Factory Root");
  config = brevet_config_new_from_text (data != NULL ? data : configuration, "dps.conf", service->directory, &error);
  g_assert_no_error (error);
  service->registry = brevet_registry_new ();
  open_store (service);
  service->context = brevet_service_context_new (config, service->registry, BREVET_STORE (service->store), NULL, NULL, &error);
  g_assert_no_error (error);
}

void
service_tear_down (Service *service, gconstpointer data)
{
  g_clear_pointer (&service->context, brevet_service_context_unref);
  g_clear_object (&service->store);
  g_clear_object (&service->registry);
  test_scratch_remove (service->directory);
  g_clear_pointer (&service->directory, g_free);
  g_clear_pointer (&service->root_pem, g_free);
}

struct _Question
{
  BrevetRoute *route;
  BrevetRequest *request;
  BrevetReply *reply;
};

static BrevetRequest *
make_request (const char *policy, const char *method, const char *path, const char *if_match)
{
  g_auto(GStrv) parts = g_strsplit (path, "?", 2);
  BrevetRequest *request = brevet_request_new (method, parts[0], parts[1] != NULL ? parts[1] : API_PREVIEW);
  g_autoptr(BrevetClaims) claims = brevet_claims_new ();

  if (policy != NULL)
    {
      g_autoptr(BrevetSecret) key = brevet_secret_new_from_base64 (KEY, NULL);
      g_autofree char *token = brevet_sas_token_create (HOST, key, brevet_clock_now_seconds () + 600, policy);

      brevet_claims_set_token (claims, token);
    }
  brevet_claims_set_remote_address (claims, "192.0.2.7");
  brevet_request_set_claims (request, claims);
  brevet_request_set_header (request, "if-match", if_match);
  return request;
}

static void
on_answered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Question *question = user_data;

  question->reply = brevet_service_api_handle_finish (result);
}

Question *
ask_begin (Service *service, const char *policy, const char *method, const char *path, const char *if_match, const char *body)
{
  Question *question = g_new0 (Question, 1);
  g_autoptr(GError) error = NULL;
  guint status = 0;

  question->request = make_request (policy, method, path, if_match);
  question->route = brevet_route_parse (method, brevet_request_get_path (question->request),
                                        brevet_request_get_query (question->request), &status, &error);
  g_assert_no_error (error);
  question->reply = brevet_service_api_admit (service->context, question->route, question->request);
  if (question->reply != NULL)
    return question;
  if (body != NULL)
    {
      g_autoptr(GBytes) bytes = g_bytes_new (body, strlen (body));

      g_assert_cmpuint (g_bytes_get_size (bytes), <=, brevet_request_get_body_limit (question->request));
      brevet_request_set_body (question->request, bytes);
    }
  brevet_service_api_handle_async (service->context, question->route, question->request, NULL, on_answered, question);
  return question;
}

static Answer *
read_answer (BrevetReply *reply)
{
  Answer *answer = g_new0 (Answer, 1);
  const char *etag = brevet_reply_get_header (reply, "etag");
  GBytes *body = brevet_reply_get_body (reply);

  answer->status = brevet_reply_get_status (reply);
  if (etag != NULL)
    {
      g_assert_true (g_str_has_prefix (etag, "\"") && g_str_has_suffix (etag, "\""));
      answer->etag = brevet_etag_normalise (etag);
    }
  if (body == NULL)
    return answer;
  g_assert_cmpstr (brevet_reply_get_header (reply, "content-type"), ==, "application/json; charset=utf-8");
  answer->text = g_strndup (g_bytes_get_data (body, NULL), g_bytes_get_size (body));
  answer->node = json_from_string (answer->text, NULL);
  g_assert_nonnull (answer->node);
  if (JSON_NODE_HOLDS_OBJECT (answer->node))
    answer->json = json_node_get_object (answer->node);
  return answer;
}

Answer *
ask_end (Question *question)
{
  Answer *answer;

  while (question->reply == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpstr (brevet_reply_get_header (question->reply, "x-ms-request-id"), ==,
                   brevet_request_get_tracking_id (question->request));
  answer = read_answer (question->reply);
  answer->body_limit = brevet_request_get_body_limit (question->request);
  brevet_reply_unref (question->reply);
  brevet_request_unref (question->request);
  brevet_route_free (question->route);
  g_free (question);
  return answer;
}

Answer *
ask (Service *service, const char *policy, const char *method, const char *path, const char *if_match, const char *body)
{
  return ask_end (ask_begin (service, policy, method, path, if_match, body));
}

Answer *
expect (Service *service, guint status, const char *method, const char *path, const char *if_match, const char *body)
{
  Answer *answer = ask (service, OWNER, method, path, if_match, body);

  if (answer->status != status)
    g_test_message ("%s %s: %s", method, path, answer->text);
  g_assert_cmpuint (answer->status, ==, status);
  if (status >= 400)
    assert_error_says (answer, "");
  return answer;
}

void
drop (Service *service, guint status, const char *method, const char *path, const char *if_match, const char *body)
{
  answer_free (expect (service, status, method, path, if_match, body));
}

char *
make_bundle_body (Service *service)
{
  g_auto(GStrv) lines = g_strsplit (service->root_pem, "\n", -1);
  g_autofree char *escaped = g_strjoinv ("\\r\\n", lines);

  return g_strdup_printf ("{\n    \"certificates\": [\n        {\n            \"certificate\": \"%s\"\n        }\n    ]\n}",
                          escaped);
}

void
answer_free (Answer *answer)
{
  g_free (answer->etag);
  g_free (answer->text);
  g_clear_pointer (&answer->node, json_node_unref);
  g_free (answer);
}

const char *
answer_get (const Answer *answer, const char *path)
{
  g_auto(GStrv) steps = g_strsplit (path, ".", -1);
  JsonObject *object = answer->json;
  guint last = g_strv_length (steps) - 1;

  for (guint i = 0; i < last; i++)
    {
      if (object == NULL || !json_object_has_member (object, steps[i]))
        return NULL;
      object = json_object_get_object_member (object, steps[i]);
    }
  return object != NULL ? json_object_get_string_member_with_default (object, steps[last], NULL) : NULL;
}

void
assert_error_says (const Answer *answer, const char *words)
{
  gint64 code;

  g_assert_nonnull (answer->json);
  code = json_object_get_int_member_with_default (answer->json, "errorCode", 0);
  g_assert_cmpint (code / 1000, ==, answer->status);
  g_assert_nonnull (answer_get (answer, "trackingId"));
  g_assert_nonnull (answer_get (answer, "timestampUtc"));
  if (strstr (answer_get (answer, "message"), words) == NULL)
    g_error ("“%s” does not say “%s”", answer_get (answer, "message"), words);
}
