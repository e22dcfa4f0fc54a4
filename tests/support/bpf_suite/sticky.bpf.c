/* A balancer that remembers flows in an LRU map. BUG 1: it remembers another server than it uses. */
#include "suite.h"
struct flow { __be32 src, dst; };
MAP(flows, LRU_HASH, struct flow, __u32, 512);
MAP(next, ARRAY, __u32, __u32, 1);
SEC("xdp") int sticky(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = data + sizeof(*eth);
  if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  struct flow flow = { ip->saddr, ip->daddr };
  __u32 *known = bpf_map_lookup_elem(&flows, &flow), zero = 0, port;
  if (known) {
    port = *known;
  } else {
    __u32 *counter = bpf_map_lookup_elem(&next, &zero);
    if (!counter) return XDP_DROP;
    port = (*counter)++ % 4 + 2;
    __u32 kept = port + (BUG == 1);
    bpf_map_update_elem(&flows, &flow, &kept, BPF_ANY);
  }
  return bpf_redirect(port, 0);
}
