/* TCP packets for which there is no socket are dropped; what is let in goes to a container's end of a pair of devices,
   what is for the host to its own. BUG 1: packets without a socket are let in. BUG 2: the pairs are mixed up. */
#include "suite.h"
SEC("tc") int guard(struct __sk_buff *skb) {
  struct ethhdr *eth = DATA(skb);
  struct iphdr *ip = (void *)(eth + 1);
  struct tcphdr *tcp = (void *)(ip + 1);
  if ((void *)(tcp + 1) > END(skb) || eth->h_proto != bpf_htons(ETH_P_IP)) return TC_ACT_OK;
  if (ip->ihl != 5 || ip->protocol != IPPROTO_TCP) return TC_ACT_OK;
  struct bpf_sock_tuple tuple = {};
  tuple.ipv4.saddr = ip->saddr;
  tuple.ipv4.daddr = ip->daddr;
  tuple.ipv4.sport = tcp->source;
  tuple.ipv4.dport = tcp->dest;
  struct bpf_sock *found = bpf_sk_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
  if (!found) return BUG == 1 ? TC_ACT_OK : TC_ACT_SHOT;
  int listening = found->state == BPF_TCP_LISTEN;
  bpf_sk_release(found);
  return listening ? bpf_redirect(BUG == 2 ? 8 : 9, BPF_F_INGRESS) : bpf_redirect_peer(BUG == 2 ? 9 : 8, 0);
}
