/* SYN cookies: what asks for a connection is answered with a number that only we can make, what brings it back passes.
   BUG 1: the answer acknowledges nothing. BUG 2: another window. */
#include "suite.h"
MAP(secret, ARRAY, __u32, __u64, 1);
INLINE __u32 cookie(struct iphdr *ip, struct tcphdr *tcp, __u32 sequence, __u64 key) {
  __u64 x = ((__u64)ip->saddr << 32 | ip->daddr) ^ key;
  x += *(__be32 *)tcp;
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  return (__u32)x + sequence;
}
SEC("xdp") int answer(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  struct tcphdr *tcp = (void *)(ip + 1);
  if ((void *)(tcp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  if (ip->ihl != 5 || ip->protocol != IPPROTO_TCP) return XDP_PASS;
  __u32 zero = 0;
  __u64 *key = bpf_map_lookup_elem(&secret, &zero);
  if (!key) return XDP_ABORTED;
  __u32 sequence = bpf_ntohl(tcp->seq);
  if (tcp->ack && !tcp->syn)
    return cookie(ip, tcp, sequence - 1, *key) == bpf_ntohl(tcp->ack_seq) - 1 ? XDP_PASS : XDP_DROP;
  if (!tcp->syn || tcp->ack || tcp->rst || tcp->fin) return XDP_DROP;
  __u32 ours = cookie(ip, tcp, sequence, *key);
  __u8 mac[ETH_ALEN];
  __builtin_memcpy(mac, eth->h_dest, ETH_ALEN);
  __builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
  __builtin_memcpy(eth->h_source, mac, ETH_ALEN);
  __be32 address = ip->saddr;
  ip->saddr = ip->daddr, ip->daddr = address;
  __be16 port = tcp->source;
  tcp->source = tcp->dest, tcp->dest = port;
  ip->tot_len = bpf_htons(40), ip->ttl = 64, ip->check = 0, ip->id = 0;
  __u32 sum = 0;
  for (int i = 0; i < 10; i++) sum += ((__u16 *)ip)[i];
  ip->check = folded(sum);
  tcp->ack_seq = bpf_htonl(sequence + (BUG == 1 ? 0 : 1));
  tcp->seq = bpf_htonl(ours);
  ((__u16 *)tcp)[6] = bpf_htons(0x5012);
  tcp->window = bpf_htons(BUG == 2 ? 65534 : 65535), tcp->urg_ptr = 0, tcp->check = 0;
  sum = bpf_htons(IPPROTO_TCP) + bpf_htons(20);
  for (int i = 6; i < 20; i++) sum += ((__u16 *)ip)[i];
  tcp->check = folded(sum);
  if (bpf_xdp_adjust_tail(ctx, 54 - (int)(end - data))) return XDP_DROP;
  return XDP_TX;
}
