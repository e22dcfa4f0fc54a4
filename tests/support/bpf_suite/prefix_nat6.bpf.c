/* IPv6 prefix translation by a table of /64 networks. BUG 1: the other half of the address is looked up. BUG 2: both ends change. */
#include "suite.h"
MAP(networks, HASH, __u64, __u64, 256);
SEC("xdp") int translate(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct ipv6hdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IPV6)) return XDP_PASS;
  __u64 key;
  __builtin_memcpy(&key, &ip->saddr.s6_addr[BUG == 1 ? 8 : 0], 8);
  __u64 *to = bpf_map_lookup_elem(&networks, &key);
  if (!to) return XDP_DROP;
  __builtin_memcpy(&ip->saddr, to, 8);
  if (BUG == 2) __builtin_memcpy(&ip->daddr, to, 8);
  return XDP_TX;
}
