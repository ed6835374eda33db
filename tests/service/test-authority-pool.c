/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From the name that an enrollment gives to a CA that can be asked, on the main thread and on a worker's. */

#include "brevet-ca-error.h"
#include "brevet-error.h"
#include "records.h"
#include "service-fixture.h"

#include <string.h>

#define SERVICE_GROUP "[service]\nid-scope=0ne000A1B2C\nhost-names=dps.example.net\n[policy " OWNER "]\n" \
                      "primary-key=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
#define CA_GROUP(name) "[ca " name "]\ntype=local\ncertificate=ca.pem\nkey=ca.key\n"

static const char two_groups[] = SERVICE_GROUP CA_GROUP ("factory") CA_GROUP ("depot");
static const char no_groups[] = SERVICE_GROUP;

static void
keep_result (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

static BrevetAuthority *
resolve (Service *service, const char *name, GError **error)
{
  GMainContext *main_context = g_main_context_ref_thread_default ();
  g_autoptr(GAsyncResult) result = NULL;

  brevet_authority_pool_resolve_async (service->context->authorities, name, NULL, keep_result, &result);
  while (result == NULL)
    g_main_context_iteration (main_context, TRUE);
  g_main_context_unref (main_context);
  return brevet_authority_pool_resolve_finish (service->context->authorities, result, error);
}

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
assert_refused (Service *service, const char *name, GQuark domain, int code, const char *words)
{
  g_autoptr(GError) error = NULL;

  g_assert_null (resolve (service, name, &error));
  g_assert_error (error, domain, code);
  g_assert_nonnull (strstr (error->message, words));
  g_assert_null (strstr (error->message, "0123456789"));
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

/* A documented type is stored as it comes. Whether its plugin is missing or cannot use it: that is a clear error, also over a
 * configured one. */
static void
test_unusable (Service *service, gconstpointer data)
{
  put_authority (service, "myca1", "DigiCertCertificateAuthority", "1111-2222");
  assert_refused (service, "myca1", BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG, "The certificate authority “myca1” ");
  put_authority (service, "factory", "DigiCertCertificateAuthority", "1111-2222");
  assert_refused (service, "factory", BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG, "The certificate authority “factory” ");
}

/* A plugin that was removed since. */
static void
test_no_plugin (Service *service, gconstpointer data)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GError) error = NULL;
  BrevetAuthorityDocument gone = { .name = (char *) "gone", .type = (char *) "GoneCertificateAuthority" };

  brevet_records_put_authority (batch, &gone, NULL);
  brevet_store_commit (BREVET_STORE (service->store), batch, &error);
  g_assert_no_error (error);
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

  g_assert_cmpuint (refused->status, ==, 400);
  assert_error_says (refused, "factory, depot");
  put_authority (service, "myca1", "LocalCertificateAuthority", "Factory");
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

  put_authority (service, "myca1", "LocalCertificateAuthority", NULL);
  g_assert_null (resolve_on_worker (service, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG);
  g_assert_nonnull (strstr (error->message, "“certificate"));
  assert_refused (service, "myca1", BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG, "myca1");
}

static void
test_bad_configuration (Service *service, gconstpointer data)
{
  static const struct {
    const char *text;
    const char *words;
  } mistakes[] = {
    { "[ca one]\ncertificate=ca.pem\nkey=ca.key\n", "type" },
    { "[ca one]\ntype=pigeon\n", "ca-pigeon" },
    { "[ca -one-]\ntype=local\ncertificate=ca.pem\nkey=ca.key\n", "-one-" },
    { "[ca one]\ntype=local\n", "certificate" },
    { CA_GROUP ("one") CA_GROUP ("ONE"), "case" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (mistakes); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(BrevetConfig) config = brevet_config_new_from_text (mistakes[i].text, "dps.conf", service->directory, &error);

      g_assert_no_error (error);
      g_assert_null (brevet_authority_pool_new (config, service->registry, BREVET_STORE (service->store), &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
      g_assert_nonnull (strstr (error->message, mistakes[i].words));
    }
}

static void
add (const char *path, const char *config, void (*test) (Service *service, gconstpointer data))
{
  g_test_add (path, Service, config, service_set_up, test, service_tear_down);
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
  add ("/authority-pool/bad-configuration", NULL, test_bad_configuration);
  return g_test_run ();
}
