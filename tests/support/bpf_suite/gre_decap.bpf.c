/* Takes GRE off. BUG 1: packets with a key are taken for ones without. */
#include "suite.h"
SEC("tc") int decap(struct __sk_buff *skb) {
  void *data = DATA(skb), *end = END(skb);
  struct iphdr *ip = data + ETH_HLEN;
  __be16 *gre = (void *)(ip + 1);
  if ((void *)(gre + 2) + 20 > end || skb->protocol != bpf_htons(ETH_P_IP)) return TC_ACT_OK;
  if (ip->ihl != 5 || ip->protocol != IPPROTO_GRE) return TC_ACT_OK;
  if (gre[0] & (BUG == 1 ? bpf_htons(0x8000) : bpf_htons(0xb000))) return TC_ACT_OK;
  if (gre[1] != bpf_htons(ETH_P_IP)) return TC_ACT_OK;
  if (bpf_skb_adjust_room(skb, -24, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO)) return TC_ACT_SHOT;
  return TC_ACT_OK;
}
