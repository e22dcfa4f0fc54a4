/* BUG 1: the source is looked up. BUG 2: frames go to the port beside. BUG 3: unknown ones go back. */
#include "pair.h"

struct station { __u32 port; __u8 kind; };
MAP(stations, HASH, struct mac, struct station, 2048);
SEC("xdp") int bridge(struct xdp_md *ctx) {
  struct ethhdr *eth = DATA(ctx);
  struct mac key;
  if ((void *)(eth + 1) > END(ctx)) return XDP_DROP;
  __builtin_memcpy(&key, BUG == 1 ? eth->h_source : eth->h_dest, 6);
  struct station *to = bpf_map_lookup_elem(&stations, &key);
  if (!to) return BUG == 3 ? XDP_TX : XDP_DROP;
  if (to->kind != 1 || to->port == DROP_PORT) return XDP_DROP;
  return bpf_redirect(to->port + (BUG == 2), 0);
}
