/* The same idea at tc, with the kernel's helpers for bytes and sums. BUG 1: the old TTL is not taken out of the sum. */
#include "suite.h"
TRIE(routes, struct route, __u32, 256);
SEC("tc") int router(struct __sk_buff *skb) {
  __u8 head[20];
  if (skb->protocol != bpf_htons(ETH_P_IP)) return TC_ACT_OK;
  if (bpf_skb_load_bytes(skb, ETH_HLEN, head, sizeof(head))) return TC_ACT_SHOT;
  __u8 ttl = head[8];
  if (ttl <= 1) return TC_ACT_SHOT;
  struct route key = { .plen = 32 };
  __builtin_memcpy(&key.ip, head + 16, 4);
  __u32 *port = bpf_map_lookup_elem(&routes, &key);
  if (!port) return TC_ACT_SHOT;
  __u16 before = ttl | head[9] << 8, after = (ttl - 1) | head[9] << 8;
  bpf_l3_csum_replace(skb, ETH_HLEN + 10, BUG == 1 ? after : before, after, 2);
  __u8 less = ttl - 1;
  bpf_skb_store_bytes(skb, ETH_HLEN + 8, &less, 1, 0);
  return bpf_redirect(*port, 0);
}
