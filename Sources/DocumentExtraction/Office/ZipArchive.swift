import CZlib
import ExtractionWire

/// What a container may unfold to. Nothing that the file claims of itself counts, only what is really inflated.
struct ZipLimits {
    var entries = 10_000
    /// Inflated bytes of all parts together.
    var totalBytes = 1 << 30
    /// Inflated bytes for each byte of the file, once more than `freeBytes` were inflated.
    var ratio = 200
    var freeBytes = 8 << 20
}

/// A zip file (PKWARE APPNOTE 6.3.10): stored and deflated members, found by the central directory.
///
/// Refused are members that overlap, whose local name differs from the directory's, or whose size or checksum does not hold: each reader of such a file
/// sees another document.
struct ZipArchive {
    struct Entry {
        var name: String
        var isEncrypted: Bool
        var method: Int
        var checksum: UInt32
        var packedBytes: Int
        var bytes: Int
        /// Of the packed bytes in the file.
        var offset: Int
    }

    private let file: UnsafeRawBufferPointer
    private(set) var entries: [Entry] = []
    private var places: [String: Int] = [:]
    /// By names in small letters: those of parts are the same whatever the case of their letters (ECMA-376 part 2, §6.2.2.3).
    private var folded: [String: Int] = [:]
    private var meter: InflationMeter

    init(_ file: UnsafeRawBufferPointer, limits: ZipLimits = ZipLimits()) throws(Rejection) {
        self.file = file
        meter = InflationMeter(packedBytes: file.count, limits: limits, what: "container")
        let directory = try ZipDirectory(file, maximumEntries: limits.entries)
        entries = directory.entries
        for (index, entry) in entries.enumerated() where places.updateValue(index, forKey: entry.name) != nil {
            throw Rejection(.malformed, "the container has two parts of one name")
        }
        for (index, entry) in entries.enumerated() { folded[entry.name.lowercased()] = index }
    }

    func contains(_ name: String) -> Bool { entry(name) != nil }

    /// The file names in a folder, at most `DocumentNotes.maximumList`.
    func names(in folder: String) -> [String] {
        let found = entries.lazy.filter { $0.name.hasPrefix(folder) && !$0.name.hasSuffix("/") }
        return found.prefix(DocumentNotes.maximumList).map { String($0.name.dropFirst(folder.count)) }
    }

    func entry(_ name: String) -> Entry? { (places[name] ?? folded[name.lowercased()]).map { entries[$0] } }

    /// The whole of a part, nil where there is none of this name.
    mutating func part(_ name: String) throws(Rejection) -> [UInt8]? {
        guard let entry = entry(name) else { return nil }
        var bytes: [UInt8] = []
        try inflate(entry) { (piece) throws(Rejection) in
            bytes.append(contentsOf: piece)
            return true
        }
        return bytes
    }

    /// Hands a part over in pieces until `body` returns false.
    mutating func inflate(_ entry: Entry, _ body: (UnsafeRawBufferPointer) throws(Rejection) -> Bool) throws(Rejection)
    {
        guard !entry.isEncrypted else {
            throw Rejection(.encrypted, "the document is protected with a password: upload a copy without one")
        }
        let packed = UnsafeRawBufferPointer(rebasing: file[entry.offset..<entry.offset + entry.packedBytes])
        switch entry.method {
        case 0:
            guard entry.packedBytes == entry.bytes else { throw Self.broken("sizes") }
            try meter.count(entry.bytes)
            guard Self.checksum(0, packed) == entry.checksum else { throw Self.broken("checksum") }
            _ = try body(packed)
        case 8: try unpack(entry, packed, body)
        default:
            throw Rejection(
                .unsupported,
                "a part of the container is packed by method \(entry.method): save the document again"
            )
        }
    }

    private mutating func unpack(
        _ entry: Entry,
        _ packed: UnsafeRawBufferPointer,
        _ body: (UnsafeRawBufferPointer) throws(Rejection) -> Bool
    ) throws(Rejection) {
        let stream = try InflateStream(windowBits: -15, packed)
        var (total, checksum, state) = (0, UInt32(0), InflateStream.State.more)
        while state == .more {
            let next = stream.next()
            state = next.state
            guard state != .damaged else { throw Self.broken("packed bytes") }
            try meter.count(next.piece.count)
            total += next.piece.count
            guard total <= entry.bytes else { throw Self.broken("sizes") }
            checksum = Self.checksum(checksum, next.piece)
            if !next.piece.isEmpty, !(try body(next.piece)) { return }
        }
        guard total == entry.bytes, checksum == entry.checksum else { throw Self.broken("size or checksum") }
    }

    private static func checksum(_ start: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
        UInt32(truncatingIfNeeded: crc32_z(UInt(start), bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count))
    }

    static func broken(_ what: String) -> Rejection {
        Rejection(.malformed, "the zip container is damaged (\(what)): open the document and save it again")
    }
}
