/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "example-answer.h"
#include "example-ca.h"

G_BEGIN_DECLS

/* One question. Plain data, read before example_ask_async() returns. */
typedef struct {
  ExampleVerb      verb;
  const char      *method;
  const char      *path;
  const char      *query;   /* or NULL */
  GBytes          *body;    /* JSON, or NULL */
  BrevetCaRequest *request; /* what is to be issued, or NULL */
} ExampleQuestion;

/* Asks once. */
void example_ask_async (ExampleCa *self, const ExampleQuestion *question, GCancellable *cancellable, GAsyncReadyCallback callback,
                        gpointer user_data);

/* Returns: (transfer full) (nullable): an answer with a status of success; NULL with BREVET_CA_ERROR or G_IO_ERROR_CANCELLED */
ExampleAnswer *example_ask_finish (ExampleCa *self, GAsyncResult *result, GError **error);

G_END_DECLS
