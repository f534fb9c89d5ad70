// Poppler unpacks deflated streams one character at a time, a sixth of the time of reading text. This stands before Stream::addFilters in the order of
// symbols, where a program exports it, and unpacks them with libdeflate in one go instead. It needs poppler's private headers, and is tied to the library of their
// version: what the headers say is compared when this is built, and the library's own version when it starts. Where they differ, every stream is poppler's.
#include "CPopplerInflate.h"
#include "version.h"
// Stream.h includes Object.h in the middle of itself; it has to come first.
#include <Object.h>
#include <Stream.h>
#include <algorithm>
#include <dlfcn.h>
#include <libdeflate.h>
#include <vector>

namespace {

typedef Stream *AddFilters(Stream *stream, Dict *dict, int recursion);

AddFilters *original() {
    static AddFilters *const function = reinterpret_cast<AddFilters *>(dlsym(RTLD_NEXT, "_ZN6Stream10addFiltersEP4Dicti"));
    return function;
}

/// A deflated stream, unpacked when it is first read. What libdeflate refuses, and what is very large, is left to poppler's own filter.
class InflatedStream : public Stream {
public:
    InflatedStream(Stream *source, Dict *dict, int recursion) : source(source), dict(dict), recursion(recursion) { }
    ~InflatedStream() override { delete (own ? own : source); }

    StreamKind getKind() const override { return strFlate; }
    void reset() override {
        position = 0;
        if (!own && !isUnpacked && !unpack()) own = original()(source, dict, recursion);
        if (own) own->reset();
    }
    void close() override { current()->close(); }
    int getChar() override { return own ? own->getChar() : position < bytes.size() ? bytes[position++] : EOF; }
    int lookChar() override { return own ? own->lookChar() : position < bytes.size() ? bytes[position] : EOF; }
    int getRawChar() override { return getChar(); }
    void getRawChars(int count, int *buffer) override { for (int i = 0; i < count; i++) buffer[i] = getChar(); }
    int getUnfilteredChar() override { return current()->getUnfilteredChar(); }
    void unfilteredReset() override { current()->unfilteredReset(); }
    Goffset getPos() override { return current()->getPos(); }
    void setPos(Goffset, int) override { }
    bool isBinary(bool) const override { return source->isBinary(true); }
    BaseStream *getBaseStream() override { return source->getBaseStream(); }
    Stream *getUndecodedStream() override { return source->getUndecodedStream(); }
    Dict *getDict() override { return source->getDict(); }
    Object *getDictObject() override { return source->getDictObject(); }
    Stream *getNextStream() const override { return source; }

private:
    static constexpr size_t largest = 32 << 20;

    Stream *const source;
    Dict *const dict;
    const int recursion;
    Stream *own = nullptr;
    std::vector<unsigned char> bytes;
    size_t position = 0;
    bool isUnpacked = false;

    Stream *current() { return own ? own : source; }

    bool hasGetChars() override { return true; }
    int getChars(int count, unsigned char *buffer) override {
        if (own) return own->doGetChars(count, buffer);
        const size_t given = std::min(size_t(count), bytes.size() - position);
        std::copy_n(bytes.data() + position, given, buffer);
        position += given;
        return int(given);
    }

    bool unpack() {
        // Kept for the next stream of this thread.
        static thread_local std::vector<unsigned char> packed(65536), room(1 << 20);
        static thread_local libdeflate_decompressor *const decompressor = libdeflate_alloc_decompressor();
        size_t count = 0;
        source->reset();
        while (const int read = source->doGetChars(int(packed.size() - count), packed.data() + count)) {
            count += read;
            if (count > largest) return false;
            if (count == packed.size()) packed.resize(count * 2);
        }
        size_t filled = 0;
        libdeflate_result result;
        while ((result = libdeflate_zlib_decompress_ex(decompressor, packed.data(), count, room.data(), room.size(), nullptr, &filled)) == LIBDEFLATE_INSUFFICIENT_SPACE &&
               room.size() < largest)
            room.resize(room.size() * 2);
        isUnpacked = result == LIBDEFLATE_SUCCESS;
        if (isUnpacked) bytes.assign(room.begin(), room.begin() + filled);
        return isUnpacked;
    }
};

/// One filter without parameters. Pictures are not unpacked for their text, and those inside of a page's content have no length of their own.
bool isPlainlyDeflated(Dict *dict, int recursion) {
    if (dict->hasKey("Width") || dict->hasKey("W") || !dict->lookup("DecodeParms", recursion).isNull() || !dict->lookup("DP", recursion).isNull()) return false;
    Object filter = dict->lookup("Filter", recursion);
    if (filter.isArray() && filter.arrayGetLength() == 1) filter = filter.arrayGet(0, recursion);
    return filter.isName("FlateDecode");
}

}

__attribute__((visibility("default"))) Stream *Stream::addFilters(Dict *dict, int recursion) {
    return private_headers_match() && isPlainlyDeflated(dict, recursion) ? new InflatedStream(this, dict, recursion) : original()(this, dict, recursion);
}
