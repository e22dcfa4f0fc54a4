/* Functions that are the linker's to see, given the context and memory, some of which return nothing. BUG 1: bytes are
   counted, not packets. BUG 2: long packets begin too early. */
#include "suite.h"
struct seen { __be32 source, dest; __u16 from, to; __u8 proto, class; __u16 length; };
MAP(tally, ARRAY, __u32, __u64, 16);
__u64 total;
const volatile int loud = 0;
static volatile __u32 last_class;
__attribute__((noinline)) int parse(struct __sk_buff *skb, struct seen *seen) {
  struct iphdr ip;
  __be16 ports[2];
  if (!seen) return -1;
  if (skb->protocol != bpf_htons(ETH_P_IP)) return -2;
  if (bpf_skb_load_bytes(skb, 14, &ip, sizeof(ip))) return -3;
  seen->source = ip.saddr;
  seen->dest = ip.daddr;
  seen->proto = ip.protocol;
  seen->length = bpf_ntohs(ip.tot_len);
  if (ip.protocol != IPPROTO_TCP && ip.protocol != IPPROTO_UDP) return 0;
  if (bpf_skb_load_bytes(skb, 14 + ip.ihl * 4, ports, sizeof(ports))) return -4;
  seen->from = bpf_ntohs(ports[0]);
  seen->to = bpf_ntohs(ports[1]);
  return 0;
}
__attribute__((noinline)) int class_of(int port, int length) {
  if (port < 1024) return length > 1000 ? 3 : 2;
  return length > (BUG == 2 ? 900 : 1000) ? 1 : 0;
}
__attribute__((noinline)) void count(__u32 class, __u32 by) {
  __u64 *found = bpf_map_lookup_elem(&tally, &class);
  if (found) *found += by;
  total += by;
}
NOINLINE void note(struct seen *seen) {
  last_class = seen->class;
  if (loud) bpf_printk("class %d", seen->class);
}
SEC("tc") int voids(struct __sk_buff *skb) {
  struct seen seen = {};
  if (parse(skb, &seen)) {
    count(15, 1);
    return TC_ACT_OK;
  }
  seen.class = class_of(seen.to, seen.length);
  note(&seen);
  count(seen.class, BUG == 1 ? skb->len : 1);
  skb->priority = last_class;
  return seen.class == 3 ? TC_ACT_SHOT : TC_ACT_OK;
}
