/* Parsing with a cursor through up to three tags, then an echo. BUG 1: two tags only. BUG 2: the sum is not mended. */
#include "suite.h"
struct cursor { void *pos; };
struct icmp6 { __u8 type, code; __be16 sum; __be16 id, seq; };
INLINE int ethernet(struct cursor *c, void *end, struct ethhdr **out) {
  struct ethhdr *eth = c->pos;
  if ((void *)(eth + 1) > end) return -1;
  c->pos = eth + 1;
  *out = eth;
  struct vlan *tag = c->pos;
  __be16 type = eth->h_proto;
#pragma unroll
  for (int i = 0; i < (BUG == 1 ? 2 : 3); i++) {
    if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD)) break;
    if ((void *)(tag + 1) > end) break;
    type = tag->type;
    tag++;
  }
  c->pos = tag;
  return type;
}
INLINE int network6(struct cursor *c, void *end, struct ipv6hdr **out) {
  struct ipv6hdr *ip = c->pos;
  if ((void *)(ip + 1) > end) return -1;
  c->pos = ip + 1;
  *out = ip;
  return ip->nexthdr;
}
SEC("xdp") int echo(struct xdp_md *ctx) {
  void *end = END(ctx);
  struct cursor c = { DATA(ctx) };
  struct ethhdr *eth;
  struct ipv6hdr *ip;
  if (ethernet(&c, end, &eth) != bpf_htons(ETH_P_IPV6)) return XDP_PASS;
  if (network6(&c, end, &ip) != IPPROTO_ICMPV6) return XDP_PASS;
  struct icmp6 *icmp = c.pos;
  if ((void *)(icmp + 1) > end || icmp->type != 128) return XDP_PASS;
  struct in6_addr address = ip->saddr;
  ip->saddr = ip->daddr;
  ip->daddr = address;
  __u8 mac[6];
  __builtin_memcpy(mac, eth->h_source, 6);
  __builtin_memcpy(eth->h_source, eth->h_dest, 6);
  __builtin_memcpy(eth->h_dest, mac, 6);
  icmp->type = 129;
  if (BUG != 2) {
    __u32 sum = (__u16)~icmp->sum + 1;
    icmp->sum = folded(sum);
  }
  return XDP_TX;
}
