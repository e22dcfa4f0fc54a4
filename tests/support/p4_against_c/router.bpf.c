/* BUG 1: no new checksum. BUG 2: time to live 1 goes on. BUG 3: the addresses are not exchanged. BUG 4: options pass. */
#include "pair.h"

struct hop { __u8 mac[6]; __u16 port; __u8 drop; };
TRIE(routes, struct route, struct hop, 256);
SEC("xdp") int router(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = data + sizeof(*eth);
  if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_DROP;
  if (ip->version != 4 || (BUG != 4 && ip->ihl != 5) || ip->ttl <= (BUG == 2 ? 0 : 1)) return XDP_DROP;
  struct route key = { .plen = 32, .ip = ip->daddr };
  struct hop *hop = bpf_map_lookup_elem(&routes, &key);
  if (!hop || hop->drop || hop->port == DROP_PORT) return XDP_DROP;
  ip->ttl--;
  if (BUG != 1) ip->check = checksum20(ip);
  if (BUG != 3) __builtin_memcpy(eth->h_source, eth->h_dest, 6);
  __builtin_memcpy(eth->h_dest, hop->mac, 6);
  return bpf_redirect(hop->port, 0);
}
