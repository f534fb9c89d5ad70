#pragma once
// Poppler's private headers are tied to the library of their version: what the headers say is compared when this is built, and the library's own version when it starts.
#include <glib/poppler-features.h>
#include <poppler-config.h>
#include <string_view>

extern "C" const char *poppler_get_version(void);

/// 22.2.0 and 22.02.0, as one of the headers writes it, are 220200.
constexpr int version_number(std::string_view version) {
    int whole = 0, part = 0;
    for (const char character : version) {
        if (character != '.') part = part * 10 + (character - '0');
        else { whole = whole * 100 + part; part = 0; }
    }
    return whole * 100 + part;
}

static_assert(POPPLER_MAJOR_VERSION * 10000 + POPPLER_MINOR_VERSION * 100 + POPPLER_MICRO_VERSION == version_number(POPPLER_VERSION),
              "poppler's private headers are of another version than its public ones: install libpoppler-private-dev again, or set POPPLER_PRIVATE_ABI=0");

inline bool private_headers_match() {
    static const bool is_same = version_number(poppler_get_version()) == version_number(POPPLER_VERSION);
    return is_same;
}
