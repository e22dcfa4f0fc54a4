/* Walks a label stack by bpf_loop, counts the labels until the last one, and passes frames with few of them. BUG 1: the
   bottom of the stack is another bit. BUG 2: two turns less. BUG 3: a label too many is taken. */
#include "suite.h"
struct walk { void *data, *end; __u32 at, sum; };
static long label(__u32 turn, struct walk *walk) {
  __u8 *entry = walk->data + 14 + 4 * (turn & 7);
  if ((void *)(entry + 4) > walk->end) return 1;
  walk->sum += entry[1];
  walk->at = turn;
  return !!(entry[2] & (BUG == 1 ? 2 : 1));
}
SEC("tc") int labels(struct __sk_buff *skb) {
  struct walk walk = {DATA(skb), END(skb)};
  long turns = bpf_loop(BUG == 2 ? 3 : 5, label, &walk, 0);
  skb->mark = walk.sum;
  return turns > (BUG == 3 ? 4 : 3) ? TC_ACT_SHOT : TC_ACT_OK;
}
