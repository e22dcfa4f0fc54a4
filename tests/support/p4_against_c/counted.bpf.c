/* BUG 1: the bucket beside is counted. BUG 2: what is refused is counted. BUG 3: one too many. */
#include "pair.h"
struct pipe_owners_key { __u64 field0; __u32 field1; } __attribute__((aligned(4)));
struct pipe_owners_value {
  unsigned int action;
  union { struct { } _NoAction; struct { __u8 bucket; } pipe_mark; struct { } pipe_refuse; } u;
};
MAP(pipe_owners, HASH, struct pipe_owners_key, struct pipe_owners_value, 128);
MAP(pipe_owners_defaultAction, ARRAY, __u32, struct pipe_owners_value, 1);
MAP(pipe_met, ARRAY, __u32, __u32, 64);
SEC("xdp") int xdp_func(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = data + sizeof(*eth);
  __u32 zero = 0;
  if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_DROP;
  struct pipe_owners_key key;
  __builtin_memset(&key, 0, sizeof(key));
#pragma unroll
  for (int i = 0; i < 6; i++) key.field0 = key.field0 << 8 | eth->h_source[i];
  key.field1 = bpf_ntohl(ip->saddr);
  struct pipe_owners_value *value = bpf_map_lookup_elem(&pipe_owners, &key);
  if (!value) value = bpf_map_lookup_elem(&pipe_owners_defaultAction, &zero);
  if (!value) return XDP_ABORTED;
  if (value->action != 1 && BUG != 2) return XDP_DROP;
  __u32 bucket = (value->u.pipe_mark.bucket & 0x3f) ^ (BUG == 1);
  __u32 *count = bpf_map_lookup_elem(&pipe_met, &bucket);
  if (count) __sync_fetch_and_add(count, BUG == 3 ? 2 : 1);
  return value->action == 1 ? XDP_PASS : XDP_DROP;
}
