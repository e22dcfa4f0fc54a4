/* Takes PPPoE off for known sessions. BUG 1: IPv6 gets the type of IPv4. BUG 2: the session is not looked up. */
#include "suite.h"
struct pppoe { __u8 version, code; __be16 session, length, protocol; };
MAP(sessions, HASH, __u16, __u8, 128);
SEC("xdp") int decap(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data, copy;
  struct pppoe *ppp = (void *)(eth + 1);
  if ((void *)(ppp + 1) > end || eth->h_proto != bpf_htons(0x8864)) return XDP_PASS;
  if (ppp->version != 0x11 || ppp->code) return XDP_DROP;
  __u16 session = bpf_ntohs(ppp->session), protocol = bpf_ntohs(ppp->protocol);
  if (!bpf_map_lookup_elem(&sessions, &session) && BUG != 2) return XDP_DROP;
  if (protocol != 0x21 && protocol != 0x57) return XDP_PASS;
  __builtin_memcpy(&copy, eth, sizeof(copy));
  copy.h_proto = bpf_htons(protocol == 0x57 && BUG != 1 ? ETH_P_IPV6 : ETH_P_IP);
  if (bpf_xdp_adjust_head(ctx, sizeof(*ppp))) return XDP_DROP;
  data = DATA(ctx), end = END(ctx);
  if (data + sizeof(copy) > end) return XDP_DROP;
  __builtin_memcpy(data, &copy, sizeof(copy));
  return XDP_PASS;
}
