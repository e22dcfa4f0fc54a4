/* Forwards by a devmap. BUG 1: a missing port passes instead of dropping. */
#include "suite.h"
struct { __uint(type, BPF_MAP_TYPE_DEVMAP); __uint(key_size, 4); __uint(value_size, 4); __uint(max_entries, 16); }
    ports SEC(".maps");
SEC("xdp") int forward(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  if ((void *)(eth + 1) > end) return XDP_DROP;
  return bpf_redirect_map(&ports, eth->h_dest[5] & 15, BUG == 1 ? XDP_PASS : XDP_DROP);
}
