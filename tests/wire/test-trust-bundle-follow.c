/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Trust bundles that follow certificate authorities, as operators read and write them. ROOT is the bundle's own, SECOND came from
 * the certificate authority “plant”. */

#include "brevet-trust-bundle-document.h"
#include "brevet-wire-json.h"
#include "wire-fixtures.h"

#include <string.h>

#include "wire-test.h"

static BrevetTrustBundleDocument *
parse (JsonObject *object, const BrevetTrustBundleDocument *stored)
{
  g_autoptr(GBytes) body = brevet_wire_print_object (object);
  g_autoptr(GError) error = NULL;
  BrevetTrustBundleDocument *document = brevet_trust_bundle_document_parse (body, "plant-roots", stored, &error);

  g_assert_no_error (error);
  return document;
}

static JsonObject *
read_object (const char *text)
{
  g_autoptr(GBytes) body = bytes_of (text);
  g_autoptr(GError) error = NULL;
  JsonObject *object = brevet_wire_parse_object (body, "the test's text", &error);

  g_assert_no_error (error);
  return object;
}

static void
add_certificate (JsonObject *object, const char *pem, const char *source)
{
  JsonObject *entry = json_object_new ();

  json_object_set_string_member (entry, "certificate", pem);
  if (source != NULL)
    json_object_set_string_member (entry, "certificateAuthority", source);
  if (!json_object_has_member (object, "certificates"))
    json_object_set_array_member (object, "certificates", json_array_new ());
  json_array_add_object_element (json_object_get_array_member (object, "certificates"), entry);
}

static gboolean
follow (BrevetTrustBundleDocument *document, const char *pem, const char *source)
{
  g_autoptr(GPtrArray) certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);
  g_autoptr(GPtrArray) sources = g_ptr_array_new ();
  g_autoptr(GError) error = NULL;
  gboolean changed = FALSE;

  if (pem != NULL)
    {
      g_ptr_array_add (certificates, brevet_certificate_new_from_pem (pem, &error));
      g_assert_no_error (error);
      g_ptr_array_add (sources, (char *) source);
    }
  g_assert_true (brevet_trust_bundle_document_follow (document, certificates, sources, &changed, &error));
  g_assert_no_error (error);
  return changed;
}

static BrevetTrustBundleDocument *
make_stored (void)
{
  g_autoptr(JsonObject) object = read_object ("{\"certificateAuthorities\":[\"plant\"]}");
  BrevetTrustBundleDocument *document;

  add_certificate (object, ROOT_PEM, NULL);
  document = parse (object, NULL);
  g_assert_true (follow (document, SECOND_PEM, "Plant"));
  g_assert_false (follow (document, SECOND_PEM, "plant"));
  return document;
}

static void
assert_entry (const BrevetTrustBundleDocument *document, guint index, const char *pem, const char *source)
{
  g_assert_cmpuint (index, <, document->pems->len);
  g_assert_cmpstr (g_ptr_array_index (document->pems, index), ==, pem);
  g_assert_cmpstr (g_ptr_array_index (document->sources, index), ==, source);
}

static void
assert_as_stored (const BrevetTrustBundleDocument *document)
{
  g_assert_cmpuint (document->pems->len, ==, 2);
  assert_entry (document, 0, ROOT_PEM, NULL);
  assert_entry (document, 1, SECOND_PEM, "plant");
  g_assert_cmpstr (document->authorities[0], ==, "plant");
  g_assert_null (document->authorities[1]);
}

/* GET, PUT: nothing changes, in the store neither. */
static void
test_sent_back (void)
{
  g_autoptr(BrevetTrustBundleDocument) stored = make_stored ();
  g_autoptr(JsonObject) shown = NULL;
  g_autoptr(BrevetTrustBundleDocument) sent = NULL, loaded = NULL;
  g_autoptr(GBytes) body = NULL;
  g_autoptr(GError) error = NULL;

  assert_as_stored (stored);
  shown = brevet_trust_bundle_document_to_json (stored);
  sent = parse (shown, stored);
  assert_as_stored (sent);
  body = brevet_wire_print_object (shown);
  loaded = brevet_trust_bundle_document_load (body, &error);
  g_assert_no_error (error);
  assert_as_stored (loaded);
}

/* GET by somebody who drops what he does not know, PUT: the bundle follows as before, and what it follows is not made its own. */
static void
test_sent_back_by_the_old (void)
{
  g_autoptr(BrevetTrustBundleDocument) stored = make_stored ();
  g_autoptr(JsonObject) shown = brevet_trust_bundle_document_to_json (stored);
  g_autoptr(BrevetTrustBundleDocument) sent = NULL;
  g_autoptr(GBytes) body = NULL;

  brevet_trust_bundle_document_strip (shown);
  body = brevet_wire_print_object (shown);
  g_assert_null (g_strstr_len (g_bytes_get_data (body, NULL), g_bytes_get_size (body), "certificateAuthorit"));
  sent = parse (shown, stored);
  assert_as_stored (sent);
}

/* Whoever leaves a certificate out, or deletes all of them, does not take from devices what a CA says. */
static void
test_left_out (void)
{
  g_autoptr(BrevetTrustBundleDocument) stored = make_stored ();
  g_autoptr(JsonObject) nothing = read_object ("{\"certificates\":[]}");
  g_autoptr(JsonObject) names = read_object ("{\"certificateAuthorities\":[\"other\",\"PLANT\",\"Other\"]}");
  g_autoptr(BrevetTrustBundleDocument) sent = parse (nothing, stored);
  g_autoptr(BrevetTrustBundleDocument) more = parse (names, stored);

  g_assert_cmpuint (sent->pems->len, ==, 1);
  assert_entry (sent, 0, SECOND_PEM, "plant");
  g_assert_cmpuint (more->pems->len, ==, 1);
  assert_entry (more, 0, SECOND_PEM, "PLANT");
  g_assert_cmpuint (g_strv_length (more->authorities), ==, 2);
  g_assert_cmpstr (more->authorities[0], ==, "other");
}

/* What is not followed any more takes its certificates along, also if they were sent back. */
static void
test_stops (void)
{
  g_autoptr(BrevetTrustBundleDocument) stored = make_stored ();
  g_autoptr(JsonObject) shown = brevet_trust_bundle_document_to_json (stored);
  g_autoptr(BrevetTrustBundleDocument) sent = NULL;

  json_object_set_array_member (shown, "certificateAuthorities", json_array_new ());
  sent = parse (shown, stored);
  g_assert_cmpuint (sent->pems->len, ==, 1);
  assert_entry (sent, 0, ROOT_PEM, NULL);
  g_assert_null (sent->authorities[0]);
}

/* Whoever knows the extension can make a certificate the bundle's own: it stays when the CA has another root. */
static void
test_own (void)
{
  g_autoptr(BrevetTrustBundleDocument) stored = make_stored ();
  g_autoptr(JsonObject) object = read_object ("{\"certificateAuthorities\":[\"plant\"]}");
  g_autoptr(BrevetTrustBundleDocument) sent = NULL;

  add_certificate (object, SECOND_PEM, NULL);
  add_certificate (object, SECOND_PEM, "plant");
  sent = parse (object, stored);
  g_assert_cmpuint (sent->pems->len, ==, 1);
  assert_entry (sent, 0, SECOND_PEM, NULL);
  g_assert_true (follow (sent, ROOT_PEM, "plant"));
  assert_entry (sent, 0, SECOND_PEM, NULL);
  assert_entry (sent, 1, ROOT_PEM, "plant");
  g_assert_true (follow (sent, NULL, NULL));
  g_assert_cmpuint (sent->pems->len, ==, 1);
}

/* A copy for another service: the certificates come along, until that service knows better. */
static void
test_copied (void)
{
  g_autoptr(BrevetTrustBundleDocument) stored = make_stored ();
  g_autoptr(JsonObject) shown = brevet_trust_bundle_document_to_json (stored);
  g_autoptr(BrevetTrustBundleDocument) copy = parse (shown, NULL);

  assert_as_stored (copy);
}

/* A bundle that follows nobody is written as ever. */
static void
test_follows_nobody (void)
{
  g_autoptr(JsonObject) object = json_object_new ();
  g_autoptr(BrevetTrustBundleDocument) document = NULL;
  g_autoptr(JsonObject) shown = NULL;

  add_certificate (object, ROOT_PEM, NULL);
  document = parse (object, NULL);
  shown = brevet_trust_bundle_document_to_json (document);
  g_assert_false (json_object_has_member (shown, "certificateAuthorities"));
}

static void
assert_text_refused (const char *text, const char *needle)
{
  g_autoptr(GBytes) body = bytes_of (text);
  g_autoptr(GError) error = NULL;

  g_assert_null (brevet_trust_bundle_document_parse (body, "plant-roots", NULL, &error));
  assert_refused (&error, BREVET_ERROR_INVALID, needle);
}

static void
test_refused (void)
{
  assert_text_refused ("{\"certificateAuthorities\":\"plant\"}", "certificateAuthorities");
  assert_text_refused ("{\"certificateAuthorities\":[5]}", "certificateAuthorities");
  assert_text_refused ("{\"certificateAuthorities\":[\"plant\",\"a b\"]}", "certificateAuthorities[1]");
  assert_text_refused ("{\"certificateAuthorities\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\",\"j\",\"k\",\"l\",\"m\","
                       "\"n\",\"o\",\"p\",\"q\"]}", "at most 16");
  assert_text_refused ("{\"certificateAuthorities\":[\"plant\"],"
                       "\"certificates\":[{\"certificate\":\"x\",\"certificateAuthority\":1}]}",
                       "certificates[0]");
  assert_text_refused ("{\"certificateAuthorities\":[\"plant\"],\"certificates\":{}}", "certificates");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/trust-bundle-follow/sent-back", test_sent_back);
  g_test_add_func ("/wire/trust-bundle-follow/sent-back-by-the-old", test_sent_back_by_the_old);
  g_test_add_func ("/wire/trust-bundle-follow/left-out", test_left_out);
  g_test_add_func ("/wire/trust-bundle-follow/stops", test_stops);
  g_test_add_func ("/wire/trust-bundle-follow/own", test_own);
  g_test_add_func ("/wire/trust-bundle-follow/copied", test_copied);
  g_test_add_func ("/wire/trust-bundle-follow/follows-nobody", test_follows_nobody);
  g_test_add_func ("/wire/trust-bundle-follow/refused", test_refused);
  return g_test_run ();
}
