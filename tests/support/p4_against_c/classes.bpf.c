/* BUG 1: the congestion bits are taken for part of the class. BUG 2: what is dropped is not counted. BUG 3: wrong cell. */
#include "pair.h"
MAP(classes, ARRAY, __u32, __u8, 64);
MAP(seen, ARRAY, __u32, __u64, 64);
SEC("xdp") int classes_(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = data + sizeof(*eth);
  if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_DROP;
  __u32 class = BUG == 1 ? ip->tos & 63 : ip->tos >> 2, cell = BUG == 3 ? class ^ 1 : class;
  __u8 *pass = bpf_map_lookup_elem(&classes, &class);
  __u64 *count = bpf_map_lookup_elem(&seen, &cell);
  if (count && (BUG != 2 || (pass && *pass))) __sync_fetch_and_add(count, 1);
  return pass && *pass == 1 ? XDP_PASS : XDP_DROP;
}
