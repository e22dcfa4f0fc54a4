/* GRE over IPv4 by bpf_skb_adjust_room. BUG 1: the protocol field of GRE is in the wrong byte order. */
#include "suite.h"
struct gre { __be16 flags, proto; };
struct head { struct iphdr ip; struct gre gre; };
MAP(peers, HASH, __be32, __be32, 64);
SEC("tc") int encap(struct __sk_buff *skb) {
  struct iphdr inner;
  if (skb->protocol != bpf_htons(ETH_P_IP)) return TC_ACT_OK;
  if (bpf_skb_load_bytes(skb, ETH_HLEN, &inner, sizeof(inner))) return TC_ACT_OK;
  __be32 *peer = bpf_map_lookup_elem(&peers, &inner.daddr);
  if (!peer) return TC_ACT_OK;
  struct head h = {};
  h.ip.version = 4;
  h.ip.ihl = 5;
  h.ip.ttl = inner.ttl;
  h.ip.tos = inner.tos;
  h.ip.protocol = IPPROTO_GRE;
  h.ip.tot_len = bpf_htons(bpf_ntohs(inner.tot_len) + sizeof(h));
  h.ip.saddr = bpf_htonl(0x0a000001);
  h.ip.daddr = *peer;
  h.gre.proto = BUG == 1 ? ETH_P_IP : bpf_htons(ETH_P_IP);
  __u32 sum = 0;
#pragma unroll
  for (int i = 0; i < 10; i++) sum += ((__u16 *)&h.ip)[i];
  h.ip.check = folded(sum);
  __u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L4_GRE;
  if (bpf_skb_adjust_room(skb, sizeof(h), BPF_ADJ_ROOM_MAC, flags)) return TC_ACT_SHOT;
  if (bpf_skb_store_bytes(skb, ETH_HLEN, &h, sizeof(h), 0)) return TC_ACT_SHOT;
  return TC_ACT_OK;
}
