/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "brevet-authority-document.h"
#include "brevet-trust-bundle-document.h"
#include "brevet-wire-json.h"
#include "wire-fixtures.h"
#include "wire-test.h"

#define DIGICERT "{\"certificateAuthorityType\":\"DigiCertCertificateAuthority\",\"apiKey\":\"0123\",\"profileName\":\"11112222\"}"
#define ROOT_METADATA \
  "{\"subjectName\":\"CN=Plant Root\",\"sha1Thumbprint\":\"63AB5DF955114FA4F1D647C41D0E2983B347B4BE\"," \
  "\"sha256Thumbprint\":\"2DD47BE8CDB3F4184ABFE313CBB42FBACC708687ED2904392E8A47F88931D835\",\"issuerName\":\"CN=Plant Root\"," \
  "\"notBeforeUtc\":\"2026-11-21T21:32:55Z\",\"notAfterUtc\":\"2126-10-28T21:32:55Z\"," \
  "\"serialNumber\":\"574B6608432C6333DCA65D8989E59B40E59A643D\",\"version\":3}"

static BrevetAuthorityDocument *
parse_authority (const char *text, const char *name, const BrevetAuthorityDocument *stored)
{
  g_autoptr(GBytes) body = bytes_of (text);
  g_autoptr(GError) error = NULL;
  BrevetAuthorityDocument *document = brevet_authority_document_parse (body, name, stored, &error);

  g_assert_no_error (error);
  return document;
}

static GBytes *
print_authority (const BrevetAuthorityDocument *document, gboolean with_secrets)
{
  g_autoptr(JsonObject) object = brevet_authority_document_to_json (document, with_secrets);

  return brevet_wire_print_object (object);
}

static void
test_authority (void)
{
  g_autoptr(BrevetAuthorityDocument) document = parse_authority (DIGICERT, "plant-ca", NULL);
  g_autoptr(GBytes) stored = print_authority (document, TRUE);
  g_autoptr(GBytes) shown = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAuthorityDocument) loaded = brevet_authority_document_load (stored, &error);

  g_assert_no_error (error);
  assert_bytes (stored, "{\"name\":\"plant-ca\",\"certificateAuthorityType\":\"DigiCertCertificateAuthority\",\"apiKey\":\"0123\","
                        "\"profileName\":\"11112222\"}");
  g_assert_cmpstr ((const char *) brevet_secret_get_data (loaded->api_key, NULL), ==, "0123");

  /* the example of protocol/dps.md §16.10: never with the key */
  loaded->etag = g_strdup ("01");
  shown = print_authority (loaded, FALSE);
  assert_bytes (shown, "{\"name\":\"plant-ca\",\"certificateAuthorityType\":\"DigiCertCertificateAuthority\","
                       "\"profileName\":\"11112222\",\"etag\":\"\\\"01\\\"\"}");
}

static void
test_authority_keeps_key (void)
{
  g_autoptr(BrevetAuthorityDocument) stored = parse_authority (DIGICERT, "Plant-CA", NULL);
  g_autoptr(BrevetAuthorityDocument) edited = parse_authority (
    "{\"name\":\"x\",\"certificateAuthorityType\":\"DigiCertCertificateAuthority\",\"profileName\":\"3\"}", "plant-ca", stored);
  g_autoptr(BrevetAuthorityDocument) changed =
    parse_authority ("{\"certificateAuthorityType\":\"LocalCertificateAuthority\"}", "plant-ca", stored);

  g_assert_cmpstr (edited->name, ==, "Plant-CA");
  g_assert_cmpstr (edited->profile_name, ==, "3");
  g_assert_true (brevet_secret_equal (edited->api_key, stored->api_key));
  /* the key of one vendor is nothing to another */
  g_assert_null (changed->api_key);
  g_assert_null (changed->profile_name);
}

static void
test_authority_refused (void)
{
  static const char *const refused[][2] = {
    { "{}", "certificateAuthorityType" },
    { "{\"certificateAuthorityType\":5}", "certificateAuthorityType" },
    { "{\"certificateAuthorityType\":\"a b\"}", "certificateAuthorityType" },
    { "{\"certificateAuthorityType\":\"X\",\"apiKey\":5}", "apiKey" },
    { "{\"certificateAuthorityType\":\"X\",\"apiKey\":\"\"}", "apiKey" },
    { "{\"certificateAuthorityType\":\"X\",\"profileName\":{}}", "profileName" },
  };
  g_autoptr(GBytes) nameless = bytes_of (DIGICERT);
  g_autoptr(GError) error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autoptr(GBytes) body = bytes_of (refused[i][0]);

      g_assert_null (brevet_authority_document_parse (body, "plant-ca", NULL, &error));
      assert_refused (&error, BREVET_ERROR_INVALID, refused[i][1]);
    }
  g_assert_null (brevet_authority_document_load (nameless, &error));
  assert_refused (&error, BREVET_ERROR_CORRUPT, "name");
  g_assert_true (brevet_authority_type_is_documented ("DigiCertCertificateAuthority"));
  g_assert_false (brevet_authority_type_is_documented ("SomeCertificateAuthority"));
}

/* A body with one entry for each of the texts. */
static GBytes *
bundle_of (const char *first, const char *second)
{
  g_autoptr(JsonObject) object = json_object_new ();
  JsonArray *entries = json_array_new ();
  const char *texts[] = { first, second };

  for (guint i = 0; i < 2; i++)
    if (texts[i] != NULL)
      {
        JsonObject *entry = json_object_new ();

        json_object_set_string_member (entry, "certificate", texts[i]);
        json_array_add_object_element (entries, entry);
      }
  json_object_set_array_member (object, "certificates", entries);
  return brevet_wire_print_object (object);
}

static BrevetTrustBundleDocument *
parse_bundle (GBytes *body, const BrevetTrustBundleDocument *stored)
{
  g_autoptr(GError) error = NULL;
  BrevetTrustBundleDocument *document = brevet_trust_bundle_document_parse (body, "plant-roots", stored, &error);

  g_assert_no_error (error);
  return document;
}

static char *
crlf_of (const char *text)
{
  g_auto(GStrv) lines = g_strsplit (text, "\n", -1);

  return g_strjoinv ("\r\n", lines);
}

/* The shape of protocol/dps.md §16.2, with the line ends of the upload. */
static void
test_bundle (void)
{
  g_autofree char *crlf = crlf_of (ROOT_PEM);
  g_autofree char *crlf_json = g_strescape (crlf, NULL);
  g_autoptr(GBytes) body = bundle_of (crlf, NULL);
  g_autoptr(BrevetTrustBundleDocument) document = parse_bundle (body, NULL);
  g_autoptr(JsonObject) object = NULL;
  g_autoptr(GBytes) printed = NULL;
  g_autofree char *expected = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetTrustBundleDocument) loaded = NULL;

  document->created = G_GINT64_CONSTANT (1924992000000000);
  document->updated = G_GINT64_CONSTANT (1924992000000000);
  document->etag = g_strdup ("b3-0001");
  object = brevet_trust_bundle_document_to_json (document);
  printed = brevet_wire_print_object (object);
  expected = g_strdup_printf (
    "{\"id\":\"plant-roots\",\"certificates\":[{\"certificate\":\"%s\",\"metadata\":" ROOT_METADATA "}],"
    "\"createdDateTime\":\"2031-01-01T00:00:00.0000000Z\",\"lastModifiedDateTime\":\"2031-01-01T00:00:00.0000000Z\","
    "\"etag\":\"b3-0001\"}",
    crlf_json);
  assert_bytes (printed, expected);

  loaded = brevet_trust_bundle_document_load (printed, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (loaded->id, ==, "plant-roots");
  g_assert_cmpstr (g_ptr_array_index (loaded->pems, 0), ==, crlf);
}

static void
test_bundle_split (void)
{
  g_autoptr(GBytes) body = bundle_of ("roots:\n" ROOT_PEM "\nand\n" SECOND_PEM, ROOT_PEM);
  g_autoptr(BrevetTrustBundleDocument) document = parse_bundle (body, NULL);
  g_autoptr(GBytes) empty = bundle_of (NULL, NULL);
  g_autoptr(BrevetTrustBundleDocument) nothing = parse_bundle (empty, document);

  g_assert_cmpuint (document->pems->len, ==, 2);
  g_assert_cmpuint (brevet_trust_bundle_get_length (document->bundle), ==, 2);
  g_assert_cmpstr (g_ptr_array_index (document->pems, 0), ==, ROOT_PEM);
  g_assert_cmpstr (g_ptr_array_index (document->pems, 1), ==, SECOND_PEM);
  g_assert_cmpuint (nothing->pems->len, ==, 0);
}

static void
assert_bundle_refused (const char *first, const char *second, const char *needle)
{
  g_autoptr(GBytes) body = bundle_of (first, second);
  g_autoptr(GError) error = NULL;

  g_assert_null (brevet_trust_bundle_document_parse (body, "plant-roots", NULL, &error));
  assert_refused (&error, BREVET_ERROR_INVALID, needle);
}

static void
assert_bundle_text_refused (const char *text, const char *needle)
{
  g_autoptr(GBytes) body = bytes_of (text);
  g_autoptr(GError) error = NULL;

  g_assert_null (brevet_trust_bundle_document_parse (body, "plant-roots", NULL, &error));
  assert_refused (&error, BREVET_ERROR_INVALID, needle);
}

static void
test_bundle_refused (void)
{
  assert_bundle_refused (ROOT_PEM, LEAF_PEM, "certificates[1] is not a CA certificate");
  assert_bundle_refused ("hello", NULL, "certificates[0]");
  assert_bundle_refused ("", NULL, "certificates[0]");
  assert_bundle_refused (CSR_PEM, NULL, "certificates[0]");
  assert_bundle_refused (ROOT_PEM "-----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY-----\n", NULL, "certificates[0]");
  assert_bundle_refused ("-----BEGIN CERTIFICATE-----\nMIIB\n", NULL, "certificates[0]");
  assert_bundle_refused ("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", NULL, "certificates[0]");
  assert_bundle_text_refused ("{}", "certificates");
  assert_bundle_text_refused ("{\"certificates\":{}}", "certificates");
  assert_bundle_text_refused ("{\"certificates\":[\"x\"]}", "certificates[0]");
  assert_bundle_text_refused ("{\"certificates\":[{}]}", "certificates[0]");
  assert_bundle_text_refused ("{\"certificates\":[{\"certificate\":5}]}", "certificates[0]");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/authority/document", test_authority);
  g_test_add_func ("/wire/authority/keeps-key", test_authority_keeps_key);
  g_test_add_func ("/wire/authority/refused", test_authority_refused);
  g_test_add_func ("/wire/trust-bundle/document", test_bundle);
  g_test_add_func ("/wire/trust-bundle/split", test_bundle_split);
  g_test_add_func ("/wire/trust-bundle/refused", test_bundle_refused);
  return g_test_run ();
}
