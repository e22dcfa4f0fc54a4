/* Destination port rewriting in place. BUG 1: a packet of one byte less passes the check. */
#include "suite.h"
struct target { __be32 ip; __be16 port, pad; };
MAP(services, HASH, __be16, struct target, 64);
INLINE __u16 update(__u16 sum, __u16 old, __u16 new) {
  __u32 total = (__u16)~sum + (__u16)~old + new;
  return folded(total);
}
SEC("xdp") int dnat(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = data + sizeof(*eth);
  struct udphdr *udp = (void *)(ip + 1);
  if ((void *)(udp + 1) - (BUG == 1) > end) return XDP_PASS;
  if (eth->h_proto != bpf_htons(ETH_P_IP) || ip->protocol != IPPROTO_UDP || ip->ihl != 5) return XDP_PASS;
  __be16 port = udp->dest;
  struct target *to = bpf_map_lookup_elem(&services, &port);
  if (!to) return XDP_PASS;
  __be32 old = ip->daddr;
  ip->check = update(ip->check, old, to->ip);
  ip->check = update(ip->check, old >> 16, to->ip >> 16);
  ip->daddr = to->ip;
  udp->dest = to->port;
  udp->check = 0;
  return XDP_TX;
}
