/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "issuance.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-log.h"
#include "issue.h"
#include "orphans.h"
#include "service-chores.h"
#include "records-devices.h"

#define STORE_RETRY_SECONDS 5

typedef struct {
  BrevetServiceContext *context;
  BrevetLimits *limits;
  BrevetWaiters *waiters;
  BrevetOperation *operation;
  BrevetRegistration *registration; /* NULL once a newer operation has taken the registration over */
  BrevetRegistration *set_aside;    /* the same, while it is not clear what a conflict is about */
  gboolean was_assigned;
  char *authority;
  gboolean parked;                  /* does not count as in flight any more */
  BrevetOrphan *orphan;             /* an attempt whose result nobody knows */
  BrevetInventoryEntry *entry;      /* NULL if no certificate came of it */
  gboolean is_shared;               /* the inventory has it already, from another operation of the device */
  BrevetInventoryEntry *refused;    /* a certificate that must not be used, for the inventory alone */
  GMainContext *main_context;
} Issuance;

static void
issuance_free (Issuance *self)
{
  brevet_limits_end_operation (self->limits, self->parked);
  brevet_limits_unref (self->limits);
  brevet_waiters_unref (self->waiters);
  brevet_service_context_unref (self->context);
  brevet_operation_free (self->operation);
  brevet_registration_free (self->registration);
  brevet_registration_free (self->set_aside);
  g_free (self->authority);
  brevet_orphan_free (self->orphan);
  brevet_inventory_entry_free (self->entry);
  brevet_inventory_entry_free (self->refused);
  g_main_context_unref (self->main_context);
  g_free (self);
}

static void commit_result (Issuance *self);

static void
log_result (Issuance *self)
{
  BrevetCertificate *leaf;
  g_autofree char *message = NULL;

  if (self->entry == NULL)
    return;
  leaf = brevet_chain_get_leaf (self->entry->chain);
  message = g_strdup_printf ("Assigned %s to %s and issued its certificate", self->operation->registration_id,
                             self->operation->state->assigned_hub);
  brevet_log_event (G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_ISSUED, message, "BREVET_REGISTRATION", self->operation->registration_id,
                    "BREVET_ENROLLMENT", self->operation->enrollment_id, "BREVET_MECHANISM", self->operation->state->mechanism,
                    "BREVET_CREDENTIAL", self->operation->credential, "BREVET_HUB", self->operation->state->assigned_hub,
                    "BREVET_CA", self->entry->authority, "BREVET_SERIAL", brevet_certificate_get_serial (leaf), "BREVET_SHA256",
                    brevet_certificate_get_sha256 (leaf), "BREVET_OPERATION", self->operation->id, "BREVET_TRACKING_ID",
                    self->operation->tracking_id, NULL);
}

static void
finish (Issuance *self)
{
  log_result (self);
  if (self->orphan != NULL)
    brevet_service_chores_poke (self->context->chores, BREVET_CHORE_ORPHANS);
  if (self->entry != NULL)
    self->operation->state->certificate_pem = brevet_chain_to_pem (self->entry->chain);
  brevet_waiters_notify (self->waiters, self->operation);
  issuance_free (self);
}

static gboolean
on_store_retry (gpointer user_data)
{
  commit_result (user_data);
  return G_SOURCE_REMOVE;
}

/* A signed certificate is not thrown away because a disk is full for a moment: it is kept and written as soon as
 * that is possible. */
static void
commit_later (Issuance *self, const GError *error)
{
  g_autoptr(GSource) source = g_timeout_source_new_seconds (STORE_RETRY_SECONDS);

  g_warning ("The result of operation %s cannot be stored, trying again in %d s: %s", self->operation->id, STORE_RETRY_SECONDS,
             error->message);
  g_source_set_callback (source, on_store_retry, self, NULL);
  g_source_attach (source, self->main_context);
}

static void
set_failed (Issuance *self, guint code, const char *message)
{
  BrevetRegistrationState *states[2] = { self->operation->state, NULL };

  if (self->was_assigned)
    g_clear_pointer (&self->registration, brevet_registration_free);
  if (self->registration != NULL)
    {
      states[1] = self->registration->state;
      g_clear_pointer (&self->registration->initial_hub, g_free);
    }
  g_clear_pointer (&self->entry, brevet_inventory_entry_free);
  for (guint i = 0; i < G_N_ELEMENTS (states); i++)
    {
      if (states[i] == NULL)
        continue;
      states[i]->status = BREVET_REGISTRATION_FAILED;
      g_clear_pointer (&states[i]->assigned_hub, g_free);
      g_clear_pointer (&states[i]->device_id, g_free);
      g_clear_pointer (&states[i]->substatus, g_free);
      states[i]->error_code = code;
      g_free (states[i]->error_message);
      states[i]->error_message = g_strdup (message);
    }
}

/* Not revoked: a CA goes by serial number, and would revoke the certificate that had it first. */
static void
refuse_serial (Issuance *self)
{
  const char *reason = "The certificate authority used a serial number for the second time";

  brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_CERTIFICATE_REFUSED, reason, "BREVET_CA", self->entry->authority,
                    "BREVET_REGISTRATION", self->operation->registration_id, "BREVET_OPERATION", self->operation->id,
                    "BREVET_SERIAL", brevet_certificate_get_serial (brevet_chain_get_leaf (self->entry->chain)), NULL);
  self->refused = g_steal_pointer (&self->entry);
  g_free (self->refused->status);
  self->refused->status = g_strdup (BREVET_INVENTORY_REFUSED);
  self->refused->reason = g_strdup (reason);
  set_failed (self, 500000, "The certificate authority is at fault. Register again later.");
}

/* A CA that is searched by public key may show one certificate to two operations of a device that use the same key: to both it is
 * what they have asked for. */
static gboolean
is_same (const BrevetInventoryEntry *entry, const BrevetInventoryEntry *other)
{
  return other != NULL && brevet_identifier_equal (entry->registration_id, other->registration_id) &&
         brevet_certificate_equal (brevet_chain_get_leaf (entry->chain), brevet_chain_get_leaf (other->chain));
}

static void
on_inventory_searched (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Issuance *self = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  g_autoptr(BrevetInventoryEntry) other = record != NULL ? brevet_records_read_certificate (record, NULL) : NULL;

  if (record == NULL && !g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CORRUPT))
    {
      commit_later (self, error);
      return;
    }
  self->is_shared = is_same (self->entry, other);
  if (!self->is_shared)
    refuse_serial (self);
  commit_result (self);
}

/* So it was not the registration. */
static void
search_inventory (Issuance *self)
{
  g_autofree char *key = brevet_records_inventory_key (self->entry);

  self->registration = g_steal_pointer (&self->set_aside);
  brevet_store_get_async (self->context->store, BREVET_COLLECTION_CERTIFICATES, key, NULL, on_inventory_searched, self);
}

static void
on_committed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Issuance *self = user_data;
  g_autoptr(GError) error = NULL;

  if (brevet_store_commit_finish (BREVET_STORE (source), result, &error))
    finish (self);
  else if (!g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CONFLICT))
    commit_later (self, error);
  else if (self->registration != NULL)
    {
      /* A newer operation, or an operator, has changed the registration meanwhile: theirs stands. */
      g_clear_pointer (&self->set_aside, brevet_registration_free);
      self->set_aside = g_steal_pointer (&self->registration);
      commit_result (self);
    }
  else if (self->entry != NULL && !self->is_shared)
    search_inventory (self);
  else
    commit_later (self, error);
}

static char *
put_certificate (Issuance *self, BrevetBatch *batch)
{
  char *key;

  if (self->is_shared)
    return brevet_records_inventory_key (self->entry);
  key = brevet_records_put_certificate (batch, self->entry);
  brevet_records_put_device_certificate (batch, self->entry, key, 0, NULL);
  return key;
}

static void
commit_result (Issuance *self)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autofree char *journal_key = brevet_identifier_fold (self->operation->id);

  if (self->entry != NULL)
    {
      g_free (self->operation->certificate_key);
      self->operation->certificate_key = put_certificate (self, batch);
      self->operation->certificate_expires = brevet_certificate_get_not_after (brevet_chain_get_leaf (self->entry->chain));
    }
  else
    g_clear_pointer (&self->operation->certificate_key, g_free);
  if (self->refused != NULL)
    g_free (brevet_records_put_certificate (batch, self->refused));
  if (self->orphan != NULL)
    brevet_records_put_orphan (batch, self->orphan, NULL);
  self->operation->state->updated = brevet_clock_now ();
  if (self->registration != NULL)
    {
      self->registration->state->updated = self->operation->state->updated;
      g_free (self->operation->state->etag);
      self->operation->state->etag =
        g_strdup (brevet_records_put_registration (batch, self->registration, self->registration->etag));
    }
  brevet_records_put_operation (batch, self->operation, NULL);
  brevet_batch_delete (batch, BREVET_COLLECTION_JOURNAL, journal_key, NULL);
  brevet_store_commit_async (self->context->store, batch, NULL, on_committed, self);
}

/* What a device is told never holds the CA's own words (protocol/ca-backends.md §8.5); the operator's log has them. */
static void
describe_failure (Issuance *self, const GError *error)
{
  gboolean permanent = brevet_ca_error_classify (error) == BREVET_CA_ERROR_CLASS_PERMANENT ||
                       g_error_matches (error, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFLICT);
  g_autofree char *message = g_strdup_printf ("No certificate was issued for %s: %s", self->operation->registration_id,
                                              error->message);

  brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_ISSUANCE_FAILED, message, "BREVET_REGISTRATION",
                    self->operation->registration_id, "BREVET_CA", self->authority, "BREVET_OPERATION", self->operation->id,
                    "BREVET_TRACKING_ID", self->operation->tracking_id, "BREVET_UPSTREAM",
                    brevet_ca_error_get_upstream_message (error), "BREVET_UPSTREAM_CODE", brevet_ca_error_get_upstream_code (error),
                    "BREVET_TRANSACTION", brevet_ca_error_get_transaction_id (error), NULL);
  if (g_error_matches (error, BREVET_CA_ERROR, BREVET_CA_ERROR_NEW_KEY_REQUIRED))
    set_failed (self, 400000, "The certificate authority wants a new key. Make a new key and CSR, and register again.");
  else if (permanent)
    set_failed (self, 400000, "The certificate authority refused the request.");
  else
    set_failed (self, 500000, "The certificate authority is not available. Register again later.");
}

/* Devices of other CAs need not be refused because this one takes its time. */
static void
on_issue_waits (gpointer user_data)
{
  Issuance *self = user_data;

  self->parked = brevet_limits_park_operation (self->limits);
}

static void
on_issue_finished (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Issuance *self = user_data;
  g_autoptr(GError) error = NULL;

  self->entry = brevet_issue_finish (result, &self->orphan, &error);
  if (self->entry == NULL)
    describe_failure (self, error);
  else
    {
      self->operation->state->status = BREVET_REGISTRATION_ASSIGNED;
      if (self->registration != NULL)
        self->registration->state->status = BREVET_REGISTRATION_ASSIGNED;
    }
  commit_result (self);
}

void
brevet_issuance_run (BrevetServiceContext *context, BrevetLimits *limits, BrevetWaiters *waiters, BrevetOperation *operation,
                     BrevetRegistration *registration, BrevetAuthority *authority, BrevetIntent *intent, BrevetCsr *csr,
                     gboolean was_assigned, gboolean resumed)
{
  Issuance *self = g_new0 (Issuance, 1);

  self->context = brevet_service_context_ref (context);
  self->limits = brevet_limits_ref (limits);
  self->waiters = brevet_waiters_ref (waiters);
  self->operation = operation;
  self->registration = registration;
  self->was_assigned = was_assigned;
  self->authority = g_strdup (intent->authority);
  self->main_context = g_main_context_ref_thread_default ();
  brevet_issue_async (context, authority, intent, csr, resumed, on_issue_waits, on_issue_finished, self);
}
