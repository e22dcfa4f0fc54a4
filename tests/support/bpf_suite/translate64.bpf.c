/* IPv4 to IPv6 by bpf_skb_change_proto for a fixed prefix. BUG 1: the hop limit is not carried over. */
#include "suite.h"
SEC("tc") int translate(struct __sk_buff *skb) {
  struct iphdr ip;
  struct ipv6hdr out = {};
  if (skb->protocol != bpf_htons(ETH_P_IP)) return TC_ACT_OK;
  if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) || ip.ihl != 5) return TC_ACT_OK;
  out.version = 6;
  out.payload_len = bpf_htons(bpf_ntohs(ip.tot_len) - 20);
  out.nexthdr = ip.protocol;
  out.hop_limit = BUG == 1 ? 64 : ip.ttl;
  out.saddr.in6_u.u6_addr32[0] = out.daddr.in6_u.u6_addr32[0] = bpf_htonl(0x0064ff9b);
  out.saddr.in6_u.u6_addr32[3] = ip.saddr;
  out.daddr.in6_u.u6_addr32[3] = ip.daddr;
  if (bpf_skb_change_proto(skb, bpf_htons(ETH_P_IPV6), 0)) return TC_ACT_SHOT;
  __be16 type = bpf_htons(ETH_P_IPV6);
  if (bpf_skb_store_bytes(skb, 12, &type, 2, 0)) return TC_ACT_SHOT;
  if (bpf_skb_store_bytes(skb, ETH_HLEN, &out, sizeof(out), 0)) return TC_ACT_SHOT;
  return TC_ACT_OK;
}
