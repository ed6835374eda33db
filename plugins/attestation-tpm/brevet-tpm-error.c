/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-tpm-error.h"

#include "brevet-error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <tss2/tss2_common.h>
#include <tss2/tss2_rc.h>

/* What stands in the low bits of a code of format 1 and of format 0. */
#define FORMAT_1_MASK (TPM2_RC_FMT1 | 0x3f)
#define FORMAT_0_MASK (TPM2_RC_WARN | 0x7f)

#define DEVICE_PREFIX "device"
#define DEFAULT_DEVICE "/dev/tpmrm0"

/* What a code means for whoever runs the device. */
typedef struct {
  TPM2_RC code;
  BrevetError error;
  const char *advice;
} Meaning;

static const Meaning meanings[] = {
  { TPM2_RC_AUTH_UNAVAILABLE, BREVET_ERROR_NOT_CONFIGURED, "the key does not allow this kind of authorisation" },
  { TPM2_RC_HIERARCHY, BREVET_ERROR_NOT_CONFIGURED,
    "the hierarchy is switched off; look at the TPM's page in the firmware's setup" },
  { TPM2_RC_DISABLED, BREVET_ERROR_NOT_CONFIGURED, "the command is switched off in this TPM" },
  { TPM2_RC_COMMAND_CODE, BREVET_ERROR_UNSUPPORTED, "this TPM does not know the command" },
  { TPM2_RC_NV_SPACE, BREVET_ERROR_NOT_CONFIGURED,
    "the TPM has no room for another persistent object; remove one that nobody needs (tpm2_evictcontrol)" },
  { TPM2_RC_INTEGRITY, BREVET_ERROR_REJECTED, "this was made for another TPM, or for this one before it was cleared" },
  { TPM2_RC_LOCKOUT, BREVET_ERROR_BUSY, "wrong authorisations have locked the TPM against guessing" },
  { TPM2_RC_INITIALIZE, BREVET_ERROR_UNREACHABLE, "the TPM has not been started; restart the device" },
  { TPM2_RC_FAILURE, BREVET_ERROR_UNREACHABLE, "the TPM has failed its self-test; switch the device off and on again" },
  { TPM2_RC_NEEDS_TEST, BREVET_ERROR_BUSY, "the TPM has to test itself first" },
  { TPM2_RC_TESTING, BREVET_ERROR_BUSY, "the TPM is busy testing itself" },
  { TPM2_RC_RETRY, BREVET_ERROR_BUSY, "the TPM is busy" },
  { TPM2_RC_YIELDED, BREVET_ERROR_BUSY, "the TPM is busy" },
  { TPM2_RC_CANCELED, BREVET_ERROR_BUSY, "somebody has cancelled the command" },
  { TPM2_RC_NV_RATE, BREVET_ERROR_BUSY, "the TPM protects its memory against wear" },
  { TPM2_RC_NV_UNAVAILABLE, BREVET_ERROR_BUSY, "the TPM cannot use its memory now" },
  { TPM2_RC_REBOOT, BREVET_ERROR_UNREACHABLE, "the TPM wants a restart of the device" },
  { TPM2_RC_MEMORY, BREVET_ERROR_BUSY, "the TPM is out of memory" },
  { TPM2_RC_OBJECT_MEMORY, BREVET_ERROR_BUSY,
    "others have filled the TPM with objects; use it through a resource manager (/dev/tpmrm0 or tabrmd)" },
  { TPM2_RC_OBJECT_HANDLES, BREVET_ERROR_BUSY,
    "others have filled the TPM with objects; use it through a resource manager (/dev/tpmrm0 or tabrmd)" },
  { TPM2_RC_SESSION_MEMORY, BREVET_ERROR_BUSY,
    "others have filled the TPM with sessions; use it through a resource manager (/dev/tpmrm0 or tabrmd)" },
  { TPM2_RC_SESSION_HANDLES, BREVET_ERROR_BUSY,
    "others have filled the TPM with sessions; use it through a resource manager (/dev/tpmrm0 or tabrmd)" },
};

/* The resource managers pass on codes of the TPM under a layer of their own. */
static gboolean
is_of_tpm (TSS2_RC code)
{
  TSS2_RC layer = code & TSS2_RC_LAYER_MASK;

  return layer == TSS2_TPM_RC_LAYER || layer == TSS2_RESMGR_TPM_RC_LAYER;
}

TPM2_RC
brevet_tpm_code_strip (TSS2_RC code)
{
  if (!is_of_tpm (code))
    return TPM2_RC_SUCCESS;
  return (code & TPM2_RC_FMT1) != 0 ? code & FORMAT_1_MASK : code & FORMAT_0_MASK;
}

gboolean
brevet_tpm_code_may_pass (TSS2_RC code)
{
  TPM2_RC stripped = brevet_tpm_code_strip (code);

  return stripped == TPM2_RC_RETRY || stripped == TPM2_RC_YIELDED || stripped == TPM2_RC_TESTING ||
         (code & ~TSS2_RC_LAYER_MASK) == TSS2_BASE_RC_TRY_AGAIN;
}

static const Meaning *
find_meaning (TPM2_RC code)
{
  for (gsize i = 0; i < G_N_ELEMENTS (meanings); i++)
    if (meanings[i].code == code)
      return &meanings[i];
  return NULL;
}

static gboolean
is_of_connection (TSS2_RC code)
{
  switch (code & ~TSS2_RC_LAYER_MASK)
    {
    case TSS2_BASE_RC_IO_ERROR:
    case TSS2_BASE_RC_NO_CONNECTION:
    case TSS2_BASE_RC_GENERAL_FAILURE:
    case TSS2_BASE_RC_INSUFFICIENT_RESPONSE:
    case TSS2_BASE_RC_MALFORMED_RESPONSE:
    case TSS2_BASE_RC_TRY_AGAIN:
      return !is_of_tpm (code);
    default:
      return FALSE;
    }
}

static gboolean
is_of_authorization (TPM2_RC code)
{
  return code == TPM2_RC_AUTH_FAIL || code == TPM2_RC_BAD_AUTH || code == TPM2_RC_AUTH_MISSING;
}

GError *
brevet_tpm_error_new (TSS2_RC code, const char *tcti, const char *purpose, const char *authorization)
{
  TPM2_RC stripped = brevet_tpm_code_strip (code);
  const Meaning *meaning = find_meaning (stripped);
  const char *text = Tss2_RC_Decode (code);

  if (is_of_authorization (stripped))
    return g_error_new (BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                        "The TPM at %s could not %s: code 0x%x, %s; %s is wrong or missing", tcti, purpose, code, text,
                        authorization != NULL ? authorization : "the authorisation of a key");
  if (meaning != NULL)
    return g_error_new (BREVET_ERROR, (int) meaning->error, "The TPM at %s could not %s: code 0x%x, %s; %s", tcti, purpose, code,
                        text, meaning->advice);
  if (is_of_connection (code))
    return g_error_new (BREVET_ERROR, BREVET_ERROR_UNREACHABLE,
                        "The TPM at %s is gone: it could not %s: code 0x%x, %s; see whether the device or the program behind it "
                        "is there", tcti, purpose, code, text);
  return g_error_new (BREVET_ERROR, BREVET_ERROR_FAILED, "The TPM at %s could not %s: code 0x%x, %s", tcti, purpose, code, text);
}

/* The path of a device, if @tcti is one. */
static const char *
find_device (const char *tcti)
{
  if (!g_str_has_prefix (tcti, DEVICE_PREFIX))
    return NULL;
  if (tcti[strlen (DEVICE_PREFIX)] == '\0')
    return DEFAULT_DEVICE;
  return tcti[strlen (DEVICE_PREFIX)] == ':' ? tcti + strlen (DEVICE_PREFIX) + 1 : NULL;
}

/* The stack says “IO failure” to everything. */
static GError *
examine_device (TSS2_RC code, const char *path)
{
  int fd = g_open (path, O_RDWR | O_CLOEXEC | O_NONBLOCK, 0);
  int reason = errno;

  if (fd >= 0)
    {
      g_close (fd, NULL);
      return NULL;
    }
  if (reason == EBUSY)
    return g_error_new (BREVET_ERROR, BREVET_ERROR_BUSY,
                        "The TPM %s is in use by another program (code 0x%x); use /dev/tpmrm0, which many may open", path, code);
  if (reason == EACCES || reason == EPERM)
    return g_error_new (BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                        "This program may not open the TPM %s: %s (code 0x%x); it must be in the group of that file, usually tss, "
                        "and a sandbox must let the device in", path, g_strerror (reason), code);
  return g_error_new (BREVET_ERROR, BREVET_ERROR_UNREACHABLE,
                      "There is no TPM at %s: %s (code 0x%x); see whether it is switched on in the firmware's setup, and its "
                      "driver is loaded", path, g_strerror (reason), code);
}

GError *
brevet_tpm_error_new_opening (TSS2_RC code, const char *tcti)
{
  const char *path = find_device (tcti);
  GError *error = path != NULL ? examine_device (code, path) : NULL;

  if (error != NULL)
    return error;
  switch (code & ~TSS2_RC_LAYER_MASK)
    {
    case TSS2_BASE_RC_NOT_SUPPORTED:
    case TSS2_BASE_RC_BAD_VALUE:
    case TSS2_BASE_RC_BAD_REFERENCE:
      return g_error_new (BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                          "“%s” names no TPM: code 0x%x, %s; write for example tcti=device:/dev/tpmrm0, and see whether the module "
                          "that it names is installed", tcti, code, Tss2_RC_Decode (code));
    default:
      return g_error_new (BREVET_ERROR, BREVET_ERROR_UNREACHABLE,
                          "The TPM at %s is not reached: code 0x%x, %s; see whether the program behind it runs", tcti, code,
                          Tss2_RC_Decode (code));
    }
}
