/* A loop that the verifier walks, over extension headers whose lengths are in the packet. BUG 1: lengths count from 0. */
#include "suite.h"
SEC("tc") int walk(struct __sk_buff *skb) {
  if (skb->protocol != bpf_htons(ETH_P_IPV6)) return TC_ACT_OK;
  __u32 at = ETH_HLEN + 40;
  __u8 next, head[2];
  if (bpf_skb_load_bytes(skb, ETH_HLEN + 6, &next, 1)) return TC_ACT_SHOT;
  for (int i = 0; i < 4; i++) {
    if (next != 0 && next != 43 && next != 60) break;
    if (bpf_skb_load_bytes(skb, at, head, 2)) return TC_ACT_SHOT;
    next = head[0];
    at += (head[1] + (BUG != 1)) * 8;
  }
  skb->mark = next;
  skb->priority = at;
  return next == IPPROTO_UDP || next == IPPROTO_TCP ? TC_ACT_OK : TC_ACT_SHOT;
}
