/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-chain.h"

#include "brevet-error.h"
#include "brevet-x509-private.h"

struct _BrevetChain
{
  GPtrArray *certificates;
  GPtrArray *spares; /* or NULL */
};

G_DEFINE_BOXED_TYPE (BrevetChain, brevet_chain, brevet_chain_ref, brevet_chain_unref)

static GPtrArray *
new_array (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);
}

static void
chain_clear (gpointer data)
{
  BrevetChain *self = data;

  g_ptr_array_unref (self->certificates);
  g_clear_pointer (&self->spares, g_ptr_array_unref);
}

BrevetChain *
brevet_chain_ref (BrevetChain *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
brevet_chain_unref (BrevetChain *self)
{
  g_atomic_rc_box_release_full (self, chain_clear);
}

static gboolean
contains (GPtrArray *certificates, BrevetCertificate *certificate)
{
  for (guint i = 0; i < certificates->len; i++)
    if (brevet_certificate_equal (certificates->pdata[i], certificate))
      return TRUE;
  return FALSE;
}

/* A CA may send expired twins or cross certificates of one issuer; the first that fits is taken, as the sender ordered them. */
static BrevetCertificate *
find_issuer (GPtrArray *candidates, GPtrArray *taken)
{
  BrevetCertificate *last = taken->pdata[taken->len - 1];

  for (guint i = 0; i < candidates->len; i++)
    if (!contains (taken, candidates->pdata[i]) && brevet_certificate_is_issued_by (last, candidates->pdata[i]))
      return candidates->pdata[i];
  return NULL;
}

static BrevetChain *
chain_from_array (GPtrArray *certificates)
{
  BrevetChain *self = g_atomic_rc_box_new0 (BrevetChain);

  self->certificates = certificates;
  return self;
}

static GPtrArray *
collect_spares (GPtrArray *certificates, GPtrArray *ordered)
{
  g_autoptr(GPtrArray) spares = new_array ();

  for (guint i = 0; i < certificates->len; i++)
    if (!contains (ordered, certificates->pdata[i]) && !contains (spares, certificates->pdata[i]))
      g_ptr_array_add (spares, brevet_certificate_ref (certificates->pdata[i]));
  return spares->len > 0 ? g_steal_pointer (&spares) : NULL;
}

BrevetChain *
brevet_chain_new (GPtrArray *certificates, GError **error)
{
  g_autoptr(GPtrArray) ordered = NULL;
  g_autoptr(GPtrArray) spares = NULL;
  BrevetCertificate *next;
  BrevetChain *self;

  g_return_val_if_fail (certificates != NULL, NULL);

  if (certificates->len == 0 || certificates->len > BREVET_CHAIN_MAX_LENGTH)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "A chain of %u certificates; it must have 1 to %d", certificates->len,
                   BREVET_CHAIN_MAX_LENGTH);
      return NULL;
    }
  ordered = new_array ();
  g_ptr_array_add (ordered, brevet_certificate_ref (certificates->pdata[0]));
  while (!brevet_certificate_is_self_issued (ordered->pdata[ordered->len - 1])
         && (next = find_issuer (certificates, ordered)) != NULL)
    g_ptr_array_add (ordered, brevet_certificate_ref (next));
  spares = collect_spares (certificates, ordered);
  self = chain_from_array (g_steal_pointer (&ordered));
  self->spares = g_steal_pointer (&spares);
  return self;
}

BrevetChain *
brevet_chain_new_from_pem (const char *pem, GError **error)
{
  g_autoptr(GPtrArray) certificates = NULL;

  g_return_val_if_fail (pem != NULL, NULL);

  certificates = brevet_x509_parse_pem (pem, BREVET_CHAIN_MAX_LENGTH, error);
  if (certificates == NULL)
    return NULL;
  if (certificates->len == 0)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The text holds no PEM certificate");
      return NULL;
    }
  return brevet_chain_new (certificates, error);
}

BrevetChain *
brevet_chain_load (const char *path, GError **error)
{
  g_autoptr(GError) local_error = NULL;
  g_autofree char *pem = NULL;
  BrevetChain *self;

  g_return_val_if_fail (path != NULL, NULL);

  if (!brevet_x509_load_text (path, &pem, error))
    return NULL;
  self = brevet_chain_new_from_pem (pem, &local_error);
  if (self == NULL)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "“%s” holds no usable certificates: %s", path,
                 local_error->message);
  return self;
}

guint
brevet_chain_get_length (BrevetChain *self)
{
  return self->certificates->len;
}

BrevetCertificate *
brevet_chain_get (BrevetChain *self, guint index)
{
  g_return_val_if_fail (index < self->certificates->len, NULL);
  return self->certificates->pdata[index];
}

guint
brevet_chain_get_n_spares (BrevetChain *self)
{
  return self->spares != NULL ? self->spares->len : 0;
}

BrevetCertificate *
brevet_chain_get_spare (BrevetChain *self, guint index)
{
  g_return_val_if_fail (index < brevet_chain_get_n_spares (self), NULL);
  return self->spares->pdata[index];
}

BrevetCertificate *
brevet_chain_get_leaf (BrevetChain *self)
{
  return self->certificates->pdata[0];
}

BrevetChain *
brevet_chain_without_root (BrevetChain *self)
{
  g_autoptr(GPtrArray) kept = NULL;
  BrevetCertificate *last = self->certificates->pdata[self->certificates->len - 1];

  /* Ordering stops at a self-issued certificate, so only the last one can be one. */
  if (self->certificates->len == 1 || !brevet_certificate_is_self_issued (last))
    return brevet_chain_ref (self);

  kept = new_array ();
  for (guint i = 0; i + 1 < self->certificates->len; i++)
    g_ptr_array_add (kept, brevet_certificate_ref (self->certificates->pdata[i]));
  return chain_from_array (g_steal_pointer (&kept));
}

BrevetChain *
brevet_chain_prepend (BrevetChain *self, BrevetCertificate *leaf, GError **error)
{
  g_autoptr(GPtrArray) certificates = NULL;

  if (self->certificates->len == BREVET_CHAIN_MAX_LENGTH || !brevet_certificate_is_issued_by (leaf, self->certificates->pdata[0]))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "“%s” cannot follow “%s” in a chain of %u certificates",
                   brevet_certificate_get_subject (brevet_chain_get_leaf (self)), brevet_certificate_get_subject (leaf),
                   self->certificates->len);
      return NULL;
    }
  certificates = new_array ();
  g_ptr_array_add (certificates, brevet_certificate_ref (leaf));
  for (guint i = 0; i < self->certificates->len; i++)
    g_ptr_array_add (certificates, brevet_certificate_ref (self->certificates->pdata[i]));
  return chain_from_array (g_steal_pointer (&certificates));
}

char *
brevet_chain_to_pem (BrevetChain *self)
{
  return brevet_x509_certificates_to_pem (self->certificates);
}
