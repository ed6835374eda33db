/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include "brevet-gate-proxy-header.h"

#include <string.h>

#define CERTIFICATE 0x28
#define CHAIN 0xe1

typedef struct
{
  BrevetGateProxyHeader header;
  gsize                 used;
} Outcome;

static void
check_value (Outcome *outcome, const BrevetGateProxyValue *value)
{
  const GByteArray *bytes = outcome->header.bytes;

  if (value->data != NULL)
    g_assert_true (value->data >= bytes->data && value->data + value->length <= bytes->data + bytes->len);
}

/* Feeds at most @step bytes at a time, each in memory of its own. */
static void
read_all (const guint8 *data, gsize size, gsize step, Outcome *outcome)
{
  BrevetGateProxyHeader *header = &outcome->header;

  brevet_gate_proxy_header_init (header, CERTIFICATE, CHAIN);
  outcome->used = 0;
  while (outcome->used < size && header->phase == BREVET_GATE_PROXY_HEADER_READING)
    {
      gsize length = MIN (step, size - outcome->used);
      g_autofree guint8 *piece = g_memdup2 (data + outcome->used, length);
      gsize used = brevet_gate_proxy_header_feed (header, piece, length);

      g_assert_cmpuint (used, <=, length);
      g_assert_true (used == length || header->phase != BREVET_GATE_PROXY_HEADER_READING);
      outcome->used += used;
    }

  g_assert_cmpuint (header->bytes->len, <=, BREVET_GATE_PROXY_HEADER_LIMIT);
  g_assert_true ((header->phase == BREVET_GATE_PROXY_HEADER_FAILED) == (header->message != NULL));
  check_value (outcome, &header->certificate);
  check_value (outcome, &header->chain);
}

static void
assert_same (const Outcome *one, const Outcome *other)
{
  g_assert_cmpint (one->header.phase, ==, other->header.phase);
  g_assert_cmpstr (one->header.message, ==, other->header.message);
  if (one->header.phase == BREVET_GATE_PROXY_HEADER_FAILED)
    return;
  g_assert_cmpuint (one->used, ==, other->used);
  g_assert_cmpmem (&one->header.source, sizeof one->header.source, &other->header.source, sizeof other->header.source);
  g_assert_cmpmem (one->header.certificate.data, one->header.certificate.length, other->header.certificate.data,
                   other->header.certificate.length);
  g_assert_cmpmem (one->header.chain.data, one->header.chain.length, other->header.chain.data, other->header.chain.length);
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
      assert_same (&whole, &pieces);
      brevet_gate_proxy_header_clear (&pieces.header);
    }
  brevet_gate_proxy_header_clear (&whole.header);
  return 0;
}
