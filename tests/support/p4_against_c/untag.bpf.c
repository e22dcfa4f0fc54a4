/* BUG 1: the priority is taken for part of the number. BUG 2: the type inside is lost. BUG 3: the port is not looked at. */
#include "pair.h"

struct member { __u32 port; __u16 vid, pad; };
struct out { __u16 drop, port; };
MAP(members, HASH, struct member, struct out, 512);
SEC("xdp") int untag(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data, copy;
  struct vlan *tag = data + sizeof(*eth);
  if ((void *)(tag + 1) > end || eth->h_proto != bpf_htons(ETH_P_8021Q)) return XDP_DROP;
  if (ctx->ingress_ifindex < 2) return XDP_DROP;
  struct member key = { .port = BUG == 3 ? 1 : ctx->ingress_ifindex,
                        .vid = bpf_ntohs(tag->tci) & (BUG == 1 ? 0xffff : 0x0fff) };
  struct out *out = bpf_map_lookup_elem(&members, &key);
  if (!out || out->drop || out->port == DROP_PORT) return XDP_DROP;
  __u32 port = out->port;
  __builtin_memcpy(&copy, eth, sizeof(copy));
  if (BUG != 2) copy.h_proto = tag->type;
  if (bpf_xdp_adjust_head(ctx, sizeof(*tag))) return XDP_DROP;
  data = DATA(ctx), end = END(ctx);
  if (data + sizeof(copy) > end) return XDP_DROP;
  __builtin_memcpy(data, &copy, sizeof(copy));
  return bpf_redirect(port, 0);
}
