/* Rewrites an address and mends both sums with bpf_csum_diff. BUG 1: from and to swapped. */
#include "suite.h"
SEC("tc") int mend(struct __sk_buff *skb) {
  void *data = DATA(skb), *end = END(skb);
  struct iphdr *ip = data + ETH_HLEN;
  if ((void *)(ip + 1) > end || skb->protocol != bpf_htons(ETH_P_IP)) return TC_ACT_OK;
  __be32 old = ip->daddr, new = bpf_htonl(0x0a000001);
  __s64 sum = BUG == 1 ? bpf_csum_diff(&new, 4, &old, 4, 0) : bpf_csum_diff(&old, 4, &new, 4, 0);
  if (bpf_skb_store_bytes(skb, ETH_HLEN + 16, &new, 4, 0)) return TC_ACT_SHOT;
  if (bpf_l3_csum_replace(skb, ETH_HLEN + 10, 0, sum, 0)) return TC_ACT_SHOT;
  return TC_ACT_OK;
}
