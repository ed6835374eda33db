/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Individual enrollments and enrollment groups (protocol/dps.md §10.5). */

#include "service-api-private.h"

#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-wire-error.h"
#include "crl-publisher.h"
#include "records-aside.h"

#define BODY_LIMIT (64 * 1024)

/* An enrollment whose mechanism has no plugin any more is still shown, without its parameters: some of them may be secret. */
static JsonObject *
show_enrollment (BrevetServiceCall *call, BrevetRecord *record, GError **error)
{
  g_autoptr(BrevetEnrollment) enrollment = brevet_records_read_enrollment (record, error);
  g_autoptr(JsonObject) parameters = NULL;
  BrevetVerifier *verifier;

  if (enrollment == NULL)
    return NULL;
  verifier = brevet_service_context_get_verifier (call->context, brevet_attestation_get_mechanism (enrollment->attestation), NULL);
  parameters = verifier != NULL ? brevet_verifier_describe (verifier, enrollment->attestation) : json_object_new ();
  return brevet_enrollment_to_json (enrollment, call->route->dialect, parameters);
}

/* With the keys that the operator shares with the device: who may write them may read them. */
static JsonObject *
reveal_parameters (BrevetServiceContext *context, const BrevetEnrollment *enrollment)
{
  BrevetVerifier *verifier =
    brevet_service_context_get_verifier (context, brevet_attestation_get_mechanism (enrollment->attestation), NULL);

  return verifier != NULL ? brevet_verifier_reveal (verifier, enrollment->attestation) : json_object_new ();
}

static JsonObject *
show_attestation (BrevetServiceCall *call, BrevetRecord *record, GError **error)
{
  g_autoptr(BrevetEnrollment) enrollment = brevet_records_read_enrollment (record, error);
  g_autoptr(JsonObject) parameters = NULL;

  if (enrollment == NULL)
    return NULL;
  parameters = reveal_parameters (call->context, enrollment);
  return brevet_attestation_to_json (enrollment->attestation, parameters);
}

/* What the stored enrollment has counts only for the same mechanism: keys of one are nothing to another. */
static BrevetAttestation *
find_stored_attestation (const BrevetEnrollment *stored, const char *mechanism)
{
  if (stored == NULL || !g_str_equal (brevet_attestation_get_mechanism (stored->attestation), mechanism))
    return NULL;
  return stored->attestation;
}

static gboolean
prepare_attestation (BrevetServiceContext *context, BrevetEnrollment *enrollment, const BrevetEnrollment *stored, GError **error)
{
  const char *mechanism = brevet_attestation_get_mechanism (enrollment->attestation);
  BrevetVerifier *verifier = brevet_service_context_get_verifier (context, mechanism, error);
  g_autoptr(JsonObject) parameters = NULL;
  BrevetAttestation *prepared;

  if (verifier == NULL)
    return FALSE;
  parameters = brevet_verifier_prepare (verifier, enrollment->attestation, find_stored_attestation (stored, mechanism), error);
  if (parameters == NULL)
    return FALSE;
  prepared = brevet_attestation_new (mechanism, enrollment->is_group, parameters);
  brevet_attestation_unref (enrollment->attestation);
  enrollment->attestation = prepared;
  return TRUE;
}

static gboolean
check_hubs (BrevetHubs *hubs, const BrevetEnrollment *enrollment, GError **error)
{
  for (guint i = 0; enrollment->hubs != NULL && enrollment->hubs[i] != NULL; i++)
    if (!brevet_hubs_is_linked (hubs, enrollment->hubs[i]))
      {
        const char *const *linked = brevet_hubs_list (hubs);
        g_autofree char *list = g_strjoinv (", ", (char **) linked);

        g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The hub “%s” is not linked to this service; linked are: %s",
                     enrollment->hubs[i], linked[0] != NULL ? list : "none");
        return FALSE;
      }
  return TRUE;
}

static gboolean
check_allocation (const BrevetEnrollment *enrollment, GError **error)
{
  if (enrollment->allocation != BREVET_ALLOCATION_CUSTOM)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The allocationPolicy “custom” (a webhook) is not available in this "
               "service; use “hashed”, “geoLatency” or “static”");
  return FALSE;
}

static gpointer
parse_enrollment (BrevetServiceCall *call, GError **error)
{
  g_autoptr(BrevetEnrollment) stored = NULL;
  g_autoptr(BrevetEnrollment) enrollment = NULL;
  gboolean is_group = call->route->kind == BREVET_ROUTE_GROUP;

  if (call->record != NULL)
    {
      stored = brevet_records_read_enrollment (call->record, error);
      if (stored == NULL)
        return NULL;
    }
  enrollment = brevet_enrollment_parse (brevet_request_get_body (call->request), is_group, call->route->id, call->route->dialect,
                                        stored, error);
  if (enrollment == NULL || !check_allocation (enrollment, error) || !check_hubs (call->context->hubs, enrollment, error) ||
      !prepare_attestation (call->context, enrollment, stored, error))
    return NULL;
  return g_steal_pointer (&enrollment);
}

/* Finishes the search for something that an enrollment names. */
static gboolean
take_reference (GObject *source, GAsyncResult *result, const char *member, const char *name, GError **error)
{
  g_autoptr(GError) cause = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &cause);

  if (record != NULL)
    return TRUE;
  if (g_error_matches (cause, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The %s “%s” does not exist; create it first", member, name);
  else
    g_propagate_error (error, g_steal_pointer (&cause));
  return FALSE;
}

static void
on_certificates_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  GError *error = NULL;

  if (brevet_service_certificates_check_finish (result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
check_certificates (GTask *task)
{
  brevet_service_certificates_check_async (g_task_get_task_data (task), g_task_get_cancellable (task), on_certificates_checked,
                                           g_object_ref (task));
}

static void
on_bundle_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetServiceCall *call = g_task_get_task_data (task);
  const BrevetEnrollment *enrollment = call->document;
  GError *error = NULL;

  if (take_reference (source, result, "trustBundleId", enrollment->trust_bundle_id, &error))
    check_certificates (task);
  else
    g_task_return_error (task, error);
}

static void
check_bundle (GTask *task)
{
  BrevetServiceCall *call = g_task_get_task_data (task);
  const BrevetEnrollment *enrollment = call->document;
  g_autofree char *key = NULL;

  if (enrollment->trust_bundle_id == NULL)
    {
      check_certificates (task);
      return;
    }
  key = brevet_identifier_fold (enrollment->trust_bundle_id);
  brevet_store_get_async (call->context->store, BREVET_COLLECTION_TRUST_BUNDLES, key, g_task_get_cancellable (task), on_bundle_read,
                          g_object_ref (task));
}

static void
on_standby_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetServiceCall *call = g_task_get_task_data (task);
  const BrevetEnrollment *enrollment = call->document;
  GError *error = NULL;

  if (take_reference (source, result, "standbyCertificateAuthorityName", enrollment->standby_authority, &error))
    check_bundle (task);
  else
    g_task_return_error (task, error);
}

/* Looks for a certificate authority in the store, unless it is nothing that must be there. */
static gboolean
begin_to_check_authority (GTask *task, const char *name, GAsyncReadyCallback callback)
{
  BrevetServiceCall *call = g_task_get_task_data (task);
  g_autoptr(BrevetAuthorityDocument) configured = NULL;
  g_autofree char *key = NULL;

  if (name == NULL)
    return FALSE;
  configured = brevet_authority_pool_get_configured (call->context->authorities, name);
  if (configured != NULL)
    return FALSE;
  key = brevet_identifier_fold (name);
  brevet_store_get_async (call->context->store, BREVET_COLLECTION_AUTHORITIES, key, g_task_get_cancellable (task), callback,
                          g_object_ref (task));
  return TRUE;
}

static void
check_standby (GTask *task)
{
  BrevetServiceCall *call = g_task_get_task_data (task);
  const BrevetEnrollment *enrollment = call->document;

  if (!begin_to_check_authority (task, enrollment->standby_authority, on_standby_read))
    check_bundle (task);
}

static void
on_authority_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetServiceCall *call = g_task_get_task_data (task);
  const BrevetEnrollment *enrollment = call->document;
  gboolean is_policy = call->route->dialect == BREVET_DIALECT_2025_07_01_PREVIEW;
  const char *member = is_policy ? "credentialPolicyName" : "certificateAuthorityName";
  GError *error = NULL;

  if (take_reference (source, result, member, enrollment->certificate_authority, &error))
    check_standby (task);
  else
    g_task_return_error (task, error);
}

static void
check_references_async (BrevetServiceCall *call, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  const BrevetEnrollment *enrollment = call->document;

  g_task_set_source_tag (task, check_references_async);
  g_task_set_task_data (task, call, NULL); /* the caller's task holds it longer than this one lasts */
  if (!begin_to_check_authority (task, enrollment->certificate_authority, on_authority_read))
    check_standby (task);
}

static gboolean
check_references_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
put_enrollment (BrevetBatch *batch, gpointer document, const char *condition)
{
  brevet_records_put_enrollment (batch, document, condition);
}

/* Tools read the keys here (protocol/dps.md §10.1). */
static JsonObject *
confirm_enrollment (BrevetServiceCall *call, const char *etag, gint64 created, gint64 updated)
{
  BrevetEnrollment *enrollment = call->document;
  g_autoptr(JsonObject) parameters = reveal_parameters (call->context, enrollment);

  g_free (enrollment->etag);
  enrollment->etag = g_strdup (etag);
  enrollment->created = created;
  enrollment->updated = updated;
  return brevet_enrollment_to_json (enrollment, call->route->dialect, parameters);
}

/* What was remembered of the device goes with its enrollment. */
static void
relate_enrollment (BrevetServiceCall *call, BrevetBatch *batch)
{
  if (call->document != NULL)
    return;
  brevet_batch_delete (batch, BREVET_COLLECTION_MEMORIES, call->key, NULL);
  brevet_records_bar (batch, BREVET_COLLECTION_ENROLLMENTS, call->key, FALSE);
}

#define ENROLLMENT_RESOURCE(noun_text, collection_name, relate_function)                                                          \
  {                                                                                                                               \
    .noun = noun_text, .collection = collection_name, .not_found_code = BREVET_WIRE_CODE_NOT_FOUND, .body_limit = BODY_LIMIT,     \
    .read_right = BREVET_RIGHT_ENROLLMENT_READ, .write_right = BREVET_RIGHT_ENROLLMENT_WRITE, .show = show_enrollment,            \
    .show_attestation = show_attestation, .parse = parse_enrollment, .check_async = check_references_async,                       \
    .check_finish = check_references_finish, .put = put_enrollment, .relate = relate_function, .confirm = confirm_enrollment,     \
    .free_document = (GDestroyNotify) brevet_enrollment_unref, .chore = BREVET_CHORE_REVOCATION_LISTS,                            \
  }

const BrevetServiceResource brevet_service_enrollments =
  ENROLLMENT_RESOURCE ("enrollment", BREVET_COLLECTION_ENROLLMENTS, relate_enrollment);
const BrevetServiceResource brevet_service_groups =
  ENROLLMENT_RESOURCE ("enrollment group", BREVET_COLLECTION_GROUPS, brevet_service_relate_group);
