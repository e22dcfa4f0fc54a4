/* Another DSCP for each old one, IPv4 and IPv6. BUG 1: the congestion bits are lost. BUG 2: IPv6 is left alone. */
#include "suite.h"
MAP(classes, ARRAY, __u32, __u8, 64);
SEC("xdp") int remark(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  __u8 *ip = (void *)(eth + 1);
  if ((void *)(ip + 40) > end) return XDP_PASS;
  int is_six = eth->h_proto == bpf_htons(ETH_P_IPV6);
  if (!is_six && eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  if (is_six && BUG == 2) return XDP_PASS;
  __u32 class = is_six ? (ip[0] & 15) << 2 | ip[1] >> 6 : ip[1] >> 2;
  __u8 *found = bpf_map_lookup_elem(&classes, &class);
  if (!found) return XDP_DROP;
  __u8 value = *found & 63;
  if (is_six) {
    ip[0] = 0x60 | value >> 2;
    ip[1] = value << 6 | (ip[1] & (BUG == 1 ? 15 : 63));
  } else {
    ip[1] = value << 2 | (BUG == 1 ? 0 : ip[1] & 3);
  }
  return XDP_TX;
}
