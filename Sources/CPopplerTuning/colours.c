#include <stddef.h>

// Poppler converts the colours of everything that it reads past by little CMS, a tenth of the time of reading text, which has no use for colours. These
// definitions precede the library's in the order of symbols: no profile opens, and poppler falls back to the simple colour spaces that PDF has for it.
void *cmsOpenProfileFromMem(const void *bytes, unsigned size) { (void)bytes; (void)size; return NULL; }
void *cmsOpenProfileFromFile(const char *name, const char *mode) { (void)name; (void)mode; return NULL; }
void *cmsCreate_sRGBProfile(void) { return NULL; }
void *cmsCreateLab4Profile(const void *white) { (void)white; return NULL; }
void *cmsCreateXYZProfile(void) { return NULL; }
void *cmsCreateTransform(void *input, unsigned inputFormat, void *output, unsigned outputFormat, unsigned intent, unsigned flags) {
    (void)input; (void)inputFormat; (void)output; (void)outputFormat; (void)intent; (void)flags;
    return NULL;
}
