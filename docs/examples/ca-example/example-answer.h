/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <brevet.h>

G_BEGIN_DECLS

/* What a question is for; it decides what a failure means. */
typedef enum {
  EXAMPLE_VERB_ISSUE,
  EXAMPLE_VERB_POLL,
  EXAMPLE_VERB_READ,
  EXAMPLE_VERB_REVOKE,
} ExampleVerb;

/* What the CA answered. */
typedef struct {
  guint       status;
  JsonObject *object;  /* or NULL */
  char       *problem; /* why there is no object, or NULL */
} ExampleAnswer;

/* @type: (nullable): Content-Type */
ExampleAnswer *example_answer_new  (guint status, const char *type, GBytes *body);
void           example_answer_free (ExampleAnswer *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ExampleAnswer, example_answer_free)

/* The member as text; NULL if there is none, or it is something else. */
const char *example_answer_get_text (ExampleAnswer *self, const char *member);

/* Issued, or pending. NULL with an error that says what cannot be understood. */
BrevetCaOutcome *example_answer_read_outcome (ExampleAnswer *self, GError **error);

/* The newest that the core does not know. NULL with BREVET_CA_ERROR_NOT_FOUND, or an error that says what cannot be understood. */
BrevetCaOutcome *example_answer_read_found (ExampleAnswer *self, BrevetCaRequest *request, GError **error);

/* Adds the certificates of an array of PEM texts. */
gboolean example_answer_read_certificates (ExampleAnswer *self, const char *member, GPtrArray *certificates, GError **error);

G_END_DECLS
