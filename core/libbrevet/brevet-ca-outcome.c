/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-ca-outcome.h"

#include <string.h>

struct _BrevetCaOutcome
{
  BrevetChain       *chain;
  BrevetTrustBundle *roots;
  char              *backend_reference;
  char              *ticket;
  guint              poll_after;
  gint64             expires_at;
};

struct _BrevetCaHealth
{
  BrevetCaHealthState state;
  char               *message;
  gint64              expires;
};

G_DEFINE_BOXED_TYPE (BrevetCaOutcome, brevet_ca_outcome, brevet_ca_outcome_ref, brevet_ca_outcome_unref)
G_DEFINE_BOXED_TYPE (BrevetCaHealth, brevet_ca_health, brevet_ca_health_ref, brevet_ca_health_unref)

BrevetCaOutcome *
brevet_ca_outcome_new_issued (BrevetChain *chain, BrevetTrustBundle *roots, const char *backend_reference)
{
  BrevetCaOutcome *self = NULL;

  g_return_val_if_fail (chain != NULL, NULL);

  self = g_atomic_rc_box_new0 (BrevetCaOutcome);
  self->chain = brevet_chain_ref (chain);
  self->roots = roots != NULL ? brevet_trust_bundle_ref (roots) : NULL;
  self->backend_reference = g_strdup (backend_reference);
  return self;
}

static gboolean
is_ticket (const char *text)
{
  gsize length = text != NULL ? strlen (text) : 0;

  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isprint (text[i]))
      return FALSE;
  return length >= 1 && length <= BREVET_CA_TICKET_MAX_SIZE;
}

BrevetCaOutcome *
brevet_ca_outcome_new_pending (const char *ticket, guint poll_after, gint64 expires_at)
{
  BrevetCaOutcome *self = NULL;

  g_return_val_if_fail (is_ticket (ticket), NULL);

  self = g_atomic_rc_box_new0 (BrevetCaOutcome);
  self->ticket = g_strdup (ticket);
  self->poll_after = poll_after;
  self->expires_at = expires_at;
  return self;
}

BrevetCaOutcome *
brevet_ca_outcome_ref (BrevetCaOutcome *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return g_atomic_rc_box_acquire (self);
}

static void
brevet_ca_outcome_clear (gpointer data)
{
  BrevetCaOutcome *self = data;

  g_clear_pointer (&self->chain, brevet_chain_unref);
  g_clear_pointer (&self->roots, brevet_trust_bundle_unref);
  g_free (self->backend_reference);
  g_free (self->ticket);
}

void
brevet_ca_outcome_unref (BrevetCaOutcome *self)
{
  g_return_if_fail (self != NULL);
  g_atomic_rc_box_release_full (self, brevet_ca_outcome_clear);
}

gboolean
brevet_ca_outcome_is_issued (BrevetCaOutcome *self)
{
  g_return_val_if_fail (self != NULL, FALSE);
  return self->chain != NULL;
}

BrevetChain *
brevet_ca_outcome_get_chain (BrevetCaOutcome *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->chain;
}

BrevetTrustBundle *
brevet_ca_outcome_get_roots (BrevetCaOutcome *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->roots;
}

const char *
brevet_ca_outcome_get_backend_reference (BrevetCaOutcome *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->backend_reference;
}

const char *
brevet_ca_outcome_get_ticket (BrevetCaOutcome *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->ticket;
}

guint
brevet_ca_outcome_get_poll_after (BrevetCaOutcome *self)
{
  g_return_val_if_fail (self != NULL, 0);
  return self->poll_after;
}

gint64
brevet_ca_outcome_get_expires_at (BrevetCaOutcome *self)
{
  g_return_val_if_fail (self != NULL, 0);
  return self->expires_at;
}

BrevetCaHealth *
brevet_ca_health_new (BrevetCaHealthState state, const char *message, gint64 expires)
{
  BrevetCaHealth *self = NULL;

  g_return_val_if_fail (message != NULL, NULL);

  self = g_atomic_rc_box_new0 (BrevetCaHealth);
  self->state = state;
  self->message = g_strdup (message);
  self->expires = expires;
  return self;
}

BrevetCaHealth *
brevet_ca_health_ref (BrevetCaHealth *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return g_atomic_rc_box_acquire (self);
}

static void
brevet_ca_health_clear (gpointer data)
{
  BrevetCaHealth *self = data;

  g_free (self->message);
}

void
brevet_ca_health_unref (BrevetCaHealth *self)
{
  g_return_if_fail (self != NULL);
  g_atomic_rc_box_release_full (self, brevet_ca_health_clear);
}

BrevetCaHealthState
brevet_ca_health_get_state (BrevetCaHealth *self)
{
  g_return_val_if_fail (self != NULL, BREVET_CA_HEALTH_UNKNOWN);
  return self->state;
}

const char *
brevet_ca_health_get_message (BrevetCaHealth *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->message;
}

gint64
brevet_ca_health_get_expires (BrevetCaHealth *self)
{
  g_return_val_if_fail (self != NULL, 0);
  return self->expires;
}
