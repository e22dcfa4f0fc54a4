/* A server for each flow, by a hash that mixes sums of its five words with rotated ones (in the way of B. Jenkins'
   lookup3), which compilers shift in registers twice as wide. BUG 1: a word is rotated by one bit less. BUG 2: the
   last word is left out. BUG 3: 127 servers of 256. */
#include "suite.h"
#define SERVERS 256
MAP(servers, ARRAY, __u32, __be32, SERVERS);
INLINE __u32 five_words(const __u32 *word) {
  __u32 a = 0xdeadbef0 + word[0], b = 0xdeadbef0 + word[1], c = 0xdeadbef0 + word[2];
  a -= c; a ^= rol(c, 4); c += b;
  b -= a; b ^= rol(a, BUG == 1 ? 5 : 6); a += c;
  c -= b; c ^= rol(b, 8); b += a;
  a -= c; a ^= rol(c, 16); c += b;
  b -= a; b ^= rol(a, 19); a += c;
  c -= b; c ^= rol(b, 4); b += a;
  a += word[3];
  b += BUG == 2 ? 0 : word[4];
  return last_mixed(a, b, c);
}
SEC("xdp") int balance(struct xdp_md *ctx) {
  struct ethhdr *eth = DATA(ctx);
  struct iphdr *ip = (void *)(eth + 1);
  struct udphdr *udp = (void *)(ip + 1);
  if ((void *)(udp + 1) > END(ctx) || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  if (ip->ihl != 5 || ip->protocol != IPPROTO_UDP) return XDP_PASS;
  __u32 words[5] = {ip->saddr, ip->daddr, udp->source | (__u32)udp->dest << 16, ip->tos, ip->id};
  __u32 place = five_words(words) & (BUG == 3 ? 127 : SERVERS - 1);
  __be32 *server = bpf_map_lookup_elem(&servers, &place);
  if (!server) return XDP_DROP;
  ip->daddr = *server;
  return XDP_TX;
}
