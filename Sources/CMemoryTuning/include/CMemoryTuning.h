#pragma once

// How the workers' jemalloc keeps memory: see memory.c. There is nothing to call.
