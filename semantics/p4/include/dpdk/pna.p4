// The Portable NIC Architecture for DPDK: counters and meters may be told the length of the packet.

#ifndef __PNA_P4__
#define __PNA_P4__

#include <core.p4>

#define _PORTABLE_HASHES TOEPLITZ,
#define _PORTABLE_LENGTH
#include "../portable/pna.p4"
#undef _PORTABLE_HASHES
#undef _PORTABLE_LENGTH

#endif
