/* Code as a P4 compiler writes it: an offset in bits, valid bits, states with gotos, a table with an action number.
   BUG 1: the source address stays. BUG 2: the hop count of an absent header is lowered. */
#include "suite.h"
struct Ethernet { __u64 dst, src; __u16 type; __u8 valid; };
struct IPv4 { __u8 ttl, protocol; __u16 sum; __u32 src, dst; __u8 valid; };
struct Headers { struct Ethernet eth; struct IPv4 ip; };
struct key { __u32 field0; } __attribute__((aligned(4)));
enum actions { FORWARD = 1, DROP = 2 };
struct value { __u32 action; union { struct { __u32 port; __u64 mac; } forward; struct { __u8 dummy; } drop; } u; };
MAP(routes, HASH, struct key, struct value, 64);
MAP(routes_default, ARRAY, __u32, struct value, 1);
#define BYTES(bits) ((bits) / 8)
SEC("xdp") int generated(struct xdp_md *ctx) {
  struct Headers h = {};
  unsigned at = 0;
  void *start = DATA(ctx), *end = END(ctx);
  __u8 drop = 1;
  __u32 port = 0, zero = 0;
  goto begin;
begin:
  if (end < start + BYTES(at + 112)) goto reject;
  __builtin_memcpy(&h.eth.dst, start + BYTES(at), 6);
  h.eth.dst = __builtin_bswap64(h.eth.dst) >> 16;
  at += 48;
  __builtin_memcpy(&h.eth.src, start + BYTES(at), 6);
  h.eth.src = __builtin_bswap64(h.eth.src) >> 16;
  at += 48;
  h.eth.type = bpf_ntohs(*(__u16 *)(start + BYTES(at)));
  at += 16;
  h.eth.valid = 1;
  switch (h.eth.type) {
  case 0x800: goto parse_ip;
  default: goto accept;
  }
parse_ip:
  if (end < start + BYTES(at + 160)) goto accept;
  h.ip.ttl = *(__u8 *)(start + BYTES(at + 64));
  h.ip.protocol = *(__u8 *)(start + BYTES(at + 72));
  h.ip.sum = bpf_ntohs(*(__u16 *)(start + BYTES(at + 80)));
  h.ip.src = bpf_ntohl(*(__u32 *)(start + BYTES(at + 96)));
  h.ip.dst = bpf_ntohl(*(__u32 *)(start + BYTES(at + 128)));
  h.ip.valid = 1;
  goto accept;
reject:
  return XDP_ABORTED;
accept:
  if (h.ip.valid || BUG == 2) {
    struct key key = { h.ip.dst };
    struct value *value = bpf_map_lookup_elem(&routes, &key);
    if (!value) value = bpf_map_lookup_elem(&routes_default, &zero);
    if (value) {
      switch (value->action) {
      case FORWARD:
        port = value->u.forward.port;
        if (BUG != 1) h.eth.src = h.eth.dst;
        h.eth.dst = value->u.forward.mac;
        h.ip.ttl--;
        drop = 0;
        break;
      case DROP: drop = 1; break;
      default: return XDP_ABORTED;
      }
    }
  }
  if (drop) return XDP_DROP;
  if (end < start + 34) return XDP_ABORTED;
  __u64 value = __builtin_bswap64(h.eth.dst << 16);
  __builtin_memcpy(start, &value, 6);
  value = __builtin_bswap64(h.eth.src << 16);
  __builtin_memcpy(start + 6, &value, 6);
  if (h.ip.valid || BUG == 2) *(__u8 *)(start + 22) = h.ip.ttl;
  return bpf_redirect(port, 0);
}
