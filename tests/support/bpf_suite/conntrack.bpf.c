/* Connection tracking in an LRU map, both ways, with states of TCP. BUG 1: a reset does not close. BUG 2: the answer
   is looked up the wrong way round. */
#include "suite.h"
struct flow { __be32 a, b; __be16 p, q; };
struct entry { __u32 state; __u32 packets; };
MAP(flows, LRU_HASH, struct flow, struct entry, 4096);
enum { NEW = 1, OPEN, CLOSING };
SEC("xdp") int track(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = data + sizeof(*eth);
  struct tcphdr *tcp = (void *)(ip + 1);
  if ((void *)(tcp + 1) > end) return XDP_PASS;
  if (eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5 || ip->protocol != IPPROTO_TCP) return XDP_PASS;
  struct flow out = { ip->saddr, ip->daddr, tcp->source, tcp->dest }, in = { ip->daddr, ip->saddr, tcp->dest, tcp->source };
  struct entry *known = bpf_map_lookup_elem(&flows, &out);
  if (!known) known = bpf_map_lookup_elem(&flows, BUG == 2 ? &out : &in);
  if (!known) {
    if (!tcp->syn || tcp->ack) return XDP_DROP;
    struct entry fresh = { NEW, 1 };
    bpf_map_update_elem(&flows, &out, &fresh, BPF_NOEXIST);
    return XDP_PASS;
  }
  known->packets++;
  if (tcp->rst && BUG != 1) known->state = CLOSING;
  else if (known->state == NEW && tcp->ack) known->state = OPEN;
  else if (tcp->fin) known->state = CLOSING;
  return known->state == CLOSING && !tcp->rst && !tcp->fin && !tcp->ack ? XDP_DROP : XDP_PASS;
}
