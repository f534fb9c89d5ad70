#pragma once
#include <stddef.h>

// Functions that precede poppler's own and those of its libraries, in programs that export them (-rdynamic): see colours.c, memory.c, rendermode.c and turned.c.

/// How often text was made invisible since the last call; 0 in programs that do not export these functions. One thread.
unsigned poppler_tuning_take_invisible(void);

/// Gives memory that was freed back to the kernel, in programs that link jemalloc.
void poppler_tuning_release_memory(void);

/// A character as it is drawn. Points from the page's top left corner.
struct poppler_tuning_character {
    /// Where it begins on its base line.
    float x, y;
    /// The direction in which it runs, as a vector of length 1: (0, -1) is upward.
    float across, down;
    /// How far it runs, and the size of its font.
    float advance, size;
    unsigned scalar;
};

/// The characters that do not run from left to right since the last call, in the order of the page's content; valid until the next character is read. One thread.
size_t poppler_tuning_take_turned(const struct poppler_tuning_character **characters);

/// The same of those that do, none where poppler has others beside them.
size_t poppler_tuning_take_upright(const struct poppler_tuning_character **characters);

/// An area that was filled with one colour, in points from the page's top left corner. Its luma is 1 for white.
struct poppler_tuning_fill { float left, top, right, bottom, luma; };

/// The areas since the last call, in the order in which they were filled; valid until the next page is read. None where poppler's private headers are not at hand. One thread.
size_t poppler_tuning_take_fills(const struct poppler_tuning_fill **fills);
