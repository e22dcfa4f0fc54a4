/* Takes VXLAN off for known networks. BUG 1: the network's number is not looked at. */
#include "suite.h"
MAP(networks, HASH, __u32, __u32, 64);
SEC("xdp") int decap(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  struct udphdr *udp = (void *)(ip + 1);
  __be32 *vxlan = (void *)(udp + 1);
  if ((void *)(vxlan + 2) + ETH_HLEN > end) return XDP_PASS;
  if (eth->h_proto != bpf_htons(ETH_P_IP) || ip->protocol != IPPROTO_UDP || ip->ihl != 5) return XDP_PASS;
  if (udp->dest != bpf_htons(4789) || !(vxlan[0] & bpf_htonl(0x08000000))) return XDP_PASS;
  __u32 vni = BUG == 1 ? 0 : bpf_ntohl(vxlan[1]) >> 8;
  __u32 *port = bpf_map_lookup_elem(&networks, &vni);
  if (!port) return XDP_DROP;
  __u32 to = *port;
  if (bpf_xdp_adjust_head(ctx, ETH_HLEN + 20 + 8 + 8)) return XDP_ABORTED;
  return bpf_redirect(to, 0);
}
