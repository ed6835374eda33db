/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-mqtt-listener.h"
#include "brevet-mqtt-transport.h"

#include <libpeas/peas.h>

G_MODULE_EXPORT void peas_register_types (PeasObjectModule *module);

void
peas_register_types (PeasObjectModule *module)
{
  peas_object_module_register_extension_type (module, BREVET_TYPE_LISTENER, BREVET_TYPE_MQTT_LISTENER);
  peas_object_module_register_extension_type (module, BREVET_TYPE_TRANSPORT, BREVET_TYPE_MQTT_TRANSPORT);
}
