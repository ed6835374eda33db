/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <gnutls/abstract.h>

G_BEGIN_DECLS

/*
 * RevocationList:
 *
 * The DER of a CertificateList (RFC 5280 §5), written piece by piece. The first failure is kept, and told at the end.
 */
typedef struct _RevocationList RevocationList;

/*
 * RevocationListHead:
 * @issuer: DER of the issuer's name
 * @key_identifier: (nullable): the issuer's subject key identifier
 * @number: CRL number
 * @this_update: seconds since 1970-01-01 UTC
 * @next_update: seconds since 1970-01-01 UTC
 * @algorithm: what the list is going to be signed with
 * @salt_size: how many bytes of salt the signature has, if it is RSA-PSS
 */
typedef struct
{
  gnutls_datum_t          issuer;
  GBytes                 *key_identifier;
  guint64                 number;
  gint64                  this_update;
  gint64                  next_update;
  gnutls_sign_algorithm_t algorithm;
  guint                   salt_size;
} RevocationListHead;

RevocationList *revocation_list_new    (void);
void            revocation_list_free   (RevocationList *self);
void            revocation_list_add    (RevocationList *self, const guint8 *serial, gsize length, gint64 time, guint reason);
GBytes         *revocation_list_close  (RevocationList *self, const RevocationListHead *head, const char **problem);
GBytes         *revocation_list_finish (RevocationList *self, GBytes *body, const gnutls_datum_t *signature, const char **problem);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RevocationList, revocation_list_free)

G_END_DECLS
