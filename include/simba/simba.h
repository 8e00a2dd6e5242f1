/* All of libsimba: SiMBA (Mamba's selective scan and EinFFT) trained and run through Vulkan.
 *
 * Errors are values: a function that can fail returns false or NULL and fills the struct simba_error it was given
 * (NULL: not interested). The library never prints, exits or installs signal handlers; what it has to say goes to the
 * struct simba_log of the device or trainer.
 *
 * Threads: different objects may be used from different threads at the same time as long as they were made from
 * different devices. A device and everything made from it belong to one thread at a time. Exceptions are named where
 * they are declared (simba_trainer_stop).
 *
 * Parameter structs are meant to be filled with designated initialisers; 0 or NULL in a field means the default that
 * is written beside it. */
#ifndef SIMBA_SIMBA_H
#define SIMBA_SIMBA_H

#include "simba/bench.h"
#include "simba/convert.h"
#include "simba/device.h"
#include "simba/forecast.h"
#include "simba/label.h"
#include "simba/model.h"
#include "simba/parity.h"
#include "simba/profile.h"
#include "simba/status.h"
#include "simba/train.h"
#include "simba/version.h"

#endif
