/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-revocation-reason.h"

#include "brevet-wire-private.h"

/* Where each name stands is the number that a revocation list has for it. */
static const char *const names[] = {
  [BREVET_REVOCATION_UNSPECIFIED] = "unspecified",
  [BREVET_REVOCATION_KEY_COMPROMISE] = "keyCompromise",
  [BREVET_REVOCATION_CA_COMPROMISE] = "cACompromise",
  [BREVET_REVOCATION_AFFILIATION_CHANGED] = "affiliationChanged",
  [BREVET_REVOCATION_SUPERSEDED] = "superseded",
  [BREVET_REVOCATION_CESSATION_OF_OPERATION] = "cessationOfOperation",
  [BREVET_REVOCATION_CERTIFICATE_HOLD] = "certificateHold",
  [BREVET_REVOCATION_REMOVE_FROM_CRL] = "removeFromCRL",
  [BREVET_REVOCATION_PRIVILEGE_WITHDRAWN] = "privilegeWithdrawn",
  [BREVET_REVOCATION_AA_COMPROMISE] = "aACompromise",
};

const char *
brevet_revocation_reason_get_name (BrevetRevocationReason reason)
{
  if ((guint) reason >= G_N_ELEMENTS (names) || names[reason] == NULL)
    return names[BREVET_REVOCATION_UNSPECIFIED];
  return names[reason];
}

gboolean
brevet_revocation_reason_parse (const char *name, BrevetRevocationReason *reason, GError **error)
{
  g_autofree char *excerpt = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (names[i] != NULL && g_ascii_strcasecmp (names[i], name) == 0)
      {
        *reason = (BrevetRevocationReason) i;
        return TRUE;
      }
  excerpt = brevet_wire_excerpt (name);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID,
               "“%s” is no reason for a revocation; there are unspecified, keyCompromise, affiliationChanged, superseded, "
               "cessationOfOperation, certificateHold, removeFromCRL and privilegeWithdrawn", excerpt);
  return FALSE;
}
