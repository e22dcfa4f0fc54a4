/* Puts frames into VXLAN over IPv4 and UDP with a checksum over the new header. BUG 1: the length of UDP is wrong. */
#include "suite.h"
struct vxlan { __be32 flags, vni; };
struct outer { struct ethhdr eth; struct iphdr ip; struct udphdr udp; struct vxlan vxlan; } __attribute__((packed));
struct tunnel { __be32 src, dst, vni; __u32 port; __u8 mac[12]; };
MAP(tunnels, ARRAY, __u32, struct tunnel, 1);
SEC("xdp") int encap(struct xdp_md *ctx) {
  __u32 zero = 0, length = END(ctx) - DATA(ctx);
  struct tunnel *t = bpf_map_lookup_elem(&tunnels, &zero);
  if (!t || !t->dst || length > 1400) return XDP_PASS;
  if (bpf_xdp_adjust_head(ctx, -(int)sizeof(struct outer))) return XDP_DROP;
  struct outer *o = DATA(ctx);
  if ((void *)(o + 1) > END(ctx)) return XDP_DROP;
  __builtin_memset(o, 0, sizeof(*o));
  __builtin_memcpy(&o->eth, t->mac, 12);
  o->eth.h_proto = bpf_htons(ETH_P_IP);
  o->ip.version = 4;
  o->ip.ihl = 5;
  o->ip.ttl = 64;
  o->ip.protocol = IPPROTO_UDP;
  o->ip.tot_len = bpf_htons(length + sizeof(*o) - sizeof(o->eth));
  o->ip.saddr = t->src;
  o->ip.daddr = t->dst;
  __u32 sum = 0;
#pragma unroll
  for (int i = 0; i < 10; i++) sum += ((__u16 *)&o->ip)[i];
  o->ip.check = folded(sum);
  o->udp.dest = bpf_htons(4789);
  o->udp.source = bpf_htons(49152);
  o->udp.len = bpf_htons(length + sizeof(o->vxlan) + (BUG == 1 ? 0 : sizeof(o->udp)));
  o->vxlan.flags = bpf_htonl(0x08000000);
  o->vxlan.vni = t->vni;
  return bpf_redirect(t->port, 0);
}
