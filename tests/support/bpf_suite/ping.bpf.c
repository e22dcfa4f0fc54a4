/* Answers ICMP echo requests in place. BUG 1: the checksum keeps the type of the request. */
#include "suite.h"
SEC("xdp") int ping(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  struct icmphdr *icmp = (void *)(ip + 1);
  __u8 mac[6];
  if ((void *)(icmp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  if (ip->ihl != 5 || ip->protocol != IPPROTO_ICMP || icmp->type != ICMP_ECHO || icmp->code) return XDP_PASS;
  __builtin_memcpy(mac, eth->h_dest, 6);
  __builtin_memcpy(eth->h_dest, eth->h_source, 6);
  __builtin_memcpy(eth->h_source, mac, 6);
  __be32 src = ip->saddr;
  ip->saddr = ip->daddr;
  ip->daddr = src;
  icmp->type = ICMP_ECHOREPLY;
#if BUG != 1
  __u32 sum = icmp->checksum + bpf_htons(0x0800);
  icmp->checksum = sum + (sum >> 16);
#endif
  return XDP_TX;
}
