/* Looks for "SACK permitted" among a SYN's first options of any length. BUG 1: lengths below 2 are believed. */
#include "suite.h"
SEC("xdp") int find(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  struct tcphdr *tcp = (void *)(ip + 1);
  if ((void *)(tcp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  if (ip->ihl != 5 || ip->protocol != IPPROTO_TCP || !tcp->syn || tcp->ack) return XDP_PASS;
  __u32 at = sizeof(*eth) + sizeof(*ip) + sizeof(*tcp), stop = sizeof(*eth) + sizeof(*ip) + tcp->doff * 4;
#pragma unroll
  for (int i = 0; i < 3; i++) {
    __u8 *option = data + at;
    if (at + 2 > stop || (void *)(option + 2) > end || !option[0]) return XDP_PASS;
    if (option[0] == 4) return XDP_TX;
    if (option[0] == 1) { at++; continue; }
    if (option[1] < 2 && BUG != 1) return XDP_DROP;
    at += option[1] & 63;
  }
  return XDP_PASS;
}
