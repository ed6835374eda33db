/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service-limits.h"

/* About 100 bytes each: at most some 10 MB. */
#define MAXIMUM_BUCKETS 65536

/* A token bucket; it is full again when level reaches the rate of one minute. */
typedef struct {
  double level;
  gint64 updated;
} Bucket;

struct _BrevetLimits
{
  GMutex      lock;
  GHashTable *buckets; /* registration key → Bucket */
  gint64      requests_per_device;
  gint64      maximum_requests;
  gint64      maximum_operations;
  gint64      maximum_waiting;
  int         requests;
  int         operations;
  int         waiting;
};

BrevetLimits *
brevet_limits_new (BrevetConfig *config, GError **error)
{
  BrevetSettings *settings = brevet_config_ensure_group (config, "limits", NULL);
  g_autoptr(BrevetLimits) self = g_atomic_rc_box_new0 (BrevetLimits);

  g_mutex_init (&self->lock);
  self->buckets = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  if (!brevet_settings_get_int (settings, "requests-per-device", 600, 0, 1000000, &self->requests_per_device, error) ||
      !brevet_settings_get_int (settings, "requests-in-flight", 4096, 1, 1000000, &self->maximum_requests, error) ||
      !brevet_settings_get_int (settings, "operations-in-flight", 10000, 1, 10000000, &self->maximum_operations, error) ||
      !brevet_settings_get_int (settings, "operations-waiting", 100000, 0, 10000000, &self->maximum_waiting, error))
    return NULL;
  return g_steal_pointer (&self);
}

static void
limits_clear (gpointer data)
{
  BrevetLimits *self = data;

  g_hash_table_unref (self->buckets);
  g_mutex_clear (&self->lock);
}

BrevetLimits *
brevet_limits_ref (BrevetLimits *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
brevet_limits_unref (BrevetLimits *self)
{
  g_atomic_rc_box_release_full (self, limits_clear);
}

static double
refill (BrevetLimits *self, Bucket *bucket, gint64 now)
{
  double rate = self->requests_per_device / 60.0;
  double level = bucket->level + rate * (now - bucket->updated) / G_USEC_PER_SEC;

  return MIN (level, (double) self->requests_per_device);
}

/* A bucket that is full again says nothing; it need not be remembered. */
static gboolean
is_full (gpointer key, gpointer value, gpointer user_data)
{
  gpointer *arguments = user_data;
  BrevetLimits *self = arguments[0];
  gint64 *now = arguments[1];

  return refill (self, value, *now) >= self->requests_per_device;
}

static Bucket *
ensure_bucket (BrevetLimits *self, const char *key, gint64 now)
{
  Bucket *bucket = g_hash_table_lookup (self->buckets, key);

  if (bucket != NULL)
    return bucket;
  if (g_hash_table_size (self->buckets) >= MAXIMUM_BUCKETS)
    {
      gpointer arguments[] = { self, &now };

      g_hash_table_foreach_remove (self->buckets, is_full, arguments);
      if (g_hash_table_size (self->buckets) >= MAXIMUM_BUCKETS)
        g_hash_table_remove_all (self->buckets);
    }
  bucket = g_new0 (Bucket, 1);
  bucket->level = self->requests_per_device;
  bucket->updated = now;
  g_hash_table_insert (self->buckets, g_strdup (key), bucket);
  return bucket;
}

guint
brevet_limits_take_device (BrevetLimits *self, const char *registration_key, gint64 now)
{
  Bucket *bucket;
  guint wait = 0;

  if (self->requests_per_device == 0)
    return 0;
  g_mutex_lock (&self->lock);
  bucket = ensure_bucket (self, registration_key, now);
  bucket->level = refill (self, bucket, now);
  bucket->updated = now;
  if (bucket->level >= 1.0)
    bucket->level -= 1.0;
  else
    wait = (guint) ((1.0 - bucket->level) * 60.0 / self->requests_per_device) + 1;
  g_mutex_unlock (&self->lock);
  return wait;
}

static gboolean
begin (int *counter, gint64 maximum)
{
  if (g_atomic_int_add (counter, 1) < maximum)
    return TRUE;
  g_atomic_int_add (counter, -1);
  return FALSE;
}

gboolean
brevet_limits_begin_request (BrevetLimits *self)
{
  return begin (&self->requests, self->maximum_requests);
}

void
brevet_limits_end_request (BrevetLimits *self)
{
  g_atomic_int_add (&self->requests, -1);
}

gboolean
brevet_limits_begin_operation (BrevetLimits *self)
{
  return begin (&self->operations, self->maximum_operations);
}

void
brevet_limits_resume_operation (BrevetLimits *self)
{
  g_atomic_int_add (&self->operations, 1);
}

gboolean
brevet_limits_park_operation (BrevetLimits *self)
{
  if (!begin (&self->waiting, self->maximum_waiting))
    return FALSE;
  g_atomic_int_add (&self->operations, -1);
  return TRUE;
}

void
brevet_limits_end_operation (BrevetLimits *self, gboolean parked)
{
  g_atomic_int_add (parked ? &self->waiting : &self->operations, -1);
}

gboolean
brevet_limits_is_busy (BrevetLimits *self)
{
  return g_atomic_int_get (&self->requests) > 0 || g_atomic_int_get (&self->operations) > 0 ||
         g_atomic_int_get (&self->waiting) > 0;
}
