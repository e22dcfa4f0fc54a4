/* What lies behind an IP packet in its frame is cut off: padding that may tell what was in memory.
   BUG 1: the Ethernet header is forgotten. BUG 2: packets that say more than there is are cut as well. */
#include "suite.h"
SEC("xdp") int unpad(struct xdp_md *ctx) {
  struct ethhdr *eth = DATA(ctx);
  struct iphdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > END(ctx) || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  int there = END(ctx) - DATA(ctx), said = bpf_ntohs(ip->tot_len) + (BUG == 1 ? 0 : (int)sizeof(*eth));
  if (BUG == 2 ? said == there : said > there) return BUG == 2 ? XDP_PASS : XDP_DROP;
  if (said < there && bpf_xdp_adjust_tail(ctx, said - there)) return XDP_DROP;
  return XDP_PASS;
}
