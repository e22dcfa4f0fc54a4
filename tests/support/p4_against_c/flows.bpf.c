/* BUG 1: frames with a VLAN tag pass as if without. BUG 2: the protocol is not looked at. BUG 3: a port in the wrong
   order. BUG 4: later fragments are taken for first ones. */
#include "pair.h"
enum verdict { UNSET, ALLOW, DENY };
struct flow { __be32 src, dst; __u16 sport, dport; __u8 protocol, pad[3]; };
struct rule { enum verdict what; };
MAP(flows, HASH, struct flow, struct rule, 4096);
MAP(fallback, ARRAY, __u32, struct rule, 1);
SEC("tc") int filter(struct __sk_buff *skb) {
  void *data = DATA(skb), *end = END(skb);
  struct ethhdr *eth = data;
  struct iphdr *ip = data + sizeof(*eth);
  struct { __be16 src, dst; } *ports = (void *)(ip + 1);
  if (BUG != 1 && skb->vlan_present) return TC_ACT_SHOT;
  if ((void *)(ports + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return TC_ACT_SHOT;
  if (*(__u8 *)ip != 0x45 || (BUG != 4 && ip->frag_off & bpf_htons(0x1fff))) return TC_ACT_SHOT;
  if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP) return TC_ACT_SHOT;
  struct flow key = { .src = ip->saddr, .dst = ip->daddr, .protocol = BUG == 2 ? IPPROTO_TCP : ip->protocol,
                      .sport = bpf_ntohs(ports->src), .dport = BUG == 3 ? ports->dst : bpf_ntohs(ports->dst) };
  __u32 zero = 0;
  struct rule *rule = bpf_map_lookup_elem(&flows, &key);
  if (!rule) rule = bpf_map_lookup_elem(&fallback, &zero);
  return rule && rule->what == ALLOW ? TC_ACT_OK : TC_ACT_SHOT;
}
