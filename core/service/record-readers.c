/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether a record can be read, is for its reader to say: the one that the service itself uses. */

#include "record-readers.h"

#include "intent-request.h"
#include "record-json.h"
#include "records-aside.h"
#include "records-ca.h"
#include "records-devices.h"

#include <glib/gi18n-lib.h>

#define DEFINE_CHECK(name, Type, read)                                                                                             \
  static gboolean name (BrevetRecord *record, GError **error)                                                                      \
  {                                                                                                                                \
    g_autoptr(Type) item = read (record, error);                                                                                   \
                                                                                                                                   \
    return item != NULL;                                                                                                           \
  }

DEFINE_CHECK (check_enrollment, BrevetEnrollment, brevet_records_read_enrollment)
DEFINE_CHECK (check_authority, BrevetAuthorityDocument, brevet_records_read_authority)
DEFINE_CHECK (check_trust_bundle, BrevetTrustBundleDocument, brevet_records_read_trust_bundle)
DEFINE_CHECK (check_registration, BrevetRegistration, brevet_records_read_registration)
DEFINE_CHECK (check_operation, BrevetOperation, brevet_records_read_operation)
DEFINE_CHECK (check_certificate, BrevetInventoryEntry, brevet_records_read_certificate)
DEFINE_CHECK (check_ca_certificate, BrevetCaCertificateDocument, brevet_records_read_ca_certificate)
DEFINE_CHECK (check_issuer, BrevetIssuerEntry, brevet_records_read_issuer)
DEFINE_CHECK (check_memory, BrevetMemory, brevet_records_read_memory)
DEFINE_CHECK (check_ca_version, BrevetCaVersion, brevet_records_read_ca_version)
DEFINE_CHECK (check_revocation, BrevetPendingRevocation, brevet_records_read_pending_revocation)
DEFINE_CHECK (check_bundle_holder, BrevetBundleHolder, brevet_records_read_bundle_holder)

static gboolean
check_csr (BrevetRecord *record, const BrevetIntent *intent, GError **error)
{
  g_autoptr(BrevetCsr) csr = brevet_intent_read_csr (intent, error);

  if (csr == NULL)
    brevet_record_prefix_error (record, error);
  return csr != NULL;
}

static gboolean
check_intent (BrevetRecord *record, GError **error)
{
  g_autoptr(BrevetIntent) intent = brevet_records_read_intent (record, error);

  return intent != NULL && check_csr (record, intent, error);
}

static gboolean
check_orphan (BrevetRecord *record, GError **error)
{
  g_autoptr(BrevetOrphan) orphan = brevet_records_read_orphan (record, error);

  return orphan != NULL && check_csr (record, orphan->intent, error);
}

static gboolean
check_device_certificate (BrevetRecord *record, GError **error)
{
  g_autoptr(BrevetDeviceCertificate) certificate = NULL;

  if (g_str_equal (brevet_record_get_key (record), BREVET_DEVICE_CERTIFICATES_COMPLETE))
    return TRUE;
  certificate = brevet_records_read_device_certificate (record, error);
  return certificate != NULL;
}

static gboolean
check_bundle_version (BrevetRecord *record, GError **error)
{
  g_autofree char *version = NULL;
  g_autoptr(JsonArray) certificates = brevet_records_read_bundle_version (record, &version, error);

  return certificates != NULL;
}

/* That it is there says everything. */
static gboolean
check_note (BrevetRecord *record, GError **error)
{
  return TRUE;
}

static const BrevetRecordReader readers[] = {
  { BREVET_COLLECTION_ENROLLMENTS, check_enrollment,
    N_("The device cannot register until it is enrolled again. Its certificates stay valid, or revoked, as they are.") },
  { BREVET_COLLECTION_GROUPS, check_enrollment,
    N_("Its devices cannot register until the group is made again. Their certificates stay valid, or revoked, as they are.") },
  { BREVET_COLLECTION_AUTHORITIES, check_authority,
    N_("Nothing is issued under this name until the certificate authority is made again.") },
  { BREVET_COLLECTION_TRUST_BUNDLES, check_trust_bundle,
    N_("Devices get no trust bundle of this name until it is made again.") },
  { BREVET_COLLECTION_REGISTRATIONS, check_registration,
    N_("When the device registers next, it is assigned as a new one, and that may be to another hub.") },
  { BREVET_COLLECTION_OPERATIONS, check_operation, N_("The device registers again.") },
  { BREVET_COLLECTION_JOURNAL, check_intent,
    N_("The certificate authority may have issued a certificate that nobody knows of: look for it there, and revoke it.") },
  { BREVET_COLLECTION_CERTIFICATES, check_certificate,
    N_("Revocation lists name the certificate as they did before. It can be neither shown nor revoked here.") },
  { BREVET_COLLECTION_CA_CERTIFICATES, check_ca_certificate,
    N_("Devices of groups that refer to this CA certificate cannot register until it is sent and verified again.") },
  { BREVET_COLLECTION_ISSUERS, check_issuer,
    N_("Devices are not found by this issuer until the enrollment group or CA certificate is written again.") },
  { BREVET_COLLECTION_MEMORIES, check_memory, N_("The device proves itself from the beginning.") },
  { BREVET_COLLECTION_CA_VERSIONS, check_ca_version,
    N_("What the name stood for is forgotten: its root may leave trust bundles, although devices still use it.") },
  { BREVET_COLLECTION_REVOCATIONS, check_revocation,
    N_("The certificate authority is not told to revoke the certificate: tell it yourself.") },
  { BREVET_COLLECTION_ORPHANS, check_orphan,
    N_("The certificate authority may have issued a certificate that nobody knows of: look for it there, and revoke it.") },
  { BREVET_COLLECTION_BUNDLE_HOLDERS, check_bundle_holder,
    N_("The device counts as one without its trust bundle until it asks for it again.") },
  { BREVET_COLLECTION_DEVICE_CERTIFICATES, check_device_certificate,
    N_("It is made anew from the certificates. If that of the device was set aside as well, the root of its certificate authority "
       "may leave trust bundles, although the device uses it.") },
  { BREVET_COLLECTION_BUNDLE_VERSIONS, check_bundle_version,
    N_("The status of the trust bundle does not show what was in this version.") },
  { BREVET_COLLECTION_BARRED, check_note, NULL },
  { NULL },
};

const BrevetRecordReader *
brevet_record_readers_list (void)
{
  return readers;
}

const BrevetRecordReader *
brevet_record_readers_find (const char *collection)
{
  for (const BrevetRecordReader *reader = readers; reader->collection != NULL; reader++)
    if (g_str_equal (reader->collection, collection))
      return reader;
  return NULL;
}
