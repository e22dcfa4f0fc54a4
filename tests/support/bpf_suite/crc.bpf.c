/* A CRC-8 with a table in constant data over four bytes picks the queue. BUG 1: another start value. */
#include "suite.h"
#define R1(x) (((x) << 1 ^ ((x) & 0x80 ? 0x07 : 0)) & 0xff)
#define R(x) R1(R1(R1(R1(R1(R1(R1(R1(x))))))))
#define R4(x) R(x), R(x + 1), R(x + 2), R(x + 3)
#define R16(x) R4(x), R4(x + 4), R4(x + 8), R4(x + 12)
static const volatile __u8 table[64] = { R16(0), R16(16), R16(32), R16(48) };
SEC("tc") int crc(struct __sk_buff *skb) {
  void *data = DATA(skb), *end = END(skb);
  if (data + 34 > end) return TC_ACT_OK;
  __u8 *bytes = data + 26, sum = BUG == 1 ? 1 : 0;
#pragma unroll
  for (int i = 0; i < 2; i++) sum = table[(sum ^ bytes[i]) & 63];
  skb->queue_mapping = sum & 7;
  skb->tc_index = sum;
  return TC_ACT_OK;
}
