/* Frames to AF_XDP sockets by queue, others to CPUs by a hash of their addresses. BUG 1: one CPU is never used. */
#include "suite.h"
MAP(sockets, XSKMAP, __u32, __u32, 64);
MAP(cpus, CPUMAP, __u32, struct bpf_cpumap_val, 2);
SEC("xdp") int steer(struct xdp_md *ctx) {
  __u32 queue = ctx->rx_queue_index;
  if (bpf_map_lookup_elem(&sockets, &queue)) return bpf_redirect_map(&sockets, queue, XDP_PASS);
  struct ethhdr *eth = DATA(ctx);
  struct iphdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > END(ctx) || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  __u32 hash = ip->saddr ^ ip->daddr;
  hash ^= hash >> 16;
  hash ^= hash >> 8;
  return bpf_redirect_map(&cpus, hash % (BUG == 1 ? 1 : 2), XDP_DROP);
}
