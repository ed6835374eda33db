/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scaffold.h"

#include "brevet-certificate-builder.h"
#include "brevet-chain.h"
#include "brevet-clock.h"
#include "brevet-error.h"
#include "ca-template.h"

#include <gio/gio.h>
#include <string.h>

#define DAY (24 * 60 * 60)
#define BACKDATED (5 * 60)
#define MAX_COMMON_NAME 64

/* How long each certificate of a new service directory lives, and what it is for. */
typedef struct {
  BrevetKeyKind key_kind;
  int path_length;
  int days;
  const char *title;
} Authority;

static const Authority tls_authority = { BREVET_KEY_KIND_EC_P256, 0, 3650, "TLS CA" };
static const Authority root_authority = { BREVET_KEY_KIND_EC_P384, 1, 7305, "root CA" };
static const Authority issuing_authority = { BREVET_KEY_KIND_EC_P256, 0, 1826, "issuing CA" };

#define SERVER_DAYS 730

typedef struct {
  BrevetKey *key;
  BrevetCertificate *certificate;
} Identity;

static void
identity_clear (Identity *self)
{
  g_clear_pointer (&self->key, brevet_key_unref);
  g_clear_pointer (&self->certificate, brevet_certificate_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Identity, identity_clear)

static gboolean
save_key (const Identity *identity, const char *directory, const char *name, GError **error)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);

  return brevet_key_save (identity->key, path, error);
}

/* An issuer follows its certificate in the file, so that whoever reads the file has the chain. */
static gboolean
save_certificate (BrevetCertificate *certificate, BrevetCertificate *issuer, const char *directory, const char *name,
                  GError **error)
{
  g_autofree char *own = brevet_certificate_to_pem (certificate);
  g_autofree char *above = issuer != NULL ? brevet_certificate_to_pem (issuer) : g_strdup ("");
  g_autofree char *pem = g_strconcat (own, above, NULL);

  return brevet_scaffold_write_file (directory, name, pem, 0644, error);
}

static gboolean
make_authority (const Authority *authority, const char *scope, const Identity *issuer, Identity *identity, GError **error)
{
  g_autofree char *common_name = g_strdup_printf ("brevet %s %s", scope, authority->title);
  BrevetCaTemplate template = { .common_name = common_name, .path_length = authority->path_length };

  identity->key = template.key = brevet_key_generate (authority->key_kind, error);
  if (identity->key == NULL)
    return FALSE;
  brevet_ca_template_set_days (&template, authority->days, issuer != NULL ? issuer->certificate : NULL);
  identity->certificate = brevet_ca_template_sign (&template, issuer != NULL ? issuer->certificate : NULL,
                                                   issuer != NULL ? issuer->key : identity->key, error);
  return identity->certificate != NULL;
}

static BrevetCertificate *
issue_server (const Identity *authority, BrevetKey *key, const char *const *host_names, GError **error)
{
  g_autoptr(BrevetCertificateBuilder) builder = brevet_certificate_builder_new (BREVET_CERTIFICATE_USAGE_SERVER);
  gint64 now = brevet_clock_now_seconds ();
  gint64 last = brevet_certificate_get_not_after (authority->certificate);

  brevet_certificate_builder_set_common_name (builder, strlen (host_names[0]) <= MAX_COMMON_NAME ? host_names[0] : "brevet-dps");
  brevet_certificate_builder_set_key (builder, key);
  brevet_certificate_builder_set_validity (builder, now - BACKDATED, MIN (now + (gint64) SERVER_DAYS * DAY, last));
  for (gsize i = 0; host_names[i] != NULL; i++)
    brevet_certificate_builder_add_dns_name (builder, host_names[i]);
  if (g_strv_contains (host_names, "localhost"))
    {
      brevet_certificate_builder_add_dns_name (builder, "127.0.0.1");
      brevet_certificate_builder_add_dns_name (builder, "::1");
    }
  return brevet_certificate_builder_sign (g_steal_pointer (&builder), authority->certificate, authority->key, error);
}

static gboolean
write_tls (const BrevetScaffold *self, const char *directory, GError **error)
{
  g_auto(Identity) authority = { NULL, NULL };
  g_auto(Identity) server = { NULL, NULL };

  if (!make_authority (&tls_authority, self->id_scope, NULL, &authority, error))
    return FALSE;
  server.key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, error);
  if (server.key == NULL)
    return FALSE;
  server.certificate = issue_server (&authority, server.key, (const char *const *) self->host_names, error);
  return server.certificate != NULL
         && save_key (&authority, directory, BREVET_SCAFFOLD_TLS_CA_KEY, error)
         && save_key (&server, directory, BREVET_SCAFFOLD_SERVER_KEY, error)
         && save_certificate (authority.certificate, NULL, directory, BREVET_SCAFFOLD_TLS_CA, error)
         && save_certificate (server.certificate, authority.certificate, directory, BREVET_SCAFFOLD_SERVER, error);
}

static gboolean
write_authorities (const BrevetScaffold *self, const char *directory, GError **error)
{
  g_auto(Identity) root = { NULL, NULL };
  g_auto(Identity) issuing = { NULL, NULL };

  return make_authority (&root_authority, self->id_scope, NULL, &root, error)
         && make_authority (&issuing_authority, self->id_scope, &root, &issuing, error)
         && save_key (&root, directory, BREVET_SCAFFOLD_ROOT_KEY, error)
         && save_key (&issuing, directory, BREVET_SCAFFOLD_ISSUING_KEY, error)
         && save_certificate (root.certificate, NULL, directory, BREVET_SCAFFOLD_ROOT, error)
         && save_certificate (issuing.certificate, root.certificate, directory, BREVET_SCAFFOLD_ISSUING, error);
}

gboolean
brevet_scaffold_write_certificates (const BrevetScaffold *self, const char *directory, GError **error)
{
  return write_tls (self, directory, error) && write_authorities (self, directory, error);
}

BrevetCertificate *
brevet_scaffold_load_certificate (const char *directory, const char *name, GError **error)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);
  g_autoptr(BrevetChain) chain = brevet_chain_load (path, error);

  return chain != NULL ? brevet_certificate_ref (brevet_chain_get_leaf (chain)) : NULL;
}

static gboolean
load_identity (const char *directory, const char *certificate, const char *key, Identity *identity, GError **error)
{
  g_autofree char *path = g_build_filename (directory, key, NULL);

  identity->certificate = brevet_scaffold_load_certificate (directory, certificate, error);
  if (identity->certificate == NULL)
    return FALSE;
  identity->key = brevet_key_load (path, NULL, error);
  return identity->key != NULL;
}

gboolean
brevet_scaffold_renew_server (const char *directory, const char *const *host_names, GError **error)
{
  g_auto(Identity) authority = { NULL, NULL };
  g_auto(Identity) server = { NULL, NULL };
  g_autoptr(BrevetCertificate) renewed = NULL;

  if (!load_identity (directory, BREVET_SCAFFOLD_TLS_CA, BREVET_SCAFFOLD_TLS_CA_KEY, &authority, error)
      || !load_identity (directory, BREVET_SCAFFOLD_SERVER, BREVET_SCAFFOLD_SERVER_KEY, &server, error))
    return FALSE;
  renewed = issue_server (&authority, server.key, host_names, error);
  return renewed != NULL && save_certificate (renewed, authority.certificate, directory, BREVET_SCAFFOLD_SERVER, error);
}
