import ExtractionWire

/// The central directory of a zip file, checked against the local headers (APPNOTE 4.3.7, 4.3.12, 4.3.14 to 4.3.16, 4.5.3).
struct ZipDirectory {
    private(set) var entries: [ZipArchive.Entry] = []
    private let file: UnsafeRawBufferPointer
    private static let endLength = 22
    private static let maximumComment = 65_535

    init(_ file: UnsafeRawBufferPointer, maximumEntries: Int) throws(Rejection) {
        self.file = file
        let (count, start, end, base) = try locate()
        guard count <= maximumEntries else {
            throw Rejection(.outputLimit, "the container has \(count) parts, more than \(maximumEntries)")
        }
        guard count >= 0, count <= (end - start) / 46 else { throw ZipArchive.broken("number of parts") }
        var position = start
        for _ in 0..<count { entries.append(try entry(&position, end)) }
        try placeEntries(base: base, end: start)
    }

    /// Where the directory is, and how many bytes come before the archive: self-extracting files shift every offset.
    private func locate() throws(Rejection) -> (count: Int, start: Int, end: Int, base: Int) {
        var end = file.count - Self.endLength
        let stop = max(0, end - Self.maximumComment)
        while end >= stop, long(end) != 0x0605_4B50 { end -= 1 }
        guard end >= stop else { throw ZipArchive.broken("no directory") }
        var (count, size, offset, tail) = (short(end + 10), long(end + 12), long(end + 16), end)
        if end >= 20, long(end - 20) == 0x0706_4B50 {
            let record = quad(end - 12)
            guard record >= 0, record <= end - 76, long(record) == 0x0606_4B50 else {
                throw ZipArchive.broken("directory of zip64")
            }
            (count, size, offset, tail) = (quad(record + 32), quad(record + 40), quad(record + 48), record)
        }
        guard size >= 0, offset >= 0, size <= tail, offset <= tail - size else { throw ZipArchive.broken("directory") }
        return (count, tail - size, tail, tail - size - offset)
    }

    private func entry(_ position: inout Int, _ end: Int) throws(Rejection) -> ZipArchive.Entry {
        guard position + 46 <= end, long(position) == 0x0201_4B50 else { throw ZipArchive.broken("directory") }
        let (nameLength, extraLength) = (short(position + 28), short(position + 30))
        let extraStart = position + 46 + nameLength
        let next = extraStart + extraLength + short(position + 32)
        guard next <= end else { throw ZipArchive.broken("directory") }
        var entry = ZipArchive.Entry(
            name: String(decoding: file[position + 46..<extraStart], as: UTF8.self),
            isEncrypted: short(position + 8) & 1 != 0,
            method: short(position + 10),
            checksum: UInt32(long(position + 16)),
            packedBytes: long(position + 20),
            bytes: long(position + 24),
            offset: long(position + 42)
        )
        try widen(&entry, extraStart, extraStart + extraLength)
        position = next
        return entry
    }

    /// Sizes over 4 GB are in an extra field.
    private func widen(_ entry: inout ZipArchive.Entry, _ start: Int, _ end: Int) throws(Rejection) {
        var position = start
        while position + 4 <= end {
            let stop = position + 4 + short(position + 2)
            guard stop <= end else { return }
            if short(position) == 1 {
                var value = position + 4
                for field in [\ZipArchive.Entry.bytes, \.packedBytes, \.offset]
                where entry[keyPath: field] == 0xFFFF_FFFF {
                    guard value + 8 <= stop else { throw ZipArchive.broken("sizes") }
                    entry[keyPath: field] = quad(value)
                    value += 8
                }
            }
            position = stop
        }
        guard entry.bytes >= 0, entry.packedBytes >= 0, entry.offset >= 0 else { throw ZipArchive.broken("sizes") }
    }

    /// Turns offsets of local headers into those of the packed bytes; each must end before the next header begins.
    private mutating func placeEntries(base: Int, end: Int) throws(Rejection) {
        var last = 0
        for index in entries.indices.sorted(by: { entries[$0].offset < entries[$1].offset }) {
            let entry = entries[index]
            let (header, overflow) = entry.offset.addingReportingOverflow(base)
            guard !overflow, header >= last else { throw ZipArchive.broken("parts overlap") }
            guard header <= end - 30, long(header) == 0x0403_4B50 else { throw ZipArchive.broken("header of a part") }
            let nameLength = short(header + 26)
            let data = header + 30 + nameLength + short(header + 28)
            guard data <= end, entry.packedBytes <= end - data else { throw ZipArchive.broken("length of a part") }
            let name = String(decoding: file[header + 30..<header + 30 + nameLength], as: UTF8.self)
            guard name.utf8.elementsEqual(entry.name.utf8) else { throw ZipArchive.broken("names differ") }
            // What .NET and others wrote on Windows.
            if !name.utf8.contains(0x2F) { entries[index].name = name.replacing("\\", with: "/") }
            entries[index].offset = data
            last = data + entry.packedBytes
        }
    }

    private func short(_ offset: Int) -> Int {
        Int(UInt16(littleEndian: file.loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
    }

    private func long(_ offset: Int) -> Int {
        Int(UInt32(littleEndian: file.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    }

    private func quad(_ offset: Int) -> Int {
        Int(truncatingIfNeeded: UInt64(littleEndian: file.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
    }
}
