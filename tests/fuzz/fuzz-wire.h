/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fuzz.h"

#include "brevet-error.h"
#include "brevet-wire-json.h"

/* Whatever brevet writes is ASCII and can be read back by itself. */
static inline void
assert_sound (GBytes *json)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonObject) object = brevet_wire_parse_object (json, "what was written", &error);
  gsize size;
  const guint8 *data = g_bytes_get_data (json, &size);

  g_assert_no_error (error);
  g_assert_nonnull (object);
  for (gsize i = 0; i < size; i++)
    g_assert_cmpuint (data[i], <, 0x80);
}

/* Prints and drops @object. */
static inline GBytes *
print_and_drop (JsonObject *object)
{
  GBytes *json = brevet_wire_print_object (object);

  json_object_unref (object);
  assert_sound (json);
  return json;
}
