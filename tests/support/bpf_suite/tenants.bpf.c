/* A map of maps: each port has an access list of its own. BUG 1: it is asked for the source. */
#include "suite.h"
struct inner { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 32); __type(key, __be32); __type(value, __u32); };
struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 16); __type(key, __u32);
         __array(values, struct inner); } tenants SEC(".maps");
SEC("tc") int tenant(struct __sk_buff *skb) {
  void *data = DATA(skb), *end = END(skb);
  struct iphdr *ip = data + ETH_HLEN;
  if ((void *)(ip + 1) > end || skb->protocol != bpf_htons(ETH_P_IP)) return TC_ACT_OK;
  __u32 port = skb->ingress_ifindex;
  void *list = bpf_map_lookup_elem(&tenants, &port);
  if (!list) return TC_ACT_SHOT;
  __be32 asked = BUG == 1 ? ip->saddr : ip->daddr;
  __u32 *verdict = bpf_map_lookup_elem(list, &asked);
  return verdict && *verdict ? TC_ACT_OK : TC_ACT_SHOT;
}
