/* Sends frames back to where they came from, unless to a group. BUG 1: groups are answered as well. BUG 2: one address stays. */
#include "suite.h"
SEC("xdp") int back(struct xdp_md *ctx) {
  struct ethhdr *eth = DATA(ctx);
  __u8 kept[6];
  if ((void *)(eth + 1) > END(ctx)) return XDP_DROP;
  if (eth->h_dest[0] & 1 && BUG != 1) return XDP_PASS;
  __builtin_memcpy(kept, eth->h_dest, 6);
  __builtin_memcpy(eth->h_dest, eth->h_source, 6);
  if (BUG != 2) __builtin_memcpy(eth->h_source, kept, 6);
  return XDP_TX;
}
