/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From the name that an enrollment gives to a CA that can be asked, on the main thread and on a worker's. */

#include "authority-fixture.h"

static const char two_groups[] = SERVICE_GROUP CA_GROUP ("factory") CA_GROUP ("depot");

static void
put_authority (Service *service, const char *name, const char *type, const char *profile)
{
  g_autofree char *path = g_strconcat ("/certificateAuthorities/", name, NULL);
  g_autofree char *body = g_strdup_printf ("{\"certificateAuthorityType\":\"%s\",\"apiKey\":\"0123456789\"%s%s%s}", type,
                                           profile != NULL ? ",\"profileName\":\"" : "", profile != NULL ? profile : "",
                                           profile != NULL ? "\"" : "");
  g_autoptr(Answer) answer = ask (service, OWNER, "PUT", path, NULL, body);

  g_assert_cmpuint (answer->status, ==, 200);
}

static void
test_configured (Service *service, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAuthority) authority = resolve (service, "FACTORY", &error);

  g_assert_no_error (error);
  g_assert_true (BREVET_IS_CA_BACKEND (authority->backend));
  g_assert_nonnull (authority->check);
  assert_refused (service, "nowhere", BREVET_ERROR, BREVET_ERROR_NOT_FOUND, "nowhere");
}

static void
test_stored (Service *service, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAuthority) configured = NULL, first = NULL, again = NULL;

  put_authority (service, "MyCa1", "LocalCertificateAuthority", NULL);
  configured = resolve (service, "factory", &error);
  first = resolve (service, "myca1", &error);
  again = resolve (service, "myca1", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (first->name, ==, "MyCa1");
  g_assert_true (first->backend == configured->backend);
  g_assert_true (again->backend == configured->backend);
}

static void
store_document (Service *service, const char *name, const char *type, const char *profile)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GError) error = NULL;
  BrevetAuthorityDocument document = { .name = (char *) name, .type = (char *) type, .profile_name = (char *) profile };

  brevet_records_put_authority (batch, &document, NULL);
  brevet_store_commit (BREVET_STORE (service->store), batch, &error);
  g_assert_no_error (error);
}

/* One that was stored while its plugin was not there. Whether the plugin is missing or cannot use it: that is a clear error, also
 * over a configured one. */
static void
test_unusable (Service *service, gconstpointer data)
{
  store_document (service, "myca1", "DigiCertCertificateAuthority", "1111-2222");
  assert_refused (service, "myca1", BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG, "The certificate authority “myca1” ");
  store_document (service, "factory", "DigiCertCertificateAuthority", "1111-2222");
  assert_refused (service, "factory", BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG, "The certificate authority “factory” ");
}

/* A plugin that was removed since. */
static void
test_no_plugin (Service *service, gconstpointer data)
{
  store_document (service, "gone", "GoneCertificateAuthority", NULL);
  assert_refused (service, "gone", BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG, "of type GoneCertificateAuthority, which no installed "
                  "plugin provides");
}

/* With several groups of one plugin, profileName says which. */
static void
test_profile (Service *service, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAuthority) factory = NULL, depot = NULL, chosen = NULL;
  g_autoptr(Answer) refused = ask (service, OWNER, "PUT", "/certificateAuthorities/myca1", NULL,
                                   "{\"certificateAuthorityType\":\"LocalCertificateAuthority\"}");
  g_autoptr(Answer) unknown = NULL, with_key = NULL;

  g_assert_cmpuint (refused->status, ==, 400);
  assert_error_says (refused, "factory, depot");
  unknown = ask (service, OWNER, "PUT", "/certificateAuthorities/myca1", NULL,
                 "{\"certificateAuthorityType\":\"LocalCertificateAuthority\",\"profileName\":\"nowhere\"}");
  g_assert_cmpuint (unknown->status, ==, 400);
  assert_error_says (unknown, "factory, depot");
  with_key = ask (service, OWNER, "PUT", "/certificateAuthorities/myca1", NULL,
                  "{\"certificateAuthorityType\":\"LocalCertificateAuthority\",\"profileName\":\"factory\","
                  "\"apiKey\":\"0123456789\"}");
  g_assert_cmpuint (with_key->status, ==, 400);
  assert_error_says (with_key, "apiKey");
  drop (service, 200, "PUT", "/certificateAuthorities/myca1", NULL,
        "{\"certificateAuthorityType\":\"LocalCertificateAuthority\",\"profileName\":\"Factory\"}");
  factory = resolve (service, "factory", &error);
  depot = resolve (service, "depot", &error);
  chosen = resolve (service, "myca1", &error);
  g_assert_no_error (error);
  g_assert_true (chosen->backend == factory->backend);
  g_assert_true (chosen->backend != depot->backend);
}

typedef struct {
  Service *service;
  BrevetAuthority *authority;
  GError *error;
  gboolean done;
} Worker;

static gpointer
resolve_in_thread (gpointer data)
{
  Worker *worker = data;
  g_autoptr(GMainContext) main_context = g_main_context_new ();

  g_main_context_push_thread_default (main_context);
  worker->authority = resolve (worker->service, "myca1", &worker->error);
  g_main_context_pop_thread_default (main_context);
  g_atomic_int_set (&worker->done, TRUE);
  g_main_context_wakeup (NULL);
  return NULL;
}

static BrevetAuthority *
resolve_on_worker (Service *service, GError **error)
{
  Worker worker = { service, NULL, NULL, FALSE };
  GThread *thread = g_thread_new ("worker", resolve_in_thread, &worker);

  while (!g_atomic_int_get (&worker.done))
    g_main_context_iteration (NULL, TRUE);
  g_thread_join (thread);
  if (worker.error != NULL)
    g_propagate_error (error, worker.error);
  return worker.authority;
}

/* Without any group an instance is made of the stored members, on the main thread, whoever asks; once for each version of them. */
static void
test_members (Service *service, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAuthority) first = NULL, again = NULL, changed = NULL;
  BrevetSettings *settings;

  put_authority (service, "MyCa1", "MembersCertificateAuthority", "profile-1");
  first = resolve_on_worker (service, &error);
  g_assert_no_error (error);
  settings = brevet_plugin_get_settings (BREVET_PLUGIN (first->backend));
  g_assert_cmpstr (first->name, ==, "MyCa1");
  g_assert_cmpstr (brevet_settings_get_string (settings, "profile", NULL), ==, "profile-1");
  g_assert_cmpstr (brevet_settings_get_string (settings, "api-key", NULL), ==, "0123456789");
  g_assert_true (g_object_get_data (G_OBJECT (first->backend), "made-on") == g_thread_self ());

  again = resolve (service, "myca1", &error);
  g_assert_true (again->backend == first->backend);
  put_authority (service, "myca1", "MembersCertificateAuthority", "profile-2");
  changed = resolve (service, "myca1", &error);
  g_assert_no_error (error);
  g_assert_true (changed->backend != first->backend);
  settings = brevet_plugin_get_settings (BREVET_PLUGIN (changed->backend));
  g_assert_cmpstr (brevet_settings_get_string (settings, "profile", NULL), ==, "profile-2");
}

/* Each worker gets the same instance, also when all ask at once. */
static void
test_crowd (Service *service, gconstpointer data)
{
  Worker workers[4] = { 0 };
  GThread *threads[G_N_ELEMENTS (workers)];

  put_authority (service, "myca1", "MembersCertificateAuthority", NULL);
  for (guint i = 0; i < G_N_ELEMENTS (workers); i++)
    {
      workers[i].service = service;
      threads[i] = g_thread_new ("worker", resolve_in_thread, &workers[i]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (workers); i++)
    {
      while (!g_atomic_int_get (&workers[i].done))
        g_main_context_iteration (NULL, TRUE);
      g_thread_join (threads[i]);
      g_assert_no_error (workers[i].error);
      g_assert_true (workers[i].authority->backend == workers[0].authority->backend);
    }
  for (guint i = 0; i < G_N_ELEMENTS (workers); i++)
    brevet_authority_unref (workers[i].authority);
}

/* The local CA needs more than the stored members, and says so. */
static void
test_not_enough (Service *service, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  store_document (service, "myca1", "LocalCertificateAuthority", NULL);
  g_assert_null (resolve_on_worker (service, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG);
  g_assert_nonnull (strstr (error->message, "“certificate"));
  assert_refused (service, "myca1", BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG, "myca1");
}

static void
test_list (Service *service, gconstpointer data)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GPtrArray) names = NULL;
  g_autoptr(GError) error = NULL;

  put_members (service, "MyCa1", "profile-1", "key");
  drop (service, 200, "PUT", "/certificateAuthorities/FACTORY", NULL, LOCAL_CA);
  brevet_authority_pool_list_async (service->context->authorities, NULL, keep_result, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  names = brevet_authority_pool_list_finish (service->context->authorities, result, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (names->len, ==, 2);
  g_assert_true (g_ptr_array_find_with_equal_func (names, "MyCa1", g_str_equal, NULL));
  g_assert_true (g_ptr_array_find_with_equal_func (names, "FACTORY", g_str_equal, NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("/authority-pool/configured", NULL, test_configured);
  add ("/authority-pool/stored", NULL, test_stored);
  add ("/authority-pool/unusable", NULL, test_unusable);
  add ("/authority-pool/no-plugin", NULL, test_no_plugin);
  add ("/authority-pool/profile", two_groups, test_profile);
  add ("/authority-pool/members", no_groups, test_members);
  add ("/authority-pool/crowd", no_groups, test_crowd);
  add ("/authority-pool/not-enough", no_groups, test_not_enough);
  add ("/authority-pool/list", NULL, test_list);
  return g_test_run ();
}
