/* Sums up to 32 bytes of UDP payload in a loop that stays a loop. BUG 1: an odd last byte is forgotten. */
#include "suite.h"
SEC("tc") int sum(struct __sk_buff *skb) {
  void *data = DATA(skb), *end = END(skb);
  if (data + 42 > end || skb->protocol != bpf_htons(ETH_P_IP)) return TC_ACT_OK;
  __u8 *at = data + 42;
  __u32 total = 0;
  for (int i = 0; i < 8; i++) {
    if ((void *)(at + 2) > end) break;
    total += at[0] << 8 | at[1];
    at += 2;
  }
  if (BUG != 1 && (void *)(at + 1) <= end && data + 58 > end) total += at[0] << 8;
  skb->mark = folded(total);
  return TC_ACT_OK;
}
