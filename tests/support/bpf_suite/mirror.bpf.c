/* Mirrors marked traffic, then polices by DSCP with a switch. BUG 1: the copy is sent after the rewrite. */
#include "suite.h"
SEC("tc") int mirror(struct __sk_buff *skb) {
  __u8 tos;
  if (skb->protocol != bpf_htons(ETH_P_IP)) return TC_ACT_OK;
  if (bpf_skb_load_bytes(skb, ETH_HLEN + 1, &tos, 1)) return TC_ACT_SHOT;
  if (BUG != 1 && tos >> 2 == 46) bpf_clone_redirect(skb, 7, 0);
  __u8 new = tos & 3;
  bpf_skb_store_bytes(skb, ETH_HLEN + 1, &new, 1, 0);
  if (BUG == 1 && tos >> 2 == 46) bpf_clone_redirect(skb, 7, 0);
  switch (tos >> 5) {
    case 0: skb->priority = 1; break;
    case 1: case 2: skb->priority = 4; break;
    case 5: skb->priority = 7; break;
    case 7: return TC_ACT_SHOT;
    default: skb->priority = 3;
  }
  return TC_ACT_OK;
}
