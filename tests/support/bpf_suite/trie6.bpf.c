/* Prefixes of IPv6 with the VLAN in front. BUG 1: the first half of the address twice. */
#include "suite.h"
struct key { __u32 plen; __be32 vlan; __u8 address[16]; };
struct hop { __u32 port; __u8 mac[6], pad[2]; };
TRIE(hops, struct key, struct hop, 1024);
SEC("tc") int route(struct __sk_buff *skb) {
  void *data = DATA(skb), *end = END(skb);
  struct ipv6hdr *ip = data + ETH_HLEN;
  if (skb->protocol != bpf_htons(ETH_P_IPV6) || (void *)(ip + 1) > end) return TC_ACT_OK;
  struct key key = { .plen = 160, .vlan = bpf_htonl(skb->vlan_tci & 0xfff) };
  __builtin_memcpy(key.address, BUG == 1 ? (void *)&ip->saddr : (void *)&ip->daddr, 16);
  struct hop *hop = bpf_map_lookup_elem(&hops, &key);
  if (!hop || ip->hop_limit <= 1) return TC_ACT_SHOT;
  ip->hop_limit--;
  __builtin_memcpy(data, hop->mac, 6);
  return bpf_redirect(hop->port, 0);
}
