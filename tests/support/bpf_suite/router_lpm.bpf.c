/* An IPv4 router: longest prefix, TTL, incremental checksum, MAC addresses. BUG 1: no checksum update. BUG 2: TTL 1 goes on. */
#include "suite.h"
struct hop { __u32 port; __u8 dst[6], src[6]; };
TRIE(routes, struct route, struct hop, 256);
SEC("xdp") int router(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = data + sizeof(*eth);
  if ((void *)(ip + 1) > end) return XDP_DROP;
  if (eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  if (ip->ttl <= (BUG == 2 ? 0 : 1)) return XDP_PASS;
  struct route key = { .plen = 32, .ip = ip->daddr };
  struct hop *hop = bpf_map_lookup_elem(&routes, &key);
  if (!hop) return XDP_DROP;
#if BUG != 1
  __u32 sum = ip->check + bpf_htons(0x0100);
  ip->check = sum + (sum >= 0xffff);
#endif
  ip->ttl--;
  __builtin_memcpy(eth->h_dest, hop->dst, 6);
  __builtin_memcpy(eth->h_source, hop->src, 6);
  return bpf_redirect(hop->port, 0);
}
