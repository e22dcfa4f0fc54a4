/* BUG 1: the receiver is judged. BUG 2: the default action is not asked for. BUG 3: the address in host order. */
#include "pair.h"
TRIE(networks, struct route, __u32, 512);
MAP(networks_default, ARRAY, __u32, __u32, 1);
SEC("xdp") int hosts(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = data + sizeof(*eth);
  __u32 zero = 0;
  if ((void *)(eth + 1) > end) return XDP_DROP;
  if (eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  if ((void *)(ip + 1) > end) return XDP_DROP;
  struct route key = { .plen = 32, .ip = BUG == 1 ? ip->daddr : BUG == 3 ? bpf_ntohl(ip->saddr) : ip->saddr };
  __u32 *pass = bpf_map_lookup_elem(&networks, &key);
  if (!pass && BUG != 2) pass = bpf_map_lookup_elem(&networks_default, &zero);
  return pass && *pass ? XDP_PASS : XDP_DROP;
}
