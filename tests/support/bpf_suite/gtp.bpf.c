/* Takes GTP-U off and finds the tunnel by its number; the extension header is passed over. BUG 1: the flags are not
   looked at. */
#include "suite.h"
struct gtp { __u8 flags, type; __be16 length; __be32 teid; };
MAP(tunnels, HASH, __be32, __u32, 256);
SEC("xdp") int uplink(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = data + sizeof(*eth);
  struct udphdr *udp = (void *)(ip + 1);
  struct gtp *gtp = (void *)(udp + 1);
  if ((void *)(gtp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  if (ip->ihl != 5 || ip->protocol != IPPROTO_UDP || udp->dest != bpf_htons(2152) || gtp->type != 255) return XDP_PASS;
  __be32 teid = gtp->teid;
  __u32 *port = bpf_map_lookup_elem(&tunnels, &teid);
  if (!port) return XDP_DROP;
  int cut = sizeof(*ip) + sizeof(*udp) + sizeof(*gtp);
  if ((gtp->flags & 7) && BUG != 1) {
    __u8 *more = (void *)(gtp + 1);
    if (more + 4 > (__u8 *)end) return XDP_DROP;
    cut += 4;
    if (more[3]) {
      if (more + 8 > (__u8 *)end || more[4] != 1) return XDP_DROP;
      cut += 4;
    }
  }
  struct ethhdr kept = *eth;
  __u32 out = *port;
  if (bpf_xdp_adjust_head(ctx, cut)) return XDP_DROP;
  data = DATA(ctx), end = END(ctx);
  if (data + sizeof(kept) > end) return XDP_DROP;
  __builtin_memcpy(data, &kept, sizeof(kept));
  return bpf_redirect(out, 0);
}
