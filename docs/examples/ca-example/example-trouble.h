/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "example-answer.h"

G_BEGIN_DECLS

/* All return an error of BREVET_CA_ERROR for the operator. Its code says what the core does next. */

/* There is no complete answer. @sent: the CA may have read the question */
GError *example_trouble_new_silence (ExampleVerb verb, gboolean sent, gboolean timed_out, const GError *cause);

/* @answer has a status of failure. @retry_after: seconds, or -1 */
GError *example_trouble_new_refusal (ExampleVerb verb, ExampleAnswer *answer, int retry_after);

/* @answer has a status of success, and cannot be understood. */
GError *example_trouble_new_misread (ExampleVerb verb, ExampleAnswer *answer, const char *problem);

G_END_DECLS
