/* Answers ARP requests for addresses in a map, in place. BUG 1: the target's address is not swapped. */
#include "suite.h"
struct arp { __be16 hrd, pro; __u8 hln, pln; __be16 op; __u8 sha[6]; __u8 sip[4]; __u8 tha[6]; __u8 tip[4]; };
struct mac { __u8 a[6], pad[2]; };
MAP(owned, HASH, __be32, struct mac, 64);
SEC("tc") int answer(struct __sk_buff *skb) {
  void *data = DATA(skb), *end = END(skb);
  struct ethhdr *eth = data;
  struct arp *arp = (void *)(eth + 1);
  if ((void *)(arp + 1) > end || eth->h_proto != bpf_htons(ETH_P_ARP)) return TC_ACT_OK;
  if (arp->op != bpf_htons(1) || arp->hrd != bpf_htons(1) || arp->pro != bpf_htons(ETH_P_IP)) return TC_ACT_OK;
  __be32 asked;
  __u8 sip[4];
  __builtin_memcpy(&asked, arp->tip, 4);
  struct mac *mac = bpf_map_lookup_elem(&owned, &asked);
  if (!mac) return TC_ACT_OK;
  __builtin_memcpy(sip, arp->sip, 4);
  arp->op = bpf_htons(2);
  __builtin_memcpy(eth->h_dest, arp->sha, 6);
  __builtin_memcpy(eth->h_source, mac->a, 6);
  __builtin_memcpy(arp->tha, arp->sha, 6);
  __builtin_memcpy(arp->sha, mac->a, 6);
#if BUG != 1
  __builtin_memcpy(arp->sip, arp->tip, 4);
#endif
  __builtin_memcpy(arp->tip, sip, 4);
  return bpf_redirect(skb->ifindex, 0);
}
