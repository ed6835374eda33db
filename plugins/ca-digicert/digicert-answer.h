/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "digicert-configuration.h"

#include "brevet-ca-outcome.h"
#include "brevet-ca-request.h"

G_BEGIN_DECLS

/*
 * What DigiCert answers, from its JSON to our types. Unknown members are passed over, members of a wrong type are not. Pure
 * functions; unless they say otherwise, their errors are of BREVET_ERROR_INVALID and say what cannot be understood.
 */

/*
 * DigicertFault:
 * @code: (nullable): DigiCert's name for it, plain
 * @message: (nullable): DigiCert's text, as it came
 * @is_about_csr: the field that is wrong is the CSR
 */
typedef struct {
  char    *code;
  char    *message;
  gboolean is_about_csr;
} DigicertFault;

/* Whatever can be found out from the body of a refusal; nothing, if it has none of the known shapes. */
void digicert_answer_read_fault (GBytes *body, DigicertFault *fault);
void digicert_fault_clear       (DigicertFault *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DigicertFault, digicert_fault_clear)

/* The answer to a request for a certificate: issued, or pending with the request's id as its ticket. With BREVET_CA_ERROR_PROFILE
 * if it waits for an approval that nothing can ask about. */
BrevetCaOutcome *digicert_answer_read_issued (DigicertApi api, GBytes *body, GError **error);

/* The same for a request that is pending under @ticket; with BREVET_CA_ERROR_REJECTED if it was refused. */
BrevetCaOutcome *digicert_answer_read_picked_up (GBytes *body, const char *ticket, GError **error);

/* Whether @ticket can be asked for, and what DigiCert calls such a one. */
gboolean    digicert_answer_is_ticket      (const char *ticket);
const char *digicert_answer_get_request_id (const char *ticket);

/* One page of a search: replaces @newest (nullable) by the newest certificate for the public key, if that is newer, and not known
 * to @request (nullable). Returns how many certificates there were, -1 on error. */
int digicert_answer_read_page (GBytes *body, const char *spki_sha256, BrevetCaRequest *request, BrevetCertificate **newest,
                               GError **error);

/*
 * DigicertProfile:
 * @demands: (nullable): subject fields that each request must have and ours have not
 * @issuers: (element-type BrevetCertificate): issuing CA, its issuers, and roots
 *
 * A profile of Trust Lifecycle Manager. What it does not say is as it should be.
 */
typedef struct {
  char      *name;
  char      *status;
  char      *enrollment_method;
  char      *authentication_method;
  gboolean   allows_duplicates;
  gboolean   allows_validity;
  char      *demands;
  GPtrArray *issuers;
} DigicertProfile;

DigicertProfile *digicert_answer_read_profile (GBytes *body, GError **error);
void             digicert_profile_free        (DigicertProfile *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DigicertProfile, digicert_profile_free)

G_END_DECLS
