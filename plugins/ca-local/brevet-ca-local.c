/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-ca-local.h"

#include "brevet-ca-local-crl.h"
#include "brevet-ca-local-issue.h"
#include "brevet-ca-local-profile.h"
#include "brevet-clock.h"

#include <string.h>

#define DAY G_GINT64_CONSTANT (86400)

struct _BrevetCaLocal
{
  BrevetPlugin          parent_instance;
  BrevetCaLocalProfile *profile;
  GMutex                token_lock;
  guint64               crl_number; /* of the last list; under token_lock */
};

static void ca_backend_iface_init (BrevetCaBackendInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BrevetCaLocal, brevet_ca_local, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_CA_BACKEND, ca_backend_iface_init))

static gboolean
brevet_ca_local_configure (BrevetPlugin *plugin, GError **error)
{
  BrevetCaLocal *self = BREVET_CA_LOCAL (plugin);

  self->profile = brevet_ca_local_profile_new (brevet_plugin_get_settings (plugin), error);
  return self->profile != NULL;
}

/* The same content with another signature would be another certificate: only some keys sign the same way twice. */
static BrevetCaCapabilities
brevet_ca_local_get_capabilities (BrevetCaBackend *backend)
{
  BrevetCaLocal *self = BREVET_CA_LOCAL (backend);
  int algorithm = gnutls_privkey_get_pk_algorithm (brevet_key_get_privkey (self->profile->key), NULL);
  gboolean repeatable = algorithm == GNUTLS_PK_RSA || algorithm == GNUTLS_PK_EDDSA_ED25519 ||
                        (algorithm == GNUTLS_PK_ECDSA && brevet_ca_local_profile_in_memory (self->profile));

  return BREVET_CA_CAPABILITY_VALIDITY | BREVET_CA_CAPABILITY_URI | (repeatable ? BREVET_CA_CAPABILITY_IDEMPOTENT : 0) |
         (brevet_ca_local_may_sign_crl (self->profile) ? BREVET_CA_CAPABILITY_CRL : 0);
}

/* The name counts as well as the key: both are in every certificate and list. Where the files are does not. */
static char *
brevet_ca_local_dup_identity (BrevetCaBackend *backend)
{
  BrevetCertificate *issuer = brevet_chain_get_leaf (BREVET_CA_LOCAL (backend)->profile->chain);

  return g_strdup_printf ("key %s name %.16s", brevet_certificate_get_spki_sha256 (issuer),
                          brevet_certificate_get_subject_sha256 (issuer));
}

static void
issue_now (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  BrevetCaLocal *self = BREVET_CA_LOCAL (source);
  GError *error = NULL;
  BrevetCaOutcome *outcome = brevet_ca_local_issue (self->profile, task_data, brevet_clock_now_seconds (), &error);

  if (outcome != NULL)
    g_task_return_pointer (task, outcome, (GDestroyNotify) brevet_ca_outcome_unref);
  else
    g_task_return_error (task, error);
}

static void
issue_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&BREVET_CA_LOCAL (source)->token_lock);

  if (!g_task_return_error_if_cancelled (task))
    issue_now (task, source, task_data, cancellable);
}

/* A signature with a key in memory takes a tenth of a millisecond, less than a change of threads is worth. */
static void
brevet_ca_local_issue_async (BrevetCaBackend *backend, BrevetCaRequest *request, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetCaLocal *self = BREVET_CA_LOCAL (backend);
  g_autoptr(GTask) task = g_task_new (backend, cancellable, callback, user_data);

  g_task_set_source_tag (task, brevet_ca_local_issue_async);
  g_task_set_task_data (task, brevet_ca_request_ref (request), (GDestroyNotify) brevet_ca_request_unref);
  if (g_task_return_error_if_cancelled (task))
    return;
  if (brevet_ca_local_profile_in_memory (self->profile))
    issue_now (task, backend, request, cancellable);
  else
    g_task_run_in_thread (task, issue_in_thread);
}

static BrevetCaOutcome *
brevet_ca_local_issue_finish (BrevetCaBackend *backend, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* What the operator should know although certificates can be had: rotation takes its time, and half of a CA's life is early enough
 * for the devices that come rarely. */
static const char *
find_worry (BrevetCaLocalProfile *profile, gint64 now)
{
  gint64 left = profile->not_after - now;

  if (left < profile->validity)
    return ", which is less than a certificate lives: renew it now";
  if (left < (profile->not_after - profile->not_before) / 2)
    return "; half of its life is over: rotate it (brevet-dps ca rotate)";
  return NULL;
}

static BrevetCaHealth *
judge (BrevetCaLocalProfile *profile, gint64 now)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *message = NULL;
  BrevetCertificate *issuer = brevet_chain_get_leaf (profile->chain);
  gboolean single = brevet_chain_get_length (profile->chain) == 1 && brevet_certificate_is_self_issued (issuer);
  const char *worry = find_worry (profile, now);

  if (!brevet_ca_local_check_usable (profile, now, &error) || !brevet_key_check (profile->key, &error))
    return brevet_ca_health_new (BREVET_CA_HEALTH_DOWN, error->message, profile->not_after);
  message = g_strdup_printf ("“%s” can issue for %" G_GINT64_FORMAT " more days%s%s%s", brevet_certificate_get_subject (issuer),
                             (profile->not_after - now) / DAY,
                             profile->not_after < brevet_certificate_get_not_after (issuer) ? " (until its issuer's end)" : "",
                             worry != NULL ? worry : "",
                             single ? "; it is a root that issues by itself, which suits a laboratory only" : "");
  return brevet_ca_health_new (worry != NULL ? BREVET_CA_HEALTH_DEGRADED : BREVET_CA_HEALTH_OK, message, profile->not_after);
}

static void
check_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  BrevetCaLocal *self = BREVET_CA_LOCAL (source);
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->token_lock);

  g_task_return_pointer (task, judge (self->profile, brevet_clock_now_seconds ()), (GDestroyNotify) brevet_ca_health_unref);
}

static void
brevet_ca_local_check_async (BrevetCaBackend *backend, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (backend, cancellable, callback, user_data);

  g_task_set_source_tag (task, brevet_ca_local_check_async);
  g_task_run_in_thread (task, check_in_thread);
}

static BrevetCaHealth *
brevet_ca_local_check_finish (BrevetCaBackend *backend, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
brevet_ca_local_get_trust_async (BrevetCaBackend *backend, GCancellable *cancellable, GAsyncReadyCallback callback,
                                 gpointer user_data)
{
  BrevetCaLocal *self = BREVET_CA_LOCAL (backend);
  g_autoptr(GTask) task = g_task_new (backend, cancellable, callback, user_data);

  g_task_set_source_tag (task, brevet_ca_local_get_trust_async);
  if (!g_task_return_error_if_cancelled (task))
    g_task_return_pointer (task, brevet_trust_bundle_ref (self->profile->published), (GDestroyNotify) brevet_trust_bundle_unref);
}

static BrevetTrustBundle *
brevet_ca_local_get_trust_finish (BrevetCaBackend *backend, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* The clock is as monotonic as the numbers must be, across restarts and instances; within an instance even when it is set back. */
static guint64
take_crl_number (BrevetCaLocal *self)
{
  self->crl_number = MAX ((guint64) brevet_clock_now (), self->crl_number + 1);
  return self->crl_number;
}

static void
make_crl_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  BrevetCaLocal *self = BREVET_CA_LOCAL (source);
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->token_lock);
  GError *error = NULL;
  GBytes *crl = NULL;

  if (g_task_return_error_if_cancelled (task))
    return;
  crl = brevet_ca_local_make_crl (self->profile, task_data, take_crl_number (self), brevet_clock_now_seconds (), &error);
  if (crl != NULL)
    g_task_return_pointer (task, crl, (GDestroyNotify) g_bytes_unref);
  else
    g_task_return_error (task, error);
}

static void
brevet_ca_local_get_crl_async (BrevetCaBackend *backend, GPtrArray *revocations, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetCaLocal *self = BREVET_CA_LOCAL (backend);
  g_autoptr(GTask) task = g_task_new (backend, cancellable, callback, user_data);

  g_task_set_source_tag (task, brevet_ca_local_get_crl_async);
  g_task_set_task_data (task, g_ptr_array_ref (revocations), (GDestroyNotify) g_ptr_array_unref);
  if (brevet_ca_local_may_sign_crl (self->profile))
    g_task_run_in_thread (task, make_crl_in_thread);
  else
    g_task_return_new_error (task, BREVET_CA_ERROR, BREVET_CA_ERROR_UNSUPPORTED,
                             "The CA “%s” cannot sign revocation lists: its certificate does not allow it (no cRLSign)",
                             brevet_certificate_get_subject (brevet_chain_get_leaf (self->profile->chain)));
}

static GBytes *
brevet_ca_local_get_crl_finish (BrevetCaBackend *backend, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
ca_backend_iface_init (BrevetCaBackendInterface *iface)
{
  iface->get_capabilities = brevet_ca_local_get_capabilities;
  iface->dup_identity = brevet_ca_local_dup_identity;
  iface->check_async = brevet_ca_local_check_async;
  iface->check_finish = brevet_ca_local_check_finish;
  iface->issue_async = brevet_ca_local_issue_async;
  iface->issue_finish = brevet_ca_local_issue_finish;
  iface->get_trust_async = brevet_ca_local_get_trust_async;
  iface->get_trust_finish = brevet_ca_local_get_trust_finish;
  iface->get_crl_async = brevet_ca_local_get_crl_async;
  iface->get_crl_finish = brevet_ca_local_get_crl_finish;
}

static void
brevet_ca_local_finalize (GObject *object)
{
  BrevetCaLocal *self = BREVET_CA_LOCAL (object);

  g_clear_pointer (&self->profile, brevet_ca_local_profile_free);
  g_mutex_clear (&self->token_lock);
  G_OBJECT_CLASS (brevet_ca_local_parent_class)->finalize (object);
}

static void
brevet_ca_local_class_init (BrevetCaLocalClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = brevet_ca_local_finalize;
  BREVET_PLUGIN_CLASS (klass)->configure = brevet_ca_local_configure;
}

static void
brevet_ca_local_init (BrevetCaLocal *self)
{
  g_mutex_init (&self->token_lock);
}
