/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What every target defines, in the form that libFuzzer expects. @data is not terminated by a zero byte. */
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
