/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "revocation-list.h"

#include "revocation-list-asn1.h"

#include <string.h>

#define MODULE "RevocationList."
#define OID_CRL_NUMBER "2.5.29.20"
#define OID_REASON_CODE "2.5.29.21"
#define OID_AUTHORITY_KEY_IDENTIFIER "2.5.29.35"
#define OID_MGF1 "1.2.840.113549.1.1.8"

/* DER of NULL: what stands behind the name of an RSA signature (RFC 4055 §5). */
static const guint8 der_null[] = { 0x05, 0x00 };

struct _RevocationList
{
  asn1_node   definitions;
  GByteArray *entries;
  GBytes     *algorithm;
  int         code; /* of libtasn1; the first that is no success */
};

RevocationList *
revocation_list_new (void)
{
  RevocationList *self = g_new0 (RevocationList, 1);

  self->entries = g_byte_array_new ();
  self->code = asn1_array2tree (revocation_list_asn1_tab, &self->definitions, NULL);
  return self;
}

void
revocation_list_free (RevocationList *self)
{
  asn1_delete_structure (&self->definitions);
  g_byte_array_unref (self->entries);
  g_clear_pointer (&self->algorithm, g_bytes_unref);
  g_free (self);
}

static asn1_node
create (RevocationList *self, const char *type)
{
  asn1_node node = NULL;

  if (self->code == ASN1_SUCCESS)
    self->code = asn1_create_element (self->definitions, type, &node);
  return node;
}

static void
put (RevocationList *self, asn1_node node, const char *member, gconstpointer value, gsize length)
{
  if (self->code == ASN1_SUCCESS && length > G_MAXINT / 8)
    self->code = ASN1_MEM_ERROR;
  if (self->code == ASN1_SUCCESS)
    self->code = asn1_write_value (node, member, value, (int) length);
}

static void
put_bytes (RevocationList *self, asn1_node node, const char *member, GBytes *bytes)
{
  if (bytes != NULL)
    put (self, node, member, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

/* Frees @node; %NULL after a failure. */
static GBytes *
encode (RevocationList *self, asn1_node node)
{
  g_autofree guint8 *der = NULL;
  int length = 0;

  if (self->code == ASN1_SUCCESS)
    {
      self->code = asn1_der_coding (node, "", NULL, &length, NULL);
      if (self->code == ASN1_MEM_ERROR)
        {
          der = g_malloc (length);
          self->code = asn1_der_coding (node, "", der, &length, NULL);
        }
    }
  asn1_delete_structure (&node);
  return self->code == ASN1_SUCCESS ? g_bytes_new_take (g_steal_pointer (&der), length) : NULL;
}

/* RFC 5280 §5.1.2.4: two digits for the year through 2049, four afterwards. */
static void
put_time (RevocationList *self, asn1_node node, const char *member, gint64 seconds)
{
  g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc (seconds);
  gboolean is_short = date != NULL && g_date_time_get_year (date) >= 1950 && g_date_time_get_year (date) < 2050;
  const char *kind = is_short ? "utcTime" : "generalTime";
  g_autofree char *choice = g_strconcat (member, ".", kind, NULL);
  g_autofree char *text = date != NULL ? g_date_time_format (date, is_short ? "%y%m%d%H%M%SZ" : "%Y%m%d%H%M%SZ") : NULL;

  if (text == NULL && self->code == ASN1_SUCCESS)
    self->code = ASN1_VALUE_NOT_VALID;
  if (text == NULL)
    return;
  put (self, node, member, kind, 1);
  put (self, node, choice, text, strlen (text));
}

static void
put_extension (RevocationList *self, asn1_node node, const char *list, const char *oid, GBytes *value)
{
  g_autofree char *id = g_strconcat (list, ".?LAST.extnID", NULL);
  g_autofree char *critical = g_strconcat (list, ".?LAST.critical", NULL);
  g_autofree char *content = g_strconcat (list, ".?LAST.extnValue", NULL);

  put (self, node, list, "NEW", 1);
  put (self, node, id, oid, 1);
  put (self, node, critical, "FALSE", 1);
  put_bytes (self, node, content, value);
}

static void
put_number (RevocationList *self, asn1_node node, const char *member, guint64 number)
{
  guint8 bytes[1 + sizeof number] = { 0 };
  guint64 big_endian = GUINT64_TO_BE (number);

  /* The zero before it keeps the number positive; libtasn1 drops it where it is not needed. */
  memcpy (bytes + 1, &big_endian, sizeof big_endian);
  put (self, node, member, bytes, sizeof bytes);
}

static GBytes *
encode_number (RevocationList *self, const char *type, guint64 number)
{
  asn1_node node = create (self, type);

  put_number (self, node, "", number);
  return encode (self, node);
}

static void
put_reason (RevocationList *self, asn1_node node, guint reason)
{
  g_autoptr(GBytes) code = encode_number (self, MODULE "CRLReason", reason);

  put_extension (self, node, "crlEntryExtensions", OID_REASON_CODE, code);
}

/*
 * revocation_list_add:
 * @serial: (array length=length): the serial number as it stands in the certificate
 * @reason: CRLReason; 0 is left out, as RFC 5280 §5.3.1 wishes
 */
void
revocation_list_add (RevocationList *self, const guint8 *serial, gsize length, gint64 time, guint reason)
{
  asn1_node node = create (self, MODULE "RevokedCertificate");
  g_autoptr(GBytes) der = NULL;

  put (self, node, "userCertificate", serial, length);
  put_time (self, node, "revocationDate", time);
  if (reason != 0)
    put_reason (self, node, reason);
  else
    put (self, node, "crlEntryExtensions", NULL, 0);
  der = encode (self, node);
  if (der != NULL)
    g_byte_array_append (self->entries, g_bytes_get_data (der, NULL), g_bytes_get_size (der));
}

/* SEQUENCE OF what was added. A list in libtasn1 would take time in proportion to the square of its length. */
static void
put_entries (RevocationList *self, asn1_node node)
{
  g_autoptr(GByteArray) der = g_byte_array_new ();
  guint8 head[1 + ASN1_MAX_LENGTH_SIZE] = { ASN1_TAG_SEQUENCE | ASN1_CLASS_STRUCTURED };
  int size = ASN1_MAX_LENGTH_SIZE;

  if (self->entries->len == 0)
    {
      put (self, node, "revokedCertificates", NULL, 0);
      return;
    }
  asn1_length_der (self->entries->len, head + 1, &size);
  g_byte_array_append (der, head, 1 + size);
  g_byte_array_append (der, self->entries->data, self->entries->len);
  put (self, node, "revokedCertificates", der->data, der->len);
}

static GBytes *
encode_identifier (RevocationList *self, const char *oid, GBytes *parameters)
{
  asn1_node node = create (self, MODULE "AlgorithmIdentifier");

  if (oid == NULL && self->code == ASN1_SUCCESS)
    self->code = ASN1_VALUE_NOT_VALID;
  put (self, node, "algorithm", oid, 1);
  if (parameters == NULL)
    put (self, node, "parameters", NULL, 0);
  put_bytes (self, node, "parameters", parameters);
  return encode (self, node);
}

/* RFC 4055 §3.1. Nothing here is a default, which would have to be left out: these are SHA-1 and a salt of its size. */
static GBytes *
encode_pss_parameters (RevocationList *self, gnutls_digest_algorithm_t digest, guint salt_size)
{
  asn1_node node = create (self, MODULE "RSASSA-PSS-params");
  g_autoptr(GBytes) null = g_bytes_new_static (der_null, sizeof der_null);
  g_autoptr(GBytes) hash = encode_identifier (self, gnutls_digest_get_oid (digest), null);
  g_autoptr(GBytes) mask = encode_identifier (self, OID_MGF1, hash);

  put_bytes (self, node, "hashAlgorithm", hash);
  put_bytes (self, node, "maskGenAlgorithm", mask);
  put_number (self, node, "saltLength", salt_size);
  return encode (self, node);
}

static GBytes *
encode_algorithm (RevocationList *self, const RevocationListHead *head)
{
  gnutls_pk_algorithm_t kind = gnutls_sign_get_pk_algorithm (head->algorithm);
  g_autoptr(GBytes) parameters = NULL;

  if (kind == GNUTLS_PK_RSA)
    parameters = g_bytes_new_static (der_null, sizeof der_null);
  else if (kind == GNUTLS_PK_RSA_PSS)
    parameters = encode_pss_parameters (self, gnutls_sign_get_hash_algorithm (head->algorithm), head->salt_size);
  return encode_identifier (self, gnutls_sign_get_oid (head->algorithm), parameters);
}

static void
put_extensions (RevocationList *self, asn1_node node, const RevocationListHead *head)
{
  g_autoptr(GBytes) number = encode_number (self, MODULE "CRLNumber", head->number);

  if (head->key_identifier != NULL)
    {
      asn1_node identifier = create (self, MODULE "AuthorityKeyIdentifier");
      g_autoptr(GBytes) der = NULL;

      put_bytes (self, identifier, "keyIdentifier", head->key_identifier);
      der = encode (self, identifier);
      put_extension (self, node, "crlExtensions", OID_AUTHORITY_KEY_IDENTIFIER, der);
    }
  put_extension (self, node, "crlExtensions", OID_CRL_NUMBER, number);
}

static GBytes *
tell (RevocationList *self, GBytes *der, const char **problem)
{
  *problem = self->code != ASN1_SUCCESS ? asn1_strerror (self->code) : NULL;
  return der;
}

/*
 * revocation_list_close:
 * @problem: (out): why it failed
 *
 * Returns: (transfer full) (nullable): the bytes to be signed
 */
GBytes *
revocation_list_close (RevocationList *self, const RevocationListHead *head, const char **problem)
{
  asn1_node node = create (self, MODULE "TBSCertList");
  const guint8 version = 1; /* which means 2 */

  self->algorithm = encode_algorithm (self, head);
  put (self, node, "version", &version, sizeof version);
  put_bytes (self, node, "signature", self->algorithm);
  put (self, node, "issuer", head->issuer.data, head->issuer.size);
  put_time (self, node, "thisUpdate", head->this_update);
  put_time (self, node, "nextUpdate", head->next_update);
  put_entries (self, node);
  put_extensions (self, node, head);
  return tell (self, encode (self, node), problem);
}

/*
 * revocation_list_finish:
 * @body: from revocation_list_close()
 *
 * Returns: (transfer full) (nullable): the whole list
 */
GBytes *
revocation_list_finish (RevocationList *self, GBytes *body, const gnutls_datum_t *signature, const char **problem)
{
  asn1_node node = create (self, MODULE "CertificateList");

  put_bytes (self, node, "tbsCertList", body);
  put_bytes (self, node, "signatureAlgorithm", self->algorithm);
  if (self->code == ASN1_SUCCESS)
    self->code = asn1_write_value (node, "signature", signature->data, (int) signature->size * 8);
  return tell (self, encode (self, node), problem);
}
