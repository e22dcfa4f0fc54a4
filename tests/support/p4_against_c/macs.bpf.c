/* BUG 1: the destination is looked up. BUG 2: who is unknown passes. BUG 3: what the map says is turned around. */
#include "pair.h"
MAP(stations, HASH, struct mac, __u8, 256);
SEC("xdp") int macs(struct xdp_md *ctx) {
  struct ethhdr *eth = DATA(ctx);
  struct mac key;
  if ((void *)(eth + 1) > END(ctx)) return XDP_DROP;
  __builtin_memcpy(&key, BUG == 1 ? eth->h_dest : eth->h_source, 6);
  __u8 *verdict = bpf_map_lookup_elem(&stations, &key);
  if (!verdict) return BUG == 2 ? XDP_PASS : XDP_DROP;
  return *verdict == (BUG == 3 ? 2 : 1) ? XDP_PASS : XDP_DROP;
}
