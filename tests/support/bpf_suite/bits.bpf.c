/* Bit fields, unions and packed structs. BUG 1: two neighbouring fields are taken for each other. */
#include "suite.h"
struct tag { __u16 vid_high : 4, dei : 1, pcp : 3, vid_low : 8; } __attribute__((packed));
struct own { __u8 kind : 3, flag : 1, more : 4; __u32 number; __u16 rest; } __attribute__((packed));
union word { __u32 all; struct { __u8 a, b; __u16 c; }; };
SEC("tc") int bits(struct __sk_buff *skb) {
  void *data = DATA(skb), *end = END(skb);
  struct own *own = data + ETH_HLEN;
  struct tag *tag = (void *)(own + 1);
  if ((void *)(tag + 1) > end) return TC_ACT_SHOT;
  union word w = { own->number };
  struct own out = { own->more & 7, !own->flag, own->kind << 1 | own->flag, w.c << 16 | w.b << 8 | w.a, own->rest + 1 };
  __u16 vid = tag->vid_high << 8 | tag->vid_low;
  skb->mark = vid;
  skb->priority = BUG == 1 ? tag->dei : tag->pcp;
  if (bpf_skb_store_bytes(skb, ETH_HLEN, &out, sizeof(out), 0)) return TC_ACT_SHOT;
  return TC_ACT_OK;
}
