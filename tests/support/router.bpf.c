/* A router as people write them in C: tags, options, an ACL, longest prefix match, counters, checksums. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

struct prefix { __u32 length; __u32 address; };
struct hop { __u32 port; __u8 to[6]; __u8 from[6]; };
struct flow { __u32 source, destination; __u16 from, to; __u8 protocol; __u8 pad[3]; };
struct tag { __be16 tci, protocol; };

struct { __uint(type, BPF_MAP_TYPE_LPM_TRIE); __uint(max_entries, 64); __uint(map_flags, BPF_F_NO_PREALLOC);
         __type(key, struct prefix); __type(value, struct hop); } routes SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 64);
         __type(key, struct flow); __type(value, __u32); } acl SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4);
         __type(key, __u32); __type(value, __u64[2]); } counts SEC(".maps");

static __always_inline void count(__u32 which, __u32 bytes)
{
  __u64 *cell = bpf_map_lookup_elem(&counts, &which);
  if (cell) { cell[0]++; cell[1] += bytes; }
}

SEC("xdp") int route(struct xdp_md *ctx)
{
  void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  struct ethhdr *eth = data;
  if ((void *)(eth + 1) > end) return XDP_DROP;
  __be16 type = eth->h_proto;
  void *at = eth + 1;
#pragma unroll
  for (int i = 0; i < 2; i++)
    if (type == bpf_htons(0x8100) || type == bpf_htons(0x88a8)) {
      struct tag *tag = at;
      if ((void *)(tag + 1) > end) return XDP_DROP;
      type = tag->protocol;
      at = tag + 1;
    }
  if (type != bpf_htons(0x0800)) { count(1, end - data); return XDP_PASS; }
  struct iphdr *ip = at;
  if ((void *)(ip + 1) > end || ip->version != 4 || ip->ihl < 5) return XDP_DROP;
  struct flow flow = { .source = ip->saddr, .destination = ip->daddr, .protocol = ip->protocol };
  if (!(ip->frag_off & bpf_htons(0x1fff)) && (ip->protocol == 6 || ip->protocol == 17)) {
    struct udphdr *ports = at + ip->ihl * 4;
    if ((void *)(ports + 1) > end) return XDP_DROP;
    flow.from = ports->source;
    flow.to = ports->dest;
  }
  __u32 *verdict = bpf_map_lookup_elem(&acl, &flow);
  if (verdict && *verdict == 1) { count(2, end - data); return XDP_DROP; }
  if (ip->ttl <= 1) return XDP_PASS;
  struct prefix key = { 32, ip->daddr };
  struct hop *hop = bpf_map_lookup_elem(&routes, &key);
  if (!hop) { count(3, end - data); return XDP_PASS; }
  __u32 sum = ip->check;
  sum += bpf_htons(0x0100);
  ip->check = sum + (sum >= 0xffff);
  ip->ttl--;
  __builtin_memcpy(eth->h_dest, hop->to, 6);
  __builtin_memcpy(eth->h_source, hop->from, 6);
  count(0, end - data);
  return bpf_redirect(hop->port, 0);
}

SEC("tc") int forward(struct __sk_buff *skb)
{
  if (skb->vlan_present && (skb->vlan_tci & 0xfff) == 5 && bpf_skb_vlan_pop(skb)) return TC_ACT_SHOT;
  void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > end) return TC_ACT_SHOT;
  if (skb->protocol != bpf_htons(0x0800)) return TC_ACT_OK;
  struct prefix key = { 32, ip->daddr };
  struct hop *hop = bpf_map_lookup_elem(&routes, &key);
  if (!hop) return TC_ACT_OK;
  ip->check = 0;
  ip->ttl--;
  __s64 sum = bpf_csum_diff(0, 0, (void *)ip, 20, 0);
#pragma unroll
  for (int i = 0; i < 4; i++)
    if (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  ip->check = ~sum;
  skb->mark = hop->port;
  if (hop->port & 0x100) bpf_skb_vlan_push(skb, bpf_htons(0x8100), 7);
  return bpf_redirect(hop->port & 0xff, 0);
}

SEC("xdp") int loop(struct xdp_md *ctx)
{
  __u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  if (data + 64 > end) return XDP_PASS;
  __u32 hash = 0;
  for (int i = 0; i < 64; i++) {
    hash = hash * 31 + data[i];
    if (data[i] == 0xff) break;
  }
  return hash & 1 ? XDP_PASS : XDP_TX;
}

char _license[] SEC("license") = "GPL";
