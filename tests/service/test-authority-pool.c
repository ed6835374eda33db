/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From the name that an enrollment gives to a CA that can be asked, on the main thread and on a worker's. */

#include "authority-chore.h"
#include "authority-versions.h"
#include "brevet-ca-error.h"
#include "brevet-clock.h"
#include "brevet-error.h"
#include "records.h"
#include "service-fixture.h"

#include <glib/gstdio.h>
#include <string.h>

#define SERVICE_GROUP "[service]\nid-scope=0ne000A1B2C\nhost-names=dps.example.net\n[store main]\nfile=store.db\n" \
                      "[policy " OWNER "]\n" \
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
resolve_as (Service *service, const char *name, const char *identity, GError **error)
{
  GMainContext *main_context = g_main_context_ref_thread_default ();
  g_autoptr(GAsyncResult) result = NULL;

  brevet_authority_pool_resolve_async (service->context->authorities, name, identity, NULL, keep_result, &result);
  while (result == NULL)
    g_main_context_iteration (main_context, TRUE);
  g_main_context_unref (main_context);
  return brevet_authority_pool_resolve_finish (service->context->authorities, result, error);
}

static BrevetAuthority *
resolve (Service *service, const char *name, GError **error)
{
  return resolve_as (service, name, NULL, error);
}

static void
put_members (Service *service, const char *name, const char *profile, const char *key)
{
  g_autofree char *path = g_strconcat ("/certificateAuthorities/", name, NULL);
  g_autofree char *body = g_strdup_printf ("{\"certificateAuthorityType\":\"MembersCertificateAuthority\","
                                           "\"profileName\":\"%s\"%s%s%s}",
                                           profile, key != NULL ? ",\"apiKey\":\"" : "", key != NULL ? key : "",
                                           key != NULL ? "\"" : "");
  g_autoptr(Answer) answer = ask (service, OWNER, "PUT", path, NULL, body);

  if (answer->status != 200)
    g_test_message ("%s", answer->text);
  g_assert_cmpuint (answer->status, ==, 200);
}

/* A new configuration over the same store, as after a reload or a restart. */
static void
configure_anew (Service *service, const char *text)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetConfig) config = brevet_config_new_from_text (text, "dps.conf", service->directory, &error);

  g_assert_no_error (error);
  g_clear_pointer (&service->context, brevet_service_context_unref);
  service->context = brevet_service_context_new (config, service->registry, BREVET_STORE (service->store), NULL, NULL, &error);
  g_assert_no_error (error);
  brevet_authority_pool_seal_stored (service->context->authorities, &error);
  g_assert_no_error (error);
}

static const char *
get_key (BrevetAuthority *authority)
{
  return brevet_settings_peek (brevet_plugin_get_settings (BREVET_PLUGIN (authority->backend)), "api-key");
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

/* A PUT changes the CA; what the name stood for before can still be asked, also after a restart, with its own key. */
static void
test_swap_by_put (Service *service, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAuthority) first = NULL, second = NULL, current = NULL, former = NULL, former_again = NULL, back = NULL;
  g_autoptr(GPtrArray) versions = NULL;

  put_members (service, "myca1", "profile-1", "key-of-first");
  first = resolve (service, "myca1", &error);
  g_assert_no_error (error);
  put_members (service, "MyCa1", "profile-2", "key-of-second");
  second = resolve (service, "myca1", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (first->identity, !=, second->identity);

  current = resolve_as (service, "myca1", second->identity, &error);
  g_assert_no_error (error);
  g_assert_true (current->backend == second->backend);
  former = resolve_as (service, "MYCA1", first->identity, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (former->identity, ==, first->identity);
  g_assert_cmpstr (get_key (former), ==, "key-of-first");
  g_assert_true (former->traffic != second->traffic);

  versions = brevet_authority_versions_list (BREVET_STORE (service->store), "myca1", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (versions->len, ==, 2);
  for (guint i = 0; i < 2; i++)
    {
      BrevetCaVersion *version = g_ptr_array_index (versions, i);

      g_assert_cmpint (version->until == 0, ==, g_str_equal (version->identity, second->identity));
    }

  configure_anew (service, no_groups);
  former_again = resolve_as (service, "myca1", first->identity, &error);
  g_assert_no_error (error);
  g_assert_true (former_again->backend != former->backend);
  g_assert_cmpstr (get_key (former_again), ==, "key-of-first");

  drop (service, 204, "DELETE", "/certificateAuthorities/myca1", NULL, NULL);
  assert_refused (service, "myca1", BREVET_ERROR, BREVET_ERROR_NOT_FOUND, "myca1");
  back = resolve_as (service, "myca1", second->identity, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (get_key (back), ==, "key-of-second");
  g_assert_null (resolve_as (service, "myca1", "members nobody", &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND);
}

/* The same by another type= in the group, with a secret in the main file. */
static void
test_swap_by_reload (Service *service, gconstpointer data)
{
  static const char swapped[] = SERVICE_GROUP "[ca factory]\ntype=members\napi-key=key-in-file\n";
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAuthority) local = resolve (service, "factory", &error);
  g_autoptr(BrevetAuthority) members = NULL, former = NULL, changed = NULL, gone = NULL;
  g_autofree char *certificate = g_build_filename (service->directory, "ca.pem", NULL);

  g_assert_no_error (error);
  configure_anew (service, swapped);
  members = resolve (service, "factory", &error);
  g_assert_no_error (error);
  g_assert_true (g_str_has_prefix (members->identity, "members "));
  former = resolve_as (service, "factory", local->identity, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (G_OBJECT_TYPE_NAME (former->backend), ==, G_OBJECT_TYPE_NAME (local->backend));

  configure_anew (service, SERVICE_GROUP CA_GROUP ("factory"));
  changed = resolve_as (service, "factory", members->identity, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (get_key (changed), ==, "key-in-file");

  /* What it needs is gone: that is said. */
  configure_anew (service, swapped);
  gone = resolve (service, "factory", &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_remove (certificate), ==, 0);
  g_assert_null (resolve_as (service, "factory", local->identity, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG);
  g_assert_nonnull (strstr (error->message, "ca.pem"));
}

/* Which name is asked how often makes no difference to the store. */
static void
test_reads (Service *service, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) before = NULL, after = NULL;
  g_autoptr(BrevetAuthority) first = resolve (service, "factory", &error);

  g_assert_no_error (error);
  before = brevet_store_list (BREVET_STORE (service->store), BREVET_COLLECTION_CA_VERSIONS, NULL, NULL, 10, &error);
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr(BrevetAuthority) again = resolve (service, "factory", &error);

      g_assert_true (again->backend == first->backend);
    }
  configure_anew (service, SERVICE_GROUP CA_GROUP ("factory"));
  g_clear_pointer (&first, brevet_authority_unref);
  first = resolve (service, "factory", &error);
  after = brevet_store_list (BREVET_STORE (service->store), BREVET_COLLECTION_CA_VERSIONS, NULL, NULL, 10, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (before->len, ==, 1);
  g_assert_cmpuint (after->len, ==, 1);
}

static gint64
wait_for_trust (Service *service, guint length)
{
  for (;;)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(GPtrArray) versions = brevet_authority_versions_list (BREVET_STORE (service->store), "factory", &error);
      BrevetCaVersion *version = versions != NULL && versions->len == 1 ? g_ptr_array_index (versions, 0) : NULL;

      g_assert_no_error (error);
      if (version != NULL && version->trust != NULL && brevet_trust_bundle_get_length (version->trust) == length)
        return version->trust_time;
      g_main_context_iteration (NULL, FALSE);
    }
}

/* What a CA says is to be trusted is there when it can no longer be asked. */
static void
test_trust (Service *service, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAuthority) authority = resolve (service, "factory", &error);
  g_autoptr(BrevetTrustBundle) trust = brevet_trust_bundle_new_from_pem (service->root_pem, &error);
  g_autoptr(BrevetRecord) first = NULL, second = NULL;
  g_autofree char *key = NULL;

  g_assert_no_error (error);
  brevet_authority_pool_note_trust (service->context->authorities, authority, trust, NULL);
  g_assert_cmpint (wait_for_trust (service, 1), >, 0);
  key = brevet_records_ca_version_key ("factory", authority->identity);
  first = brevet_store_get (BREVET_STORE (service->store), BREVET_COLLECTION_CA_VERSIONS, key, &error);
  brevet_authority_pool_note_trust (service->context->authorities, authority, trust, NULL);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  second = brevet_store_get (BREVET_STORE (service->store), BREVET_COLLECTION_CA_VERSIONS, key, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (brevet_record_get_etag (first), ==, brevet_record_get_etag (second));
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

static BrevetServiceContext *
get_context (gpointer owner)
{
  return brevet_service_context_ref (((Service *) owner)->context);
}

static void
run_chore (Service *service)
{
  g_autoptr(BrevetServiceChores) chores = brevet_service_chores_new (get_context, service);

  brevet_authority_chore_add (chores);
  brevet_service_chores_poke (chores, BREVET_CHORE_CA_VERSIONS);
  while (!brevet_service_chores_is_running (chores))
    g_main_context_iteration (NULL, TRUE);
  while (brevet_service_chores_is_running (chores))
    g_main_context_iteration (NULL, TRUE);
  brevet_service_chores_stop (chores);
}

static void
store_version (Service *service, const char *name, const char *identity, gint64 until)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(JsonObject) settings = json_object_new ();
  g_autoptr(GError) error = NULL;
  BrevetCaVersion version = {
    .name = (char *) name, .identity = (char *) identity, .module = (char *) "ca-members", .settings = settings, .until = until,
  };

  brevet_records_put_ca_version (batch, &version, NULL);
  brevet_store_commit (BREVET_STORE (service->store), batch, &error);
  g_assert_no_error (error);
}

static void
store_references (Service *service)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GBytes) csr = g_bytes_new_static ("csr", 3);
  g_autoptr(GError) error = NULL;
  BrevetIntent intent = {
    .operation_id = (char *) "operation-1", .registration_id = (char *) "pump-1", .authority = (char *) "Gone",
    .identity = (char *) "asked", .csr = csr, .common_name = (char *) "pump-1", .attempt = 1,
  };
  BrevetPendingRevocation revocation = {
    .certificate_key = (char *) "key-1", .authority = (char *) "gone", .identity = (char *) "to revoke",
  };
  BrevetOrphan orphan = { .intent = &intent };

  brevet_records_put_intent (batch, &intent);
  intent.identity = (char *) "orphaned";
  brevet_records_put_orphan (batch, &orphan, NULL);
  brevet_records_put_pending_revocation (batch, &revocation, NULL);
  brevet_store_commit (BREVET_STORE (service->store), batch, &error);
  g_assert_no_error (error);
}

static const BrevetCaVersion *
find_version (GPtrArray *versions, const char *identity)
{
  for (guint i = 0; i < versions->len; i++)
    if (g_str_equal (((BrevetCaVersion *) g_ptr_array_index (versions, i))->identity, identity))
      return g_ptr_array_index (versions, i);
  return NULL;
}

/* What a name stood for is kept as long as something refers to it, and forgotten then; what it stands for is noted unasked. */
static void
test_chore (Service *service, gconstpointer data)
{
  gint64 long_ago = brevet_clock_now_seconds () - 3600;
  g_autoptr(GPtrArray) versions = NULL;
  g_autoptr(GError) error = NULL;

  store_version (service, "gone", "unused", long_ago);
  store_version (service, "gone", "just ended", brevet_clock_now_seconds ());
  store_version (service, "gone", "asked", long_ago);
  store_version (service, "gone", "orphaned", long_ago);
  store_version (service, "gone", "to revoke", long_ago);
  store_version (service, "removed", "was current", 0);
  store_references (service);
  run_chore (service);
  versions = brevet_authority_versions_list (BREVET_STORE (service->store), NULL, &error);
  g_assert_no_error (error);
  g_assert_null (find_version (versions, "unused"));
  g_assert_nonnull (find_version (versions, "just ended"));
  g_assert_nonnull (find_version (versions, "asked"));
  g_assert_nonnull (find_version (versions, "orphaned"));
  g_assert_nonnull (find_version (versions, "to revoke"));
  g_assert_cmpint (find_version (versions, "was current")->until, >, 0);
  g_assert_cmpuint (versions->len, ==, 6);
}

/* A request that a reload has overtaken writes last what the name stood for before: that is found, and put right. */
static void
test_overtaken (Service *service, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAuthority) authority = resolve (service, "factory", &error);
  g_autoptr(GPtrArray) before = brevet_authority_versions_list (BREVET_STORE (service->store), "factory", &error);
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GPtrArray) after = NULL;
  BrevetCaVersion *current = g_ptr_array_index (before, 0);

  g_assert_no_error (error);
  current->until = brevet_clock_now_seconds () - 3600;
  brevet_records_put_ca_version (batch, current, current->etag);
  g_assert_true (brevet_store_commit (BREVET_STORE (service->store), batch, &error));
  store_version (service, "factory", "former", 0);
  run_chore (service);
  g_clear_pointer (&authority, brevet_authority_unref);
  authority = resolve (service, "factory", &error);
  after = brevet_authority_versions_list (BREVET_STORE (service->store), "factory", &error);
  g_assert_no_error (error);
  g_assert_cmpint (find_version (after, "former")->until, >, 0);
  g_assert_cmpint (find_version (after, authority->identity)->until, ==, 0);
}

/* The operator says where the keys go, once for all that come through the API; and is told what is wrong with that at once. */
static void
test_defaults (Service *service, gconstpointer data)
{
  static const char with_defaults[] = SERVICE_GROUP "[plugin ca-members]\nendpoint=https://ca.plant.example\nmaximum-in-flight=3\n";
  static const struct {
    const char *text;
    const char *words;
  } mistakes[] = {
    { "[plugin ca-members]\nendpoint=http://ca.plant.example\n", "dps.conf:2: [plugin ca-members] endpoint" },
    { "[plugin ca-members]\napi-key=0123456789\n", "dps.conf:2: [plugin ca-members] api-key" },
    { "[plugin ca-members]\nprofile=one\n", "dps.conf:2: [plugin ca-members] profile" },
    { "[plugin ca-members]\nmaximum-validity=soon\n", "dps.conf:2: [plugin ca-members] maximum-validity" },
    { "[plugin ca-members]\nmaximum-in-flight=many\n", "dps.conf:2: [plugin ca-members] maximum-in-flight" },
    { "[plugin ca-pigeon]\nendpoint=https://ca.plant.example\n", "ca-pigeon" },
  };
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAuthority) before = NULL, after = NULL;
  BrevetSettings *settings;

  put_members (service, "myca1", "profile-1", "key-1");
  before = resolve (service, "myca1", &error);
  g_assert_no_error (error);
  configure_anew (service, with_defaults);
  after = resolve (service, "myca1", &error);
  g_assert_no_error (error);
  settings = brevet_plugin_get_settings (BREVET_PLUGIN (after->backend));
  g_assert_cmpstr (brevet_settings_get_string (settings, "endpoint", NULL), ==, "https://ca.plant.example");
  g_assert_cmpstr (brevet_settings_get_string (settings, "profile", NULL), ==, "profile-1");
  g_assert_cmpstr (get_key (after), ==, "key-1");
  g_assert_cmpstr (before->identity, !=, after->identity);

  for (gsize i = 0; i < G_N_ELEMENTS (mistakes); i++)
    {
      g_autoptr(BrevetConfig) config = brevet_config_new_from_text (mistakes[i].text, "dps.conf", service->directory, NULL);

      g_assert_null (brevet_authority_pool_new (config, service->registry, BREVET_STORE (service->store), NULL, &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
      if (strstr (error->message, mistakes[i].words) == NULL)
        g_error ("%s", error->message);
      g_assert_null (strstr (error->message, "0123456789"));
      g_clear_error (&error);
    }
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
      g_assert_null (brevet_authority_pool_new (config, service->registry, BREVET_STORE (service->store), NULL, &error));
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
  add ("/authority-pool/swap-by-put", no_groups, test_swap_by_put);
  add ("/authority-pool/swap-by-reload", NULL, test_swap_by_reload);
  add ("/authority-pool/reads", NULL, test_reads);
  add ("/authority-pool/trust", NULL, test_trust);
  add ("/authority-pool/list", NULL, test_list);
  add ("/authority-pool/chore", NULL, test_chore);
  add ("/authority-pool/overtaken", NULL, test_overtaken);
  add ("/authority-pool/defaults", no_groups, test_defaults);
  add ("/authority-pool/bad-configuration", NULL, test_bad_configuration);
  return g_test_run ();
}
