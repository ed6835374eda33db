/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The pure parts of TPM attestation: the blob's test vector (protocol/dps.md §6.5), and which public areas are refused. */

#include "brevet-error.h"
#include "brevet-tpm-cipher.h"
#include "brevet-tpm-public-area.h"
#include "brevet-tpm-wrap.h"

#include <string.h>

/* Offsets in the TPM2B_PUBLIC of a storage root key of the standard template. */
enum {
  AT_SIZE = 0,
  AT_TYPE = 2,
  AT_NAME_HASH = 4,
  AT_ATTRIBUTES = 6,
  AT_SYMMETRIC = 12,
  AT_SYMMETRIC_BITS = 14,
  AT_SYMMETRIC_MODE = 16,
  AT_SCHEME = 18,
  AT_KEY_BITS = 20,
  AT_EXPONENT = 22,
  AT_MODULUS_SIZE = 26,
  AT_MODULUS = 28,
  STORAGE_ROOT_SIZE = 284,
};

static GBytes *
unhex (const char *text)
{
  gsize length = strlen (text) / 2;
  guint8 *data = g_malloc (length);

  for (gsize i = 0; i < length; i++)
    data[i] = (guint8) (g_ascii_xdigit_value (text[2 * i]) << 4 | g_ascii_xdigit_value (text[2 * i + 1]));
  return g_bytes_new_take (data, length);
}

static BrevetSecret *
repeat (guint8 byte, gsize length)
{
  guint8 data[32];

  memset (data, byte, length);
  return brevet_secret_new (data, length);
}

static void
assert_hex (gconstpointer data, gsize length, const char *wanted)
{
  g_autoptr(GString) text = g_string_new (NULL);

  for (gsize i = 0; i < length; i++)
    g_string_append_printf (text, "%02x", ((const guint8 *) data)[i]);
  g_assert_cmpstr (text->str, ==, wanted);
}

static void
assert_bytes (GBytes *bytes, const char *wanted)
{
  g_assert_nonnull (bytes);
  assert_hex (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), wanted);
}

static void
assert_secret (BrevetSecret *secret, const char *wanted)
{
  gsize length;
  const guint8 *data = brevet_secret_get_data (secret, &length);

  assert_hex (data, length, wanted);
}

static void
test_vector_key (void)
{
  g_autoptr(BrevetSecret) seed_value = repeat (0x11, 32);
  g_autoptr(BrevetSecret) key = repeat (0x22, 32);
  g_autoptr(BrevetSecret) inner = repeat (0x33, 16);
  g_autoptr(BrevetSecret) seed = repeat (0x44, 32);
  g_autoptr(BrevetSecret) storage = NULL;
  g_autoptr(BrevetSecret) integrity = NULL;
  g_autoptr(GBytes) name = NULL;
  g_autoptr(GBytes) public = NULL;
  g_autoptr(GBytes) wrapped = NULL;
  g_autoptr(GBytes) private = NULL;
  g_autoptr(GError) error = NULL;

  public = brevet_tpm_wrap_public (seed_value, key, &name, &error);
  g_assert_no_error (error);
  assert_bytes (public, "00500008000b000404400020bef56b8c1cc84e11edd717528d2cd99356bd2bbf8f015209c3f84aeeaba8e8a2"
                        "0005000b00205189c77d29fe5d546a045ec46986852785fea5c13ac7da9c115ff5fb6edf817c");
  assert_bytes (name, "000bd4882476341bd38cb41285e49c059f2d61ba9007ef5547f0919edad0320b3929");

  wrapped = brevet_tpm_wrap_inner (inner, seed_value, key, name, &error);
  g_assert_no_error (error);
  assert_bytes (wrapped, "7a3145106c3ddc9e0bba62145ed75a2acefd4be6ec2b6cff35d5beb2e32a1e6982329e3ea7ff2a0a847689deeb091e6e"
                         "fb25d4978224a2842e0911928755419c610f89c428e4495d8c7a524c4a2c211a5b4e5174d4fe5861333a48feb31ac8ce"
                         "4d2a3480066c1803ddcb379d");

  storage = brevet_tpm_kdfa (seed, "STORAGE", name, 128);
  assert_secret (storage, "c678cf6f536d20a9c1af46b385563a02");
  integrity = brevet_tpm_kdfa (seed, "INTEGRITY", NULL, 256);
  assert_secret (integrity, "7dff741117d173649d298312e9ae22d4727d25ed56d85ad78fa8b0494cb33351");

  private = brevet_tpm_wrap_outer (seed, 128, wrapped, name, &error);
  g_assert_no_error (error);
  assert_bytes (private, "008e00208d689679a9e1b6bbcd3291a9ac348384a692c782dc8b822449f764c6b7d4c04006445bfdd17a2bdd0b534ede"
                         "b21274abb06b501706a5a2ba8cd8c9421b052029d49a00958aec84aa9c6ab99d498aa00fa45f7efd521a0608a347ce29"
                         "22565e351477edf3fb14c9b56815352c99031aa2e51f30d5bdb785fdf29196db3433c8b95c866b1f011569e31b7b5d6a");
}

static void
test_vector_credential (void)
{
  g_autoptr(BrevetSecret) inner = repeat (0x33, 16);
  g_autoptr(BrevetSecret) seed = repeat (0x55, 32);
  g_autoptr(GBytes) name = unhex ("000b6666666666666666666666666666666666666666666666666666666666666666");
  g_autoptr(BrevetSecret) storage = brevet_tpm_kdfa (seed, "STORAGE", name, 128);
  g_autoptr(BrevetSecret) integrity = brevet_tpm_kdfa (seed, "INTEGRITY", NULL, 256);
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) credential = brevet_tpm_wrap_credential (seed, 128, inner, name, &error);
  g_autoptr(GBytes) text = NULL;
  g_autoptr(GBytes) no_text = NULL;

  g_assert_no_error (error);
  assert_secret (storage, "6faab2736bf1458f46464d18d71f5c6f");
  assert_secret (integrity, "bceea1fe1f18613e32594b13cf969de5433a7572988274321a86a070b2530979");
  assert_bytes (credential, "003400207ec8f80bf1312719268772be9820f9602394356a6c3c238182114800abed0559fceaa42ef17c1f065216a162"
                            "4cf9e474d93a");
  text = brevet_tpm_wrap_text (inner, "hub.example", &error);
  assert_bytes (text, "000b12641d6b69f5f8dfd60135");
  no_text = brevet_tpm_wrap_text (inner, NULL, &error);
  assert_bytes (no_text, "0000");
}

/* A storage root key of the standard template with a modulus of this many bytes, and @extra bytes behind everything. */
static GByteArray *
make_area (guint modulus_size, guint extra)
{
  g_autoptr(GBytes) head = unhex ("011a0001000b0003047200000006008000430010000000000000" "0100");
  GByteArray *area = g_byte_array_new ();
  guint size = STORAGE_ROOT_SIZE - 256 + modulus_size;

  g_byte_array_append (area, g_bytes_get_data (head, NULL), g_bytes_get_size (head));
  g_assert_cmpuint (area->len, ==, AT_MODULUS);
  g_byte_array_set_size (area, size + extra);
  memset (area->data + AT_MODULUS, 0xa5, modulus_size + extra);
  area->data[AT_SIZE] = (guint8) ((size - 2) >> 8);
  area->data[AT_SIZE + 1] = (guint8) (size - 2);
  area->data[AT_KEY_BITS] = (guint8) (modulus_size * 8 >> 8);
  area->data[AT_KEY_BITS + 1] = (guint8) (modulus_size * 8);
  area->data[AT_MODULUS_SIZE] = (guint8) (modulus_size >> 8);
  area->data[AT_MODULUS_SIZE + 1] = (guint8) modulus_size;
  return area;
}

static BrevetTpmPublicArea *
parse (GByteArray *area, GError **error)
{
  g_autoptr(GBytes) bytes = g_bytes_new (area->data, area->len);

  return brevet_tpm_public_area_parse (bytes, error);
}

static void
test_area_good (void)
{
  static const guint sizes[] = { 256, 384 };
  static const guint8 symmetric_bits[][2] = { { 0, 128 }, { 0, 192 }, { 1, 0 } };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (guint j = 0; j < G_N_ELEMENTS (symmetric_bits); j++)
      {
        g_autoptr(GByteArray) area = make_area (sizes[i], 0);
        g_autoptr(BrevetTpmPublicArea) parsed = NULL;
        g_autoptr(GError) error = NULL;

        memcpy (area->data + AT_SYMMETRIC_BITS, symmetric_bits[j], 2);
        parsed = parse (area, &error);
        g_assert_no_error (error);
        g_assert_cmpmem (g_bytes_get_data (parsed->bytes, NULL), g_bytes_get_size (parsed->bytes), area->data, area->len);
        g_assert_cmpuint (g_bytes_get_size (parsed->modulus), ==, sizes[i]);
        g_assert_cmpuint (g_bytes_get_size (parsed->name), ==, 34);
        g_assert_cmpuint (parsed->symmetric_bits, ==, symmetric_bits[j][0] << 8 | symmetric_bits[j][1]);
      }
}

/* The name is the hash of what stands behind the size. */
static void
test_area_name (void)
{
  g_autoptr(GByteArray) area = make_area (256, 0);
  g_autoptr(BrevetTpmPublicArea) parsed = parse (area, NULL);
  g_autofree char *digest = g_compute_checksum_for_data (G_CHECKSUM_SHA256, area->data + 2, area->len - 2);
  g_autofree char *wanted = g_strconcat ("000b", digest, NULL);

  assert_bytes (parsed->name, wanted);
}

static void
test_area_refused (void)
{
  static const struct {
    guint offset;
    guint8 bytes[4];
    guint length;
    const char *reason;
  } changes[] = {
    { AT_TYPE, { 0x00, 0x08 }, 2, "" },
    { AT_TYPE, { 0x00, 0x25 }, 2, "" },
    { AT_NAME_HASH, { 0x00, 0x0c }, 2, "*SHA-256*" },
    { AT_ATTRIBUTES, { 0x00, 0x02, 0x04, 0x72 }, 4, "*restricted and decrypt*" },
    { AT_ATTRIBUTES, { 0x00, 0x01, 0x04, 0x72 }, 4, "*restricted and decrypt*" },
    { AT_ATTRIBUTES, { 0x00, 0x07, 0x04, 0x72 }, 4, "*may sign*" },
    { AT_ATTRIBUTES, { 0x00, 0x03, 0x04, 0x70 }, 4, "*fixedTPM*" },
    { AT_ATTRIBUTES, { 0x00, 0x03, 0x04, 0x62 }, 4, "*fixedTPM*" },
    { AT_SYMMETRIC_MODE, { 0x00, 0x42 }, 2, "*CFB*" },
    { AT_SYMMETRIC_BITS, { 0x00, 0x40 }, 2, "*CFB*" },
    { AT_KEY_BITS, { 0x04, 0x00 }, 2, "*2048 or 3072*" },
    { AT_KEY_BITS, { 0x10, 0x00 }, 2, "*2048 or 3072*" },
    { AT_KEY_BITS, { 0x0c, 0x00 }, 2, "*modulus*" },
    { AT_EXPONENT, { 0x00, 0x00, 0x00, 0x03 }, 4, "*exponent*" },
    { AT_MODULUS, { 0x25 }, 1, "*modulus*" },
    { STORAGE_ROOT_SIZE - 1, { 0xa4 }, 1, "*modulus*" },
    { AT_MODULUS_SIZE, { 0x00, 0xff }, 2, "*TPM2B_PUBLIC*" },
    { AT_SIZE, { 0x01, 0x19 }, 2, "*TPM2B_PUBLIC*" },
    { AT_SIZE, { 0xff, 0xff }, 2, "*TPM2B_PUBLIC*" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (changes); i++)
    {
      g_autoptr(GByteArray) area = make_area (256, 0);
      g_autoptr(BrevetTpmPublicArea) parsed = NULL;
      g_autoptr(GError) error = NULL;

      memcpy (area->data + changes[i].offset, changes[i].bytes, changes[i].length);
      parsed = parse (area, &error);
      g_test_message ("%u: %s", i, error != NULL ? error->message : "accepted");
      g_assert_null (parsed);
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
      g_assert_true (*changes[i].reason == '\0' || g_pattern_match_simple (changes[i].reason, error->message));
    }
}

static void
test_area_length (void)
{
  g_autoptr(GByteArray) whole = make_area (256, 0);

  for (guint length = 0; length < STORAGE_ROOT_SIZE; length++)
    {
      g_autoptr(GBytes) bytes = g_bytes_new (whole->data, length);
      g_autoptr(GError) error = NULL;

      g_assert_null (brevet_tpm_public_area_parse (bytes, &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
    }
  for (guint extra = 1; extra < 4; extra++)
    {
      g_autoptr(GByteArray) longer = make_area (256, extra);
      g_autoptr(GError) error = NULL;

      g_assert_null (parse (longer, &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
      /* also when the size says so */
      longer->data[AT_SIZE + 1] += (guint8) extra;
      g_clear_error (&error);
      g_assert_null (parse (longer, &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
    }
}

/* An elliptic curve of the standard template: understood, and refused by its name. */
static void
test_area_curve (void)
{
  g_autoptr(GBytes) head = unhex ("005a0023000b0003047200000006008000430010000300100020"
                                  "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a" "0020"
                                  "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a");
  g_autoptr(GError) error = NULL;

  g_assert_null (brevet_tpm_public_area_parse (head, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "elliptic curve"));
}

static void
test_base64 (void)
{
  static const char *const wrong[] = { "", " ", "=", "A", "AAA", "AAAA=", "AA==AA==", "A A=", "AAE-", "AAB=", "AAAA\nAAAA" };
  g_autoptr(GBytes) good = brevet_tpm_base64_decode (" AAECAw==\n");

  assert_bytes (good, "00010203");
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr(GBytes) bytes = brevet_tpm_base64_decode (wrong[i]);

      g_test_message ("“%s”", wrong[i]);
      g_assert_null (bytes);
    }
}

int
main (int argc, char **argv)
{
  g_autoptr(GError) error = NULL;

  g_test_init (&argc, &argv, NULL);
  g_assert_true (brevet_tpm_cipher_init (&error));
  g_test_add_func ("/tpm/vector/key", test_vector_key);
  g_test_add_func ("/tpm/vector/credential", test_vector_credential);
  g_test_add_func ("/tpm/public-area/good", test_area_good);
  g_test_add_func ("/tpm/public-area/name", test_area_name);
  g_test_add_func ("/tpm/public-area/refused", test_area_refused);
  g_test_add_func ("/tpm/public-area/length", test_area_length);
  g_test_add_func ("/tpm/public-area/curve", test_area_curve);
  g_test_add_func ("/tpm/base64", test_base64);
  return g_test_run ();
}
