// The Portable NIC Architecture.

#ifndef __PNA_P4__
#define __PNA_P4__

#include <core.p4>

// Programs for DPDK include this file too, and tell counters the length of the packet.
#define _PORTABLE_HASHES
#define _PORTABLE_LENGTH
#include "portable/pna.p4"
#undef _PORTABLE_HASHES
#undef _PORTABLE_LENGTH

#endif
