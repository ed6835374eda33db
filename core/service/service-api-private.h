/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-route.h"
#include "records.h"
#include "service-context.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef struct _BrevetServiceResource BrevetServiceResource;

/**
 * BrevetServiceCall:
 * @context: what the service is made of
 * @resource: the kind of thing that the route names
 * @route: (transfer none): where the request goes, valid until the call is answered
 * @request: the request
 * @key: (nullable): key of the record; %NULL for a list
 * @wanted_etag: (nullable): normalised If-Match
 * @attempt: how often a change was tried
 * @record: (nullable): the record as it was read last
 * @document: (nullable): what @request wants stored, of the type of @resource
 * @batch: (nullable): what is being committed
 * @collection: (nullable): collection that is being walked through
 * @listed: (nullable): replies of a list by key
 * @unreadable: how many records a list lacks because nobody can read them
 *
 * One operation of the service API on its way; task data of the task that answers it.
 */
typedef struct {
  BrevetServiceContext *context;
  const BrevetServiceResource *resource;
  const BrevetRoute *route;
  BrevetRequest *request;
  char *key;
  char *wanted_etag;
  guint attempt;
  BrevetRecord *record;
  gpointer document;
  BrevetBatch *batch;
  const char *collection;
  GTree *listed;
  guint unreadable;
} BrevetServiceCall;

/**
 * BrevetServiceResource:
 * @noun: what messages call it
 * @collection: where it is kept
 * @not_found_code: six-digit code of a 404, 0 for the usual one
 * @body_limit: longest body of a PUT
 * @read_right: for GET
 * @write_right: for everything else
 * @show: what a GET shows of a stored one, in the words of the request's dialect
 * @show_configured: (nullable): what a GET shows of one that only the configuration knows, or %NULL
 * @list_configured: (nullable): names of those
 * @show_attestation: (nullable): what the attestation lookup shows
 * @parse: reads the body over what is stored (@record of the call), and checks it: (transfer full): a document
 * @check_async: (nullable): checks what @document names elsewhere
 * @check_finish: (nullable): %FALSE with %BREVET_ERROR_INVALID naming what does not exist
 * @put: adds the document to a batch
 * @relate: (nullable): adds what must change together with the record, once the change itself is in the batch: from @record of the
 *   call (nullable) to its @document, which is %NULL for a deletion
 * @confirm: what a PUT shows: the document of @call with its new version and times
 * @free_document: frees a document
 * @is_named_in: (nullable): whether an enrollment refers to the one of this name
 * @is_followed: trust bundles may follow one of these
 * @chore: (nullable): job to poke after a change
 * @is_indexed: the index of issuers tells which groups refer to one of these
 *
 * What one kind of thing does differently. The verbs with their conditions are the same for all of them.
 */
struct _BrevetServiceResource
{
  const char *noun;
  const char *collection;
  guint not_found_code;
  gsize body_limit;
  BrevetRights read_right;
  BrevetRights write_right;

  JsonObject *(*show) (BrevetServiceCall *call, BrevetRecord *record, GError **error);
  JsonObject *(*show_configured) (BrevetServiceContext *context, const char *name);
  const char *const *(*list_configured) (BrevetServiceContext *context);
  JsonObject *(*show_attestation) (BrevetServiceCall *call, BrevetRecord *record, GError **error);

  gpointer (*parse) (BrevetServiceCall *call, GError **error);
  void (*check_async) (BrevetServiceCall *call, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  gboolean (*check_finish) (GAsyncResult *result, GError **error);
  void (*put) (BrevetBatch *batch, gpointer document, const char *condition);
  void (*relate) (BrevetServiceCall *call, BrevetBatch *batch);
  JsonObject *(*confirm) (BrevetServiceCall *call, const char *etag, gint64 created, gint64 updated);
  GDestroyNotify free_document;

  gboolean (*is_named_in) (const BrevetEnrollment *enrollment, const char *name);
  gboolean is_followed;
  const char *chore;
  gboolean is_indexed;
};

extern const BrevetServiceResource brevet_service_enrollments;
extern const BrevetServiceResource brevet_service_groups;
extern const BrevetServiceResource brevet_service_authorities;
extern const BrevetServiceResource brevet_service_trust_bundles;
extern const BrevetServiceResource brevet_service_certificates;

/* Verbs: each takes over from brevet_service_api_handle_async() and answers the task. */
void brevet_service_call_put (GTask *task);
void brevet_service_call_delete (GTask *task);
void brevet_service_call_list (GTask *task);

/**
 * brevet_service_references_find_async:
 * @call: names a record whose deletion is wanted
 *
 * Looks through all enrollments, and trust bundles, for one that names the record of @call.
 */
void brevet_service_references_find_async (BrevetServiceCall *call, GCancellable *cancellable, GAsyncReadyCallback callback,
                                           gpointer user_data);

/**
 * brevet_service_references_find_finish:
 * @found: (out) (nullable) (transfer full): one of them in words, %NULL if there is none
 *
 * Returns: %FALSE with an error if the store cannot be read
 */
gboolean brevet_service_references_find_finish (GAsyncResult *result, char **found, GError **error);

/**
 * brevet_service_relate_group:
 *
 * Keeps the index of issuers up with an enrollment group; for @relate of #BrevetServiceResource.
 */
void brevet_service_relate_group (BrevetServiceCall *call, BrevetBatch *batch);

/**
 * brevet_service_relate_certificate:
 *
 * Keeps the index of issuers up with a CA certificate; for @relate of #BrevetServiceResource.
 */
void brevet_service_relate_certificate (BrevetServiceCall *call, BrevetBatch *batch);

/**
 * brevet_service_certificates_check_async:
 * @call: wants to store an enrollment
 *
 * Checks that the CA certificates to which the enrollment refers exist.
 */
void brevet_service_certificates_check_async (BrevetServiceCall *call, GCancellable *cancellable, GAsyncReadyCallback callback,
                                              gpointer user_data);

/**
 * brevet_service_certificates_check_finish:
 *
 * Returns: %FALSE with %BREVET_ERROR_INVALID naming the one that does not exist
 */
gboolean brevet_service_certificates_check_finish (GAsyncResult *result, GError **error);

/* Answers; all take a reference of the task for granted. */
void brevet_service_call_answer (GTask *task, BrevetReply *reply);
void brevet_service_call_fail (GTask *task, const GError *error);
void brevet_service_call_refuse (GTask *task, guint status, guint code, const char *format, ...) G_GNUC_PRINTF (4, 5);
void brevet_service_call_refuse_missing (GTask *task);

/**
 * brevet_service_call_show:
 * @object: (transfer full): the body
 * @etag: (nullable): version, for the header
 */
void brevet_service_call_show (GTask *task, JsonObject *object, const char *etag);

/**
 * brevet_service_call_note_unreadable:
 * @reply: a list
 *
 * Says in a header field how many records it lacks, if it does.
 */
void brevet_service_call_note_unreadable (BrevetServiceCall *call, BrevetReply *reply);

/**
 * brevet_service_call_is_configured:
 *
 * Returns: %TRUE if the configuration knows a thing of this name
 */
gboolean brevet_service_call_is_configured (BrevetServiceCall *call);

/**
 * brevet_service_call_log_change:
 * @what: what was done to the thing: `Created`, `Replaced`, `Deleted`
 */
void brevet_service_call_log_change (BrevetServiceCall *call, const char *what);

G_END_DECLS
