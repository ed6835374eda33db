/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hubs.h"

#include "brevet-error.h"
#include "brevet-identifier.h"

#include <string.h>

#define DIGEST_SIZE       32
#define NUMBERS_OF_DIGEST (DIGEST_SIZE / 8)

typedef struct {
  const char *host_name; /* owned by the list of host names */
  char *folded;
  guint weight;
  GPtrArray *networks; /* of GInetAddressMask */
} Hub;

struct _BrevetHubs
{
  GPtrArray *hubs; /* of Hub */
  char **host_names;
};

static void
hub_free (Hub *hub)
{
  g_free (hub->folded);
  g_clear_pointer (&hub->networks, g_ptr_array_unref);
  g_free (hub);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Hub, hub_free)

static Hub *
find_hub (BrevetHubs *self, const char *host_name)
{
  for (guint i = 0; i < self->hubs->len; i++)
    {
      Hub *hub = g_ptr_array_index (self->hubs, i);

      if (g_ascii_strcasecmp (hub->host_name, host_name) == 0)
        return hub;
    }
  return NULL;
}

static gboolean
read_networks (BrevetSettings *settings, Hub *hub, GError **error)
{
  g_auto(GStrv) items = brevet_settings_get_strings (settings, "networks");

  for (guint i = 0; items[i] != NULL; i++)
    {
      GInetAddressMask *network = g_inet_address_mask_new_from_string (items[i], NULL);

      if (network == NULL)
        {
          g_propagate_error (error, brevet_settings_error (settings, "networks", "“%s” is no address range; write for example "
                                                           "10.2.0.0/16 or 2001:db8::/32", items[i]));
          return FALSE;
        }
      g_ptr_array_add (hub->networks, network);
    }
  return TRUE;
}

static const char *
read_host_name (BrevetHubs *self, BrevetSettings *settings, GError **error)
{
  const char *host_name = brevet_settings_require_string (settings, "host-name", error);

  if (host_name == NULL)
    return NULL;
  if (*host_name == '\0' || strpbrk (host_name, " \t/:@\"") != NULL)
    {
      g_propagate_error (error, brevet_settings_error (settings, "host-name", "“%s” is no host name; write for example "
                                                       "hub1.example.net, without scheme and port", host_name));
      return NULL;
    }
  if (find_hub (self, host_name) != NULL)
    {
      g_propagate_error (error, brevet_settings_error (settings, "host-name", "“%s” is linked twice; keep one of the groups",
                                                       host_name));
      return NULL;
    }
  return host_name;
}

static gboolean
add_hub (BrevetHubs *self, BrevetSettings *settings, GPtrArray *host_names, GError **error)
{
  g_autoptr(Hub) hub = g_new0 (Hub, 1);
  const char *host_name = read_host_name (self, settings, error);
  gint64 weight = 1;

  hub->networks = g_ptr_array_new_with_free_func (g_object_unref);
  if (host_name == NULL || !brevet_settings_get_int (settings, "weight", 1, 1, 100, &weight, error) ||
      !read_networks (settings, hub, error))
    return FALSE;

  hub->weight = (guint) weight;
  hub->folded = g_ascii_strdown (host_name, -1);
  hub->host_name = g_strdup (host_name);
  g_ptr_array_add (host_names, (gpointer) hub->host_name);
  g_ptr_array_add (self->hubs, g_steal_pointer (&hub));
  return TRUE;
}

BrevetHubs *
brevet_hubs_new (BrevetConfig *config, GError **error)
{
  g_autoptr(BrevetHubs) self = g_new0 (BrevetHubs, 1);
  g_autoptr(GPtrArray) groups = brevet_config_list_groups (config, "hub");
  g_autoptr(GPtrArray) host_names = g_ptr_array_new_with_free_func (g_free);

  self->hubs = g_ptr_array_new_with_free_func ((GDestroyNotify) hub_free);
  for (guint i = 0; i < groups->len; i++)
    if (!add_hub (self, g_ptr_array_index (groups, i), host_names, error))
      return NULL;
  g_ptr_array_add (host_names, NULL);
  self->host_names = (char **) g_ptr_array_steal (host_names, NULL);
  return g_steal_pointer (&self);
}

void
brevet_hubs_free (BrevetHubs *self)
{
  g_clear_pointer (&self->hubs, g_ptr_array_unref);
  g_clear_pointer (&self->host_names, g_strfreev);
  g_free (self);
}

gboolean
brevet_hubs_is_linked (BrevetHubs *self, const char *host_name)
{
  return find_hub (self, host_name) != NULL;
}

const char *const *
brevet_hubs_list (BrevetHubs *self)
{
  return (const char *const *) self->host_names;
}

static void
hash_ticket_block (const Hub *hub, const char *device, guint32 block, guint8 digest[DIGEST_SIZE])
{
  g_autoptr(GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  guint32 number = GUINT32_TO_BE (block);
  gsize length = DIGEST_SIZE;

  g_checksum_update (checksum, (const guchar *) device, (gssize) strlen (device) + 1);
  g_checksum_update (checksum, (const guchar *) hub->folded, (gssize) strlen (hub->folded) + 1);
  g_checksum_update (checksum, (const guchar *) &number, sizeof number);
  g_checksum_get_digest (checksum, digest, &length);
}

/* Rendezvous hashing. For each device a hub of weight w draws w tickets, and the highest ticket of all hubs wins the device: a hub
 * gets its share w / (sum of all weights). Tickets depend on nothing but device and hub: a hub that is added (or gains weight) only
 * takes the devices that it wins, a hub that goes (or loses weight) only gives up its own.
 *
 * Ticket number t is the big-endian 64-bit number at byte 8 (t mod 4) of
 *   SHA-256 (registration id ‖ 0x00 ‖ host name ‖ 0x00 ‖ floor (t / 4) as 32-bit big-endian), both names in ASCII lower case.
 * There are no fractions in it, so that every instance on every machine chooses alike. */
static guint64
draw_best_ticket (const Hub *hub, const char *device)
{
  guint8 digest[DIGEST_SIZE];
  guint64 best = 0;

  for (guint ticket = 0; ticket < hub->weight; ticket++)
    {
      guint64 number;

      if (ticket % NUMBERS_OF_DIGEST == 0)
        hash_ticket_block (hub, device, ticket / NUMBERS_OF_DIGEST, digest);
      memcpy (&number, digest + 8 * (ticket % NUMBERS_OF_DIGEST), sizeof number);
      best = MAX (best, GUINT64_FROM_BE (number));
    }
  return best;
}

static const Hub *
choose_hashed (GPtrArray *hubs, const char *registration_id)
{
  g_autofree char *device = brevet_identifier_fold (registration_id);
  const Hub *winner = NULL;
  guint64 highest = 0;

  for (guint i = 0; i < hubs->len; i++)
    {
      const Hub *hub = g_ptr_array_index (hubs, i);
      guint64 ticket = draw_best_ticket (hub, device);

      if (winner == NULL || ticket > highest || (ticket == highest && strcmp (hub->folded, winner->folded) < 0))
        {
          winner = hub;
          highest = ticket;
        }
    }
  return winner;
}

/* A dual-stack socket shows IPv4 peers as ::ffff:a.b.c.d, while operators write IPv4 ranges. */
static GInetAddress *
parse_address (const char *text)
{
  g_autoptr(GInetAddress) address = text != NULL ? g_inet_address_new_from_string (text) : NULL;
  static const guint8 mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

  if (address != NULL && g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV6 &&
      memcmp (g_inet_address_to_bytes (address), mapped, sizeof mapped) == 0)
    return g_inet_address_new_from_bytes (g_inet_address_to_bytes (address) + sizeof mapped, G_SOCKET_FAMILY_IPV4);
  return g_steal_pointer (&address);
}

/* Length of the longest range that has the address, or -1: a range of length 0 is a match too. */
static int
measure_match (const Hub *hub, GInetAddress *address)
{
  int longest = -1;

  for (guint i = 0; i < hub->networks->len; i++)
    {
      GInetAddressMask *network = g_ptr_array_index (hub->networks, i);

      if (g_inet_address_mask_matches (network, address))
        longest = MAX (longest, (int) g_inet_address_mask_get_length (network));
    }
  return longest;
}

static const Hub *
choose_nearest (GPtrArray *hubs, const char *registration_id, const char *remote_address)
{
  g_autoptr(GInetAddress) address = parse_address (remote_address);
  g_autoptr(GPtrArray) nearest = g_ptr_array_new ();
  int longest = 0;

  for (guint i = 0; address != NULL && i < hubs->len; i++)
    {
      Hub *hub = g_ptr_array_index (hubs, i);
      int length = measure_match (hub, address);

      if (length < longest)
        continue;
      if (length > longest)
        g_ptr_array_set_size (nearest, 0);
      longest = length;
      g_ptr_array_add (nearest, hub);
    }
  return choose_hashed (nearest->len > 0 ? nearest : hubs, registration_id);
}

/* A named hub that is linked no more is no reason to move the device elsewhere. */
static const Hub *
choose_static (BrevetHubs *self, const char *const *wanted, GError **error)
{
  const Hub *hub;

  if (wanted == NULL || wanted[0] == NULL)
    return g_ptr_array_index (self->hubs, 0);
  hub = find_hub (self, wanted[0]);
  if (hub == NULL)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "The hub “%s” of the enrollment is not linked; add a group [hub "
                 "NAME] or change the enrollment", wanted[0]);
  return hub;
}

static GPtrArray *
list_eligible (BrevetHubs *self, const char *const *wanted)
{
  GPtrArray *hubs = g_ptr_array_new ();

  if (wanted == NULL)
    g_ptr_array_extend (hubs, self->hubs, NULL, NULL);
  for (guint i = 0; wanted != NULL && wanted[i] != NULL; i++)
    {
      Hub *hub = find_hub (self, wanted[i]);

      if (hub != NULL)
        g_ptr_array_add (hubs, hub);
    }
  return hubs;
}

const char *
brevet_hubs_choose (BrevetHubs *self, BrevetAllocationPolicy policy, const char *const *wanted, const char *registration_id,
                    const char *remote_address, GError **error)
{
  g_autoptr(GPtrArray) eligible = NULL;
  const Hub *hub;

  if (policy == BREVET_ALLOCATION_CUSTOM)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_UNSUPPORTED, "The allocation policy custom (a webhook) is not available; use "
                   "hashed, geoLatency or static");
      return NULL;
    }
  if (self->hubs->len == 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "No hub is linked; add a group [hub NAME]");
      return NULL;
    }
  if (policy == BREVET_ALLOCATION_STATIC)
    {
      hub = choose_static (self, wanted, error);
      return hub != NULL ? hub->host_name : NULL;
    }

  eligible = list_eligible (self, wanted);
  if (eligible->len == 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "None of the hubs that the enrollment allows is linked; add a "
                   "group [hub NAME] or change the enrollment");
      return NULL;
    }
  if (policy == BREVET_ALLOCATION_GEO_LATENCY)
    hub = choose_nearest (eligible, registration_id, remote_address);
  else
    hub = choose_hashed (eligible, registration_id);
  return hub->host_name;
}
