#define _GNU_SOURCE
#include "CPopplerTuning.h"
#include <dlfcn.h>

// Text of render mode 3 (ISO 32000-1, 9.3.6) is in the page and not on it: the layer of a scan, or words for machines alone. Poppler's public interface does not
// tell it. This precedes Gfx::opSetTextRender(Object *, int) in the order of symbols, where a program exports it, and notes the mode on the way.
// Of an operand only its type and value are read; a poppler that names or lays them out otherwise leaves invisible text unnoticed, and nothing else.

struct operand { int type; int padding; int value; };
enum { operand_integer = 1, mode_invisible = 3, mode_clip_only = 7 };
typedef void operator_function(void *gfx, const struct operand *operands, int count);

// Of the thread that reads the page: others may read other documents meanwhile.
static _Thread_local unsigned invisible;

__attribute__((visibility("default"))) void _ZN3Gfx15opSetTextRenderEP6Objecti(void *gfx, const struct operand *operands, int count) {
    static operator_function *original;
    if (!original) original = (operator_function *)dlsym(RTLD_NEXT, "_ZN3Gfx15opSetTextRenderEP6Objecti");
    if (count == 1 && operands->type == operand_integer && (operands->value == mode_invisible || operands->value == mode_clip_only)) invisible++;
    if (original) original(gfx, operands, count);
}

unsigned poppler_tuning_take_invisible(void) {
    unsigned count = invisible;
    invisible = 0;
    return count;
}
