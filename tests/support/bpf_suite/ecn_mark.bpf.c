/* Marks congestion on frames that can carry it and are longer than a limit. BUG 1: also those that cannot. BUG 2: no new sum. */
#include "suite.h"
volatile const __u32 limit = 1000;
SEC("tc") int mark(struct __sk_buff *skb) {
  void *data = DATA(skb), *end = END(skb);
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return TC_ACT_OK;
  if (skb->len <= limit) return TC_ACT_OK;
  __u8 old = ip->tos, ecn = old & 3;
  if (ecn == 3 || (!ecn && BUG != 1)) return TC_ACT_OK;
  __u32 sum = ip->check;
  if (BUG != 2) {
    sum = (__u16)~sum + (__u16)~bpf_htons(old) + bpf_htons(old | 3);
    ip->check = folded(sum);
  }
  ip->tos = old | 3;
  return TC_ACT_OK;
}
