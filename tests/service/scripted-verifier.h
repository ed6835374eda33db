/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-verifier.h"

G_BEGIN_DECLS

/**
 * ScriptedVerifier:
 *
 * A verifier that does what the parameters of the enrollment say:
 *
 * - `answer`: `accept`, `refuse`, `foreign` (not about this group), `remember` (a challenge whose number goes up with each one), or
 *   `refers` (accept if the first of `references` is a verified certificate, else foreign)
 * - `subjects`: by which names groups are found
 * - `references`: which CA certificates groups refer to
 * - `secret`: what only the service knows
 */
#define TYPE_SCRIPTED_VERIFIER (scripted_verifier_get_type ())
G_DECLARE_FINAL_TYPE (ScriptedVerifier, scripted_verifier, SCRIPTED, VERIFIER, BrevetPlugin)

ScriptedVerifier *scripted_verifier_new (void);

/* Whom it was asked about since the last call: answers in order, separated by commas. Returns: (transfer full) */
char *scripted_verifier_take_calls (ScriptedVerifier *self);

G_END_DECLS
