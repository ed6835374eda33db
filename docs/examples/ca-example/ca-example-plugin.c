/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "example-ca.h"

#include <libpeas/peas.h>

G_MODULE_EXPORT void peas_register_types (PeasObjectModule *module);

void
peas_register_types (PeasObjectModule *module)
{
  peas_object_module_register_extension_type (module, BREVET_TYPE_CA_BACKEND, EXAMPLE_TYPE_CA);
}
