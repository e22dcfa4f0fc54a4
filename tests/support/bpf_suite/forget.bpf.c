/* Sessions that end are taken out first, and what they held is used then: the last packet is still translated, and what
   the session has counted is told. BUG 1: the count leaves out the last packet. BUG 2: the port of the answer is taken.
   BUG 3: a reset ends no session. */
#include "suite.h"
struct side { __be32 address; __be16 port, pad; };
struct session { struct side to; __be16 back; __u16 state; __u32 packets; };
struct ended { struct side from; __u32 packets; };
MAP(sessions, HASH, struct side, struct session, 1024);
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 1 << 16); } over SEC(".maps");
NOINLINE void account(struct session *known, int step) { known->packets += step; }
SEC("xdp") int forget(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  struct tcphdr *tcp = (void *)(ip + 1);
  if ((void *)(tcp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  if (ip->ihl != 5 || ip->protocol != IPPROTO_TCP) return XDP_PASS;
  struct side from = { ip->saddr, tcp->source, 0 };
  struct session *known = bpf_map_lookup_elem(&sessions, &from);
  if (!known) return XDP_DROP;
  int over_now = tcp->fin || (tcp->rst && BUG != 3);
  if (over_now) bpf_map_delete_elem(&sessions, &from);
  if (BUG != 1 || !over_now) account(known, 1);
  if (over_now) {
    struct ended *told = bpf_ringbuf_reserve(&over, sizeof(*told), 0);
    if (told) {
      told->from = from;
      told->packets = known->packets;
      bpf_ringbuf_submit(told, 0);
    }
  }
  ip->daddr = known->to.address;
  tcp->dest = BUG == 2 && over_now ? known->back : known->to.port;
  return XDP_TX;
}
