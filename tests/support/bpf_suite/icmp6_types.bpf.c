/* ICMPv6 by a bit for each type in global data. BUG 1: the bits are counted from the other end. */
#include "suite.h"
__u64 allowed[4] = { 0x1e, 0, 0xffull << 5, 1 };
SEC("xdp") int filter(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct ipv6hdr *ip = (void *)(eth + 1);
  __u8 *type = (void *)(ip + 1);
  if ((void *)(type + 4) > end || eth->h_proto != bpf_htons(ETH_P_IPV6)) return XDP_PASS;
  if (ip->nexthdr != IPPROTO_ICMPV6) return XDP_PASS;
  __u32 kind = *type, bit = BUG == 1 ? 63 - (kind & 63) : kind & 63;
  return allowed[kind >> 6 & 3] >> bit & 1 ? XDP_PASS : XDP_DROP;
}
