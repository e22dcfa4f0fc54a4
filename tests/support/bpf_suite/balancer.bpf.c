/* A load balancer: a hash of the addresses picks one of 16 servers. BUG 1: the modulus is 15. */
#include "suite.h"
struct server { __u32 port; __u8 mac[6]; __u16 weight; };
MAP(servers, ARRAY, __u32, struct server, 16);
INLINE __u32 mix(__u32 x) {
  x ^= x >> 16;
  x *= 0x85ebca6b;
  x ^= x >> 13;
  return x;
}
SEC("xdp") int balance(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = data + sizeof(*eth);
  if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  __u32 index = mix(ip->saddr ^ ip->daddr) % (BUG == 1 ? 15 : 16);
  struct server *server = bpf_map_lookup_elem(&servers, &index);
  if (!server || !server->weight) return XDP_DROP;
  __builtin_memcpy(eth->h_dest, server->mac, 6);
  return bpf_redirect(server->port, 0);
}
