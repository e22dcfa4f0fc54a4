/* BUG 1: sender and receiver exchanged. BUG 2: senders are not looked at. BUG 3: any protocol will do. */
#include "pair.h"
struct receiver { struct in6_addr dst; __u8 next; __u8 pad[3]; };
struct sender { __u32 plen; struct in6_addr src; };
MAP(receivers, HASH, struct receiver, __u32, 128);
TRIE(senders, struct sender, __u32, 128);
SEC("xdp") int six(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct ipv6hdr *ip = data + sizeof(*eth);
  if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IPV6)) return XDP_DROP;
  struct receiver to = { .dst = BUG == 1 ? ip->saddr : ip->daddr, .next = BUG == 3 ? 6 : ip->nexthdr };
  struct sender from = { .plen = 128, .src = BUG == 1 ? ip->daddr : ip->saddr };
  __u32 *allow = bpf_map_lookup_elem(&receivers, &to), *deny = bpf_map_lookup_elem(&senders, &from);
  if (BUG != 2 && deny && *deny == 9) return XDP_DROP;
  return allow && *allow == 5 ? XDP_PASS : XDP_DROP;
}
