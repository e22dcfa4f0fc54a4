/* BUG 1: the priority is lost. BUG 2: what has a tag gets another one. BUG 3: the tag in the wrong byte order. */
#include "pair.h"

struct access { __u32 kind; struct { __u8 pcp; __u16 vid; __u32 port; } tag; };
MAP(ports, HASH, __u32, struct access, 64);
SEC("xdp") int tag(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data, copy;
  __u32 port = ctx->ingress_ifindex;
  if ((void *)(eth + 1) > end || (BUG != 2 && eth->h_proto == bpf_htons(ETH_P_8021Q))) return XDP_DROP;
  if (port < 2) return XDP_DROP;
  struct access *found = bpf_map_lookup_elem(&ports, &port);
  if (!found || found->kind != 1 || found->tag.port == DROP_PORT) return XDP_DROP;
  __u16 tci = found->tag.vid | (BUG == 1 ? 0 : found->tag.pcp << 13);
  __u32 to = found->tag.port;
  __builtin_memcpy(&copy, eth, sizeof(copy));
  if (bpf_xdp_adjust_head(ctx, -4)) return XDP_DROP;
  data = DATA(ctx), end = END(ctx);
  struct vlan *vlan = data + sizeof(copy);
  if ((void *)(vlan + 1) > end) return XDP_DROP;
  vlan->type = copy.h_proto;
  vlan->tci = BUG == 3 ? tci : bpf_htons(tci);
  copy.h_proto = bpf_htons(ETH_P_8021Q);
  __builtin_memcpy(data, &copy, sizeof(copy));
  return bpf_redirect(to, 0);
}
