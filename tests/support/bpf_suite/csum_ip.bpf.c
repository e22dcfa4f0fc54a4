/* Drops IPv4 headers whose checksum is wrong. BUG 1: the carry is lost. */
#include "suite.h"
SEC("xdp") int check(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5) return XDP_PASS;
  __u32 sum = 0;
  __u16 *word = (void *)ip;
#pragma unroll
  for (int i = 0; i < 10; i++) sum += word[i];
#if BUG != 1
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
#endif
  return (__u16)sum == 0xffff ? XDP_PASS : XDP_DROP;
}
