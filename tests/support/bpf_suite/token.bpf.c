/* A token bucket on the kernel's clock. BUG 1: a packet that is too long still pays. */
#include "suite.h"
struct bucket { __u64 tokens, stamp; };
MAP(buckets, HASH, __u32, struct bucket, 64);
SEC("tc") int police(struct __sk_buff *skb) {
  __u32 key = skb->ingress_ifindex;
  struct bucket *b = bpf_map_lookup_elem(&buckets, &key);
  if (!b) return TC_ACT_OK;
  __u64 now = bpf_ktime_get_ns(), tokens = b->tokens + ((now - b->stamp) >> 10);
  if (tokens > 100000) tokens = 100000;
  b->stamp = now;
  int good = tokens >= skb->len;
  if (good || BUG == 1) tokens -= skb->len;
  b->tokens = tokens;
  return good ? TC_ACT_OK : TC_ACT_SHOT;
}
