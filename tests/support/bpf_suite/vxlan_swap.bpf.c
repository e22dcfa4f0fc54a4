/* Frames of one virtual network go on in another. BUG 1: the number is shifted by a byte. BUG 2: the flag is not tested. */
#include "suite.h"
struct vxlan { __be32 flags, network; };
MAP(networks, HASH, __u32, __u32, 64);
SEC("xdp") int swap(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  struct udphdr *udp = (void *)(ip + 1);
  struct vxlan *tunnel = (void *)(udp + 1);
  if ((void *)(tunnel + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  if (*(__u8 *)ip != 0x45 || ip->protocol != IPPROTO_UDP || udp->dest != bpf_htons(4789)) return XDP_PASS;
  if (BUG != 2 && !(tunnel->flags & bpf_htonl(1 << 27))) return XDP_DROP;
  __u32 number = bpf_ntohl(tunnel->network) >> 8;
  __u32 *to = bpf_map_lookup_elem(&networks, &number);
  if (!to) return XDP_DROP;
  tunnel->network = bpf_htonl(*to << (BUG == 1 ? 0 : 8));
  udp->check = 0;
  return XDP_TX;
}
