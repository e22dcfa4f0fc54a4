/* BUG 1: the checksum is left alone. BUG 2: the destination is changed. BUG 3: what is refused goes on. */
#include "pair.h"
struct entry { __u8 action, pad[3]; __be32 address; };
MAP(inside, HASH, __be32, struct entry, 128);
SEC("xdp") int nat(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = data + sizeof(*eth);
  if ((void *)(eth + 1) > end) return XDP_DROP;
  if (eth->h_proto == bpf_htons(ETH_P_IP) && (void *)(ip + 1) <= end) {
    struct entry *found = bpf_map_lookup_elem(&inside, &ip->saddr);
    if (found && found->action == 1) {
      if (BUG == 2) ip->daddr = found->address;
      else ip->saddr = found->address;
      if (BUG != 1) ip->check = checksum20(ip);
    } else if (BUG != 3 && found && found->action == 2) {
      return XDP_DROP;
    }
  }
  return bpf_redirect(7, 0);
}
