#pragma once
// Debian builds libxml2 with ICU; its header would pull <unicode/ucnv.h> in, which clashes with Foundation's copy of ICU.
#include <libxml/xmlversion.h>
#undef LIBXML_ICU_ENABLED
#include <libxml/HTMLparser.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/SAX2.h>
#include <libxml/tree.h>
#include <libxml/encoding.h>
#include <libxml/xmlerror.h>

// xmlFree is a mutable global, which Swift 6 does not let us touch.
static inline void cxml2_free(void *pointer) { xmlFree(pointer); }
