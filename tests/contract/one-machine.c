/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "one-machine.h"

#include "brevet-sas-token.h"
#include "test-authority.h"
#include "test-scratch.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPERATOR_KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static const char configuration[] =
  "[transport main]\n"
  "type=in-process\n"
  "[attestation main]\n"
  "type=symmetric-key\n"
  "key-file=device.key\n"
  "[service]\n"
  "id-scope=" ONE_MACHINE_SCOPE "\n"
  "host-names=dps.example.net\n"
  "[store main]\n"
  "type=sqlite\n"
  "file=store.db\n"
  "[hub one]\n"
  "host-name=hub1.example.net\n"
  "[hub two]\n"
  "host-name=hub2.example.net\n"
  "[policy provisioningserviceowner]\n"
  "primary-key=" OPERATOR_KEY "\n"
  "[ca local]\n"
  "type=local\n"
  "certificate=ca.pem\n"
  "key=ca.key\n"
  "[ca counted]\n"
  "type=scripted\n"
  "certificate=ca.pem\n"
  "key=ca.key\n"
  "ledger=ledger\n"
  "gate=gate\n"
  "[ca slow]\n"
  "type=scripted\n"
  "certificate=ca.pem\n"
  "key=ca.key\n"
  "ledger=slow-ledger\n"
  "gate=gate\n"
  "script=hold\n"
  "[enrollment pump-07]\n"
  "primary-key-file=device.key\n"
  "ca=local\n"
  "trust-bundle-file=bundle.pem\n"
  "hub=hub2.example.net\n"
  "[enrollment counted-07]\n"
  "primary-key-file=device.key\n"
  "ca=counted\n"
  "[enrollment slow-07]\n"
  "primary-key-file=device.key\n"
  "ca=slow\n";

void
one_machine_write (OneMachine *self, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (self->directory, name, NULL);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

OneMachine *
one_machine_new (void)
{
  OneMachine *self = g_new0 (OneMachine, 1);
  g_autofree char *other = NULL;
  g_autofree char *gate = NULL;

  self->directory = test_scratch_new ();
  self->path = g_build_filename (self->directory, "agent.conf", NULL);
  self->root_pem = test_authority_write (self->directory, "Plant Root");
  other = g_build_filename (self->directory, "other", NULL);
  g_assert_cmpint (g_mkdir (other, 0700), ==, 0);
  self->other_pem = test_authority_write (other, "Other Root");
  self->registry = brevet_registry_new ();
  one_machine_write (self, "agent.conf", configuration);
  one_machine_write (self, "bundle.pem", self->root_pem);
  one_machine_write (self, "device.key", ONE_MACHINE_KEY "\n");
  gate = g_build_filename (self->directory, "gate", NULL);
  g_assert_cmpint (mkfifo (gate, 0600), ==, 0);
  self->gate = g_open (gate, O_RDWR | O_CLOEXEC, 0);
  return self;
}

void
one_machine_free (OneMachine *self)
{
  /* What the service still has to write it writes now. */
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_object_unref (self->registry);
  close (self->gate);
  test_scratch_remove (self->directory);
  g_free (self->directory);
  g_free (self->path);
  g_free (self->root_pem);
  g_free (self->other_pem);
  g_free (self);
}

void
one_machine_edit (OneMachine *self, const char *old, const char *new)
{
  g_autofree char *text = NULL;
  g_autoptr(GString) edited = NULL;

  g_assert_true (g_file_get_contents (self->path, &text, NULL, NULL));
  edited = g_string_new (text);
  if (old == NULL)
    g_string_append (edited, new);
  else
    g_assert_cmpuint (g_string_replace (edited, old, new, 1), ==, 1);
  one_machine_write (self, "agent.conf", edited->str);
}

BrevetConfig *
one_machine_load (OneMachine *self)
{
  g_autoptr(GError) error = NULL;
  BrevetConfig *config = brevet_config_load (self->path, &error);

  g_assert_no_error (error);
  return config;
}

BrevetTransport *
one_machine_try (OneMachine *self, BrevetConfig *config, GError **error)
{
  return (BrevetTransport *) brevet_registry_create (self->registry, BREVET_TYPE_TRANSPORT, "transport-in-process", "main",
                                                     brevet_config_get_group (config, "transport", "main"), error);
}

BrevetTransport *
one_machine_create (OneMachine *self, BrevetConfig *config)
{
  g_autoptr(GError) error = NULL;
  BrevetTransport *transport = one_machine_try (self, config, &error);

  g_assert_no_error (error);
  return transport;
}

BrevetProver *
one_machine_create_prover (OneMachine *self, BrevetConfig *config)
{
  g_autoptr(GError) error = NULL;
  BrevetPlugin *prover = brevet_registry_create (self->registry, BREVET_TYPE_PROVER, "attestation-symmetric-key", "main",
                                                 brevet_config_get_group (config, "attestation", "main"), &error);

  g_assert_no_error (error);
  return BREVET_PROVER (prover);
}

static BrevetRequest *
make_request (const char *method, const char *path, const char *resource, const char *key, const char *key_name, const char *body)
{
  BrevetRequest *request = brevet_request_new (method, path, "api-version=2021-11-01-preview&x=%26");
  g_autoptr(BrevetSecret) secret = brevet_secret_new_from_base64 (key, NULL);
  g_autofree char *token = brevet_sas_token_create (resource, secret, brevet_clock_now_seconds () + 600, key_name);
  g_autoptr(BrevetEvidence) evidence = brevet_evidence_new ();

  brevet_evidence_set_token (evidence, token);
  brevet_request_set_evidence (request, evidence);
  if (body != NULL)
    {
      g_autoptr(GBytes) bytes = g_bytes_new (body, strlen (body));

      brevet_request_set_body (request, bytes);
    }
  return request;
}

BrevetRequest *
one_machine_make_register (const char *device, BrevetKey *key)
{
  g_autoptr(GBytes) csr = brevet_key_create_csr (key, device, NULL);
  g_autofree char *base64 = g_base64_encode (g_bytes_get_data (csr, NULL), g_bytes_get_size (csr));
  g_autofree char *body = g_strdup_printf ("{\"registrationId\":\"%s\",\"clientCertificateCsr\":\"%s\"}", device, base64);
  g_autofree char *resource = g_strdup_printf (ONE_MACHINE_SCOPE "/registrations/%s", device);
  g_autofree char *path = g_strdup_printf ("/%s/register", resource);
  BrevetRequest *request = make_request ("PUT", path, resource, ONE_MACHINE_KEY, "registration", body);

  brevet_request_set_header (request, "Prefer", "wait=30");
  return request;
}

BrevetRequest *
one_machine_make_operator (const char *method, const char *path, const char *body)
{
  return make_request (method, path, "dps.example.net", OPERATOR_KEY, "provisioningserviceowner", body);
}

guint
one_machine_count (OneMachine *self)
{
  g_autofree char *path = g_build_filename (self->directory, "ledger", NULL);
  g_autofree char *text = NULL;
  g_auto(GStrv) lines = NULL;
  guint count = 0;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return 0;
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    count += g_str_has_prefix (lines[i], "issue ");
  return count;
}

void
one_machine_open_gate (OneMachine *self)
{
  g_assert_cmpint (write (self->gate, "x", 1), ==, 1);
}
