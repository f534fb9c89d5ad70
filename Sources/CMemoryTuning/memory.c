#include "CMemoryTuning.h"

// jemalloc reads this where a program exports it (jemalloc(3), "TUNING"). A worker's threads are few and mostly wait: two arenas hold less of what is free than one for each of
// four times the cores, and what was freed goes back to the kernel after a second, so that one large document is not remembered in the memory of a task. Weak, as tests link the extractor's beside it.
__attribute__((weak, visibility("default"))) const char *malloc_conf = "narenas:2,dirty_decay_ms:1000,muzzy_decay_ms:0";
