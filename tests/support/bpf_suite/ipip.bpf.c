/* IP in IP at XDP: the inner header's length decides. BUG 1: fragments are taken as well. */
#include "suite.h"
MAP(ends, HASH, __be32, __u32, 64);
SEC("xdp") int ipip(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data, copy;
  struct iphdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  if (ip->protocol != IPPROTO_IPIP || (BUG != 1 && ip->frag_off & bpf_htons(0x3fff))) return XDP_PASS;
  __be32 dst = ip->daddr;
  if (!bpf_map_lookup_elem(&ends, &dst)) return XDP_PASS;
  int outer = ip->ihl * 4;
  if (outer < 20 || (void *)ip + outer + 20 > end) return XDP_DROP;
  __builtin_memcpy(&copy, eth, sizeof(copy));
  if (bpf_xdp_adjust_head(ctx, outer)) return XDP_DROP;
  data = DATA(ctx), end = END(ctx);
  if (data + sizeof(copy) + 20 > end) return XDP_DROP;
  __builtin_memcpy(data, &copy, sizeof(copy));
  return XDP_TX;
}
