/* Exchanges and compares atomically: the first packet of a time slot takes a ticket. BUG 1: the ticket is added twice. */
#include "suite.h"
struct slot { __u64 owner, tickets; };
MAP(slots, ARRAY, __u32, struct slot, 16);
SEC("tc") int ticket(struct __sk_buff *skb) {
  void *data = DATA(skb), *end = END(skb);
  if (data + 34 > end) return TC_ACT_SHOT;
  __u32 key = *(__u8 *)(data + 33) & 15;
  struct slot *s = bpf_map_lookup_elem(&slots, &key);
  if (!s) return TC_ACT_SHOT;
  __u64 me = *(__u32 *)(data + 26), was = s->owner;
  if (!was) { s->owner = me + 1; was = 0; }
  s->tickets += BUG == 1 ? 2 : 1;
  skb->mark = (__u32)s->tickets;
  return was && was != me + 1 ? TC_ACT_SHOT : TC_ACT_OK;
}
