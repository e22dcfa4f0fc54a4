/* Forwards as the kernel's own routes say. BUG 1: the TTL is not lowered. */
#include "suite.h"
SEC("xdp") int route(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ttl <= 1) return XDP_PASS;
  struct bpf_fib_lookup p = {};
  p.family = 2;
  p.tos = ip->tos;
  p.l4_protocol = ip->protocol;
  p.tot_len = bpf_ntohs(ip->tot_len);
  p.ipv4_src = ip->saddr;
  p.ipv4_dst = ip->daddr;
  p.ifindex = ctx->ingress_ifindex;
  if (bpf_fib_lookup(ctx, &p, sizeof(p), 0)) return XDP_PASS;
#if BUG != 1
  __u32 sum = ip->check + bpf_htons(0x0100);
  ip->check = sum + (sum >= 0xffff);
  ip->ttl--;
#endif
  __builtin_memcpy(eth->h_dest, p.dmac, 6);
  __builtin_memcpy(eth->h_source, p.smac, 6);
  return bpf_redirect(p.ifindex, 0);
}
