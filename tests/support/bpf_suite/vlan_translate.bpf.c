/* Another VLAN number, with the priority kept. BUG 1: the priority is lost. BUG 2: number 0 is translated as well. */
#include "suite.h"
MAP(numbers, ARRAY, __u32, __u16, 4096);
SEC("xdp") int translate(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct vlan *tag = (void *)(eth + 1);
  if ((void *)(tag + 1) > end || eth->h_proto != bpf_htons(ETH_P_8021Q)) return XDP_PASS;
  __u32 tci = bpf_ntohs(tag->tci), number = tci & 0xfff;
  if (!number && BUG != 2) return XDP_PASS;
  __u16 *to = bpf_map_lookup_elem(&numbers, &number);
  if (!to || !*to) return XDP_DROP;
  tag->tci = bpf_htons((BUG == 1 ? 0 : tci & 0xf000) | (*to & 0xfff));
  return XDP_TX;
}
