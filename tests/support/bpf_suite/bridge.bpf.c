/* A learning bridge. BUG 1: it learns the destination. */
#include "suite.h"
struct mac { __u8 a[6]; __u16 pad; };
MAP(stations, HASH, struct mac, __u32, 1024);
SEC("tc") int bridge(struct __sk_buff *skb) {
  void *data = DATA(skb), *end = END(skb);
  struct ethhdr *eth = data;
  if ((void *)(eth + 1) > end) return TC_ACT_SHOT;
  struct mac src = {}, dst = {};
  __builtin_memcpy(src.a, BUG == 1 ? eth->h_dest : eth->h_source, 6);
  __builtin_memcpy(dst.a, eth->h_dest, 6);
  __u32 port = skb->ingress_ifindex;
  if (!(src.a[0] & 1)) bpf_map_update_elem(&stations, &src, &port, BPF_ANY);
  __u32 *to = bpf_map_lookup_elem(&stations, &dst);
  if (!to) return TC_ACT_OK;
  if (*to == port) return TC_ACT_SHOT;
  return bpf_redirect(*to, 0);
}
