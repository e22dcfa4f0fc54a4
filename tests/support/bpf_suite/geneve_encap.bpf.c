/* Geneve around a frame at tc, with an option, by adjust_room. BUG 1: the length of the datagram leaves the option out. */
#include "suite.h"
struct geneve { __u8 flags, reserved; __be16 proto; __u8 vni[3], zero; __be16 class; __u8 type, length; __be32 data; };
struct outer { struct iphdr ip; struct udphdr udp; struct geneve geneve; } __attribute__((packed));
SEC("tc") int encap(struct __sk_buff *skb) {
  if (skb->protocol != bpf_htons(ETH_P_IP)) return TC_ACT_OK;
  __u32 length = skb->len - ETH_HLEN;
  if (bpf_skb_adjust_room(skb, sizeof(struct outer), BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L4_UDP))
    return TC_ACT_SHOT;
  struct outer o = {};
  o.ip.version = 4;
  o.ip.ihl = 5;
  o.ip.ttl = 64;
  o.ip.protocol = IPPROTO_UDP;
  o.ip.saddr = bpf_htonl(0x0a000001);
  o.ip.daddr = bpf_htonl(0x0a000002);
  o.ip.tot_len = bpf_htons(length + sizeof(o));
  __u32 sum = 0;
#pragma unroll
  for (int i = 0; i < 10; i++) sum += ((__u16 *)&o.ip)[i];
  o.ip.check = folded(sum);
  o.udp.source = bpf_htons(0xc000 | (skb->hash & 0x3fff));
  o.udp.dest = bpf_htons(6081);
  o.udp.len = bpf_htons(length + sizeof(o.udp) + sizeof(o.geneve) - 8 * (BUG == 1));
  o.geneve.flags = 2;
  o.geneve.proto = bpf_htons(ETH_P_IP);
  o.geneve.vni[2] = 7;
  o.geneve.class = bpf_htons(0x102);
  o.geneve.length = 1;
  o.geneve.data = bpf_htonl(skb->mark);
  return bpf_skb_store_bytes(skb, ETH_HLEN, &o, sizeof(o), 0) ? TC_ACT_SHOT : TC_ACT_OK;
}
