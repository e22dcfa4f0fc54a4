/* The first of several programs, which others put into an array: it leaves them what it has found. BUG 1: the mark is not
   set. BUG 2: IPv6 goes where IPv4 should. BUG 3: what is left in the control buffer is another thing. */
#include "suite.h"
MAP(stages, PROG_ARRAY, __u32, __u32, 4);
MAP(packets, PERCPU_ARRAY, __u32, __u64, 4);
SEC("tc") int dispatch(struct __sk_buff *skb) {
  __u32 stage = skb->protocol == bpf_htons(ETH_P_IP) ? 0 : skb->protocol == bpf_htons(ETH_P_IPV6) ? BUG != 2 : 2;
  __u64 *count = bpf_map_lookup_elem(&packets, &stage);
  if (count) *count += 1;
  if (BUG != 1) skb->mark = 0x100 | stage;
  skb->cb[1] = BUG == 3 ? skb->ifindex : skb->len;
  bpf_tail_call(skb, &stages, stage);
  return TC_ACT_SHOT;
}
