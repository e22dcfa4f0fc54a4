/* Two prefix lists, one for each end, and a counter of what they refuse. BUG 1: one list is asked twice. BUG 2: no count. */
#include "suite.h"
TRIE(from, struct route, __u8, 256);
TRIE(to, struct route, __u8, 256);
MAP(refused, PERCPU_ARRAY, __u32, __u64, 2);
SEC("xdp") int acl(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  struct route source = { .plen = 32, .ip = ip->saddr }, target = { .plen = 32, .ip = ip->daddr };
  __u8 *first = bpf_map_lookup_elem(&from, BUG == 1 ? &target : &source), *second = bpf_map_lookup_elem(&to, &target);
  __u32 which = first && *first == 0;
  if (!which && (!second || *second)) return XDP_PASS;
  __u64 *count = bpf_map_lookup_elem(&refused, &which);
  if (count && BUG != 2) (*count)++;
  return XDP_DROP;
}
