/* A dispatch by callbacks' numbers through a chain of static functions and a lookup table of constants. BUG 1: a class
   is missing. */
#include "suite.h"
static const __u8 classes[64] = { [0] = 1, [8] = 2, [10] = 3, [16] = 4, [18] = 5, [26] = 6, [34] = 7, [46] = BUG == 1 ? 0 : 9 };
NOINLINE int queue_of(__u8 class) { return class > 5 ? class - 2 : class * 2; }
SEC("tc") int handlers(struct __sk_buff *skb) {
  void *data = DATA(skb), *end = END(skb);
  __u8 dscp;
  if (data + 54 > end) return TC_ACT_OK;
  switch (bpf_ntohs(skb->protocol)) {
  case ETH_P_IP: dscp = *(__u8 *)(data + 15) >> 2; break;
  case ETH_P_IPV6: dscp = (bpf_ntohs(*(__u16 *)(data + 14)) >> 6) & 0x3f; break;
  case ETH_P_MPLS_UC: dscp = (*(__u8 *)(data + 16) >> 1 & 7) << 3; break;
  default: return TC_ACT_OK;
  }
  skb->priority = queue_of(classes[dscp & 63]);
  return TC_ACT_OK;
}
