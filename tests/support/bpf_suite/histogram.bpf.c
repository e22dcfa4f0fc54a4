/* A histogram of lengths in global data, with a loop for the logarithm. BUG 1: one bucket off. */
#include "suite.h"
__u64 buckets[16];
SEC("tc") int histogram(struct __sk_buff *skb) {
  __u32 length = skb->len, slot = 0;
  for (int i = 0; i < 15; i++) {
    if (length <= 1) break;
    length >>= 1;
    slot++;
  }
  __sync_fetch_and_add(&buckets[(slot + (BUG == 1)) & 15], 1);
  return TC_ACT_OK;
}
