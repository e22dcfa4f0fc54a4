/* The end of a segment: the next address of the list becomes the target. BUG 1: one segment too far. */
#include "suite.h"
struct srh { __u8 next, length, type, left, last, flags; __be16 tag; struct in6_addr list[0]; };
SEC("xdp") int segment(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct ipv6hdr *ip = data + sizeof(*eth);
  struct srh *srh = (void *)(ip + 1);
  if ((void *)(srh + 1) > end || eth->h_proto != bpf_htons(ETH_P_IPV6)) return XDP_PASS;
  if (ip->nexthdr != 43 || srh->type != 4 || !srh->left) return XDP_PASS;
  __u8 left = srh->left - 1 - (BUG == 1);
  if (left > 4) return XDP_DROP;
  struct in6_addr *next = (void *)(srh + 1) + left * 16;
  if ((void *)(next + 1) > end) return XDP_DROP;
  srh->left = left;
  ip->daddr = *next;
  return XDP_PASS;
}
