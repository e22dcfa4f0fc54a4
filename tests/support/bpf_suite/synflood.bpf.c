/* Counts SYNs by source and forgets a source that finishes. BUG 1: a SYN with ACK counts. */
#include "suite.h"
MAP(halfopen, HASH, __be32, __u32, 4096);
SEC("xdp") int syn(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  struct tcphdr *tcp = (void *)(ip + 1);
  if ((void *)(tcp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  if (ip->ihl != 5 || ip->protocol != IPPROTO_TCP) return XDP_PASS;
  __be32 src = ip->saddr;
  if (tcp->syn && (!tcp->ack || BUG == 1)) {
    __u32 *seen = bpf_map_lookup_elem(&halfopen, &src), one = 1;
    if (!seen) {
      bpf_map_update_elem(&halfopen, &src, &one, BPF_NOEXIST);
      return XDP_PASS;
    }
    if (*seen > 100) return XDP_DROP;
    __sync_fetch_and_add(seen, 1);
    return XDP_PASS;
  }
  if (tcp->ack || tcp->rst) bpf_map_delete_elem(&halfopen, &src);
  return XDP_PASS;
}
