/* Pushes and pops tags by a table on the port. BUG 1: the tag is lost. */
#include "suite.h"
struct act { __u16 vid, what; };
MAP(ports, ARRAY, __u32, struct act, 64);
SEC("tc") int tags(struct __sk_buff *skb) {
  __u32 port = skb->ingress_ifindex;
  struct act *act = bpf_map_lookup_elem(&ports, &port);
  if (!act) return TC_ACT_SHOT;
  switch (act->what) {
    case 1: if (bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), act->vid & 0xfff)) return TC_ACT_SHOT; break;
    case 2: if (bpf_skb_vlan_pop(skb)) return TC_ACT_SHOT; break;
    case 3: if (skb->vlan_present && (skb->vlan_tci & 0xfff) != act->vid) return TC_ACT_SHOT;
#if BUG == 1
            bpf_skb_vlan_pop(skb);
#endif
            break;
    default: return TC_ACT_OK;
  }
  return bpf_redirect(5, 0);
}
