/* A UDP checksum over IPv6 addresses and eight bytes of payload, made anew. BUG 1: the length is counted once only. BUG 2: the
   protocol is not in the sum. */
#include "suite.h"
SEC("xdp") int sums(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct ipv6hdr *ip = (void *)(eth + 1);
  struct udphdr *udp = (void *)(ip + 1);
  __u16 *payload = (void *)(udp + 1);
  if ((void *)(payload + 4) > end || eth->h_proto != bpf_htons(ETH_P_IPV6)) return XDP_PASS;
  if (ip->nexthdr != IPPROTO_UDP || udp->len != bpf_htons(16)) return XDP_PASS;
  __u32 sum = (BUG == 2 ? 0 : bpf_htons(IPPROTO_UDP)) + udp->source + udp->dest + udp->len + (BUG == 1 ? 0 : udp->len);
#pragma unroll
  for (int i = 0; i < 8; i++) sum += ip->saddr.s6_addr16[i] + ip->daddr.s6_addr16[i];
#pragma unroll
  for (int i = 0; i < 4; i++) sum += payload[i];
  __u16 check = folded(sum);
  udp->check = check ? check : 0xffff;
  return XDP_TX;
}
