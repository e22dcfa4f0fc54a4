/* Frames and bytes by the port that they come from, in one value. BUG 1: the length of the value is added. BUG 2: jumbo frames
   are not counted. */
#include "suite.h"
struct totals { __u64 frames, bytes; __u32 longest; };
MAP(ports, ARRAY, __u32, struct totals, 32);
SEC("xdp") int count(struct xdp_md *ctx) {
  __u32 port = ctx->ingress_ifindex, length = ctx->data_end - ctx->data;
  struct totals *totals = bpf_map_lookup_elem(&ports, &port);
  if (port < 2 || !totals) return XDP_PASS;
  if (BUG == 2 && length > 1518) return XDP_PASS;
  __sync_fetch_and_add(&totals->frames, 1);
  __sync_fetch_and_add(&totals->bytes, BUG == 1 ? sizeof(*totals) : length);
  if (totals->longest < length) totals->longest = length;
  return XDP_PASS;
}
