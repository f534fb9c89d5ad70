#pragma once

/// Links this library's functions in. See colours.c.
void poppler_tuning_keep(void);
