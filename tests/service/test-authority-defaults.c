/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the configuration says about CAs, and what is wrong with it. */

#include "authority-fixture.h"

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

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("/authority-pool/defaults", no_groups, test_defaults);
  add ("/authority-pool/bad-configuration", NULL, test_bad_configuration);
  return g_test_run ();
}
