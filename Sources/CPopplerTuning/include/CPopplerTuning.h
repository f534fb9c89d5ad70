#pragma once

// Functions that precede poppler's own and those of its libraries, in programs that export them (-rdynamic): see colours.c and rendermode.c.

/// How often text was made invisible since the last call; 0 in programs that do not export these functions. One thread.
unsigned poppler_tuning_take_invisible(void);
