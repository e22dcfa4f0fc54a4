/* Policy by identity, port and protocol, from the exact entry to the widest. BUG 1: the entry of any port is not asked.
   BUG 2: denied packets are counted as passed. */
#include "suite.h"
struct key { __u32 identity; __be16 port; __u8 proto, egress; };
struct entry { __u8 deny, pad[3]; __u32 proxy; __u64 packets, bytes; };
MAP(identities, LRU_HASH, __be32, __u32, 1024);
MAP(policies, HASH, struct key, struct entry, 1024);
MAP(drops, PERCPU_HASH, __u32, __u64, 16);
INLINE int verdict(struct entry *found, __u32 length) {
  if (!found) return -1;
  __sync_fetch_and_add(&found->packets, 1);
  __sync_fetch_and_add(&found->bytes, length);
  return found->deny ? 0 : 1;
}
SEC("tc") int policy(struct __sk_buff *skb) {
  void *data = DATA(skb), *end = END(skb);
  struct iphdr *ip = data + ETH_HLEN;
  if (skb->protocol != bpf_htons(ETH_P_IP)) return TC_ACT_OK;
  if ((void *)(ip + 1) > end) return TC_ACT_SHOT;
  __be32 from = ip->saddr;
  __u32 *identity = bpf_map_lookup_elem(&identities, &from);
  struct key key = { .identity = identity ? *identity : 2, .proto = ip->protocol };
  __u32 at = ETH_HLEN + ip->ihl * 4;
  if (key.proto == IPPROTO_TCP || key.proto == IPPROTO_UDP)
    if (bpf_skb_load_bytes(skb, at + 2, &key.port, 2)) return TC_ACT_SHOT;
  int said = verdict(bpf_map_lookup_elem(&policies, &key), skb->len);
  if (said < 0 && BUG != 1) {
    key.port = 0;
    said = verdict(bpf_map_lookup_elem(&policies, &key), skb->len);
  }
  if (said < 0) {
    key.port = 0;
    key.proto = 0;
    said = verdict(bpf_map_lookup_elem(&policies, &key), skb->len);
  }
  if (said > 0) {
    skb->mark = key.identity << 16 | 0xd00;
    return TC_ACT_OK;
  }
  __u32 reason = said < 0 ? 133 : 181;
  __u64 *count = bpf_map_lookup_elem(&drops, &reason), one = 1;
  if (BUG == 2 && said == 0) return TC_ACT_SHOT;
  if (count) *count += 1;
  else bpf_map_update_elem(&drops, &reason, &one, BPF_NOEXIST);
  return TC_ACT_SHOT;
}
