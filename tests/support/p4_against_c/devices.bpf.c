/* BUG 1: the sender is looked up. BUG 2: a station without a device passes. BUG 3: another device. */
#include "pair.h"
struct place { __u8 kind; __u16 port; };
MAP(stations, HASH, struct mac, struct place, 256);
MAP(devices, DEVMAP, __u32, __u32, 512);
SEC("xdp") int devices_(struct xdp_md *ctx) {
  struct ethhdr *eth = DATA(ctx);
  struct mac key;
  if ((void *)(eth + 1) > END(ctx)) return XDP_DROP;
  __builtin_memcpy(&key, BUG == 1 ? eth->h_source : eth->h_dest, 6);
  struct place *place = bpf_map_lookup_elem(&stations, &key);
  if (!place) return BUG == 2 ? XDP_PASS : XDP_DROP;
  if (place->kind != 1 || place->port >= DROP_PORT) return XDP_DROP;
  return bpf_redirect_map(&devices, place->port + (BUG == 3 ? 2 : 0), XDP_DROP);
}
