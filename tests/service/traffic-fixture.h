/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "authority-traffic-private.h"

#include "brevet-ca-error.h"
#include "brevet-clock.h"

G_BEGIN_DECLS

#define SECOND ((gint64) G_USEC_PER_SEC)
#define DEVICE BREVET_AUTHORITY_PRIORITY_DEVICE
#define BACKGROUND BREVET_AUTHORITY_PRIORITY_BACKGROUND
#define CHECK BREVET_AUTHORITY_PRIORITY_CHECK

/* What each of these programs begins with. */
void traffic_test_init (int *argc, char ***argv);

/* Time of the test's own. */
extern gint64 clock_now;

void pass_seconds (BrevetAuthorityTraffic *traffic, double seconds);

/* The traffic of an authority by that time. */
BrevetAuthorityTraffic *make_traffic (guint in_flight, guint burst, double per_second, guint queued);

/* One who asks. */
typedef struct {
  guint number;
  GQueue *order; /* of those who were answered */
  gboolean answered;
  BrevetAuthorityTurn *turn;
  GError *error;
} Asker;

void enter (BrevetAuthorityTraffic *traffic, Asker *asker, BrevetAuthorityPriority priority, GCancellable *cancellable);

/* Everything that can happen now, happens. */
void settle (void);

/* With a failure of this code if it is not negative, and with what the CA says about coming again if that is not negative. */
void end_with (Asker *asker, int code, int retry_after);

/* Not a symbol of its own, as that is the linker's name for the end of the program. */
static inline void
end (Asker *asker)
{
  end_with (asker, -1, -1);
}

/* All of it at once. */
void ask_and_end (BrevetAuthorityTraffic *traffic, int code, int retry_after);

/* Who comes now gets this answer. */
void assert_refused (BrevetAuthorityTraffic *traffic, int code, int retry_after);

/* By as many failures as it takes. */
void open_circuit (BrevetAuthorityTraffic *traffic);

guint count_in_flight (BrevetAuthorityTraffic *traffic);
guint count_queued (BrevetAuthorityTraffic *traffic);
BrevetAuthorityCircuit get_circuit (BrevetAuthorityTraffic *traffic);

G_END_DECLS
