/* A dense switch on the protocol, which clang may turn into a table. BUG 1: one case falls through. */
#include "suite.h"
SEC("xdp") int dispatch(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  if (data + 34 > end) return XDP_ABORTED;
  __u8 *p = data;
  switch (p[23] & 15) {
    case 0: p[0] = 7; break;
    case 1: p[0] = 11;
#if BUG != 1
      break;
#endif
    case 2: p[0] = 3; break;
    case 3: p[0] = 99; break;
    case 4: p[0] = 18; break;
    case 5: p[0] = 1; break;
    case 6: p[0] = 200; break;
    case 7: return XDP_DROP;
    default: return XDP_PASS;
  }
  return XDP_TX;
}
