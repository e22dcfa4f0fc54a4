/* What the programs of this suite share. */
#pragma once
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define MAP(name, kind, K, V, n) \
  struct { __uint(type, BPF_MAP_TYPE_##kind); __uint(max_entries, n); __type(key, K); __type(value, V); } name SEC(".maps")
#define TRIE(name, K, V, n) \
  struct { __uint(type, BPF_MAP_TYPE_LPM_TRIE); __uint(max_entries, n); __uint(map_flags, BPF_F_NO_PREALLOC); \
           __type(key, K); __type(value, V); } name SEC(".maps")
#define INLINE static __attribute__((always_inline)) inline
#define NOINLINE static __attribute__((noinline))
#define DATA(ctx) ((void *)(long)(ctx)->data)
#define END(ctx) ((void *)(long)(ctx)->data_end)

enum { ICMP_ECHOREPLY = 0, ICMP_ECHO = 8 };
struct icmphdr { __u8 type, code; __u16 checksum; union { struct { __be16 id, sequence; } echo; } un; };
struct vlan { __be16 tci, type; };
struct route { __u32 plen; __be32 ip; };

#ifndef BUG
#define BUG 0
#endif

INLINE __u16 folded(__u32 sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return ~sum;
}
INLINE __u32 rol(__u32 word, int by) { return word << by | word >> (32 - by); }
/* How B. Jenkins' lookup3 mixes its words at last. */
INLINE __u32 last_mixed(__u32 a, __u32 b, __u32 c) {
  c ^= b; c -= rol(b, 14);
  a ^= c; a -= rol(c, 11);
  b ^= a; b -= rol(a, 25);
  c ^= b; c -= rol(b, 16);
  a ^= c; a -= rol(c, 4);
  b ^= a; b -= rol(a, 14);
  c ^= b; c -= rol(b, 24);
  return c;
}
char _license[] SEC("license") = "Dual BSD/GPL";
