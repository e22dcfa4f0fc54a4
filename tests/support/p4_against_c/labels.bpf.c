/* BUG 1: time to live stays. BUG 2: the bottom of the stack is lost in a swap. BUG 3: the type stays after a pop. */
#include "pair.h"

enum what { SWAP = 7, POP, NONE };
struct label { __u32 number; __u8 bottom; __u8 pad[3]; };
struct entry { enum what what; union { struct { __u32 label, port; } swap; struct { __u32 port; } pop; } u; };
MAP(labels, HASH, struct label, struct entry, 1000);
SEC("xdp") int labels_(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data, copy;
  __be32 *shim = data + sizeof(*eth);
  if ((void *)(shim + 1) > end || eth->h_proto != bpf_htons(ETH_P_MPLS_UC)) return XDP_DROP;
  __u32 word = bpf_ntohl(*shim);
  if ((word & 0xff) <= 1) return XDP_DROP;
  struct label key = { .number = word >> 12, .bottom = word >> 8 & 1 };
  struct entry *found = bpf_map_lookup_elem(&labels, &key);
  if (!found) return XDP_DROP;
  if (found->what == SWAP) {
    word = found->u.swap.label << 12 | (word & (BUG == 2 ? 0xeff : 0xfff));
    *shim = bpf_htonl(word - (BUG != 1));
    return found->u.swap.port == DROP_PORT ? XDP_DROP : bpf_redirect(found->u.swap.port, 0);
  }
  if (found->what != POP || found->u.pop.port == DROP_PORT) return XDP_DROP;
  __u32 port = found->u.pop.port;
  __builtin_memcpy(&copy, eth, sizeof(copy));
  if (BUG != 3) copy.h_proto = bpf_htons(ETH_P_IP);
  if (bpf_xdp_adjust_head(ctx, 4)) return XDP_DROP;
  data = DATA(ctx), end = END(ctx);
  if (data + sizeof(copy) > end) return XDP_DROP;
  __builtin_memcpy(data, &copy, sizeof(copy));
  return bpf_redirect(port, 0);
}
