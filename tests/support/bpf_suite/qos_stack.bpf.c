/* Works on an array on the stack with a variable index. BUG 1: the table has another start. */
#include "suite.h"
SEC("tc") int stack(struct __sk_buff *skb) {
  __u8 table[16], head[16];
  for (int i = 0; i < 16; i++) table[i] = i * 3 + (BUG == 1);
  if (bpf_skb_load_bytes(skb, 0, head, 16)) return TC_ACT_SHOT;
  __u32 at = head[0] & 15;
  table[at] = head[1];
  at = (at + head[2]) & 15;
  skb->mark = table[at];
  return TC_ACT_OK;
}
