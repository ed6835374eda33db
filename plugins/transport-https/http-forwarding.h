/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-gate-connection.h"
#include "brevet-settings.h"
#include "http-client-certificate.h"
#include "http-reader.h"

G_BEGIN_DECLS

/* Which header fields say for whom a proxy asks; names in lower case, interned, NULL for none. */
typedef struct
{
  const char           *certificate_field;
  const char           *issuers_field;
  const char           *address_field;
  HttpCertificateFormat format;
} HttpForwarding;

/* Whom one request comes from. */
typedef struct
{
  BrevetChain *chain;     /* NULL without a certificate */
  char        *address;
  guint        status;    /* of a refusal: 400 to 599 */
  char        *message;   /* of a refusal: a sentence */
} HttpOrigin;

gboolean http_forwarding_configure (HttpForwarding *self, BrevetSettings *settings, GError **error);

/* Returns: FALSE for a refusal: somebody who is no proxy speaks like one, or a proxy says what cannot be understood */
gboolean http_forwarding_read (const HttpForwarding *self, HttpReader *reader, BrevetGateConnection *connection,
                               HttpOrigin *origin);

void http_origin_clear (HttpOrigin *self);

G_END_DECLS
