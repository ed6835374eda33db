/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-health.h"

static gboolean
is_blocked (BrevetBusAgent1Identity *identity)
{
  const char *state = brevet_bus_agent1_identity_get_state (identity);

  return g_strcmp0 (state, "refused") == 0 || g_strcmp0 (state, "disabled") == 0;
}

gboolean
brevet_identity_health_is_early (BrevetBusAgent1Identity *identity, gint64 now)
{
  return now < brevet_bus_agent1_identity_get_not_before (identity);
}

/* An identity without a certificate has no dates. */
static gboolean
is_outside_validity (BrevetBusAgent1Identity *identity, gint64 now)
{
  gint64 not_after = brevet_bus_agent1_identity_get_not_after (identity);

  return not_after != 0 && (now >= not_after || brevet_identity_health_is_early (identity, now));
}

/* One failure is enough: while an attempt is being made in time, the renewal time is past too. */
static gboolean
is_overdue (BrevetBusAgent1Identity *identity, gint64 now)
{
  gint64 renewal = brevet_bus_agent1_identity_get_renewal_time (identity);

  return renewal != 0 && now > renewal && brevet_bus_agent1_identity_get_failures (identity) > 0;
}

BrevetIdentityHealth
brevet_identity_health_judge (BrevetBusAgent1Identity *identity, gint64 now)
{
  gboolean missing = brevet_bus_agent1_identity_get_generation (identity) == 0;
  gboolean expired = !missing && is_outside_validity (identity, now);

  if ((missing || expired) && is_blocked (identity))
    return BREVET_IDENTITY_HEALTH_BLOCKED;
  if (missing)
    return BREVET_IDENTITY_HEALTH_UNPROVISIONED;
  if (expired)
    return BREVET_IDENTITY_HEALTH_EXPIRED;
  return is_overdue (identity, now) ? BREVET_IDENTITY_HEALTH_OVERDUE : BREVET_IDENTITY_HEALTH_VALID;
}

static int
rank (BrevetIdentityHealth health)
{
  switch (health)
    {
    case BREVET_IDENTITY_HEALTH_BLOCKED:
      return 4;
    case BREVET_IDENTITY_HEALTH_EXPIRED:
      return 3;
    case BREVET_IDENTITY_HEALTH_UNPROVISIONED:
      return 2;
    case BREVET_IDENTITY_HEALTH_OVERDUE:
      return 1;
    case BREVET_IDENTITY_HEALTH_VALID:
    default:
      return 0;
    }
}

BrevetIdentityHealth
brevet_identity_health_judge_all (GPtrArray *identities, gint64 now)
{
  BrevetIdentityHealth worst = BREVET_IDENTITY_HEALTH_VALID;

  for (guint i = 0; i < identities->len; i++)
    {
      BrevetIdentityHealth health = brevet_identity_health_judge (identities->pdata[i], now);

      if (rank (health) > rank (worst))
        worst = health;
    }
  return worst;
}

const char *
brevet_identity_health_describe (BrevetBusAgent1Identity *identity, gint64 now)
{
  switch (brevet_identity_health_judge (identity, now))
    {
    case BREVET_IDENTITY_HEALTH_EXPIRED:
      return brevet_identity_health_is_early (identity, now) ? "not-yet-valid" : "expired";
    case BREVET_IDENTITY_HEALTH_OVERDUE:
      return "renewal-overdue";
    case BREVET_IDENTITY_HEALTH_UNPROVISIONED:
      return "not-provisioned";
    case BREVET_IDENTITY_HEALTH_BLOCKED:
      return "blocked";
    case BREVET_IDENTITY_HEALTH_VALID:
    default:
      return "valid";
    }
}
