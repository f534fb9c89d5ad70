// The areas that a page fills with one colour, in the order in which it does: white letters show on dark ones. Poppler's text device looks at fills for nothing but
// the lines under words; this stands before it in the order of symbols, where a program exports it, and notes them on the way.
#include "CPopplerInflate.h"
#include "version.h"
#include <GfxState.h>
#include <TextOutputDev.h>
#include <algorithm>
#include <cmath>
#include <dlfcn.h>

namespace {

// What Sources/CPopplerTuning/include/CPopplerTuning.h calls poppler_tuning_fill.
struct Fill { float left, top, right, bottom, luma; };

constexpr size_t most = 4096;
constexpr int most_points = 4096;
// In points: lines and dots are no background.
constexpr double smallest = 4;

// Of the thread that reads the page.
thread_local Fill fills[most];
thread_local size_t count;

void note(GfxState *state) {
    const GfxPath *path = state->getPath();
    if (count == most || !path) return;
    double left = INFINITY, top = INFINITY, right = -INFINITY, bottom = -INFINITY;
    int points = 0;
    for (int part = 0; part < path->getNumSubpaths(); part++) {
        const GfxSubpath *subpath = path->getSubpath(part);
        points += subpath->getNumPoints();
        if (points > most_points) return;
        for (int point = 0; point < subpath->getNumPoints(); point++) {
            double x, y;
            state->transform(subpath->getX(point), subpath->getY(point), &x, &y);
            left = std::min(left, x), right = std::max(right, x), top = std::min(top, y), bottom = std::max(bottom, y);
        }
    }
    double clip[4];
    state->getClipBBox(&clip[0], &clip[1], &clip[2], &clip[3]);
    left = std::max(left, clip[0]), top = std::max(top, clip[1]), right = std::min(right, clip[2]), bottom = std::min(bottom, clip[3]);
    if (!(right - left >= smallest && bottom - top >= smallest) || state->getFillOpacity() < 0.5) return;
    GfxRGB color;
    state->getFillRGB(&color);
    // ITU-R BT.601.
    const double luma = 0.299 * colToDbl(color.r) + 0.587 * colToDbl(color.g) + 0.114 * colToDbl(color.b);
    fills[count++] = { float(left), float(top), float(right), float(bottom), float(luma) };
}

template <typename Function> Function *next(const char *name) { return reinterpret_cast<Function *>(dlsym(RTLD_NEXT, name)); }

typedef void FillFunction(TextOutputDev *device, GfxState *state);

}

extern "C" __attribute__((visibility("default"))) void _ZN13TextOutputDev4fillEP8GfxState(TextOutputDev *device, GfxState *state) {
    static FillFunction *const original = next<FillFunction>("_ZN13TextOutputDev4fillEP8GfxState");
    if (private_headers_match()) note(state);
    if (original) original(device, state);
}

extern "C" __attribute__((visibility("default"))) void _ZN13TextOutputDev6eoFillEP8GfxState(TextOutputDev *device, GfxState *state) {
    static FillFunction *const original = next<FillFunction>("_ZN13TextOutputDev6eoFillEP8GfxState");
    if (private_headers_match()) note(state);
    if (original) original(device, state);
}

extern "C" __attribute__((visibility("default"))) size_t poppler_private_take_fills(const void **first) {
    const size_t taken = count;
    *first = fills;
    count = 0;
    return taken;
}
