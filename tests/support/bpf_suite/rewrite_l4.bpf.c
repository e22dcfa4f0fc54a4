/* Writes a port behind an IPv4 header of any length. BUG 1: the header's length is taken as 20. */
#include "suite.h"
SEC("xdp") int rewrite(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->protocol != IPPROTO_UDP) return XDP_PASS;
  if (ip->ihl < 5) return XDP_DROP;
  struct udphdr *udp = (void *)ip + (BUG == 1 ? 20 : ip->ihl * 4);
  if ((void *)(udp + 1) > end) return XDP_DROP;
  udp->dest = bpf_htons(5353);
  udp->check = 0;
  return XDP_PASS;
}
