/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* CA certificates of the service API, and the proof that their keys belong to the operator. */

#include "brevet-ca-certificate-document.h"
#include "brevet-clock.h"
#include "brevet-log.h"
#include "service-fixture.h"
#include "test-party.h"

#include <string.h>

static gint64 passed;

static gint64
tell_time (gpointer user_data)
{
  return g_get_real_time () + passed * G_USEC_PER_SEC;
}

typedef struct {
  Service service;
  Party *root, *other;
} Fixture;

static void
set_up (Fixture *self, gconstpointer data)
{
  passed = 0;
  service_set_up (&self->service, NULL);
  self->root = party_new_ca ("Plant Root", NULL);
  self->other = party_new_ca ("Plant Root", NULL);
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  party_free (self->root);
  party_free (self->other);
  service_tear_down (&self->service, NULL);
}

static char *
body_with (const Party *party, gboolean as_pem, const char *members)
{
  GBytes *der = brevet_certificate_get_der (party->certificate);
  g_autofree char *pem = brevet_certificate_to_pem (party->certificate);
  g_autofree char *escaped = g_strescape (pem, NULL);
  g_autofree char *base64 = g_base64_encode (g_bytes_get_data (der, NULL), g_bytes_get_size (der));

  return g_strdup_printf ("{\"certificate\":\"%s\"%s}", as_pem ? escaped : base64, members);
}

static Answer *
put (Fixture *self, guint status, const Party *party, const char *members)
{
  g_autofree char *body = body_with (party, TRUE, members);

  return expect (&self->service, status, "PUT", "/certificates/plant-root", NULL, body);
}

static Answer *
get (Fixture *self)
{
  return expect (&self->service, 200, "GET", "/certificates/Plant-Root", NULL, NULL);
}

static gboolean
is_verified (const Answer *answer)
{
  return json_object_get_boolean_member (answer->json, "isVerified");
}

static char *
ask_for_code (Fixture *self)
{
  g_autoptr(Answer) answer = expect (&self->service, 200, "POST", "/certificates/plant-root/generateVerificationCode", NULL, NULL);

  g_assert_false (is_verified (answer));
  g_assert_nonnull (answer_get (answer, "verificationCode"));
  return g_strdup (answer_get (answer, "verificationCode"));
}

static Answer *
prove (Fixture *self, guint status, const Party *proof)
{
  g_autofree char *body = body_with (proof, FALSE, "");

  return expect (&self->service, status, "POST", "/certificates/plant-root/verify", NULL, body);
}

/* What the builder would not make: it claims to be issued by @issuer, whosever key signs, or to be a CA that may sign nothing. */
static Party *
forge (const char *name, const Party *issuer, const Party *signer, unsigned int usage)
{
  static const guint8 serial[] = { 7 };
  gnutls_privkey_t key = brevet_key_get_privkey (signer->key);
  gnutls_datum_t der = { 0 };
  gnutls_pubkey_t public_key;
  gnutls_x509_crt_t certificate;
  Party *self = g_new0 (Party, 1);
  g_autoptr(GBytes) bytes = NULL;

  gnutls_pubkey_init (&public_key);
  gnutls_x509_crt_init (&certificate);
  g_assert_cmpint (gnutls_pubkey_import_privkey (public_key, key, 0, 0), >=, 0);
  gnutls_x509_crt_set_version (certificate, 3);
  gnutls_x509_crt_set_serial (certificate, serial, sizeof serial);
  gnutls_x509_crt_set_activation_time (certificate, g_get_real_time () / G_USEC_PER_SEC - 3600);
  gnutls_x509_crt_set_expiration_time (certificate, g_get_real_time () / G_USEC_PER_SEC + 3600);
  gnutls_x509_crt_set_dn_by_oid (certificate, GNUTLS_OID_X520_COMMON_NAME, 0, name, strlen (name));
  gnutls_x509_crt_set_pubkey (certificate, public_key);
  gnutls_x509_crt_set_basic_constraints (certificate, usage != 0, -1);
  if (usage != 0)
    gnutls_x509_crt_set_key_usage (certificate, usage);
  g_assert_cmpint (gnutls_x509_crt_privkey_sign (certificate, brevet_certificate_get_crt (issuer->certificate), key,
                                                 GNUTLS_DIG_SHA256, 0), >=, 0);
  g_assert_cmpint (gnutls_x509_crt_export2 (certificate, GNUTLS_X509_FMT_DER, &der), >=, 0);
  bytes = g_bytes_new (der.data, der.size);
  self->certificate = brevet_certificate_new (bytes, NULL);
  self->key = brevet_key_ref (signer->key);
  gnutls_free (der.data);
  gnutls_x509_crt_deinit (certificate);
  gnutls_pubkey_deinit (public_key);
  return self;
}

static void
assert_unproved (Fixture *self, const Party *proof, const char *words)
{
  g_autoptr(Answer) refused = prove (self, 400, proof);
  g_autoptr(Answer) shown = get (self);

  assert_error_says (refused, words);
  g_assert_false (is_verified (shown));
}

/* What an operator sees, and that both forms of a certificate are the same. */
static void
test_shown (Fixture *self, gconstpointer data)
{
  g_autofree char *sha1 = g_ascii_strup (brevet_certificate_get_sha1 (self->root->certificate), -1);
  g_autofree char *pem = brevet_certificate_to_pem (self->root->certificate);
  g_autofree char *base64 = body_with (self->root, FALSE, "");
  g_autoptr(Answer) created = put (self, 200, self->root, "");
  g_autoptr(Answer) replaced = NULL, shown = NULL, list = NULL;

  g_assert_cmpstr (answer_get (created, "subject"), ==, "CN=Plant Root");
  g_assert_cmpstr (answer_get (created, "thumbprint"), ==, sha1);
  g_assert_cmpstr (answer_get (created, "certificate"), ==, pem);
  g_assert_true (g_str_has_suffix (answer_get (created, "expiry"), "Z"));
  g_assert_nonnull (answer_get (created, "created"));
  g_assert_null (answer_get (created, "verificationCode"));
  g_assert_false (is_verified (created));

  replaced = expect (&self->service, 200, "PUT", "/certificates/PLANT-root", created->etag, base64);
  g_assert_cmpstr (answer_get (replaced, "name"), ==, "plant-root");
  g_assert_cmpstr (answer_get (replaced, "created"), ==, answer_get (created, "created"));
  drop (&self->service, 412, "PUT", "/certificates/plant-root", created->etag, base64);
  shown = get (self);
  g_assert_cmpstr (shown->etag, ==, replaced->etag);
  g_assert_cmpstr (answer_get (shown, "certificate"), ==, pem);
  list = expect (&self->service, 200, "GET", "/certificates", NULL, NULL);
  g_assert_cmpuint (json_array_get_length (json_node_get_array (list->node)), ==, 1);

  drop (&self->service, 412, "DELETE", "/certificates/plant-root", created->etag, NULL);
  drop (&self->service, 204, "DELETE", "/certificates/plant-root", replaced->etag, NULL);
  drop (&self->service, 404, "GET", "/certificates/plant-root", NULL, NULL);
  drop (&self->service, 404, "POST", "/certificates/plant-root/verify", NULL, base64);
  drop (&self->service, 404, "POST", "/certificates/plant-root/generateVerificationCode", NULL, NULL);
}

static void
test_refused (Fixture *self, gconstpointer data)
{
  g_autoptr(Party) client = party_new_client ("pump-07", self->root);
  g_autoptr(Party) expired = party_new (BREVET_CERTIFICATE_USAGE_CA, "Old", NULL, -7200, -3600);
  g_autoptr(Party) idle = forge ("Idle", self->root, self->other, GNUTLS_KEY_DIGITAL_SIGNATURE);
  g_autoptr(Answer) no_ca = put (self, 400, client, ""), old = put (self, 400, expired, ""), unused = put (self, 400, idle, "");
  g_autoptr(Answer) odd = put (self, 400, self->root, ",\"isVerified\":\"yes\"");
  static const struct {
    const char *body;
    const char *words;
  } rows[] = {
    { "{}", "“certificate” is missing" },
    { "{\"certificate\":7}", "certificate" },
    { "{\"certificate\":\"\"}", "neither PEM nor base64" },
    { "{\"certificate\":\"AAAA\"}", "cannot be read" },
    { "{\"certificate\":\"-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----\\n\"}", "cannot be read" },
  };

  assert_error_says (no_ca, "not a CA certificate");
  assert_error_says (old, "has expired");
  assert_error_says (unused, "must not sign certificates");
  assert_error_says (odd, "isVerified");
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr(Answer) answer = expect (&self->service, 400, "PUT", "/certificates/plant-root", NULL, rows[i].body);

      assert_error_says (answer, rows[i].words);
    }
  drop (&self->service, 404, "GET", "/certificates/plant-root", NULL, NULL);
}

/* Whoever has the key can show it, once. */
static void
test_proof (Fixture *self, gconstpointer data)
{
  g_autoptr(Answer) created = put (self, 200, self->root, ""), proved = NULL, pending = NULL;
  g_autofree char *former = ask_for_code (self);
  g_autofree char *code = ask_for_code (self);
  g_autoptr(Party) outdated = party_new_client (former, self->root);
  g_autoptr(Party) nameless = party_new_client ("pump-07", self->root);
  g_autoptr(Party) foreign = party_new_client (code, self->other);
  g_autoptr(Party) forged = forge (code, self->root, self->other, 0);
  g_autoptr(Party) own = party_new_client (code, NULL);
  g_autoptr(Party) expired = party_new (BREVET_CERTIFICATE_USAGE_CLIENT, code, self->root, -7200, -3600);
  g_autoptr(Party) good = party_new_client (code, self->root);

  g_assert_cmpstr (former, !=, code);
  g_assert_cmpuint (strlen (code), >=, 32);
  g_assert_cmpuint (strlen (code), <=, 64);
  pending = get (self);
  g_assert_cmpstr (answer_get (pending, "verificationCode"), ==, code);
  assert_unproved (self, outdated, "verification code as its common name");
  assert_unproved (self, nameless, "verification code as its common name");
  assert_unproved (self, foreign, "not signed with the key");
  assert_unproved (self, forged, "not signed with the key");
  assert_unproved (self, own, "not signed with the key");
  assert_unproved (self, expired, "has expired");

  proved = prove (self, 200, good);
  g_assert_true (is_verified (proved));
  g_assert_null (answer_get (proved, "verificationCode"));
  answer_free (prove (self, 400, good));
  answer_free (g_steal_pointer (&pending));
  pending = get (self);
  g_assert_true (is_verified (pending));
}

static void
test_code_expires (Fixture *self, gconstpointer data)
{
  g_autoptr(Answer) created = put (self, 200, self->root, "");
  g_autofree char *code = ask_for_code (self);
  g_autoptr(Party) proof = party_new (BREVET_CERTIFICATE_USAGE_CLIENT, code, self->root, -3600, 20 * 86400);
  g_autoptr(Answer) late = NULL;

  passed = BREVET_CA_CERTIFICATE_CODE_LIFETIME + 1;
  late = prove (self, 400, proof);
  assert_error_says (late, "The verification code has expired");
  passed = BREVET_CA_CERTIFICATE_CODE_LIFETIME - 60;
  answer_free (prove (self, 200, proof));
}

/* The proof was about one certificate, and goes with it. */
static void
test_replaced (Fixture *self, gconstpointer data)
{
  g_autoptr(Answer) vouched = put (self, 200, self->root, ",\"isVerified\":true");
  g_autoptr(Answer) same = put (self, 200, self->root, "");
  g_autoptr(Answer) other = put (self, 200, self->other, "");
  g_autofree char *code = ask_for_code (self);
  g_autoptr(Party) proof = party_new_client (code, self->other);
  g_autoptr(Answer) edited = put (self, 200, self->other, ""), again = NULL, proved = NULL, taken_back = NULL;

  g_assert_true (is_verified (vouched));
  g_assert_true (is_verified (same));
  g_assert_false (is_verified (other));
  g_assert_cmpstr (answer_get (edited, "verificationCode"), ==, code);
  proved = prove (self, 200, proof);
  g_assert_true (is_verified (proved));
  taken_back = put (self, 200, self->other, ",\"isVerified\":false");
  g_assert_false (is_verified (taken_back));
  g_free (g_steal_pointer (&code));
  code = ask_for_code (self);
  again = put (self, 200, self->root, "");
  g_assert_null (answer_get (again, "verificationCode"));
}

/* Asking for a code while a certificate is verified does not take that away. */
static void
test_code_for_verified (Fixture *self, gconstpointer data)
{
  g_autoptr(Answer) vouched = put (self, 200, self->root, ",\"isVerified\":true");
  g_autoptr(Answer) asked = expect (&self->service, 200, "POST", "/certificates/plant-root/generateVerificationCode", NULL, NULL);

  g_assert_true (is_verified (asked));
}

static void
add (const char *path, void (*test) (Fixture *self, gconstpointer data))
{
  g_test_add (path, Fixture, NULL, set_up, test, tear_down);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  brevet_clock_set_source (tell_time, NULL);
  add ("/service-api-certificates/shown", test_shown);
  add ("/service-api-certificates/refused", test_refused);
  add ("/service-api-certificates/proof", test_proof);
  add ("/service-api-certificates/code-expires", test_code_expires);
  add ("/service-api-certificates/replaced", test_replaced);
  add ("/service-api-certificates/code-for-verified", test_code_for_verified);
  return g_test_run ();
}
