/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <brevet-connection-string.h>
#include <brevet-error.h>
#include <string.h>

#define KEY "AAECAwQFBgcICQoLDA0ODw=="

static void
assert_parts (const char *text, const char *host, guint16 port, const char *key_name)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetConnectionString) parsed = brevet_connection_string_parse (text, &error);
  gsize length;

  g_assert_no_error (error);
  g_assert_cmpstr (parsed->host, ==, host);
  g_assert_cmpuint (parsed->port, ==, port);
  g_assert_cmpstr (parsed->key_name, ==, key_name);
  brevet_secret_get_data (parsed->key, &length);
  g_assert_cmpuint (length, ==, 16);
}

static void
test_forms (void)
{
  assert_parts ("HostName=dps.example.net;SharedAccessKeyName=owner;SharedAccessKey=" KEY, "dps.example.net", 0, "owner");
  assert_parts ("sharedaccesskey=" KEY ";SHAREDACCESSKEYNAME=a b;hostname=dps", "dps", 0, "a b");
  assert_parts ("  HostName=dps:8443; SharedAccessKeyName=o ;SharedAccessKey=" KEY ";\n", "dps", 8443, "o");
  assert_parts ("HostName=[2001:db8::1]:65535;SharedAccessKeyName=o;SharedAccessKey=" KEY ";Else=x", "2001:db8::1", 65535, "o");
  assert_parts ("HostName=[::1];SharedAccessKeyName=o;SharedAccessKey=" KEY, "::1", 0, "o");
}

static void
assert_refused (const char *text, const char *member)
{
  g_autoptr(GError) error = NULL;

  g_assert_null (brevet_connection_string_parse (text, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, member));
  g_assert_null (strstr (error->message, "AAEC"));
}

static void
test_refusals (void)
{
  assert_refused ("", "HostName is missing");
  assert_refused ("dps.example.net", "has no “=”");
  assert_refused ("SharedAccessKeyName=o;SharedAccessKey=" KEY, "HostName is missing");
  assert_refused ("HostName=dps;SharedAccessKey=" KEY, "SharedAccessKeyName is missing");
  assert_refused ("HostName=dps;SharedAccessKeyName=o", "SharedAccessKey is missing");
  assert_refused ("HostName=dps;SharedAccessKeyName=;SharedAccessKey=" KEY, "SharedAccessKeyName is empty");
  assert_refused ("HostName=dps;SharedAccessKeyName=o;SharedAccessKey=", "is not base64");
  assert_refused ("HostName=dps;SharedAccessKeyName=o;SharedAccessKey=AAECA", "is not base64");
  assert_refused ("HostName=a;HostName=b;SharedAccessKeyName=o;SharedAccessKey=" KEY, "HostName stands twice");
  assert_refused ("HostName=a;SharedAccessKeyName=o;SharedAccessKeyName=o;SharedAccessKey=" KEY, "Name stands twice");
  assert_refused ("HostName=a;SharedAccessKeyName=o;SharedAccessKey=" KEY ";SharedAccessKey=" KEY, "Key stands twice");
  assert_refused ("HostName=https://dps;SharedAccessKeyName=o;SharedAccessKey=" KEY, "HostName");
  assert_refused ("HostName=dps/path;SharedAccessKeyName=o;SharedAccessKey=" KEY, "no host name");
  assert_refused ("HostName=;SharedAccessKeyName=o;SharedAccessKey=" KEY, "no host name");
  assert_refused ("HostName=:443;SharedAccessKeyName=o;SharedAccessKey=" KEY, "no host name");
  assert_refused ("HostName=dps:0;SharedAccessKeyName=o;SharedAccessKey=" KEY, "no number from 1 to 65535");
  assert_refused ("HostName=dps:70000;SharedAccessKeyName=o;SharedAccessKey=" KEY, "no number from 1 to 65535");
  assert_refused ("HostName=dps:;SharedAccessKeyName=o;SharedAccessKey=" KEY, "no number from 1 to 65535");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/connection-string/forms", test_forms);
  g_test_add_func ("/connection-string/refusals", test_refusals);
  return g_test_run ();
}
