/* Two tags in front of what a port sends: a service tag and a customer tag. BUG 1: their types are the other way round. */
#include "suite.h"
struct pair { __u16 service, customer; };
MAP(tags, HASH, __u32, struct pair, 64);
SEC("xdp") int push(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data, copy;
  __u32 port = ctx->ingress_ifindex;
  if ((void *)(eth + 1) > end) return XDP_DROP;
  struct pair *pair = bpf_map_lookup_elem(&tags, &port);
  if (!pair) return XDP_PASS;
  __u16 service = pair->service & 0xfff, customer = pair->customer & 0xfff;
  __builtin_memcpy(&copy, eth, sizeof(copy));
  if (bpf_xdp_adjust_head(ctx, -8)) return XDP_DROP;
  data = DATA(ctx), end = END(ctx);
  struct vlan *tag = data + sizeof(copy);
  if ((void *)(tag + 2) > end) return XDP_DROP;
  tag[0].tci = bpf_htons(service), tag[0].type = bpf_htons(BUG == 1 ? ETH_P_8021AD : ETH_P_8021Q);
  tag[1].tci = bpf_htons(customer), tag[1].type = copy.h_proto;
  copy.h_proto = bpf_htons(BUG == 1 ? ETH_P_8021Q : ETH_P_8021AD);
  __builtin_memcpy(data, &copy, sizeof(copy));
  return XDP_TX;
}
