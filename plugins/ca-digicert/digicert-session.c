/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "digicert-session.h"

#include "digicert-exchange.h"

#include "brevet-ca-error.h"
#include "brevet-network-trust.h"

struct _DigicertSession
{
  GObject parent_instance;

  const DigicertConfiguration *configuration;
  SoupSession                 *soup;
  GMutex                       trust_lock;
  gboolean                     has_trust;   /* under the lock */
};

G_DEFINE_FINAL_TYPE (DigicertSession, digicert_session, G_TYPE_OBJECT)

static void
digicert_session_finalize (GObject *object)
{
  DigicertSession *self = DIGICERT_SESSION (object);

  g_clear_object (&self->soup);
  g_mutex_clear (&self->trust_lock);
  G_OBJECT_CLASS (digicert_session_parent_class)->finalize (object);
}

static void
digicert_session_class_init (DigicertSessionClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = digicert_session_finalize;
}

static void
digicert_session_init (DigicertSession *self)
{
  g_mutex_init (&self->trust_lock);
}

/* What libsoup would do by itself: decode bodies (a small answer could become a large one), and answer challenges. */
DigicertSession *
digicert_session_new (const DigicertConfiguration *configuration)
{
  DigicertSession *self = g_object_new (DIGICERT_TYPE_SESSION, NULL);

  self->configuration = configuration;
  self->soup = soup_session_new_with_options ("user-agent", "brevet/" BREVET_VERSION, "timeout", 0,
                                              "max-conns", DIGICERT_MAXIMUM_IN_FLIGHT,
                                              "max-conns-per-host", DIGICERT_MAXIMUM_IN_FLIGHT,
                                              "proxy-resolver", configuration->peer->resolver, NULL);
  soup_session_remove_feature_by_type (self->soup, SOUP_TYPE_CONTENT_DECODER);
  soup_session_remove_feature_by_type (self->soup, SOUP_TYPE_AUTH_MANAGER);
  return self;
}

/* The TLS module is loaded when it is needed and not before. */
static gboolean
ensure_trust (DigicertSession *self, GError **error)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->trust_lock);
  g_autoptr(GTlsDatabase) database = NULL;
  g_autoptr(GError) problem = NULL;

  if (self->has_trust)
    return TRUE;
  database = brevet_network_trust_new (self->configuration->peer, &problem);
  if (database == NULL)
    {
      g_set_error_literal (error, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG, problem->message);
      return FALSE;
    }
  soup_session_set_tls_database (self->soup, database);
  self->has_trust = TRUE;
  return TRUE;
}

void
digicert_session_ask_async (DigicertSession *self, const DigicertQuestion *question, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);
  GError *error = NULL;

  g_task_set_source_tag (task, digicert_session_ask_async);
  g_task_set_check_cancellable (task, FALSE);
  if (g_task_return_error_if_cancelled (task))
    return;
  if (!ensure_trust (self, &error))
    g_task_return_error (task, error);
  else
    digicert_exchange_run (task, self->soup, self->configuration, question);
}

DigicertReply *
digicert_session_ask_finish (DigicertSession *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
