#define _GNU_SOURCE
#include "CPopplerTuning.h"
#include <dlfcn.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

// Two things on the way of a character into poppler's page of text.
//
// Poppler sorts text into four directions, and takes a label that runs at 45 degrees for words of a letter or two. This precedes TextPage::addChar in the order of
// symbols, where a program exports it: characters that do not run from left to right are kept here with their direction, and poppler never sees them.
// Of the graphics state only the resolution and the matrix at its head are read (GfxState.h), after a look at whether they are where they were; a poppler that lays
// them out otherwise gets every character.

struct graphics_state { double horizontal, vertical, matrix[6]; };
typedef void add_function(void *page, const struct graphics_state *state, double x, double y, double dx, double dy, unsigned code, int bytes, const unsigned *scalars, int count);
typedef void matrix_function(const struct graphics_state *state, double *a, double *b, double *c, double *d);

// What poppler-glib reads text with.
static const double resolution = 72;
// Of a right angle's tangent: scans and their text are askew by a few degrees.
static const double upright_tangent = 0.18;
enum { most = 1 << 19, longest_glyph = 64 };

// CPopplerInflate has it, where poppler's private headers are at hand.
void poppler_private_spacing(const void *state, unsigned code, double *across, double *down) __attribute__((weak));

// Without it, no letter is wider than this share of its size: room between letters is part of their width.
static const double widest = 1.05;

struct characters { struct poppler_tuning_character *all; size_t count, room; };
// Of the thread that reads the page, as the flag below.
static _Thread_local struct characters turned_ones, upright_ones;
// Poppler has characters that are not among them.
static _Thread_local bool upright_is_short;

static bool keep(struct characters *kept, struct poppler_tuning_character character) {
    if (kept->count == kept->room) {
        size_t room = kept->room ? kept->room * 2 : 1024;
        void *grown = room <= most ? realloc(kept->all, room * sizeof *kept->all) : NULL;
        if (!grown) return false;
        kept->all = grown;
        kept->room = room;
    }
    kept->all[kept->count++] = character;
    return true;
}

struct direction { float across, down, size; bool is_upright; };

static bool read_direction(const struct graphics_state *state, struct direction *direction) {
    static matrix_function *font_matrix;
    if (!font_matrix) font_matrix = (matrix_function *)dlsym(RTLD_NEXT, "_ZNK8GfxState15getFontTransMatEPdS0_S0_S0_");
    if (!font_matrix || state->horizontal != resolution || state->vertical != resolution) return false;
    double a, b, c, d;
    font_matrix(state, &a, &b, &c, &d);
    double length = sqrt(a * a + b * b), size = sqrt(c * c + d * d);
    // Mirrored letters, and those whose font turns them, are poppler's.
    if (!isfinite(length) || !isfinite(size) || length < 0.01 || size < 0.01 || size > 10000 || a * d - b * c >= 0) return false;
    direction->is_upright = a > 0 && fabs(b) <= upright_tangent * a;
    direction->across = (float)(a / length);
    direction->down = (float)(b / length);
    direction->size = (float)size;
    return true;
}

static bool runs_to_the_right(const struct direction *direction, const double *m, double dx, double dy) {
    double right = m[0] * dx + m[2] * dy, bottom = m[1] * dx + m[3] * dy;
    double along = right * direction->across + bottom * direction->down, beside = bottom * direction->across - right * direction->down;
    return direction->is_upright && (beside <= 0.3 * direction->size || fabs(along) >= 0.1 * beside);
}

// Poppler turns words from right to left around, character by character. A glyph of several letters (lam and alef, a letter with its mark) has them in the order of
// reading, and would end up turned as well.
static bool is_right_to_left(unsigned scalar) {
    return (scalar >= 0x590 && scalar <= 0x8FF && !(scalar >= 0x660 && scalar <= 0x669) && !(scalar >= 0x6F0 && scalar <= 0x6F9)) || (scalar >= 0xFB1D && scalar <= 0xFDFF) ||
           (scalar >= 0xFE70 && scalar <= 0xFEFC);
}

static const unsigned *turned_glyph(const unsigned *scalars, int count, unsigned *turned) {
    if (count < 2 || count > longest_glyph) return scalars;
    for (int place = 0; place < count; place++) {
        if (!is_right_to_left(scalars[place])) return scalars;
        turned[count - 1 - place] = scalars[place];
    }
    return turned;
}

static bool is_mark(unsigned scalar) {
    return (scalar >= 0x591 && scalar <= 0x5BD) || (scalar >= 0x610 && scalar <= 0x61A) || (scalar >= 0x64B && scalar <= 0x65F) || scalar == 0x670;
}

// Where on the page the letters of a glyph stand that has them in the order of reading: each run of those from right to left the other way round, marks beside their letter by `above`.
static void find_slots(const unsigned *scalars, int count, float above, float *slots) {
    for (int start = 0, end; start < count; start = end) {
        bool is_turned = is_right_to_left(scalars[start]);
        for (end = start + 1; end < count && (is_right_to_left(scalars[end]) || (is_turned && scalars[end] == ' ')) == is_turned; end++) {}
        while (is_turned && end < count && scalars[end - 1] == ' ') end--;
        for (int place = start; place < end; place++) {
            slots[place] = (float)(is_turned ? start + end - 1 - place : place);
            if (place > start && is_mark(scalars[place])) slots[place] = is_mark(scalars[place - 1]) ? slots[place - 1] : slots[place - 1] + above;
        }
    }
}

__attribute__((visibility("default"))) void _ZN8TextPage7addCharEPK8GfxStateddddjiPKji(
    void *page, const struct graphics_state *state, double x, double y, double dx, double dy, unsigned code, int bytes, const unsigned *scalars, int count) {
    static add_function *original;
    if (!original) original = (add_function *)dlsym(RTLD_NEXT, "_ZN8TextPage7addCharEPK8GfxStateddddjiPKji");
    struct direction direction;
    if (count > 0 && read_direction(state, &direction)) {
        bool is_upright = runs_to_the_right(&direction, state->matrix, dx, dy);
        const double *m = state->matrix;
        double left = m[0] * x + m[2] * y + m[4], top = m[1] * x + m[3] * y + m[5];
        double width = dx, height = dy;
        if (poppler_private_spacing) {
            double across, down;
            poppler_private_spacing(state, code, &across, &down);
            width -= across;
            height -= down;
        }
        double right = (m[0] * width + m[2] * height) / count, bottom = (m[1] * width + m[3] * height) / count;
        // Letters that stand upright below each other: columns of Japanese.
        if (direction.is_upright && !is_upright) direction = (struct direction){ 0, 1, direction.size, false };
        double along = right * direction.across + bottom * direction.down;
        if (!poppler_private_spacing && along > widest * direction.size) along = widest * direction.size;
        // Not what is far outside of every page.
        if (fabs(left) < 20000 && fabs(top) < 20000 && fabs(along) < 20000) {
            // Where words end shows in their places, but for blanks among the letters of one glyph.
            int place = count == 1 && scalars[0] == ' ';
            bool is_whole = count > 1 && count <= longest_glyph;
            float slots[longest_glyph];
            // Those of upright text are looked at again (UprightText), those of turned text stand in their order.
            if (is_whole) find_slots(scalars, count, is_upright ? 0.5f : -0.01f, slots);
            while (place < count) {
                float slot = is_whole ? slots[place] : (float)place;
                if (!keep(is_upright ? &upright_ones : &turned_ones, (struct poppler_tuning_character){
                    (float)(left + right * slot), (float)(top + bottom * slot), direction.across, direction.down, (float)along, direction.size, scalars[place] })) break;
                place++;
            }
            if (place == count && !is_upright) return;
            if (place < count) upright_is_short = true;
        }
    } else if (count > 0) {
        upright_is_short = true;
    }
    unsigned turned[longest_glyph];
    if (original) original(page, state, x, y, dx, dy, code, bytes, turned_glyph(scalars, count, turned), count);
}

size_t poppler_tuning_take_turned(const struct poppler_tuning_character **characters) {
    size_t count = turned_ones.count;
    *characters = turned_ones.all;
    turned_ones.count = 0;
    return count;
}

size_t poppler_tuning_take_upright(const struct poppler_tuning_character **characters) {
    size_t count = upright_is_short ? 0 : upright_ones.count;
    *characters = upright_ones.all;
    upright_ones.count = 0;
    upright_is_short = false;
    return count;
}
