import ExtractionWire

#if canImport(CBrotli)
import CBrotli
#endif

/// One level of compression around a document: `Content-Encoding: gzip` as web exports have it, or a `.gz` file. Within the limits of
/// containers.
enum ContentEncoding {
    case gzip
    case deflate
    case brotli

    /// gzip by its content; the others, which have no signature, by the object's Content-Encoding. Nil where the bytes are the document.
    init?(of bytes: UnsafeRawBufferPointer, hints: ExtractionHints) {
        // RFC 1952: magic, and the one method there is.
        if bytes.starts(with: [0x1F, 0x8B, 0x08]) {
            self = .gzip
            return
        }
        // Uploads by SDKs may be marked `aws-chunked`, which S3 has taken apart already.
        let names = hints.contentEncoding.lowercased().split { $0 == "," || $0 == " " }.filter { $0 != "aws-chunked" }
        switch names.last {
        case "deflate": self = .deflate
        case "br": self = .brotli
        default: return nil
        }
    }

    /// What is inside. Nil where the bytes are not compressed, whatever their metadata says.
    func unfolded(_ bytes: UnsafeRawBufferPointer) throws(Rejection) -> [UInt8]? {
        switch self {
        case .gzip: return try Inflation(windowBits: 15 + 16, isMany: true).unfold(bytes, isRequired: true)
        case .deflate:
            // RFC 9110 means zlib's format; many servers send the bare stream.
            if let found = try Inflation(windowBits: 15, isMany: false).unfold(bytes, isRequired: false) {
                return found
            }
            return try Inflation(windowBits: -15, isMany: false).unfold(bytes, isRequired: false)
        case .brotli: return try Self.brotli(bytes)
        }
    }

    /// What is known of the document inside.
    func hints(_ outer: ExtractionHints) -> ExtractionHints {
        var inner = ExtractionHints(name: outer.name, contentType: outer.contentType)
        let name = inner.name.lowercased()
        if case .gzip = self, name.hasSuffix(".gz") || name.hasSuffix(".gzip") {
            inner.name = String(inner.name.prefix(upTo: inner.name.lastIndex(of: ".") ?? inner.name.endIndex))
        }
        let type = inner.contentType.lowercased()
        if type.hasPrefix("application/gzip") || type.hasPrefix("application/x-gzip") { inner.contentType = "" }
        return inner
    }

    fileprivate static let broken = Rejection(
        .malformed,
        "the compressed bytes are damaged or end early: compress the document again, or upload it as it is"
    )

    private static func brotli(_ bytes: UnsafeRawBufferPointer) throws(Rejection) -> [UInt8]? {
        #if canImport(CBrotli)
        guard let state = BrotliDecoderCreateInstance(nil, nil, nil) else {
            throw Rejection(.memory, "no memory to unpack the document")
        }
        defer { BrotliDecoderDestroyInstance(state) }
        var meter = InflationMeter(packedBytes: bytes.count)
        var output: [UInt8] = []
        var next = bytes.bindMemory(to: UInt8.self).baseAddress
        var left = bytes.count
        while true {
            var room = 0
            var total = 0
            let code = BrotliDecoderDecompressStream(state, &left, &next, &room, nil, &total)
            var count = 0
            while let piece = BrotliDecoderTakeOutput(state, &count), count > 0 {
                try meter.count(count)
                output.append(contentsOf: UnsafeBufferPointer(start: piece, count: count))
                count = 0
            }
            switch code {
            case BROTLI_DECODER_RESULT_SUCCESS: return output
            case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT: continue
            default: return output.isEmpty ? nil : try { () throws(Rejection) -> [UInt8]? in throw broken }()
            }
        }
        #else
        throw Rejection(
            .unsupported,
            "the document is compressed with Brotli, which this build does not read: upload it as it is, or with gzip"
        )
        #endif
    }
}

/// Counts what is unfolded against the limits of containers.
struct InflationMeter {
    private let packedBytes: Int
    private let limits: ZipLimits
    private let what: String
    private var inflated = 0

    /// - Parameter what: what a rejection calls it.
    init(packedBytes: Int, limits: ZipLimits = ZipLimits(), what: String = "document") {
        self.packedBytes = packedBytes
        self.limits = limits
        self.what = what
    }

    mutating func count(_ bytes: Int) throws(Rejection) {
        inflated += bytes
        guard inflated <= limits.totalBytes else {
            throw Rejection(.outputLimit, "the \(what) unfolds to more than \(limits.totalBytes >> 20) MB")
        }
        guard inflated <= limits.freeBytes || inflated / limits.ratio <= packedBytes else {
            throw Rejection(
                .outputLimit,
                "the \(what) unfolds to more than \(limits.ratio) times its size, as bombs do"
            )
        }
    }
}

/// zlib's inflate over a whole buffer.
private struct Inflation {
    /// See `InflateStream`.
    var windowBits: Int32
    /// There may be several members.
    var isMany: Bool

    /// - Parameter isRequired: bytes that are not compressed are an error, and not nil.
    func unfold(_ bytes: UnsafeRawBufferPointer, isRequired: Bool) throws(Rejection) -> [UInt8]? {
        let stream = try InflateStream(windowBits: windowBits, bytes)
        var meter = InflationMeter(packedBytes: bytes.count)
        var output: [UInt8] = []
        while true {
            let (piece, state) = stream.next()
            try meter.count(piece.count)
            output.append(contentsOf: piece)
            switch state {
            case .more: continue
            case .end: if !(isMany && stream.beginMember()) { return output }
            case .damaged:
                if !isRequired, output.isEmpty { return nil }
                throw ContentEncoding.broken
            }
        }
    }
}
