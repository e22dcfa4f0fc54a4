/* Finds the MSS in a SYN's options with a loop and clamps it. BUG 1: the clamp is one byte too high. */
#include "suite.h"
SEC("xdp") int clamp(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  struct tcphdr *tcp = (void *)(ip + 1);
  if ((void *)(tcp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  if (ip->ihl != 5 || ip->protocol != IPPROTO_TCP || !tcp->syn) return XDP_PASS;
  __u8 *at = (void *)(tcp + 1);
  int left = tcp->doff * 4 - 20;
#pragma unroll
  for (int i = 0; i < 3; i++) {
    if (left < 1 || (void *)(at + 1) > end) break;
    __u8 kind = at[0];
    if (kind == 0) break;
    if (kind == 1) { at++; left--; continue; }
    if (left < 4 || (void *)(at + 4) > end) break;
    if (kind == 2 && at[1] == 4) {
      __u16 mss = at[2] << 8 | at[3];
      if (mss > 1200 + (BUG == 1)) { at[2] = 1200 >> 8; at[3] = 1200 & 0xff; }
      break;
    }
    if (at[1] != 4) break;
    at += 4;
    left -= 4;
  }
  return XDP_PASS;
}
