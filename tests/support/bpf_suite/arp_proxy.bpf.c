/* Answers ARP for addresses in a map, at tc, with redirect to where it came from. BUG 1: asker and asked not swapped. */
#include "suite.h"
struct arp { __be16 htype, ptype; __u8 hlen, plen; __be16 op; __u8 sha[6]; __u8 spa[4]; __u8 tha[6]; __u8 tpa[4]; } __attribute__((packed));
MAP(neighbours, HASH, __be32, __u64, 256);
SEC("tc") int proxy(struct __sk_buff *skb) {
  if (skb->protocol != bpf_htons(ETH_P_ARP)) return TC_ACT_OK;
  if (bpf_skb_pull_data(skb, ETH_HLEN + sizeof(struct arp))) return TC_ACT_OK;
  void *data = DATA(skb), *end = END(skb);
  struct ethhdr *eth = data;
  struct arp *arp = (void *)(eth + 1);
  if ((void *)(arp + 1) > end || arp->op != bpf_htons(1) || arp->plen != 4 || arp->hlen != 6) return TC_ACT_OK;
  __be32 asked;
  __builtin_memcpy(&asked, arp->tpa, 4);
  __u64 *mac = bpf_map_lookup_elem(&neighbours, &asked);
  if (!mac) return TC_ACT_OK;
  __u64 found = *mac;
  arp->op = bpf_htons(2);
  __builtin_memcpy(arp->tha, arp->sha, 6);
  __builtin_memcpy(arp->sha, &found, 6);
  if (BUG != 1) __builtin_memcpy(arp->tpa, arp->spa, 4);
  __builtin_memcpy(arp->spa, &asked, 4);
  __builtin_memcpy(eth->h_dest, eth->h_source, 6);
  __builtin_memcpy(eth->h_source, &found, 6);
  return bpf_redirect(skb->ifindex, 0);
}
