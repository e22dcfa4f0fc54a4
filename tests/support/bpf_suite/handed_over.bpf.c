/* XDP tells whoever gets the frame next what it is: metadata in front of it, with the class of service of IPv4. BUG 1:
   the class is of the wrong bits. BUG 2: other frames keep the metadata. BUG 3: the source is not told. */
#include "suite.h"
struct told { __u32 source; __u16 class, length; };
SEC("xdp") int hand_over(struct xdp_md *ctx) {
  if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(struct told))) return XDP_PASS; /* a driver without metadata */
  void *data = DATA(ctx), *end = END(ctx);
  struct told *told = (void *)(long)ctx->data_meta;
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  if ((void *)(told + 1) > data) return XDP_ABORTED;
  if ((void *)(eth + 1) > end) return XDP_DROP;
  if (eth->h_proto != bpf_htons(ETH_P_IP) || (void *)(ip + 1) > end) {
    if (BUG == 2) __builtin_memset(told, 0, sizeof(*told));
    else bpf_xdp_adjust_meta(ctx, sizeof(*told));
    return XDP_PASS;
  }
  told->source = BUG == 3 ? 0 : ip->saddr;
  told->class = ip->tos >> (BUG == 1 ? 3 : 2);
  told->length = bpf_ntohs(ip->tot_len);
  return XDP_PASS;
}
