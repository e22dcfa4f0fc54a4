/* Classes by port ranges in global data, searched from the front. BUG 1: the last range is never reached. */
#include "suite.h"
struct range { __u16 low, high, class, pad; };
struct range ranges[8];
__u32 misses;
SEC("tc") int classify(struct __sk_buff *skb) {
  __be16 ports[2];
  if (skb->protocol != bpf_htons(ETH_P_IP)) return TC_ACT_OK;
  if (bpf_skb_load_bytes(skb, ETH_HLEN + 20, ports, 4)) return TC_ACT_OK;
  __u16 port = bpf_ntohs(ports[1]);
  for (int i = 0; i < 8 - (BUG == 1); i++) {
    struct range *r = &ranges[i];
    if (port >= r->low && port <= r->high) {
      skb->tc_classid = r->class;
      return TC_ACT_OK;
    }
  }
  misses++;
  return TC_ACT_OK;
}
