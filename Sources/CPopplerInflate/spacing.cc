// How much room stands between two characters besides their own (ISO 32000-1, 9.3.2): poppler's callers get it as part of a character's width, and the graphics
// state says it to its private headers alone. Sources/CPopplerTuning/turned.c asks for it, where this is built.
#include "CPopplerInflate.h"
#include "version.h"
#include <GfxState.h>

extern "C" __attribute__((visibility("default"))) void poppler_private_spacing(const void *state, unsigned code, double *across, double *down) {
    *across = *down = 0;
    if (!private_headers_match()) return;
    const auto *graphics = static_cast<const GfxState *>(state);
    // A blank has more room behind it.
    const double room = graphics->getCharSpace() + (code == 0x20 ? graphics->getWordSpace() : 0);
    graphics->textTransformDelta(room * graphics->getHorizScaling(), 0, across, down);
}
