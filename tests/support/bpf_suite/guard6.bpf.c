/* A prefix list for IPv6 with an LPM trie, and the flow label as mark. BUG 1: the label is in the wrong byte order. */
#include "suite.h"
struct prefix6 { __u32 plen; __u8 ip[16]; };
TRIE(prefixes, struct prefix6, __u32, 64);
SEC("tc") int guard(struct __sk_buff *skb) {
  void *data = DATA(skb), *end = END(skb);
  struct ipv6hdr *ip = data + ETH_HLEN;
  if ((void *)(ip + 1) > end || skb->protocol != bpf_htons(ETH_P_IPV6)) return TC_ACT_OK;
  struct prefix6 key = { .plen = 128 };
  __builtin_memcpy(key.ip, &ip->saddr, 16);
  __u32 *verdict = bpf_map_lookup_elem(&prefixes, &key);
  if (!verdict || !*verdict) return TC_ACT_SHOT;
  __be32 first = *(__be32 *)ip;
  skb->mark = (BUG == 1 ? first : bpf_ntohl(first)) & 0xfffff;
  return *verdict == 2 ? bpf_redirect(3, 0) : TC_ACT_OK;
}
