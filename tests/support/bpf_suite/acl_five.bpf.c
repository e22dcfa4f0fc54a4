/* A five-tuple rule list in a hash with counters. BUG 1: source and destination port swapped in the key. */
#include "suite.h"
struct tuple { __be32 src, dst; __be16 sport, dport; __u8 proto, pad[3]; };
struct rule { __u64 packets, bytes; __u32 action; };
MAP(rules, HASH, struct tuple, struct rule, 1024);
SEC("tc") int five(struct __sk_buff *skb) {
  void *data = DATA(skb), *end = END(skb);
  struct iphdr *ip = data + sizeof(struct ethhdr);
  if (data + sizeof(struct ethhdr) + sizeof(*ip) + 4 > end) return TC_ACT_OK;
  if (skb->protocol != bpf_htons(ETH_P_IP) || ip->ihl != 5) return TC_ACT_OK;
  __be16 *ports = (void *)(ip + 1);
  struct tuple key = {};
  key.src = ip->saddr;
  key.dst = ip->daddr;
  key.proto = ip->protocol;
  if (ip->protocol == IPPROTO_TCP || ip->protocol == IPPROTO_UDP) {
    key.sport = ports[BUG == 1];
    key.dport = ports[BUG != 1];
  }
  struct rule *rule = bpf_map_lookup_elem(&rules, &key);
  if (!rule) return TC_ACT_SHOT;
  __sync_fetch_and_add(&rule->packets, 1);
  __sync_fetch_and_add(&rule->bytes, skb->len);
  return rule->action ? TC_ACT_OK : TC_ACT_SHOT;
}
