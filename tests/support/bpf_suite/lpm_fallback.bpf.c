/* An access list of prefixes by source, then by destination, with a default in global data. BUG 1: host order in the
   key. BUG 2: the prefix asked for is a bit short. */
#include "suite.h"
TRIE(sources, struct route, __u32, 1024);
TRIE(targets, struct route, __u32, 1024);
const volatile __u32 unknown = 1;
__u64 hits[3];
SEC("xdp") int filter(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = data + sizeof(*eth);
  if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  struct route key = { BUG == 2 ? 31 : 32, BUG == 1 ? bpf_ntohl(ip->saddr) : ip->saddr };
  __u32 *said = bpf_map_lookup_elem(&sources, &key);
  if (said) {
    hits[0]++;
    return *said ? XDP_PASS : XDP_DROP;
  }
  key = (struct route){ 32, ip->daddr };
  said = bpf_map_lookup_elem(&targets, &key);
  if (said) {
    hits[1]++;
    return *said ? XDP_PASS : XDP_DROP;
  }
  hits[2]++;
  return unknown ? XDP_PASS : XDP_DROP;
}
