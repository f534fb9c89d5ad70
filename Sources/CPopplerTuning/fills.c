#include "CPopplerTuning.h"

// CPopplerInflate has it, where poppler's private headers are at hand.
size_t poppler_private_take_fills(const void **first) __attribute__((weak));

size_t poppler_tuning_take_fills(const struct poppler_tuning_fill **fills) {
    const void *first = NULL;
    size_t count = poppler_private_take_fills ? poppler_private_take_fills(&first) : 0;
    *fills = first;
    return count;
}
