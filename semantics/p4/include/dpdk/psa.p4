// The Portable Switch Architecture for DPDK: counters and meters may be told the length of the packet.

#ifndef __PSA_P4__
#define __PSA_P4__

#include <core.p4>

#define _PORTABLE_LENGTH
#include "../portable/psa.p4"
#undef _PORTABLE_LENGTH

#endif
