// The Portable NIC Architecture.

#ifndef __PNA_P4__
#define __PNA_P4__

#include <core.p4>

#define _PORTABLE_HASHES
#include "portable/pna.p4"
#undef _PORTABLE_HASHES

#endif
