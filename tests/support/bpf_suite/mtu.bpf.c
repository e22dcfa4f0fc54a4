/* Asks whether the frame fits the device that it goes to. BUG 1: too long ones are sent as well. */
#include "suite.h"
SEC("tc") int mtu(struct __sk_buff *skb) {
  __u32 length = 0;
  int said = bpf_check_mtu(skb, 5, &length, 20, 0);
  if (said < 0) return TC_ACT_SHOT;
  if (said > 0 && BUG != 1) return TC_ACT_SHOT;
  return bpf_redirect(5, 0);
}
