/* Drops TCP and UDP to ports below 1024 that no list allows. BUG 1: the bound is off by one. BUG 2: byte order. */
#include "suite.h"
MAP(allowed, HASH, __u16, __u8, 64);
SEC("xdp") int acl(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  if (data + sizeof(*eth) + sizeof(struct iphdr) > end) return XDP_PASS;
  if (eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  struct iphdr *ip = data + sizeof(*eth);
  if (ip->ihl < 5 || (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP)) return XDP_PASS;
  __u16 *ports = (void *)ip + ip->ihl * 4;
  if ((void *)(ports + 2) > end) return XDP_DROP;
#if BUG == 2
  __u16 port = ports[1];
#else
  __u16 port = bpf_ntohs(ports[1]);
#endif
  if (port >= 1024 + (BUG == 1)) return XDP_PASS;
  return bpf_map_lookup_elem(&allowed, &port) ? XDP_PASS : XDP_DROP;
}
