/* Functions that stay functions, with pointers to the caller's stack. BUG 1: the sum leaves out a word. */
#include "suite.h"
struct parsed { __u32 sum, words; };
NOINLINE int add(struct parsed *p, __u32 word) { p->sum += word; p->words++; return p->sum & 1; }
SEC("tc") int functions(struct __sk_buff *skb) {
  void *data = DATA(skb), *end = END(skb);
  if (data + 30 > end) return TC_ACT_SHOT;
  struct parsed p = {};
  int odd = 0;
#pragma unroll
  for (int i = BUG == 1; i < 4; i++) odd ^= add(&p, ((__u32 *)(data + 14))[i]);
  skb->mark = p.sum;
  skb->priority = p.words;
  return odd ? TC_ACT_OK : TC_ACT_SHOT;
}
