/* Sends every tenth packet's head to user space, by a random number. BUG 1: the port is missing in the record. */
#include "suite.h"
struct record { __u32 port, length; __u8 head[16]; };
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } records SEC(".maps");
SEC("tc") int sample(struct __sk_buff *skb) {
  if (bpf_get_prandom_u32() % 10) return TC_ACT_OK;
  struct record *r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);
  if (!r) return TC_ACT_OK;
  r->port = BUG == 1 ? 0 : skb->ingress_ifindex;
  r->length = skb->len;
  if (bpf_skb_load_bytes(skb, 0, r->head, 14)) {
    bpf_ringbuf_discard(r, 0);
    return TC_ACT_OK;
  }
  r->head[14] = r->head[15] = 0;
  bpf_ringbuf_submit(r, 0);
  return TC_ACT_OK;
}
