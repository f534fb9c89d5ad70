#pragma once
#include <gmime/gmime.h>

// The type macros are lost on Swift.
static inline int cgmime_is_multipart(GMimeObject *object) { return GMIME_IS_MULTIPART(object); }
static inline int cgmime_is_message_part(GMimeObject *object) { return GMIME_IS_MESSAGE_PART(object); }
static inline int cgmime_is_part(GMimeObject *object) { return GMIME_IS_PART(object); }
static inline GMimeMultipart *_Nonnull cgmime_multipart(GMimeObject *object) { return (GMimeMultipart *)object; }
static inline GMimeMessagePart *_Nonnull cgmime_message_part(GMimeObject *object) { return (GMimeMessagePart *)object; }
static inline GMimePart *_Nonnull cgmime_part(GMimeObject *object) { return (GMimePart *)object; }
static inline GMimeObject *_Nonnull cgmime_object(GMimeMessage *message) { return (GMimeObject *)message; }
