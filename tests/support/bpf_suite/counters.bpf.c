/* Counts frames and bytes by protocol, per CPU. BUG 1: bytes without the Ethernet header. */
#include "suite.h"
struct count { __u64 frames, bytes; };
MAP(counts, PERCPU_ARRAY, __u32, struct count, 256);
SEC("xdp") int count(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  __u32 key = ip->protocol;
  struct count *c = bpf_map_lookup_elem(&counts, &key);
  if (!c) return XDP_ABORTED;
  c->frames++;
  c->bytes += end - data - (BUG == 1 ? ETH_HLEN : 0);
  return XDP_PASS;
}
