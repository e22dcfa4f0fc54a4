/* Strips up to two tags by moving the addresses. BUG 1: only the first. */
#include "suite.h"
SEC("xdp") int strip(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data, copy;
  if ((void *)(eth + 1) > end) return XDP_DROP;
  __be16 type = eth->h_proto;
  int gone = 0;
#pragma unroll
  for (int i = 0; i < (BUG == 1 ? 1 : 2); i++) {
    if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD)) break;
    struct vlan *tag = data + sizeof(*eth) + gone;
    if ((void *)(tag + 1) > end) return XDP_DROP;
    type = tag->type;
    gone += sizeof(*tag);
  }
  if (!gone) return XDP_PASS;
  __builtin_memcpy(&copy, eth, sizeof(copy));
  copy.h_proto = type;
  if (bpf_xdp_adjust_head(ctx, gone)) return XDP_DROP;
  data = DATA(ctx), end = END(ctx);
  if (data + sizeof(copy) > end) return XDP_DROP;
  __builtin_memcpy(data, &copy, sizeof(copy));
  return XDP_PASS;
}
