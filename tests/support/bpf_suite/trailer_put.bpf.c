/* Frames get a trailer that says how long they were and for which port they are, as the tag of a switch behind them.
   BUG 1: it is put over the last bytes instead of behind them. BUG 2: four bytes are made room for, two are written. */
#include "suite.h"
struct trailer { __be16 length; __u8 port, check; };
SEC("tc") int tag(struct __sk_buff *skb) {
  __u32 length = skb->len;
  if (length < 60 || length > 1514) return TC_ACT_SHOT;
  struct trailer put = { bpf_htons(length), skb->mark & 7, 0 };
  put.check = (length ^ length >> 8 ^ put.port) & 0xff;
  if (bpf_skb_change_tail(skb, length + sizeof(put), 0)) return TC_ACT_SHOT;
  if (bpf_skb_store_bytes(skb, length - (BUG == 1 ? sizeof(put) : 0), &put, BUG == 2 ? 2 : sizeof(put), 0)) return TC_ACT_SHOT;
  return bpf_redirect(7, 0);
}
