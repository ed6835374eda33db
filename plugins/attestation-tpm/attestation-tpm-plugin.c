/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-tpm-prover.h"
#include "brevet-tpm-verifier.h"

#include <libpeas/peas.h>

G_MODULE_EXPORT void peas_register_types (PeasObjectModule *module);

void
peas_register_types (PeasObjectModule *module)
{
  peas_object_module_register_extension_type (module, BREVET_TYPE_PROVER, BREVET_TYPE_TPM_PROVER);
  peas_object_module_register_extension_type (module, BREVET_TYPE_VERIFIER, BREVET_TYPE_TPM_VERIFIER);
}
