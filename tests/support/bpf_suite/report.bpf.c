/* Tells user space of ICMP echo requests through a perf buffer. BUG 1: answers are told as well. */
#include "suite.h"
struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(key_size, 4); __uint(value_size, 4); } events SEC(".maps");
struct seen { __be32 src, dst; __u16 id, seq; };
SEC("xdp") int report(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  struct icmphdr *icmp = (void *)(ip + 1);
  if ((void *)(icmp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  if (ip->ihl != 5 || ip->protocol != IPPROTO_ICMP) return XDP_PASS;
  if (icmp->type != ICMP_ECHO && !(BUG == 1 && icmp->type == ICMP_ECHOREPLY)) return XDP_PASS;
  struct seen s = { ip->saddr, ip->daddr, bpf_ntohs(icmp->un.echo.id), bpf_ntohs(icmp->un.echo.sequence) };
  bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &s, sizeof(s));
  return XDP_PASS;
}
