/* A ring of the last eight lengths per port in a map's value, indexed by a counter. BUG 1: the index is not masked alike. */
#include "suite.h"
struct window { __u32 next, last[8]; };
MAP(windows, HASH, __u32, struct window, 64);
SEC("tc") int remember(struct __sk_buff *skb) {
  __u32 key = skb->ingress_ifindex;
  struct window *w = bpf_map_lookup_elem(&windows, &key);
  if (!w) {
    struct window fresh = { .next = 1, .last = { skb->len } };
    bpf_map_update_elem(&windows, &key, &fresh, BPF_NOEXIST);
    return TC_ACT_OK;
  }
  __u32 at = w->next & (BUG == 1 ? 3 : 7);
  skb->priority = w->last[at];
  w->last[at] = skb->len;
  w->next++;
  return TC_ACT_OK;
}
