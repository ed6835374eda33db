/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "x509-world.h"

#include <string.h>

static GBytes *
read_bytes (X509World *world, const char *name)
{
  gsize length;
  char *contents = x509_world_read (world, name, &length);

  return g_bytes_new_take (contents, length);
}

/* Lets openssl make a CSR with the commands of a test case, which leave it in csr.der. */
static BrevetCsr *
csr_of_command (X509World *world, const char *commands, BrevetKeyPolicy *policy, GError **error)
{
  g_autofree char *output = x509_world_run (world, commands);
  g_autoptr(BrevetKeyPolicy) standard = brevet_key_policy_new ();
  g_autoptr(GBytes) der = read_bytes (world, "csr.der");

  return brevet_csr_new (der, policy != NULL ? policy : standard, error);
}

static void
test_accepts (X509World *world, gconstpointer data)
{
  const char *commands = data;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetCsr) csr = csr_of_command (world, commands, NULL, &error);
  g_autofree char *spki = NULL, *pem = NULL, *sum = NULL;

  g_assert_no_error (error);
  g_assert_cmpstr (brevet_csr_get_common_name (csr), ==, "dev-1");

  spki = x509_world_run (world, "openssl req -inform DER -in csr.der -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum "
                                "| cut -d' ' -f1 | tr -d '\\n'");
  g_assert_cmpstr (brevet_csr_get_spki_sha256 (csr), ==, spki);
  sum = x509_world_run (world, "sha256sum < csr.der | cut -d' ' -f1 | tr -d '\\n'");
  g_assert_cmpstr (brevet_csr_get_sha256 (csr), ==, sum);

  pem = brevet_csr_to_pem (csr);
  g_assert_true (g_str_has_prefix (pem, "-----BEGIN CERTIFICATE REQUEST-----\n"));
  x509_world_write (world, "again.pem", pem);
  g_free (x509_world_run (world, "openssl req -in again.pem -outform DER -out again.der && cmp csr.der again.der"));
}

typedef struct
{
  const char *name;
  const char *commands;
  BrevetError code;
  const char *says;
} Refusal;

#define REQ "openssl req -new -subj /CN=dev-1 -outform DER -out csr.der "

static const Refusal refusals[] = {
  { "sha1-rsa", REQ "-newkey rsa:2048 -nodes -keyout k -sha1", BREVET_ERROR_REJECTED, "RSA-SHA1" },
  { "sha1-ecdsa", REQ "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -sha1", BREVET_ERROR_REJECTED, "ECDSA-SHA1" },
  { "md5", REQ "-newkey rsa:2048 -nodes -keyout k -md5", BREVET_ERROR_REJECTED, "MD5" },
  { "rsa-1024", REQ "-newkey rsa:1024 -nodes -keyout k", BREVET_ERROR_REJECTED, "RSA with 1024 bits" },
  { "rsa-2040", REQ "-newkey rsa:2040 -nodes -keyout k", BREVET_ERROR_REJECTED, "RSA with 2040 bits" },
  { "rsa-4104", REQ "-newkey rsa:4104 -nodes -keyout k", BREVET_ERROR_REJECTED, "RSA with 4104 bits" },
  { "rsa-exponent-3",
    "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:3 -out k 2>&1; " REQ "-key k",
    BREVET_ERROR_REJECTED, "exponent" },
  { "p521", REQ "-newkey ec -pkeyopt ec_paramgen_curve:P-521 -nodes -keyout k", BREVET_ERROR_REJECTED, "SECP521R1" },
  { "secp256k1", REQ "-newkey ec -pkeyopt ec_paramgen_curve:secp256k1 -nodes -keyout k", BREVET_ERROR_REJECTED, "not supported" },
  { "brainpool", REQ "-newkey ec -pkeyopt ec_paramgen_curve:brainpoolP256r1 -nodes -keyout k", BREVET_ERROR_REJECTED,
    "not supported" },
  { "p224", REQ "-newkey ec -pkeyopt ec_paramgen_curve:P-224 -nodes -keyout k", BREVET_ERROR_REJECTED, "SECP224R1" },
  { "ed25519", "openssl genpkey -algorithm ed25519 -out k; " REQ "-key k", BREVET_ERROR_REJECTED, "Ed25519" },
  { "rsa-pss", "openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out k 2>&1; " REQ "-key k", BREVET_ERROR_REJECTED,
    "RSA-PSS" },
  { "dsa", "openssl dsaparam -genkey -noout -out k 1024 2>&1; " REQ "-key k", BREVET_ERROR_REJECTED, "DSA" },
  { "two-names",
    "openssl req -new -subj /CN=dev-1/CN=admin -outform DER -out csr.der -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
    "-keyout k",
    BREVET_ERROR_INVALID, "more than one common name" },
  { "certificate",
    "openssl req -x509 -new -subj /CN=dev-1 -outform DER -out csr.der -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k",
    BREVET_ERROR_INVALID, "" },
  { "pem", "openssl req -new -subj /CN=dev-1 -out csr.der -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k",
    BREVET_ERROR_INVALID, "PKCS#10" },
  { "trailing-byte", REQ "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k; printf '\\000' >> csr.der",
    BREVET_ERROR_INVALID, "PKCS#10" },
  { "trailing-copy", REQ "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k; cp csr.der a; cat a a > csr.der",
    BREVET_ERROR_INVALID, "PKCS#10" },
  { "cut-off", REQ "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k; cp csr.der a; head -c 200 a > csr.der",
    BREVET_ERROR_INVALID, "PKCS#10" },
  { "empty", "true > csr.der", BREVET_ERROR_INVALID, "0 bytes" },
  { "too-long", "head -c 16385 /dev/zero > csr.der", BREVET_ERROR_INVALID, "16385 bytes" },
};

static void
test_refuses (X509World *world, gconstpointer data)
{
  const Refusal *refusal = data;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetCsr) csr = csr_of_command (world, refusal->commands, NULL, &error);

  g_assert_null (csr);
  g_assert_error (error, BREVET_ERROR, (int) refusal->code);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, refusal->says));
}

/* Whatever byte a stranger changes: the request is refused, or (in an encoding with the same meaning) nothing has changed. */
static void
test_tampered (X509World *world, gconstpointer data)
{
  g_autoptr(BrevetKeyPolicy) policy = brevet_key_policy_new ();
  gsize size;
  const guint8 *good = g_bytes_get_data (brevet_csr_get_der (world->csr), &size);

  for (gsize i = 0; i < size; i++)
    {
      guint8 *bytes = g_memdup2 (good, size);
      g_autoptr(GBytes) der = g_bytes_new_take (bytes, size);
      g_autoptr(GError) error = NULL;
      g_autoptr(BrevetCsr) csr = NULL;

      bytes[i] ^= 0x01;
      csr = brevet_csr_new (der, policy, &error);
      if (csr != NULL)
        g_error ("A request with byte %" G_GSIZE_FORMAT " changed was accepted", i);
      g_assert_true (error->domain == BREVET_ERROR);
    }
}

/* The signature of another key over the same request. */
static void
test_stolen_key (X509World *world, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetCsr) csr = NULL;

  csr = csr_of_command (world,
                        "openssl ecparam -name prime256v1 -genkey -noout -out mine; "
                        "openssl ecparam -name prime256v1 -genkey -noout -out theirs; " REQ "-key mine; "
                        "openssl pkey -in mine -pubout -outform DER -out mine.der; "
                        "openssl pkey -in theirs -pubout -outform DER -out theirs.der; "
                        "/usr/bin/python3 -c \"a=open('csr.der','rb').read(); m=open('mine.der','rb').read(); "
                        "t=open('theirs.der','rb').read(); assert m in a; open('csr.der','wb').write(a.replace(m,t))\"",
                        NULL, &error);
  g_assert_null (csr);
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "signature"));
}

static void
test_no_name (X509World *world, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetCsr) csr = csr_of_command (world,
                                             "openssl req -new -subj / -outform DER -out csr.der -newkey ec -pkeyopt "
                                             "ec_paramgen_curve:P-256 -nodes -keyout k",
                                             NULL, &error);

  g_assert_no_error (error);
  g_assert_null (brevet_csr_get_common_name (csr));
}

static void
test_opt_in (X509World *world, gconstpointer data)
{
  const char *const commands[] = {
    REQ "-newkey ec -pkeyopt ec_paramgen_curve:P-521 -nodes -keyout k",
    "openssl genpkey -algorithm ed25519 -out k; " REQ "-key k",
    "openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out k 2>&1; " REQ "-key k",
  };
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("ca", "factory", NULL);
  g_autoptr(BrevetKeyPolicy) policy = NULL;
  g_autoptr(GError) error = NULL;

  brevet_settings_set (settings, "key-types", "p521, ed25519; RSA-PSS", NULL);
  policy = brevet_key_policy_new_from_settings (settings, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      g_autoptr(BrevetCsr) csr = csr_of_command (world, commands[i], policy, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (brevet_csr_get_common_name (csr), ==, "dev-1");
    }
  g_assert_null (brevet_csr_new (brevet_csr_get_der (world->csr), policy, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED);
}

static void
test_unknown_type (void)
{
  const char *const values[] = { "p256, p257", " ; ," };

  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_autoptr(BrevetSettings) settings = brevet_settings_new ("ca", "factory", NULL);
      g_autoptr(GError) error = NULL;

      brevet_settings_set (settings, "key-types", values[i], "dps.conf:7");
      g_assert_null (brevet_key_policy_new_from_settings (settings, &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
      g_assert_true (g_str_has_prefix (error->message, "dps.conf:7: [ca factory] key-types: "));
    }
}

static void
test_kinds_by_name (void)
{
  static const struct
  {
    const char   *name;
    BrevetKeyKind kind;
  } good[] = {
    { "p256", BREVET_KEY_KIND_EC_P256 }, { "P384", BREVET_KEY_KIND_EC_P384 }, { "rsa", BREVET_KEY_KIND_RSA_3072 },
    { "ed25519", BREVET_KEY_KIND_ED25519 },
  };
  static const char *const bad[] = { "", "p521", "rsa-pss", "dsa", "p256 " };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      BrevetKeyKind kind = BREVET_KEY_KIND_RSA_2048;

      g_assert_true (brevet_key_kind_from_name (good[i].name, &kind, NULL));
      g_assert_cmpint (kind, ==, good[i].kind);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr(GError) error = NULL;
      BrevetKeyKind kind = BREVET_KEY_KIND_RSA_2048;

      g_assert_false (brevet_key_kind_from_name (bad[i], &kind, &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
    }
}

/* What a stock GnuTLS tool makes, and names that need UTF-8. */
static void
test_certtool (X509World *world, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetCsr) csr = NULL;

  x509_world_write (world, "template", "cn = \"Gerät:7_ä\"\ndns_name = \"hub.example.com\"\nca\n");
  csr = csr_of_command (world,
                        "certtool --generate-privkey --key-type ecdsa --curve secp384r1 --outfile k 2>/dev/null; "
                        "certtool --generate-request --load-privkey k --template template --outder --outfile csr.der 2>/dev/null",
                        NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (brevet_csr_get_common_name (csr), ==, "Gerät:7_ä");
}

static void
test_long_name (X509World *world, gconstpointer data)
{
  g_autofree char *name = g_strnfill (128, 'n');
  g_autoptr(BrevetCsr) csr = x509_make_csr (world->device_key, name);

  g_assert_cmpstr (brevet_csr_get_common_name (csr), ==, name);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, data, func) g_test_add (path, X509World, data, x509_world_set_up, func, x509_world_tear_down)
  ADD ("/csr/accepts/p256", REQ "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k", test_accepts);
  ADD ("/csr/accepts/p384", REQ "-newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout k", test_accepts);
  ADD ("/csr/accepts/rsa-2048", REQ "-newkey rsa:2048 -nodes -keyout k", test_accepts);
  ADD ("/csr/accepts/rsa-4096", REQ "-newkey rsa:4096 -nodes -keyout k", test_accepts);
  for (guint i = 0; i < G_N_ELEMENTS (refusals); i++)
    {
      g_autofree char *path = g_strconcat ("/csr/refuses/", refusals[i].name, NULL);

      ADD (path, &refusals[i], test_refuses);
    }
  ADD ("/csr/tampered", NULL, test_tampered);
  ADD ("/csr/stolen-key", NULL, test_stolen_key);
  ADD ("/csr/no-name", NULL, test_no_name);
  ADD ("/csr/long-name", NULL, test_long_name);
  ADD ("/csr/certtool", NULL, test_certtool);
  ADD ("/key-policy/opt-in", NULL, test_opt_in);
  g_test_add_func ("/key-policy/unknown-type", test_unknown_type);
  g_test_add_func ("/key-policy/kinds-by-name", test_kinds_by_name);
  return g_test_run ();
}
