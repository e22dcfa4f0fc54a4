/* Fragments of IPv6 find their flow by the identification. BUG 1: the offset's flags are not masked. */
#include "suite.h"
struct frag { __u8 next, zero; __be16 offset; __be32 id; };
struct key { struct in6_addr src, dst; __be32 id; };
MAP(first, LRU_HASH, struct key, __u32, 512);
SEC("xdp") int fragments(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct ipv6hdr *ip = data + sizeof(*eth);
  struct frag *frag = (void *)(ip + 1);
  if ((void *)(frag + 1) > end || eth->h_proto != bpf_htons(ETH_P_IPV6) || ip->nexthdr != 44) return XDP_PASS;
  struct key key = { ip->saddr, ip->daddr, frag->id };
  if (frag->offset & bpf_htons(BUG == 1 ? 0xffff : 0xfff8)) {
    __u32 *ports = bpf_map_lookup_elem(&first, &key);
    return ports && *ports ? XDP_PASS : XDP_DROP;
  }
  __u32 *words = (void *)(frag + 1);
  if ((void *)(words + 1) > end) return XDP_DROP;
  __u32 ports = *words;
  bpf_map_update_elem(&first, &key, &ports, BPF_ANY);
  return XDP_PASS;
}
