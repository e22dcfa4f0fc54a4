/* A token bucket that several CPUs share, under a spin lock; packets that are let through are cut to a sample.
   BUG 1: the last token is not taken. BUG 2: the sample is a byte short. */
#include "suite.h"
struct bucket { struct bpf_spin_lock lock; __u32 tokens; __u64 stamp; };
MAP(buckets, HASH, __u32, struct bucket, 64);
SEC("tc") int sample(struct __sk_buff *skb) {
  __u32 key = skb->ingress_ifindex;
  struct bucket *b = bpf_map_lookup_elem(&buckets, &key);
  if (!b) return TC_ACT_SHOT;
  __u64 now = bpf_ktime_get_ns();
  int good = 0;
  bpf_spin_lock(&b->lock);
  __u64 more = (now - b->stamp) >> 20;
  if (more > 100) more = 100;
  __u32 tokens = b->tokens + more;
  if (tokens > (BUG == 1)) { tokens--; good = 1; }
  b->tokens = tokens;
  b->stamp = now;
  bpf_spin_unlock(&b->lock);
  if (!good) return TC_ACT_SHOT;
  if (skb->len > 128 && bpf_skb_change_tail(skb, BUG == 2 ? 127 : 128, 0)) return TC_ACT_SHOT;
  return TC_ACT_OK;
}
