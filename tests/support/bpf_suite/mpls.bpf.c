/* Pops an MPLS label, as the label's table says. BUG 1: the bottom of the stack is not looked at. */
#include "suite.h"
MAP(labels, ARRAY, __u32, __u32, 1024);
SEC("xdp") int pop(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data, copy;
  __be32 *shim = (void *)(eth + 1);
  if ((void *)(shim + 1) > end || eth->h_proto != bpf_htons(0x8847)) return XDP_PASS;
  __u32 word = bpf_ntohl(*shim), label = word >> 12;
  if ((word & 0xff) <= 1) return XDP_DROP;
  __u32 *port = bpf_map_lookup_elem(&labels, &label);
  if (!port) return XDP_DROP;
  __u32 to = *port;
  if (!(word & 0x100) && BUG != 1) {
    *shim = bpf_htonl(word - 1);
    return bpf_redirect(to, 0);
  }
  copy = *eth;
  copy.h_proto = bpf_htons(ETH_P_IP);
  if (bpf_xdp_adjust_head(ctx, 4)) return XDP_DROP;
  data = DATA(ctx), end = END(ctx);
  if (data + sizeof(copy) > end) return XDP_DROP;
  __builtin_memcpy(data, &copy, sizeof(copy));
  return bpf_redirect(to, 0);
}
