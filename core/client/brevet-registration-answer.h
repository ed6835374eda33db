/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-message.h"
#include "brevet-registration-state.h"

G_BEGIN_DECLS

/**
 * BrevetRegistrationAnswerKind:
 * @BREVET_REGISTRATION_ANSWER_ASSIGNED: done
 * @BREVET_REGISTRATION_ANSWER_ASSIGNING: ask for the operation later
 * @BREVET_REGISTRATION_ANSWER_CHALLENGE: refused for now, with something to prove oneself with
 * @BREVET_REGISTRATION_ANSWER_REFUSED: the service has said no: asking again changes nothing
 * @BREVET_REGISTRATION_ANSWER_TROUBLE: the service is busy or broken, or somebody else has answered: the same again later
 *
 * What a reply means for a device.
 */
typedef enum {
  BREVET_REGISTRATION_ANSWER_ASSIGNED,
  BREVET_REGISTRATION_ANSWER_ASSIGNING,
  BREVET_REGISTRATION_ANSWER_CHALLENGE,
  BREVET_REGISTRATION_ANSWER_REFUSED,
  BREVET_REGISTRATION_ANSWER_TROUBLE,
} BrevetRegistrationAnswerKind;

/**
 * BrevetRegistrationAnswer:
 * @kind: what it means
 * @state: (nullable): the registration, when assigned
 * @operation_id: (nullable): the operation, when assigning
 * @challenge: (nullable): what the service sent along
 * @retry_after: seconds that the service asks for, at most a day; -1 if it names none
 * @error_code: six digits of the service's error, 0 if it sent none
 * @tracking_id: (nullable): of an error: what the service's operator finds the request by
 * @disabled: refused because the device is disabled, as far as the service says so
 * @unauthenticated: refused or challenged because of what was presented as proof
 * @error: (nullable): %BREVET_ERROR_REJECTED when refused or challenged, %BREVET_ERROR_UNREACHABLE in trouble
 */
typedef struct {
  BrevetRegistrationAnswerKind kind;
  BrevetRegistrationState *state;
  char *operation_id;
  JsonObject *challenge;
  int retry_after;
  guint error_code;
  char *tracking_id;
  gboolean disabled;
  gboolean unauthenticated;
  GError *error;
} BrevetRegistrationAnswer;

/**
 * brevet_registration_answer_read:
 *
 * Reads the reply to register, or to a look at the operation.
 *
 * Returns: (transfer full): what it means
 */
BrevetRegistrationAnswer *brevet_registration_answer_read (BrevetReply *reply);

void brevet_registration_answer_free (BrevetRegistrationAnswer *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetRegistrationAnswer, brevet_registration_answer_free)

G_END_DECLS
