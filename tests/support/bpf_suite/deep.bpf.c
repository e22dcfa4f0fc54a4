/* Functions three deep with structs by pointer, one recursion unrolled by hand. BUG 1: the inner header's port. */
#include "suite.h"
struct packet { void *at, *end; __u32 src, dst; __u16 sport, dport; __u8 proto, depth; };
NOINLINE int ports(struct packet *p, void *l4, void *end) {
  __be16 *port = l4;
  if (l4 + 4 > end) return -1;
  p->sport = bpf_ntohs(port[0]);
  p->dport = bpf_ntohs(port[BUG == 1 ? 0 : 1]);
  return 0;
}
NOINLINE int ipv4(struct packet *p, void *l3, void *end) {
  struct iphdr *ip = l3;
  if ((void *)(ip + 1) > end || ip->ihl != 5) return -1;
  p->src = bpf_ntohl(ip->saddr);
  p->dst = bpf_ntohl(ip->daddr);
  p->proto = ip->protocol;
  if (p->proto == IPPROTO_IPIP && p->depth++ == 0) {
    struct iphdr *inner = (void *)(ip + 1);
    if ((void *)(inner + 1) > end) return -1;
    p->src = bpf_ntohl(inner->saddr);
    p->proto = inner->protocol;
    return ports(p, inner + 1, end);
  }
  return ports(p, ip + 1, end);
}
SEC("xdp") int deep(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct packet p = {};
  struct ethhdr *eth = data;
  if ((void *)(eth + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  if (ipv4(&p, eth + 1, end)) return XDP_DROP;
  if (p.depth && p.proto == IPPROTO_UDP && p.dport == 53) return XDP_DROP;
  return p.src == p.dst || p.sport == p.dport ? XDP_DROP : XDP_PASS;
}
