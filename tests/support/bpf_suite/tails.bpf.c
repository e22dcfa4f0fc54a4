/* A parser in two programs, one calling the other. BUG 1: the wrong slot. */
#include "suite.h"
int next(struct __sk_buff *skb);
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 4); __uint(key_size, 4);
         __array(values, int(struct __sk_buff *)); } stages SEC(".maps") = { .values = { [1] = &next } };
SEC("tc") int next(struct __sk_buff *skb) {
  void *data = DATA(skb), *end = END(skb);
  if (data + 15 > end) return TC_ACT_SHOT;
  skb->mark = ((__u8 *)data)[14];
  return TC_ACT_OK;
}
SEC("classifier") int first(struct __sk_buff *skb) {
  if (skb->protocol == bpf_htons(ETH_P_IP)) bpf_tail_call(skb, &stages, BUG == 1 ? 0 : 1);
  return TC_ACT_OK;
}
