/* What the programs in this folder share. */
#pragma once
#include "../bpf_suite/suite.h"
#define DROP_PORT 511 /* v1model drops what is sent there */
struct mac { __u8 byte[6]; };
INLINE __u16 checksum20(struct iphdr *ip) {
  __u16 *words = (__u16 *)ip;
  __u32 sum = 0;
#pragma unroll
  for (int i = 0; i < 10; i++)
    if (i != 5) sum += bpf_ntohs(words[i]);
  return bpf_htons(folded(sum));
}
