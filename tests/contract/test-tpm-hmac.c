/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Signatures that the TPM makes of texts of any length, compared with those that GLib makes; and what a challenge holds. */

#include "brevet-tpm-blob.h"
#include "brevet-tpm-identity-key.h"
#include "tpm-emulator.h"

#include <string.h>

static const BrevetTpmPlaces places = { 0x81010001, 0x81000001, 0x81000100 };

static BrevetTpmPublicArea *
parse_area (const BrevetTpmKey *key)
{
  g_autoptr(GBytes) bytes = brevet_tpm_public_to_bytes (&key->public_area);
  g_autoptr(GError) error = NULL;
  BrevetTpmPublicArea *area = brevet_tpm_public_area_parse (bytes, &error);

  g_assert_no_error (error);
  return area;
}

static void
install (BrevetTpm *tpm, BrevetSecret *secret, BrevetTpmKey *key)
{
  g_autoptr(BrevetTpmHandles) handles = brevet_tpm_handles_load (NULL);
  g_autoptr(BrevetTpmPublicArea) endorsement = NULL;
  g_autoptr(BrevetTpmPublicArea) storage = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) blob = NULL;
  g_autofree char *text = NULL;
  BrevetTpmChallenge challenge;
  BrevetTpmRootKeys roots;

  brevet_tpm_root_keys_find (tpm, &places, handles, TRUE, &roots, &error);
  g_assert_no_error (error);
  endorsement = parse_area (&roots.endorsement);
  storage = parse_area (&roots.storage);
  blob = brevet_tpm_blob_new (endorsement, storage, secret, "", &error);
  g_assert_no_error (error);
  text = g_base64_encode (g_bytes_get_data (blob, NULL), g_bytes_get_size (blob));
  brevet_tpm_challenge_parse (text, &challenge, &error);
  g_assert_no_error (error);
  brevet_tpm_identity_key_install (tpm, &roots, places.identity_key, handles, &challenge, BREVET_TPM_USE_REGISTRATION, key, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (key->name.name, key->name.size, challenge.name.name, challenge.name.size);
}

static void
test_lengths (void)
{
  static const gsize lengths[] = { 0, 1, 64, 1023, 1024, 1025, 2048, 5000 };
  TpmEmulator *emulator = tpm_emulator_new (FALSE);
  g_autoptr(BrevetSecret) secret = brevet_secret_new_random (32);
  g_autoptr(BrevetTpm) tpm = NULL;
  g_autoptr(GError) error = NULL;
  BrevetTpmKey key;

  tpm = brevet_tpm_open (emulator->tcti, NULL, &error);
  g_assert_no_error (error);
  install (tpm, secret, &key);
  for (gsize i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      g_autofree char *text = g_malloc (lengths[i] + 1);
      g_autoptr(GBytes) data = NULL;
      g_autoptr(GBytes) signature = NULL;
      g_autoptr(GHmac) hmac = g_hmac_new (G_CHECKSUM_SHA256, brevet_secret_get_data (secret, NULL), 32);
      guint8 wanted[32];
      gsize length = sizeof wanted;

      for (gsize j = 0; j < lengths[i]; j++)
        text[j] = (char) ('a' + j % 23);
      data = g_bytes_new (text, lengths[i]);
      signature = brevet_tpm_hmac (tpm, &key, data, &error);
      g_assert_no_error (error);
      g_hmac_update (hmac, (const guchar *) text, (gssize) lengths[i]);
      g_hmac_get_digest (hmac, wanted, &length);
      g_assert_cmpmem (g_bytes_get_data (signature, NULL), g_bytes_get_size (signature), wanted, length);
    }
  g_clear_pointer (&tpm, brevet_tpm_close);
  tpm_emulator_assert_empty (emulator);
  tpm_emulator_free (emulator);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (!tpm_emulator_is_there ())
    {
      g_print ("1..0 # SKIP swtpm and tpm2-tools are not installed\n");
      return 0;
    }
  g_test_add_func ("/tpm-hmac/lengths", test_lengths);
  return g_test_run ();
}
