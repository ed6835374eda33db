/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet.h"

G_BEGIN_DECLS

/*
 * A small PKI for tests: a root, an issuing CA below it and a device, made with brevet's own builder, in a directory of its own
 * that openssl and certtool can work in.
 */
typedef struct
{
  char              *directory;
  gint64             now;
  BrevetKey         *root_key;
  BrevetCertificate *root;
  BrevetKey         *issuing_key;
  BrevetCertificate *issuing;
  BrevetKey         *device_key;
  BrevetCsr         *csr; /* of device_key, CN=dev-1 */
} X509World;

#define X509_WORLD_NOW G_GINT64_CONSTANT (1790000000)
#define X509_DAY       G_GINT64_CONSTANT (86400)

void x509_world_set_up    (X509World *self, gconstpointer data);
void x509_world_tear_down (X509World *self, gconstpointer data);

/* Runs a command in the directory of the world; fails the test if it fails. Returns what it wrote. */
char *x509_world_run   (X509World *self, const char *command);
void  x509_world_write (X509World *self, const char *name, const char *text);
char *x509_world_read  (X509World *self, const char *name, gsize *length);
char *x509_world_path  (X509World *self, const char *name);

BrevetKey         *x509_make_key   (void);
BrevetCertificate *x509_make_root  (BrevetKey *key, const char *name, int path_length);
BrevetCertificate *x509_make_ca    (BrevetKey *key, const char *name, BrevetCertificate *issuer, BrevetKey *issuer_key,
                                    int path_length);
BrevetCsr         *x509_make_csr   (BrevetKey *key, const char *common_name);
BrevetChain       *x509_make_chain (BrevetCertificate *first, ...) G_GNUC_NULL_TERMINATED;
BrevetTrustBundle *x509_make_trust (BrevetCertificate *first, ...) G_GNUC_NULL_TERMINATED;

G_END_DECLS
