#pragma once
#include <zlib.h>

// inflateInit2 is a macro.
static inline int czlib_inflate(z_stream *stream, int bits) { return inflateInit2(stream, bits); }
