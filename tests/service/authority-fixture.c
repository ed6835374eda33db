/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-fixture.h"

const char no_groups[] = SERVICE_GROUP;

void
add (const char *path, const char *config, void (*test) (Service *service, gconstpointer data))
{
  g_test_add (path, Service, config, service_set_up, test, service_tear_down);
}

void
keep_result (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

BrevetAuthority *
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

BrevetAuthority *
resolve (Service *service, const char *name, GError **error)
{
  return resolve_as (service, name, NULL, error);
}

void
assert_refused (Service *service, const char *name, GQuark domain, int code, const char *words)
{
  g_autoptr(GError) error = NULL;

  g_assert_null (resolve (service, name, &error));
  g_assert_error (error, domain, code);
  g_assert_nonnull (strstr (error->message, words));
  g_assert_null (strstr (error->message, "0123456789"));
}

void
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

const char *
get_key (BrevetAuthority *authority)
{
  return brevet_settings_peek (brevet_plugin_get_settings (BREVET_PLUGIN (authority->backend)), "api-key");
}

void
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
