#pragma clang diagnostic ignored "-Wc23-extensions"
#pragma clang diagnostic ignored "-Wnullability-extension"
#include "CVocabulary.h"

const unsigned char cl100k_vocabulary[] = {
#embed "cl100k.vocabulary"
};
const size_t cl100k_vocabulary_size = sizeof cl100k_vocabulary;

const unsigned char unicode16_classes[] = {
#embed "unicode16.classes"
};
const size_t unicode16_classes_size = sizeof unicode16_classes;
