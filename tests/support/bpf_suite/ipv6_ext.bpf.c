/* Walks up to two IPv6 extension headers for a TCP port. BUG 1: lengths count in units of 4 bytes. */
#include "suite.h"
MAP(blocked, HASH, __u16, __u8, 64);
SEC("xdp") int walk(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct ipv6hdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IPV6)) return XDP_PASS;
  __u8 kind = ip->nexthdr;
  __u32 at = sizeof(*eth) + sizeof(*ip);
#pragma unroll
  for (int i = 0; i < 2; i++) {
    if (kind != IPPROTO_HOPOPTS && kind != IPPROTO_ROUTING && kind != IPPROTO_DSTOPTS) break;
    __u8 *ext = data + at;
    if ((void *)(ext + 8) > end) return XDP_DROP;
    kind = ext[0];
    at += (ext[1] & 3) * (BUG == 1 ? 4 : 8) + 8;
  }
  if (kind != IPPROTO_TCP) return XDP_PASS;
  __be16 *ports = data + at;
  if ((void *)(ports + 2) > end) return XDP_DROP;
  __u16 port = bpf_ntohs(ports[1]);
  return bpf_map_lookup_elem(&blocked, &port) ? XDP_DROP : XDP_PASS;
}
