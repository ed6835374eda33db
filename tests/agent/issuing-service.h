/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet.h"

/* A transport behind which there is a small service that issues certificates, does what it is told, and keeps what it was asked. A
 * question whose answer was never delivered (ISSUING_SILENCE) is answered the same when it comes again, as brevet-dps does. */

#define ISSUING_TYPE_SERVICE (issuing_service_get_type ())
G_DECLARE_FINAL_TYPE (IssuingService, issuing_service, ISSUING, SERVICE, BrevetPlugin)

typedef enum {
  ISSUING_CERTIFICATE,
  ISSUING_LATER,        /* 202, then the certificate */
  ISSUING_SILENCE,      /* a certificate, but its delivery is cut off */
  ISSUING_UNREACHABLE,
  ISSUING_UNTRUSTED,
  ISSUING_BUSY,         /* 429, Retry-After 7200 */
  ISSUING_BROKEN,       /* 500 */
  ISSUING_REFUSAL,      /* 401 */
  ISSUING_DISABLED,     /* 200 with the status disabled */
  ISSUING_NOTHING,      /* assigned, but no certificate */
  ISSUING_OTHER_KEY,    /* a certificate that is for another key */
  ISSUING_OTHER_NAME,   /* … for another device */
  ISSUING_EXPIRED,      /* … that is over */
  ISSUING_FORGED,       /* … that another CA of the same name signed */
} IssuingAnswer;

IssuingService *issuing_service_new (void);

/* The answer to the next registration that has none yet; without any: ISSUING_CERTIFICATE. */
void issuing_service_add_answer (IssuingService *self, IssuingAnswer answer);

void issuing_service_set_lifetime (IssuingService *self, gint64 seconds);

/* Certificates begin so many seconds before they are issued; at first a minute. */
void issuing_service_set_backdating (IssuingService *self, gint64 seconds);

/* The trust bundle: a JSON list for the member `certificates`, and its version; NULL for none. */
void issuing_service_set_bundle (IssuingService *self, const char *certificates, const char *etag);

/* What the question for the trust bundle is answered with: a status, or 0 for what a service that knows it does; -1 for silence. */
void issuing_service_set_poll (IssuingService *self, int status, const char *retry_after);

/* Its own root as PEM, and as an entry of a trust bundle. */
const char *issuing_service_get_root (IssuingService *self);
char *issuing_service_make_entry (const char *pem);

guint issuing_service_get_registrations (IssuingService *self);
guint issuing_service_get_issued (IssuingService *self);
guint issuing_service_get_polls (IssuingService *self);

/* Of the registration or look with this index, counted from 0; the CSR in base64; NULL if there was none. */
const char *issuing_service_get_csr (IssuingService *self, guint index);
const char *issuing_service_get_key_of_csr (IssuingService *self, guint index);
const char *issuing_service_get_if_none_match (IssuingService *self, guint index);
