#pragma once
#include <stddef.h>

/// 100,256 length bytes in the order of rank, then the tokens' bytes in that order.
extern const unsigned char cl100k_vocabulary[];
extern const size_t cl100k_vocabulary_size;

/// 8,704 table numbers, one a block of 128 code points, then the tables, 128 bytes each.
extern const unsigned char unicode16_classes[];
extern const size_t unicode16_classes_size;

// Swift imports C arrays of unknown length as nothing at all.
static inline const unsigned char *_Nonnull cl100k_vocabulary_start(void) { return cl100k_vocabulary; }
static inline const unsigned char *_Nonnull unicode16_classes_start(void) { return unicode16_classes; }
