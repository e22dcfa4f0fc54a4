/* An IPv6 router: longest prefix, hop limit, MAC addresses; link-local ones stay. BUG 1: the hop limit stays. BUG 2: link-local
   addresses are routed. */
#include "suite.h"
struct route6 { __u32 plen; struct in6_addr ip; };
struct hop { __u32 port; __u8 dst[6], src[6]; };
TRIE(routes, struct route6, struct hop, 256);
SEC("xdp") int router(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct ipv6hdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IPV6)) return XDP_PASS;
  if (BUG != 2 && (ip->daddr.s6_addr16[0] & bpf_htons(0xffc0)) == bpf_htons(0xfe80)) return XDP_PASS;
  if (ip->hop_limit < 2) return XDP_DROP;
  struct route6 key = { .plen = 128, .ip = ip->daddr };
  struct hop *hop = bpf_map_lookup_elem(&routes, &key);
  if (!hop) return XDP_DROP;
  if (BUG != 1) ip->hop_limit--;
  __builtin_memcpy(eth->h_dest, hop->dst, 6);
  __builtin_memcpy(eth->h_source, hop->src, 6);
  return bpf_redirect(hop->port, 0);
}
