/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-ca-digicert-private.h"

static void ca_backend_iface_init (BrevetCaBackendInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BrevetCaDigicert, brevet_ca_digicert, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_CA_BACKEND, ca_backend_iface_init))

static gboolean
brevet_ca_digicert_configure (BrevetPlugin *plugin, GError **error)
{
  BrevetCaDigicert *self = BREVET_CA_DIGICERT (plugin);

  self->configuration = digicert_configuration_new (brevet_plugin_get_settings (plugin), error);
  if (self->configuration == NULL)
    return FALSE;
  self->session = digicert_session_new (self->configuration);
  self->trust = digicert_trust_new (self->configuration->trust);
  return TRUE;
}

static gboolean
brevet_ca_digicert_check_defaults (BrevetPlugin *plugin, GError **error)
{
  return digicert_configuration_check_defaults (brevet_plugin_get_settings (plugin), error);
}

static BrevetCaCapabilities
brevet_ca_digicert_get_capabilities (BrevetCaBackend *backend)
{
  const DigicertConfiguration *configuration = BREVET_CA_DIGICERT (backend)->configuration;

  if (configuration->api == DIGICERT_API_IOT)
    return BREVET_CA_CAPABILITY_REVOKE;
  return BREVET_CA_CAPABILITY_PENDING | BREVET_CA_CAPABILITY_FIND | BREVET_CA_CAPABILITY_REVOKE | BREVET_CA_CAPABILITY_URI |
         (configuration->validity ? BREVET_CA_CAPABILITY_VALIDITY : 0);
}

/* The account is known by its key alone, and that may be replaced by another one of the same account. */
static char *
brevet_ca_digicert_dup_identity (BrevetCaBackend *backend)
{
  const DigicertConfiguration *configuration = BREVET_CA_DIGICERT (backend)->configuration;
  const char *product = configuration->api == DIGICERT_API_IOT ? "IoT Trust Manager" : "Trust Lifecycle Manager";
  g_autofree char *host = g_ascii_strdown (configuration->peer->host, -1);

  return g_strdup_printf ("DigiCert %s, %s:%u, profile %s", product, host, configuration->peer->port, configuration->profile);
}

/* DigiCert documents 100 in 5 seconds and 1000 in 3 minutes for one key; other programs may use it as well. */
static void
brevet_ca_digicert_get_traffic (BrevetCaBackend *backend, BrevetCaTraffic *traffic)
{
  *traffic = (BrevetCaTraffic){ .maximum_in_flight = DIGICERT_MAXIMUM_IN_FLIGHT, .burst = 50, .per_second = 4 };
}

static void
ca_backend_iface_init (BrevetCaBackendInterface *iface)
{
  iface->get_capabilities = brevet_ca_digicert_get_capabilities;
  iface->dup_identity = brevet_ca_digicert_dup_identity;
  iface->get_traffic = brevet_ca_digicert_get_traffic;
  iface->check_async = digicert_check_async;
  iface->check_finish = digicert_check_finish;
  iface->issue_async = digicert_issue_async;
  iface->issue_finish = digicert_issue_finish;
  iface->poll_async = digicert_poll_async;
  iface->poll_finish = digicert_poll_finish;
  iface->find_async = digicert_find_async;
  iface->find_finish = digicert_find_finish;
  iface->revoke_async = digicert_revoke_async;
  iface->revoke_finish = digicert_revoke_finish;
  iface->get_trust_async = digicert_get_trust_async;
  iface->get_trust_finish = digicert_get_trust_finish;
}

static void
brevet_ca_digicert_finalize (GObject *object)
{
  BrevetCaDigicert *self = BREVET_CA_DIGICERT (object);

  g_clear_object (&self->session);
  g_clear_pointer (&self->trust, digicert_trust_free);
  g_clear_pointer (&self->configuration, digicert_configuration_free);
  G_OBJECT_CLASS (brevet_ca_digicert_parent_class)->finalize (object);
}

static void
brevet_ca_digicert_class_init (BrevetCaDigicertClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = brevet_ca_digicert_finalize;
  BREVET_PLUGIN_CLASS (klass)->configure = brevet_ca_digicert_configure;
  BREVET_PLUGIN_CLASS (klass)->check_defaults = brevet_ca_digicert_check_defaults;
}

static void
brevet_ca_digicert_init (BrevetCaDigicert *self)
{
}
