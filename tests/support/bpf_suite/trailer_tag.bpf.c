/* A switch tells behind each frame which of its ports it came by (a DSA trailer): that becomes the mark, and the tag goes.
   BUG 1: the tag's last byte stays. BUG 2: what is read begins a byte early. BUG 3: the tag's end is not looked at. */
#include "suite.h"
enum { TAG = 4 };
SEC("tc") int untag(struct __sk_buff *skb) {
  __u8 tag[TAG];
  __u32 length = skb->len;
  if (length < ETH_ZLEN + TAG) return TC_ACT_SHOT;
  if (bpf_skb_load_bytes(skb, length - TAG - (BUG == 2), tag, TAG)) return TC_ACT_SHOT;
  if (tag[0] != 0x80 || (tag[1] & 0xf8) || tag[2] & 0xef || (tag[3] && BUG != 3)) return TC_ACT_SHOT;
  if (bpf_skb_change_tail(skb, length - TAG + (BUG == 1), 0)) return TC_ACT_SHOT;
  skb->mark = tag[1] & 7;
  return TC_ACT_OK;
}
