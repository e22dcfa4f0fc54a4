/* Puts a label in front of IPv4 by its network. BUG 1: the time to live is not copied. BUG 2: not the bottom of the stack. */
#include "suite.h"
TRIE(labels, struct route, __u32, 256);
SEC("xdp") int push(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data, copy;
  struct iphdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  struct route key = { .plen = 32, .ip = ip->daddr };
  __u32 *label = bpf_map_lookup_elem(&labels, &key);
  if (!label) return XDP_DROP;
  __u32 word = *label << 12 | (BUG == 2 ? 0 : 1 << 8) | (BUG == 1 ? 64 : ip->ttl);
  __builtin_memcpy(&copy, eth, sizeof(copy));
  if (bpf_xdp_adjust_head(ctx, -4)) return XDP_DROP;
  data = DATA(ctx), end = END(ctx);
  if (data + 18 > end) return XDP_DROP;
  copy.h_proto = bpf_htons(ETH_P_MPLS_UC);
  __builtin_memcpy(data, &copy, sizeof(copy));
  *(__be32 *)(data + 14) = bpf_htonl(word);
  return XDP_TX;
}
