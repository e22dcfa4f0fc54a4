/* Takes Geneve with options off. BUG 1: the options stay in front of the frame. BUG 2: control packets are taken for data. */
#include "suite.h"
struct geneve { __u8 length, flags; __be16 type; __be32 network; };
SEC("xdp") int decap(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  struct udphdr *udp = (void *)(ip + 1);
  struct geneve *tunnel = (void *)(udp + 1);
  if ((void *)(tunnel + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  if (*(__u8 *)ip != 0x45 || ip->protocol != IPPROTO_UDP || udp->dest != bpf_htons(6081)) return XDP_PASS;
  if (tunnel->length >> 6 || (BUG != 2 && tunnel->flags & 0x80) || tunnel->type != bpf_htons(0x6558)) return XDP_DROP;
  int options = BUG == 1 ? 0 : (tunnel->length & 7) * 4;
  if (bpf_xdp_adjust_head(ctx, 14 + 20 + 8 + 8 + options)) return XDP_DROP;
  return XDP_PASS;
}
