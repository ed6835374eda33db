/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include "brevet-gate-websocket.h"

#include <string.h>

typedef struct
{
  GByteArray *payload;
  GBytes     *pong;
  GBytes     *end;
} Outcome;

static GBytes *
copy (GBytes *bytes)
{
  return bytes == NULL ? g_bytes_new (NULL, 0) : g_bytes_ref (bytes);
}

/* Feeds at most @step bytes at a time, each in memory of its own. */
static void
read_all (const guint8 *data, gsize size, gsize step, Outcome *outcome)
{
  g_autoptr(BrevetGateWebsocket) websocket = brevet_gate_websocket_new ();
  g_autoptr(GBytes) pong = NULL;

  outcome->payload = g_byte_array_new ();
  for (gsize used = 0; used < size; used += MIN (step, size - used))
    {
      gsize length = MIN (step, size - used);
      g_autofree guint8 *piece = g_memdup2 (data + used, length);
      gboolean has_ended = brevet_gate_websocket_get_end (websocket) != NULL;
      gsize count = brevet_gate_websocket_read (websocket, piece, length);

      g_assert_cmpuint (count, <=, has_ended ? 0 : length);
      g_byte_array_append (outcome->payload, piece, count);
    }

  pong = brevet_gate_websocket_take_pong (websocket);
  outcome->pong = copy (pong);
  outcome->end = copy (brevet_gate_websocket_get_end (websocket));
  g_assert_cmpuint (g_bytes_get_size (outcome->pong), <=, 2 + 125);
  g_assert_cmpuint (g_bytes_get_size (outcome->end), <=, 2 + 125);
}

static void
outcome_clear (Outcome *outcome)
{
  g_byte_array_unref (outcome->payload);
  g_bytes_unref (outcome->pong);
  g_bytes_unref (outcome->end);
}

/* How the bytes are cut into pieces must not matter. */
int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  const gsize steps[] = { 1, 7, 4096 };
  Outcome whole;

  read_all (data, size, MAX (size, 1), &whole);
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    {
      Outcome pieces;

      read_all (data, size, steps[i], &pieces);
      g_assert_cmpmem (whole.payload->data, whole.payload->len, pieces.payload->data, pieces.payload->len);
      g_assert_true (g_bytes_equal (whole.pong, pieces.pong));
      g_assert_true (g_bytes_equal (whole.end, pieces.end));
      outcome_clear (&pieces);
    }
  outcome_clear (&whole);
  return 0;
}
