// The Portable Switch Architecture as BMv2's psa_switch has it.

#ifndef __PSA_P4__
#define __PSA_P4__

#include <core.p4>
#include "../portable/psa.p4"

#endif
