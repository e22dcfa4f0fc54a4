/* Drops DNS questions that ask more than one thing, or come as answers. BUG 1: the flag is tested in the wrong byte. */
#include "suite.h"
struct dns { __be16 id; __u8 flags[2]; __be16 questions, answers; };
SEC("xdp") int guard(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->protocol != IPPROTO_UDP) return XDP_PASS;
  if (ip->ihl < 5) return XDP_DROP;
  struct udphdr *udp = (void *)ip + ip->ihl * 4;
  struct dns *dns = (void *)(udp + 1);
  if ((void *)(dns + 1) > end) return XDP_PASS;
  if (udp->dest != bpf_htons(53)) return XDP_PASS;
  if (dns->flags[BUG == 1] & 0x80) return XDP_DROP;
  return dns->questions == bpf_htons(1) && !dns->answers ? XDP_PASS : XDP_DROP;
}
