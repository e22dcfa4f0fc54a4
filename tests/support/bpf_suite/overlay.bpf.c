/* Tunnels through one device: the key says which network a packet came from, and where it goes next. BUG 1: the key
   is set for the wrong end. BUG 2: packets of any network are let in. */
#include "suite.h"
struct peer { __u32 id, remote, device; };
MAP(peers, HASH, __be32, struct peer, 256);
SEC("tc") int overlay(struct __sk_buff *skb) {
  struct bpf_tunnel_key key;
  struct ethhdr *eth = DATA(skb);
  struct iphdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > END(skb) || eth->h_proto != bpf_htons(ETH_P_IP)) return TC_ACT_SHOT;
  __be32 to = ip->daddr, from = ip->saddr;
  struct peer *peer = bpf_map_lookup_elem(&peers, BUG == 1 ? &from : &to);
  if (!peer) return bpf_skb_get_tunnel_key(skb, &key, sizeof(key), 0) < 0 ? TC_ACT_SHOT
      : key.tunnel_id == 42 || BUG == 2 ? bpf_redirect_neigh(7, 0, 0, 0) : TC_ACT_SHOT;
  __builtin_memset(&key, 0, sizeof(key));
  key.tunnel_id = peer->id;
  key.remote_ipv4 = peer->remote;
  key.tunnel_ttl = 64;
  if (bpf_skb_set_tunnel_key(skb, &key, sizeof(key), BPF_F_ZERO_CSUM_TX)) return TC_ACT_SHOT;
  return bpf_redirect(peer->device, 0);
}
