/* Looks for a method at the start of the data of TCP, with a data offset of any size. BUG 1: one letter is not looked
   at. */
#include "suite.h"
SEC("xdp") int http(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct iphdr *ip = data + sizeof(*eth);
  struct tcphdr *tcp = (void *)(ip + 1);
  if ((void *)(tcp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  if (ip->ihl != 5 || ip->protocol != IPPROTO_TCP) return XDP_PASS;
  char *text = (void *)tcp + tcp->doff * 4;
  if ((void *)(text + 8) > end) return XDP_PASS;
  if (text[0] == 'G' && text[1] == 'E' && text[2] == 'T' && (text[3] == ' ' || BUG == 1)) return XDP_DROP;
  if (text[0] == 'P' && text[1] == 'O' && text[2] == 'S' && text[3] == 'T') return XDP_DROP;
  return XDP_PASS;
}
