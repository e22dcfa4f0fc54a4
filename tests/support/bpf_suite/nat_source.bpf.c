/* Source NAT of UDP and TCP with both sums kept right. BUG 1: the pseudo header is forgotten. BUG 2: wrong map key. */
#include "suite.h"
MAP(translate, HASH, __be32, __be32, 256);
SEC("tc") int nat(struct __sk_buff *skb) {
  void *data = DATA(skb), *end = END(skb);
  struct iphdr *ip = data + ETH_HLEN;
  if ((void *)(ip + 1) > end || skb->protocol != bpf_htons(ETH_P_IP) || ip->ihl != 5) return TC_ACT_OK;
  __u8 proto = ip->protocol;
  __be32 old = ip->saddr;
#if BUG == 2
  __be32 asked = ip->daddr;
#else
  __be32 asked = old;
#endif
  __be32 *found = bpf_map_lookup_elem(&translate, &asked);
  if (!found) return TC_ACT_OK;
  __be32 new = *found;
  int at = proto == IPPROTO_TCP ? 16 : proto == IPPROTO_UDP ? 6 : 0;
  if (at) {
    __u64 flags = (BUG == 1 ? 0 : BPF_F_PSEUDO_HDR) | 4;
    if (proto == IPPROTO_UDP) flags |= BPF_F_MARK_MANGLED_0;
#if BUG == 1
    if (proto == IPPROTO_TCP)
#endif
    bpf_l4_csum_replace(skb, ETH_HLEN + 20 + at, old, new, flags);
  }
  bpf_l3_csum_replace(skb, ETH_HLEN + offsetof(struct iphdr, check), old, new, 4);
  bpf_skb_store_bytes(skb, ETH_HLEN + offsetof(struct iphdr, saddr), &new, 4, 0);
  return TC_ACT_OK;
}
