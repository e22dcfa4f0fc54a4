/* Source NAT behind a header of any length, by helpers with sums. BUG 1: options are forgotten for the port.
   BUG 2: the sum forgets the address of its pseudo header. */
#include "suite.h"
struct tuple { __be32 src, dst; __be16 sport, dport; __u8 proto, pad[3]; };
struct nat { __be32 address; __be16 port, pad; };
MAP(translations, HASH, struct tuple, struct nat, 4096);
SEC("tc") int snat(struct __sk_buff *skb) {
  void *data = DATA(skb), *end = END(skb);
  struct iphdr *ip = data + ETH_HLEN;
  if (skb->protocol != bpf_htons(ETH_P_IP) || (void *)(ip + 1) > end) return TC_ACT_OK;
  struct tuple tuple = { ip->saddr, ip->daddr, .proto = ip->protocol };
  if (ip->ihl < 5 || (ip->protocol != IPPROTO_UDP && ip->protocol != IPPROTO_TCP)) return TC_ACT_OK;
  __u32 at = ETH_HLEN + (BUG == 1 ? 20 : ip->ihl * 4);
  if (bpf_skb_load_bytes(skb, at, &tuple.sport, 4)) return TC_ACT_SHOT;
  struct nat *nat = bpf_map_lookup_elem(&translations, &tuple);
  if (!nat) return TC_ACT_OK;
  __be32 address = nat->address;
  __be16 port = nat->port;
  __u32 sum = at + (tuple.proto == IPPROTO_TCP ? 16 : 6);
  __u64 flags = tuple.proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
  if (bpf_l4_csum_replace(skb, sum, tuple.sport, port, flags | 2)) return TC_ACT_SHOT;
  if (BUG != 2 && bpf_l4_csum_replace(skb, sum, tuple.src, address, BPF_F_PSEUDO_HDR | flags | 4)) return TC_ACT_SHOT;
  if (bpf_skb_store_bytes(skb, at, &port, 2, 0)) return TC_ACT_SHOT;
  if (bpf_l3_csum_replace(skb, ETH_HLEN + 10, tuple.src, address, 4)) return TC_ACT_SHOT;
  if (bpf_skb_store_bytes(skb, ETH_HLEN + 12, &address, 4, 0)) return TC_ACT_SHOT;
  return TC_ACT_OK;
}
