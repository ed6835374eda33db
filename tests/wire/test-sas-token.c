/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "brevet-sas-token.h"
#include "wire-test.h"

#define KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define EXPIRY 1893456000
#define UPPER "0ne000A1B2C%2Fregistrations%2Fpump-07"
#define UPPER_SIG "FLpQapUQBYJsD2EnDcRXEf1CgxfvOP7pQ8KekVm%2Fl0Q%3D"

static BrevetSecret *
key_of (const char *base64)
{
  g_autoptr(GError) error = NULL;
  BrevetSecret *key = brevet_secret_new_from_base64 (base64, &error);

  g_assert_no_error (error);
  return key;
}

static BrevetSasToken *
parse (const char *text)
{
  g_autoptr(GError) error = NULL;
  BrevetSasToken *token = brevet_sas_token_parse (text, &error);

  g_assert_no_error (error);
  return token;
}

/* The vectors of protocol/dps.md §9 and protocol/device-agent.md §9, in the spellings of the clients that send them. */
static void
test_vectors (void)
{
  static const struct {
    const char *key;
    const char *token;
    const char *id_scope;
    const char *registration_id;
  } vectors[] = {
    { KEY, "SharedAccessSignature sr=" UPPER "&sig=" UPPER_SIG "&se=1893456000&skn=registration", "0ne000A1B2C", "pump-07" },
    { KEY, "SharedAccessSignature sr=" UPPER "&sig=" UPPER_SIG "&se=1893456000", "0ne000A1B2C", "pump-07" },
    { KEY, "SharedAccessSignature sr=" UPPER "&sig=" UPPER_SIG "&skn=registration&se=1893456000", "0ne000A1B2C", "pump-07" },
    { KEY, "SharedAccessSignature sig=" UPPER_SIG "&se=1893456000&skn=registration&sr=" UPPER, "0NE000a1b2c", "PUMP-07" },
    { KEY, "sharedaccesssignature SR=" UPPER "&SIG=" UPPER_SIG "&SE=1893456000&SKN=&other=1", "0ne000A1B2C", "pump-07" },
    { KEY,
      "SharedAccessSignature "
      "sr=0ne000A1B2C%2fregistrations%2fpump-07&sig=wJFVA4kT4EVKKqdfcQoIGFXWwxQocI7XjHoP47qYSNg%3d&se=1893456000"
      "&skn=registration",
      "0ne000A1B2C", "pump-07" },
    { KEY,
      "SharedAccessSignature "
      "sr=0ne000A1B2C/registrations/pump-07&sig=FrF4rF%2frgzppC5yWJShqGf9Yu24NHCOvhEc62usGy2w%3d&se=1893456000&skn=",
      "0ne000A1B2C", "pump-07" },
    { "YXppb3QtaWRlbnRpdHktc2VydmljZXxhemlvdC1pZGVudGl0eS1zZXJ2aWNlfGF6aW90LWlkZW50aXR5LXNlcg==",
      "SharedAccessSignature "
      "sr=0ab1234c5d6/registrations/my-device&sig=nKLyIvIw%2BB4WE3Y7kmQfQ4oUuRCiKCmccOeoBPoxvw8%3D&se=1700000000"
      "&skn=registration",
      "0ab1234C5D6", "My-Device" },
    /* the signature's plus sign unencoded: it must not become a space */
    { "YXppb3QtaWRlbnRpdHktc2VydmljZXxhemlvdC1pZGVudGl0eS1zZXJ2aWNlfGF6aW90LWlkZW50aXR5LXNlcg==",
      "SharedAccessSignature sr=0ab1234c5d6/registrations/my-device&sig=nKLyIvIw+B4WE3Y7kmQfQ4oUuRCiKCmccOeoBPoxvw8=&se=1700000000",
      "0ab1234C5D6", "My-Device" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (vectors); i++)
    {
      g_autoptr(BrevetSecret) key = key_of (vectors[i].key);
      g_autoptr(BrevetSasToken) token = parse (vectors[i].token);

      g_test_message ("%s", vectors[i].token);
      g_assert_true (brevet_sas_token_verify (token, key));
      g_assert_true (brevet_sas_token_is_for_device (token, vectors[i].id_scope, vectors[i].registration_id));
      g_assert_false (brevet_sas_token_is_for_device (token, vectors[i].id_scope, "other"));
      g_assert_false (brevet_sas_token_is_for_device (token, "other", vectors[i].registration_id));
    }
}

static void
test_create (void)
{
  g_autoptr(BrevetSecret) key = key_of (KEY);
  char *token = brevet_sas_token_create ("0ne000A1B2C/registrations/pump-07", key, EXPIRY, "registration");
  char *unnamed = brevet_sas_token_create ("0ne000A1B2C/registrations/pump-07", key, EXPIRY, NULL);

  g_assert_cmpstr (token, ==, "SharedAccessSignature sr=" UPPER "&sig=" UPPER_SIG "&se=1893456000&skn=registration");
  g_assert_cmpstr (unnamed, ==, "SharedAccessSignature sr=" UPPER "&sig=" UPPER_SIG "&se=1893456000");
  brevet_secret_free_text (token);
  brevet_secret_free_text (unnamed);
}

static void
assert_derived (const char *group_key, const char *registration_id, const char *expected)
{
  g_autoptr(BrevetSecret) group = key_of (group_key);
  g_autoptr(BrevetSecret) derived = brevet_sas_derive_key (group, registration_id);
  g_autofree char *text = brevet_secret_to_base64 (derived);

  g_assert_cmpstr (text, ==, expected);
}

static void
test_derive (void)
{
  assert_derived ("8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==",
                  "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6", "Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=");
  assert_derived (KEY, "pump-07", "Yt8ZRdJK0x09mFOVO5aTQk2c2wYAz7OmTlERx3tYeg0=");
}

static void
test_forged (void)
{
  static const char *const forged[] = {
    "SharedAccessSignature sr=" UPPER "&sig=" UPPER_SIG "&se=1893456001",                                    /* later expiry */
    "SharedAccessSignature sr=" UPPER "&sig=" UPPER_SIG "&se=01893456000",                                   /* other spelling */
    "SharedAccessSignature sr=0ne000A1B2C%2Fregistrations%2Fpump-08&sig=" UPPER_SIG "&se=1893456000",        /* other device */
    "SharedAccessSignature sr=0ne000A1B2C%2fregistrations%2fpump-07&sig=" UPPER_SIG "&se=1893456000",        /* sr re-encoded */
    "SharedAccessSignature sr=" UPPER "&sig=ALpQapUQBYJsD2EnDcRXEf1CgxfvOP7pQ8KekVm%2Fl0Q%3D&se=1893456000", /* first byte */
    "SharedAccessSignature sr=" UPPER "&sig=FLpQapUQBYJsD2EnDcRXEf1CgxfvOP7pQ8KekVm%2Fl0Q8&se=1893456000",   /* one byte more */
    "SharedAccessSignature sr=" UPPER "&sig=FLpQ&se=1893456000",                                             /* cut off */
  };
  g_autoptr(BrevetSecret) key = key_of (KEY);

  for (gsize i = 0; i < G_N_ELEMENTS (forged); i++)
    {
      g_autoptr(BrevetSasToken) token = parse (forged[i]);

      g_test_message ("%s", forged[i]);
      g_assert_false (brevet_sas_token_verify (token, key));
    }
}

static void
test_malformed (void)
{
  g_autofree char *filler = g_strnfill (BREVET_SAS_TOKEN_MAX_SIZE, 'a');
  g_autofree char *too_long = g_strconcat ("SharedAccessSignature sr=", filler, "&sig=aaaa&se=1", NULL);
  const char *malformed[] = {
    "",
    "SharedAccessSignature",
    "Bearer abc",
    "sr=a&sig=aaaa&se=1",
    "SharedAccessSignature  sr=a&sig=aaaa&se=1",
    "SharedAccessSignature\tsr=a&sig=aaaa&se=1",
    "SharedAccessSignature sr=a&sig=aaaa",
    "SharedAccessSignature sr=a&se=1",
    "SharedAccessSignature sig=aaaa&se=1",
    "SharedAccessSignature sr=&sig=aaaa&se=1",
    "SharedAccessSignature sr=a&sig=&se=1",
    "SharedAccessSignature sr=a&sig=aaaa&se=",
    "SharedAccessSignature sr=a&sig=aaaa&se=1&sr=b",
    "SharedAccessSignature sr=a&sig=aaaa&se=1&SE=2",
    "SharedAccessSignature sr=a&sig=aaaa&se=1&sig=aaaa",
    "SharedAccessSignature sr=a&sig=aaaa&se=1&skn=x&skn=y",
    "SharedAccessSignature sr=a&sig=aaaa&se=-1",
    "SharedAccessSignature sr=a&sig=aaaa&se=+1",
    "SharedAccessSignature sr=a&sig=aaaa&se=1.5",
    "SharedAccessSignature sr=a&sig=aaaa&se=0x1",
    "SharedAccessSignature sr=a&sig=aaaa&se=9223372036854775808",
    "SharedAccessSignature sr=a&sig=aaa&se=1",
    "SharedAccessSignature sr=a&sig=aa%20aa&se=1",
    "SharedAccessSignature sr=a&sig=%zz&se=1",
    "SharedAccessSignature sr=a%00b&sig=aaaa&se=1",
    "SharedAccessSignature sr=%ff&sig=aaaa&se=1",
    "SharedAccessSignature sr=a%2&sig=aaaa&se=1",
    "SharedAccessSignature sr=a&sig=aaaa&se=1&",
    "SharedAccessSignature sr=a&sig=aaaa&se=1&flag",
    too_long,
  };

  for (gsize i = 0; i < G_N_ELEMENTS (malformed); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(BrevetSasToken) token = brevet_sas_token_parse (malformed[i], &error);

      g_test_message ("%.80s", malformed[i]);
      g_assert_null (token);
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
      g_assert_null (strstr (error->message, "aaaa"));
    }
}

static void
test_expiry (void)
{
  g_autoptr(BrevetSasToken) token = parse ("SharedAccessSignature sr=" UPPER "&sig=" UPPER_SIG "&se=1893456000");
  g_autoptr(BrevetSasToken) eternal = parse ("SharedAccessSignature sr=a&sig=aaaa&se=9223372036854775807");

  g_assert_false (brevet_sas_token_is_expired (token, EXPIRY));
  g_assert_false (brevet_sas_token_is_expired (token, EXPIRY + BREVET_SAS_GRACE));
  g_assert_true (brevet_sas_token_is_expired (token, EXPIRY + BREVET_SAS_GRACE + 1));
  g_assert_false (brevet_sas_token_is_expired (eternal, EXPIRY));
}

static void
assert_key_name (const char *text, gboolean is_accepted)
{
  g_autofree char *whole = g_strconcat ("SharedAccessSignature sr=s%2Fregistrations%2Fd%2F&sig=aaaa&se=1", text, NULL);
  g_autoptr(BrevetSasToken) token = parse (whole);

  g_assert_cmpint (brevet_sas_token_is_for_device (token, "s", "d"), ==, is_accepted);
}

static void
test_key_name (void)
{
  assert_key_name ("", TRUE);
  assert_key_name ("&skn=", TRUE);
  assert_key_name ("&skn=registration", TRUE);
  assert_key_name ("&skn=provisioningserviceowner", FALSE);
}

static void
test_host (void)
{
  static const struct {
    const char *resource;
    gboolean is_accepted;
  } resources[] = {
    { "acme.example.net", TRUE },
    { "ACME.example.NET", TRUE },
    { "acme.example.net%2F", TRUE },
    { "acme.example.net%2fenrollments", TRUE },
    { "acme.example.net/enrollments/pump-07", TRUE },
    { "acme.example.net/Enrollments/", TRUE },
    { "acme.example.net/enroll", FALSE },
    { "acme.example.net/enrollments/pump", FALSE },
    { "acme.example.net/enrollments/pump-07/more", FALSE },
    { "acme.example.net/trustBundles", FALSE },
    { "acme.example.netx", FALSE },
    { "acme.example", FALSE },
    { "other.example.net", FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (resources); i++)
    {
      g_autofree char *text = g_strdup_printf ("SharedAccessSignature sr=%s&sig=aaaa&se=1&skn=owner", resources[i].resource);
      g_autoptr(BrevetSasToken) token = parse (text);

      g_test_message ("%s", resources[i].resource);
      g_assert_cmpint (brevet_sas_token_is_for_host (token, "acme.example.net", "/enrollments/pump-07"), ==,
                       resources[i].is_accepted);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/sas/vectors", test_vectors);
  g_test_add_func ("/wire/sas/create", test_create);
  g_test_add_func ("/wire/sas/derive", test_derive);
  g_test_add_func ("/wire/sas/forged", test_forged);
  g_test_add_func ("/wire/sas/malformed", test_malformed);
  g_test_add_func ("/wire/sas/expiry", test_expiry);
  g_test_add_func ("/wire/sas/key-name", test_key_name);
  g_test_add_func ("/wire/sas/host", test_host);
  return g_test_run ();
}
