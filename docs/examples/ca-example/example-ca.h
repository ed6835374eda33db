/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <brevet.h>
#include <libsoup/soup.h>

G_BEGIN_DECLS

#define EXAMPLE_TYPE_CA (example_ca_get_type ())
G_DECLARE_FINAL_TYPE (ExampleCa, example_ca, EXAMPLE, CA, BrevetPlugin)

/* What one instance is configured with. Nothing of it changes after configure, so every thread may read it. */
struct _ExampleCa
{
  BrevetPlugin parent_instance;

  char         *host;
  guint16       port;
  gint64        timeout; /* seconds */
  BrevetSecret *token;
  SoupSession  *soup;
};

/* The verbs that ask the network: example-verbs.c. */
void example_verbs_init (BrevetCaBackendInterface *iface);

G_END_DECLS
