/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* DigiCert can be asked for the certificates of a seat, not for a public key: those are looked at one by one. */

#include "brevet-ca-digicert-private.h"

#include "digicert-trouble.h"

#include "brevet-ca-error.h"

#define PAGE_SIZE 50

/* A device that renews daily for years. */
#define MAX_PAGES 40

typedef struct {
  BrevetCaRequest   *request;
  BrevetCertificate *newest;
  guint              page;
} Search;

static void
search_free (gpointer data)
{
  Search *self = data;

  brevet_ca_request_unref (self->request);
  g_clear_pointer (&self->newest, brevet_certificate_unref);
  g_free (self);
}

static void ask_page (GTask *task);

/* The reference is what an issuance would have had. */
static void
finish (GTask *task)
{
  g_autoptr(GPtrArray) certificates = g_ptr_array_new ();
  g_autoptr(BrevetCertificate) newest = g_steal_pointer (&((Search *) g_task_get_task_data (task))->newest);
  g_autoptr(BrevetChain) chain = NULL;

  if (newest == NULL)
    {
      g_task_return_new_error (task, BREVET_CA_ERROR, BREVET_CA_ERROR_NOT_FOUND,
                               "DigiCert has no live certificate for this public key in the device's seat that is not known yet");
      return;
    }
  g_ptr_array_add (certificates, newest);
  chain = brevet_chain_new (certificates, NULL);
  digicert_complete (task, brevet_ca_outcome_new_issued (chain, NULL, brevet_certificate_get_serial (newest)));
}

static void
on_page (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Search *search = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr(GError) problem = NULL;
  g_autoptr(DigicertReply) reply = digicert_session_ask_finish (DIGICERT_SESSION (source), result, &error);
  int length;

  if (reply == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  length = digicert_answer_read_page (reply->body, brevet_csr_get_spki_sha256 (brevet_ca_request_get_csr (search->request)),
                                      search->request, &search->newest, &problem);
  if (length < 0)
    g_task_return_error (task, digicert_trouble_new_misread (DIGICERT_VERB_READ, reply, problem->message));
  else if (length < PAGE_SIZE)
    finish (task);
  else if (++search->page < MAX_PAGES)
    ask_page (task);
  else
    g_task_return_new_error (task, BREVET_CA_ERROR, BREVET_CA_ERROR_PROTOCOL, "DigiCert lists more than %d certificates in the "
                             "seat %s; revoke the old ones", PAGE_SIZE * MAX_PAGES,
                             brevet_ca_request_get_registration_id (search->request));
}

static void
ask_page (GTask *task)
{
  BrevetCaDigicert *self = g_task_get_source_object (task);
  Search *search = g_task_get_task_data (task);
  g_autofree char *seat = g_uri_escape_string (brevet_ca_request_get_registration_id (search->request), NULL, FALSE);
  g_autofree char *query = g_strdup_printf ("seat_id=%s&profile_id=%s&status=ISSUED&limit=%d&offset=%u", seat,
                                            self->configuration->profile, PAGE_SIZE, search->page * PAGE_SIZE);
  DigicertQuestion question = { DIGICERT_VERB_READ, "GET", "/mpki/api/v1/certificate-search", query, NULL, NULL };

  digicert_session_ask_async (self->session, &question, g_task_get_cancellable (task), on_page, g_object_ref (task));
}

void
digicert_find_async (BrevetCaBackend *backend, BrevetCaRequest *request, GCancellable *cancellable, GAsyncReadyCallback callback,
                     gpointer user_data)
{
  BrevetCaDigicert *self = BREVET_CA_DIGICERT (backend);
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);
  Search *search;

  g_task_set_source_tag (task, digicert_find_async);
  if (self->configuration->api != DIGICERT_API_LIFECYCLE)
    {
      g_task_return_new_error (task, BREVET_CA_ERROR, BREVET_CA_ERROR_UNSUPPORTED,
                               "IoT Trust Manager can be asked for serial numbers only, and there is none yet");
      return;
    }
  search = g_new0 (Search, 1);
  search->request = brevet_ca_request_ref (request);
  g_task_set_task_data (task, search, search_free);
  ask_page (task);
}

BrevetCaOutcome *
digicert_find_finish (BrevetCaBackend *backend, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
