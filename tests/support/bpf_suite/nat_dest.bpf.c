/* Destination NAT at tc, with the kernel's helpers for both sums. BUG 1: the new port is not in the sum. BUG 2: the sum
   of UDP is mended even where there is none. */
#include "suite.h"
struct service { __be32 ip; __be16 port, pad; };
MAP(services, HASH, struct service, struct service, 128);
#define IP_AT 14
#define UDP_AT 34
SEC("tc") int nat(struct __sk_buff *skb) {
  void *data = DATA(skb), *end = END(skb);
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  struct udphdr *udp = (void *)(ip + 1);
  if ((void *)(udp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return TC_ACT_OK;
  if (ip->ihl != 5 || ip->protocol != IPPROTO_UDP) return TC_ACT_OK;
  struct service key = { .ip = ip->daddr, .port = udp->dest };
  struct service *to = bpf_map_lookup_elem(&services, &key);
  if (!to) return TC_ACT_OK;
  __be32 address = to->ip;
  __be16 port = to->port;
  __u32 flags = BUG == 2 ? 0 : BPF_F_MARK_MANGLED_0;
  bpf_l3_csum_replace(skb, IP_AT + 10, key.ip, address, 4);
  bpf_l4_csum_replace(skb, UDP_AT + 6, key.ip, address, BPF_F_PSEUDO_HDR | flags | 4);
  if (BUG != 1) bpf_l4_csum_replace(skb, UDP_AT + 6, key.port, port, flags | 2);
  bpf_skb_store_bytes(skb, IP_AT + 16, &address, 4, 0);
  bpf_skb_store_bytes(skb, UDP_AT + 2, &port, 2, 0);
  return TC_ACT_OK;
}
