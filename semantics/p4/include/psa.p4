// The Portable Switch Architecture.

#ifndef __PSA_P4__
#define __PSA_P4__

#include <core.p4>
#include "portable/psa.p4"

#endif
