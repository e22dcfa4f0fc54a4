/* Copies of frames of some networks with a tag around, the frame itself goes on. BUG 1: the tag stays on. */
#include "suite.h"
MAP(watched, HASH, __u32, __u16, 64);
SEC("tc") int mirror(struct __sk_buff *skb) {
  __u32 vid = skb->vlan_present ? skb->vlan_tci & 0xfff : 0;
  __u16 *to = bpf_map_lookup_elem(&watched, &vid);
  if (!to) return TC_ACT_OK;
  __u16 tag = *to;
  if (bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021AD), tag)) return TC_ACT_SHOT;
  bpf_clone_redirect(skb, 7, 0);
  if (BUG != 1 && bpf_skb_vlan_pop(skb)) return TC_ACT_SHOT;
  return TC_ACT_OK;
}
