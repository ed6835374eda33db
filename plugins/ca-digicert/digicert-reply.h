/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * DigicertVerb:
 * @DIGICERT_VERB_ISSUE: asks for a certificate: what becomes of the request matters even where there is no answer
 * @DIGICERT_VERB_PICK_UP: asks what became of a pending request
 * @DIGICERT_VERB_READ: reads a profile or a list, and changes nothing
 * @DIGICERT_VERB_REVOKE: revokes a certificate; once is as good as twice
 *
 * What a question is for. Decides what its failures mean.
 */
typedef enum {
  DIGICERT_VERB_ISSUE,
  DIGICERT_VERB_PICK_UP,
  DIGICERT_VERB_READ,
  DIGICERT_VERB_REVOKE,
} DigicertVerb;

/*
 * DigicertReply:
 * @is_json: it says that its body is JSON
 * @retry_after: seconds, or -1
 * @transaction: our name for the exchange, which DigiCert's support can look up
 *
 * What DigiCert answered. Plain data.
 */
typedef struct {
  guint    status;
  gboolean is_json;
  int      retry_after;
  char    *transaction;
  GBytes  *body;
} DigicertReply;

void digicert_reply_free (DigicertReply *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DigicertReply, digicert_reply_free)

G_END_DECLS
