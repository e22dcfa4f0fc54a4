/* Frames that are too long are answered with ICMP "fragmentation needed", in the manner of a load balancer: the frame
   is cut, room is made in front. BUG 1: a byte of the frame less is sent back. BUG 2: the checksum is of what was sent. */
#include "suite.h"
enum { ICMP_UNREACHABLE = 3, FRAG_NEEDED = 4, MTU = 1500, KEPT = 98, HEAD = 28 };
struct too_big { struct ethhdr eth; struct iphdr ip; struct { __u8 type, code; __be16 checksum, unused, mtu; } icmp; };
SEC("xdp") int answer(struct xdp_md *ctx) {
  struct ethhdr *eth = DATA(ctx);
  struct iphdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > END(ctx) || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5) return XDP_PASS;
  if (END(ctx) - DATA(ctx) <= MTU + 14) return XDP_PASS;
  __be32 source = ip->saddr, target = ip->daddr;
  if (bpf_xdp_adjust_tail(ctx, (BUG == 1 ? KEPT - 1 : KEPT) - (int)(END(ctx) - DATA(ctx)))) return XDP_DROP;
  if (bpf_xdp_adjust_head(ctx, -HEAD)) return XDP_DROP;
  struct too_big *out = DATA(ctx);
  struct ethhdr *old = DATA(ctx) + HEAD;
  if ((void *)(old + 1) > END(ctx) || (void *)(out + 1) > END(ctx)) return XDP_DROP;
  __builtin_memcpy(out->eth.h_source, old->h_dest, 6);
  __builtin_memcpy(out->eth.h_dest, old->h_source, 6);
  out->eth.h_proto = bpf_htons(ETH_P_IP);
  __builtin_memset(&out->ip, 0, sizeof(out->ip) + sizeof(out->icmp));
  out->ip.version = 4;
  out->ip.ihl = 5;
  out->ip.ttl = 64;
  out->ip.protocol = IPPROTO_ICMP;
  out->ip.tot_len = bpf_htons(KEPT - 14 + HEAD);
  out->ip.saddr = BUG == 2 ? source : target;
  out->ip.daddr = source;
  out->ip.check = folded(bpf_csum_diff(0, 0, (__be32 *)&out->ip, sizeof(out->ip), 0));
  out->icmp.type = ICMP_UNREACHABLE;
  out->icmp.code = FRAG_NEEDED;
  out->icmp.mtu = bpf_htons(MTU);
  if (BUG == 2) out->ip.saddr = target;
  return XDP_TX;
}
