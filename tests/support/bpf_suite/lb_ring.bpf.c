/* A balancer over a ring of 64 slots that name servers. BUG 1: the port counts for nothing. BUG 2: slot and server mixed up. */
#include "suite.h"
struct server { __u8 mac[6]; __u16 port; };
MAP(ring, ARRAY, __u32, __u32, 64);
MAP(servers, ARRAY, __u32, struct server, 16);
SEC("xdp") int balance(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  __be16 *ports = (void *)(ip + 1);
  if ((void *)(ports + 2) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->protocol != IPPROTO_TCP) return XDP_PASS;
  if (ip->ihl != 5) return XDP_DROP;
  __u32 hash = ip->saddr ^ (BUG == 1 ? 0 : ports[0] * 40503u), slot;
  hash ^= hash >> 16;
  slot = (hash ^ hash >> 8) & 63;
  __u32 *number = bpf_map_lookup_elem(&ring, &slot);
  if (!number) return XDP_DROP;
  __u32 key = BUG == 2 ? slot & 15 : *number & 15;
  struct server *server = bpf_map_lookup_elem(&servers, &key);
  if (!server) return XDP_DROP;
  __builtin_memcpy(eth->h_source, eth->h_dest, 6);
  __builtin_memcpy(eth->h_dest, server->mac, 6);
  return bpf_redirect(server->port, 0);
}
