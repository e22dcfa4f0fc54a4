/* BUG 1: two actions exchanged. BUG 2: the lpm key in host order. BUG 3: a default action is not run. */
#include "pair.h"
struct pipe_senders_key { __u32 field0; __u8 field1; } __attribute__((aligned(4)));
struct pipe_senders_value {
  unsigned int action;
  union { struct { } _NoAction; struct { __u32 gateway; } pipe_allow; struct { } pipe_refuse; } u;
};
struct pipe_networks_key { __u32 prefixlen; __u32 field0; } __attribute__((aligned(4)));
struct pipe_networks_value {
  unsigned int action;
  union { struct { } _NoAction; struct { } pipe_refuse; } u;
};
#define ALLOW (BUG == 1 ? 2 : 1)
#define REFUSE (BUG == 1 ? 1 : 2)
MAP(pipe_senders, HASH, struct pipe_senders_key, struct pipe_senders_value, 64);
MAP(pipe_senders_defaultAction, ARRAY, __u32, struct pipe_senders_value, 1);
TRIE(pipe_networks, struct pipe_networks_key, struct pipe_networks_value, 64);
MAP(pipe_networks_defaultAction, ARRAY, __u32, struct pipe_networks_value, 1);
SEC("xdp") int xdp_func(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = data + sizeof(*eth);
  __u32 zero = 0, ok = 1;
  if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_DROP;
  struct pipe_senders_key who;
  __builtin_memset(&who, 0, sizeof(who));
  who.field0 = bpf_ntohl(ip->saddr);
  who.field1 = ip->protocol;
  struct pipe_senders_value *sender = bpf_map_lookup_elem(&pipe_senders, &who);
  if (!sender && BUG != 3) sender = bpf_map_lookup_elem(&pipe_senders_defaultAction, &zero);
  if (sender && sender->action == ALLOW) ok = bpf_ntohl(ip->daddr) == sender->u.pipe_allow.gateway;
  else if (sender && sender->action == REFUSE) ok = 0;
  struct pipe_networks_key where = { .prefixlen = 32, .field0 = BUG == 2 ? bpf_ntohl(ip->daddr) : ip->daddr };
  struct pipe_networks_value *network = bpf_map_lookup_elem(&pipe_networks, &where);
  if (!network) network = bpf_map_lookup_elem(&pipe_networks_defaultAction, &zero);
  if (network && network->action == 1) ok = 0;
  return ok ? XDP_PASS : XDP_DROP;
}
