/* Two extension headers of up to 256 bytes, then a UDP port. BUG 1: the first header's length counts for the second. BUG 2: fragments
   are taken for whole packets. */
#include "suite.h"
SEC("xdp") int chain(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct ipv6hdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IPV6)) return XDP_PASS;
  __u8 kind = ip->nexthdr, length = 0;
  __u32 at = sizeof(*eth) + sizeof(*ip);
#pragma unroll
  for (int i = 0; i < 2; i++) {
    if (kind == IPPROTO_FRAGMENT && BUG != 2) return XDP_DROP;
    if (kind != IPPROTO_HOPOPTS && kind != IPPROTO_DSTOPTS && kind != IPPROTO_FRAGMENT) break;
    __u8 *ext = data + at;
    if ((void *)(ext + 8) > end) return XDP_DROP;
    kind = ext[0];
    if (!i || BUG != 1) length = ext[1] & 31;
    at += length * 8 + 8;
  }
  if (kind != IPPROTO_UDP) return XDP_PASS;
  struct udphdr *udp = data + at;
  if ((void *)(udp + 1) > end) return XDP_DROP;
  return udp->dest == bpf_htons(547) ? XDP_DROP : XDP_PASS;
}
