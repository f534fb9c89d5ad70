import CTesseract
import DocumentExtraction

/// Owns a picture of Leptonica's.
struct Picture: ~Copyable {
    let handle: UnsafeMutablePointer<Pix>

    private init?(_ handle: UnsafeMutablePointer<Pix>?) {
        guard let handle else { return nil }
        self.handle = handle
    }

    deinit {
        var handle: UnsafeMutablePointer<Pix>? = handle
        pixDestroy(&handle)
    }

    /// A page that was drawn.
    init?(_ page: PageRaster) {
        self.init(pixCreate(Int32(page.width), Int32(page.height), 8))
        let bytesPerLine = Int(pixGetWpl(handle)) * 4
        guard let data = pixGetData(handle) else { return }
        page.pixels.withUnsafeBytes { pixels in
            for row in 0..<page.height {
                UnsafeMutableRawPointer(data).advanced(by: row * bytesPerLine).copyMemory(
                    from: pixels.baseAddress! + row * page.width,
                    byteCount: page.width
                )
            }
        }
        // Leptonica's pixels go from the high to the low bits of 32-bit words.
        pixEndianByteSwap(handle)
    }

    /// One page of an encoded picture. Nil where it cannot be decoded.
    init?(decoding bytes: UnsafeRawBufferPointer, page: Int, of format: Format) {
        let data = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
        self.init(format == .tiff ? pixReadMemTiff(data, bytes.count, Int32(page)) : pixReadMem(data, bytes.count))
    }

    enum Format {
        case png
        case jpeg
        case tiff
    }

    /// What an encoded picture says of itself, before anything is decoded.
    struct Header {
        var format: Format
        var width: Int
        var height: Int

        init?(_ bytes: UnsafeRawBufferPointer, page: Int) {
            let data = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
            var (kind, width, height): (Int32, Int32, Int32) = (0, 0, 0)
            var (bits, samples, hasMap): (Int32, Int32, Int32) = (0, 0, 0)
            if page == 0 {
                guard pixReadHeaderMem(data, bytes.count, &kind, &width, &height, &bits, &samples, &hasMap) == 0
                else { return nil }
            } else {
                var resolution: Int32 = 0
                guard
                    readHeaderMemTiff(
                        data,
                        bytes.count,
                        Int32(page),
                        &width,
                        &height,
                        &bits,
                        &samples,
                        &resolution,
                        &hasMap,
                        &kind
                    ) == 0
                else { return nil }
            }
            switch Int(kind) {
            case IFF_PNG: format = .png
            case IFF_JFIF_JPEG: format = .jpeg
            case IFF_TIFF...IFF_TIFF_ZIP, IFF_TIFF_JPEG: format = .tiff
            default: return nil
            }
            guard width > 0, height > 0 else { return nil }
            (self.width, self.height) = (Int(width), Int(height))
        }
    }

    var width: Int { Int(pixGetWidth(handle)) }
    var height: Int { Int(pixGetHeight(handle)) }

    /// Dots per inch as the picture says it; nil where it says none, or nothing likely.
    var resolution: Int? {
        let resolution = Int(pixGetXRes(handle))
        return (70...2400).contains(resolution) ? resolution : nil
    }

    /// In shades of grey, without transparency.
    consuming func grey() -> Picture? {
        guard let opaque = Picture(pixRemoveAlpha(handle)) else { return nil }
        return Picture(pixConvertTo8(opaque.handle, 0))
    }

    /// With its lines level; the same where they are, or where that cannot be determined.
    consuming func straightened() -> Picture? { Picture(pixDeskew(handle, 2)) }

    /// Turned clockwise by quarters.
    func turned(quarters: Int) -> Picture? { Picture(pixRotateOrth(handle, Int32(quarters))) }
}
