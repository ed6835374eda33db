/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-x509-prover.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-token-worker.h"
#include "brevet-trust-bundle-document.h"
#include "x509-certificate.h"
#include "x509-credential.h"
#include "x509-subject.h"

/* Time for what has the credential, which may be a token, in seconds. */
#define PATIENCE 60

struct _BrevetX509Prover
{
  BrevetPlugin parent_instance;

  X509Places         places;
  BrevetTokenWorker *worker;

  /* The worker's. */
  BrevetChain *chain;     /* what was presented last; the same objects again let a transport see that nothing has changed */
  BrevetKey   *key;
  char        *complaint; /* the last warning about dates */
};

static void prover_iface_init (BrevetProverInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BrevetX509Prover, brevet_x509_prover, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_PROVER, prover_iface_init))

static gboolean
brevet_x509_prover_configure (BrevetPlugin *plugin, GError **error)
{
  BrevetX509Prover *self = BREVET_X509_PROVER (plugin);

  return x509_places_read (&self->places, brevet_plugin_get_settings (plugin), error);
}

/* No service accepts the certificate for another device, so nothing is sent with it. */
static gboolean
check_device (BrevetCertificate *leaf, const char *registration_id, GError **error)
{
  g_autoptr(GError) problem = NULL;
  g_autofree char *name = x509_subject_dup_registration_id (leaf, &problem);

  if (name != NULL && brevet_identifier_equal (name, registration_id))
    return TRUE;
  if (name == NULL)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                 "The device's certificate “%s” cannot prove who the device is: %s", brevet_certificate_get_subject (leaf),
                 problem->message);
  else
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                 "The device's certificate is for the device “%s”, and the identity's registration id is “%s”; they must be the "
                 "same", name, registration_id);
  return FALSE;
}

/* The service has the clock that counts, so the certificate is presented all the same. Said once. */
static void
warn_of_dates (BrevetX509Prover *self, BrevetCertificate *leaf)
{
  g_autoptr(GError) problem = NULL;

  if (x509_certificate_check_dates (leaf, "device's certificate", brevet_clock_now_seconds (), &problem))
    g_clear_pointer (&self->complaint, g_free);
  else if (g_strcmp0 (self->complaint, problem->message) != 0)
    {
      g_warning ("%s; it is presented all the same, as the clock of this device may be wrong", problem->message);
      g_free (self->complaint);
      self->complaint = g_strdup (problem->message);
    }
}

static gboolean
is_same_chain (BrevetChain *chain, BrevetChain *other)
{
  if (brevet_chain_get_length (chain) != brevet_chain_get_length (other))
    return FALSE;
  for (guint i = 0; i < brevet_chain_get_length (chain); i++)
    if (!brevet_certificate_equal (brevet_chain_get (chain, i), brevet_chain_get (other, i)))
      return FALSE;
  return TRUE;
}

/* A key in a token is another object each time: the one of before may belong to a token that was taken out. */
static BrevetEvidence *
make_evidence (BrevetX509Prover *self, BrevetChain *chain, BrevetKey *key)
{
  g_autoptr(BrevetSecret) uri = brevet_key_to_uri (key);
  BrevetEvidence *evidence = brevet_evidence_new ();

  if (self->chain == NULL || uri != NULL || !is_same_chain (self->chain, chain))
    {
      g_clear_pointer (&self->chain, brevet_chain_unref);
      g_clear_pointer (&self->key, brevet_key_unref);
      self->chain = brevet_chain_ref (chain);
      self->key = brevet_key_ref (key);
    }
  brevet_evidence_set_credential (evidence, self->chain, self->key);
  return evidence;
}

/* What is done on the worker's thread. */
typedef struct {
  BrevetX509Prover *prover;
  char *registration_id;
} Wish;

static Wish *
wish_new (BrevetX509Prover *prover, const char *registration_id)
{
  Wish *wish = g_new (Wish, 1);

  wish->prover = g_object_ref (prover);
  wish->registration_id = g_strdup (registration_id);
  return wish;
}

static void
wish_free (gpointer data)
{
  Wish *wish = data;

  g_object_unref (wish->prover);
  g_free (wish->registration_id);
  g_free (wish);
}

static void
run (BrevetProver *prover, BrevetTokenJob job, Wish *wish, GDestroyNotify free_result, GCancellable *cancellable,
     GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetX509Prover *self = BREVET_X509_PROVER (prover);

  brevet_token_worker_run_async (self->worker, self, self->places.name, PATIENCE, job, wish, wish_free, free_result, cancellable,
                                 callback, user_data);
}

static gpointer
prove (gpointer data, GError **error)
{
  const Wish *wish = data;
  const X509Places *places = &wish->prover->places;
  g_autoptr(BrevetChain) chain = x509_places_load_chain (places, error);
  g_autoptr(BrevetKey) key = NULL;

  if (chain != NULL && check_device (brevet_chain_get_leaf (chain), wish->registration_id, error))
    key = x509_places_load_key (places, brevet_chain_get_leaf (chain), error);
  if (key == NULL)
    return NULL;
  warn_of_dates (wish->prover, brevet_chain_get_leaf (chain));
  return make_evidence (wish->prover, chain, key);
}

static void
brevet_x509_prover_prove_async (BrevetProver *prover, const char *id_scope, const char *registration_id, JsonObject *challenge,
                                GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  if (challenge == NULL)
    run (prover, prove, wish_new (BREVET_X509_PROVER (prover), registration_id), (GDestroyNotify) brevet_evidence_unref,
         cancellable, callback, user_data);
  else
    g_task_report_new_error (prover, callback, user_data, brevet_token_worker_run_async, BREVET_ERROR, BREVET_ERROR_REJECTED,
                             "The service wants a challenge answered, which a certificate cannot do; use the attestation of the "
                             "device's enrollment");
}

static BrevetEvidence *
brevet_x509_prover_prove_finish (BrevetProver *prover, GAsyncResult *result, GError **error)
{
  return brevet_token_worker_run_finish (result, error);
}

/* An individual enrollment takes the certificate, or a hub's operator the thumbprint. */
static JsonObject *
describe_leaf (BrevetCertificate *leaf)
{
  g_autoptr(JsonObject) info = brevet_certificate_metadata_to_json (leaf);
  g_autofree char *registration_id = x509_subject_dup_registration_id (leaf, NULL);
  g_autofree char *pem = brevet_certificate_to_pem (leaf);
  g_autoptr(GList) members = json_object_get_members (info);
  JsonObject *described = json_object_new ();

  if (registration_id != NULL)
    json_object_set_string_member (described, "registrationId", registration_id);
  for (GList *member = members; member != NULL; member = member->next)
    {
      JsonNode *node = json_object_get_member (info, member->data);

      if (json_node_get_value_type (node) == G_TYPE_STRING)
        json_object_set_member (described, member->data, json_node_copy (node));
    }
  json_object_set_string_member (described, "certificate", pem);
  return described;
}

static gpointer
describe (gpointer data, GError **error)
{
  const Wish *wish = data;
  g_autoptr(BrevetChain) chain = x509_places_load_chain (&wish->prover->places, error);

  return chain != NULL ? describe_leaf (brevet_chain_get_leaf (chain)) : NULL;
}

static void
brevet_x509_prover_describe_async (BrevetProver *prover, GCancellable *cancellable, GAsyncReadyCallback callback,
                                   gpointer user_data)
{
  run (prover, describe, wish_new (BREVET_X509_PROVER (prover), NULL), (GDestroyNotify) json_object_unref, cancellable, callback,
       user_data);
}

static JsonObject *
brevet_x509_prover_describe_finish (BrevetProver *prover, GAsyncResult *result, GError **error)
{
  return brevet_token_worker_run_finish (result, error);
}

static void
prover_iface_init (BrevetProverInterface *iface)
{
  iface->prove_async = brevet_x509_prover_prove_async;
  iface->prove_finish = brevet_x509_prover_prove_finish;
  iface->describe_async = brevet_x509_prover_describe_async;
  iface->describe_finish = brevet_x509_prover_describe_finish;
}

static void
brevet_x509_prover_finalize (GObject *object)
{
  BrevetX509Prover *self = BREVET_X509_PROVER (object);

  if (self->key != NULL)
    brevet_token_worker_release (self->worker, self->key, (GDestroyNotify) brevet_key_unref);
  brevet_token_worker_free (self->worker);
  x509_places_clear (&self->places);
  g_clear_pointer (&self->chain, brevet_chain_unref);
  g_free (self->complaint);
  G_OBJECT_CLASS (brevet_x509_prover_parent_class)->finalize (object);
}

static void
brevet_x509_prover_class_init (BrevetX509ProverClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = brevet_x509_prover_finalize;
  BREVET_PLUGIN_CLASS (klass)->configure = brevet_x509_prover_configure;
}

static void
brevet_x509_prover_init (BrevetX509Prover *self)
{
  self->worker = brevet_token_worker_new ();
}
