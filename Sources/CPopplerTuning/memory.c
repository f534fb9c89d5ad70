// jemalloc reads this where a program exports it (jemalloc(3), "TUNING"). Without it memory of 8 MB and more goes back to the kernel at once, so that a large text
// that grows has every page of it faulted in anew.
__attribute__((visibility("default"))) const char *malloc_conf = "oversize_threshold:0";
