/* Debug output, volatile counters and barriers. BUG 1: bytes are counted before the check. */
#include "suite.h"
struct count { __u64 packets, bytes; };
MAP(counts, PERCPU_ARRAY, __u32, struct count, 256);
SEC("xdp") int count(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  __u32 proto = 0;
  struct iphdr *ip = data + ETH_HLEN;
  if (data + 14 > end) return XDP_ABORTED;
  if (((struct ethhdr *)data)->h_proto == bpf_htons(ETH_P_IP)) {
    if ((void *)(ip + 1) > end) {
      bpf_printk("short frame of %d bytes", (int)(end - data));
      if (BUG != 1) return XDP_DROP;
    } else proto = ip->protocol;
  }
  struct count *c = bpf_map_lookup_elem(&counts, &proto);
  if (!c) return XDP_ABORTED;
  c->packets++;
  c->bytes += end - data;
  asm volatile("" ::: "memory");
  return c->packets & 1 ? XDP_PASS : XDP_PASS;
}
