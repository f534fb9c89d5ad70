#include "CPopplerTuning.h"

// jemalloc reads this where a program exports it (jemalloc(3), "TUNING"). Without it memory that was freed goes back to the kernel, large pieces at once, so that a large
// text has every page of it faulted in anew: a third of the time of a text of 4 MB.
__attribute__((visibility("default"))) const char *malloc_conf = "oversize_threshold:0,dirty_decay_ms:-1,muzzy_decay_ms:-1";

int mallctl(const char *name, void *old, size_t *old_length, void *new_value, size_t new_length) __attribute__((weak));

void poppler_tuning_release_memory(void) {
    // All arenas (MALLCTL_ARENAS_ALL).
    if (mallctl) mallctl("arena.4096.purge", NULL, NULL, NULL, 0);
}
