/* A ring of places, each with a server, asked by Jenkins' hash of a flow, as load balancers do. BUG 1: another seed.
   BUG 2: the time to live sinks by two. */
#include "suite.h"
#define SIZE 65537
MAP(ring, ARRAY, __u32, __u32, SIZE);
MAP(servers, ARRAY, __u32, __be32, 4096);
INLINE __u32 two_words(__u32 x, __u32 y) {
  __u32 seed = 0xdeadbeef + (2 << 2) + (BUG == 1), a = x + seed, b = y + seed, c = seed;
  return last_mixed(a, b, c);
}
SEC("xdp") int balance(struct xdp_md *ctx) {
  struct ethhdr *eth = DATA(ctx);
  struct iphdr *ip = (void *)(eth + 1);
  struct udphdr *udp = (void *)(ip + 1);
  if ((void *)(udp + 1) > END(ctx) || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  if (ip->ihl != 5 || ip->protocol != IPPROTO_UDP) return XDP_PASS;
  __u32 place = two_words(ip->saddr, udp->source | (__u32)udp->dest << 16) % SIZE;
  __u32 *number = bpf_map_lookup_elem(&ring, &place);
  if (!number) return XDP_DROP;
  __u32 server = *number;
  __be32 *address = bpf_map_lookup_elem(&servers, &server);
  if (!address) return XDP_DROP;
  ip->daddr = *address;
  ip->ttl -= BUG == 2 ? 2 : 1;
  return XDP_TX;
}
