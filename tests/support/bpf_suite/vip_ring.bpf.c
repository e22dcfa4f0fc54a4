/* A balancer with virtual addresses, a ring for each, and IP-in-IP to the server. BUG 1: the ring of the next address.
   BUG 2: the outer header has the inner length. */
#include "suite.h"
struct vip { __be32 address; __be16 port; __u8 proto, pad; };
struct about { __u32 flags, number; };
struct real { __be32 address; __u32 flags; };
MAP(vips, HASH, struct vip, struct about, 512);
MAP(rings, ARRAY, __u32, __u32, 8192);
MAP(reals, ARRAY, __u32, struct real, 64);
MAP(stats, PERCPU_ARRAY, __u32, __u64, 512);
#define RING 257
INLINE __u32 mixed(__u32 a, __u32 b, __u32 c) {
  a += 0xdeadbeef; b += 0xdeadbeef; c += 0xdeadbeef;
  c ^= b; c -= rol(b, 14); a ^= c; a -= rol(c, 11); b ^= a; b -= rol(a, 25); c ^= b; c -= rol(b, 16);
  return c;
}
SEC("xdp") int balance(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = data + sizeof(*eth);
  if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  if (ip->ihl != 5) return XDP_DROP;
  if (ip->frag_off & bpf_htons(0x3fff)) return XDP_DROP;
  if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP) return XDP_PASS;
  __be16 *ports = (void *)(ip + 1);
  if ((void *)(ports + 2) > end) return XDP_DROP;
  struct vip vip = { ip->daddr, ports[1], ip->protocol };
  struct about *about = bpf_map_lookup_elem(&vips, &vip);
  if (!about) {
    vip.port = 0;
    about = bpf_map_lookup_elem(&vips, &vip);
    if (!about) return XDP_PASS;
  }
  __u32 place = RING * (about->number + (BUG == 1)) + mixed(ip->saddr, ports[0], ip->protocol) % RING;
  __u32 *server = bpf_map_lookup_elem(&rings, &place);
  if (!server) return XDP_DROP;
  __u32 number = *server;
  struct real *real = bpf_map_lookup_elem(&reals, &number);
  if (!real) return XDP_DROP;
  __u64 *count = bpf_map_lookup_elem(&stats, &about->number);
  if (count) (*count)++;
  __u16 length = bpf_ntohs(ip->tot_len);
  __be32 from = bpf_htonl(0xac100000) | (ip->saddr ^ ports[0]) << 16;
  if (bpf_xdp_adjust_head(ctx, -(int)sizeof(*ip))) return XDP_DROP;
  data = DATA(ctx), end = END(ctx);
  struct ethhdr *fresh = data, *old = data + sizeof(*ip);
  struct iphdr *outer = (void *)(fresh + 1);
  if ((void *)(outer + 1) > end || (void *)(old + 1) > end) return XDP_DROP;
  __builtin_memmove(fresh, old, sizeof(*fresh));
  __builtin_memset(outer, 0, sizeof(*outer));
  outer->version = 4;
  outer->ihl = 5;
  outer->protocol = IPPROTO_IPIP;
  outer->tot_len = bpf_htons(length + (BUG == 2 ? 0 : sizeof(*outer)));
  outer->saddr = from;
  outer->daddr = real->address;
  outer->ttl = 64;
  __u32 sum = 0;
#pragma unroll
  for (int i = 0; i < 10; i++) sum += ((__u16 *)outer)[i];
  outer->check = folded(sum);
  return XDP_TX;
}
