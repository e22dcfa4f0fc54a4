/* Replies pass only to who asked: a flow table written on the way out. BUG 1: ports are not exchanged for the reply. */
#include "suite.h"
struct flow { __be32 near, far; __be16 near_port, far_port; __u32 protocol; };
MAP(flows, LRU_HASH, struct flow, __u64, 1024);
SEC("tc") int stateful(struct __sk_buff *skb) {
  void *data = DATA(skb), *end = END(skb);
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  struct { __be16 source, dest; } *ports = (void *)(ip + 1);
  if ((void *)(ports + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5) return TC_ACT_SHOT;
  if (ip->protocol != IPPROTO_UDP) return TC_ACT_OK;
  struct flow key = { .protocol = IPPROTO_UDP };
  if (skb->ingress_ifindex & 1) {
    __u64 one = 1;
    key.near = ip->saddr, key.far = ip->daddr, key.near_port = ports->source, key.far_port = ports->dest;
    bpf_map_update_elem(&flows, &key, &one, BPF_ANY);
    return TC_ACT_OK;
  }
  key.near = ip->daddr, key.far = ip->saddr;
  key.near_port = BUG == 1 ? ports->source : ports->dest, key.far_port = BUG == 1 ? ports->dest : ports->source;
  return bpf_map_lookup_elem(&flows, &key) ? TC_ACT_OK : TC_ACT_SHOT;
}
