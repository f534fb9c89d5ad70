import ExtractionWire

/// A PDF whose table of objects is gone, as broken downloads have none: poppler looks for objects in the file then, and not for those that are packed into streams
/// (ISO 32000-1, 7.5.7). They are unpacked behind the document, with a trailer that leads to its catalog.
enum ObjectStreams {
    private static let mostBytes = 64 << 20
    private static let mostStreams = 100_000
    private static let mostObjects = 1_000_000
    private static let mostCatalogs = 1000
    private static let longestDictionary = 4096

    /// Nil where there is nothing to unpack, or no catalog to begin with.
    static func unpacked(_ bytes: UnsafeRawBufferPointer) throws(Rejection) -> [UInt8]? {
        let bytes = bytes.bindMemory(to: UInt8.self)
        guard find("/Encrypt", in: bytes, from: 0) == nil else { return nil }
        var objects: [UInt8] = []
        var (place, streams, count) = (0, 0, 0)
        while let found = find("/ObjStm", in: bytes, from: place), streams < mostStreams {
            place = found + 7
            streams += 1
            guard let stream = Stream(around: found, bytes),
                let content = try stream.content(most: mostBytes - objects.count)
            else { continue }
            count += append(content, stream, to: &objects, most: mostObjects - count)
        }
        guard !objects.isEmpty, let root = objects.withUnsafeBufferPointer({ catalog(in: $0) }) ?? catalog(in: bytes)
        else { return nil }
        // What the file ends with may be half a line.
        return Array(bytes) + Array("\n%%EOF\n".utf8) + objects + Array("trailer<</Root \(root) 0 R>>\n%%EOF\n".utf8)
    }

    /// A stream's content is pairs of a number and an offset, then the objects.
    private static func append(_ content: [UInt8], _ stream: Stream, to objects: inout [UInt8], most: Int) -> Int {
        guard stream.first <= content.count else { return 0 }
        let numbers = content[..<stream.first].split { $0 <= 0x20 }.prefix(2 * min(stream.count, most)).map {
            integer($0[...]) ?? -1
        }
        let pairs = stride(from: 0, to: numbers.count - 1, by: 2).map { (number: numbers[$0], offset: numbers[$0 + 1]) }
        var added = 0
        for (place, pair) in pairs.enumerated() {
            let start = stream.first + max(0, min(pair.offset, content.count))
            let end =
                place + 1 < pairs.count
                ? stream.first + max(0, min(pairs[place + 1].offset, content.count)) : content.count
            guard pair.number >= 0, pair.offset >= 0, start < end, end <= content.count else { continue }
            objects += Array("\(pair.number) 0 obj\n".utf8) + content[start..<end] + Array("\nendobj\n".utf8)
            added += 1
        }
        return added
    }

    /// The number of the object that says that it is the catalog, the last one where several do.
    private static func catalog(in bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        var (place, looks): (Int, Int) = (0, 0)
        var number: Int?
        while let found = find("/Catalog", in: bytes, from: place), looks < mostCatalogs {
            (place, looks) = (found + 8, looks + 1)
            let before = bytes[max(0, found - longestDictionary)..<found]
            guard
                let object = before.indices.last(where: {
                    $0 + 3 <= before.endIndex && bytes[$0] == 0x6F && bytes[$0 + 1] == 0x62 && bytes[$0 + 2] == 0x6A
                })
            else { continue }
            // Its number and generation stand before the word "obj".
            let words = before[..<object].suffix(24).split { $0 <= 0x20 }
            if words.count >= 2, let found = integer(words[words.count - 2]) { number = found }
        }
        return number
    }

    private static func integer(_ digits: Slice<UnsafeBufferPointer<UInt8>>) -> Int? {
        Int(String(decoding: digits, as: UTF8.self))
    }
    private static func integer(_ digits: ArraySlice<UInt8>) -> Int? { Int(String(decoding: digits, as: UTF8.self)) }

    private static func find(_ word: StaticString, in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        let word = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
        var place = start
        while place + word.count <= bytes.count {
            guard let next = bytes[place...(bytes.count - word.count)].firstIndex(of: word[0]) else { return nil }
            if bytes[next..<next + word.count].elementsEqual(word) { return next }
            place = next + 1
        }
        return nil
    }

    /// Where the packed bytes of a stream of objects are, and what its dictionary says of them.
    private struct Stream {
        let count: Int
        let first: Int
        private let packed: UnsafeBufferPointer<UInt8>
        private let isDeflated: Bool

        /// - Parameter place: inside of the dictionary.
        init?(around place: Int, _ bytes: UnsafeBufferPointer<UInt8>) {
            let reach = bytes[place..<min(bytes.count, place + longestDictionary)]
            guard let end = find("stream", in: UnsafeBufferPointer(rebasing: reach), from: 0).map({ $0 + place }) else {
                return nil
            }
            let head = bytes[max(0, place - longestDictionary)..<place]
            let begin = head.indices.dropLast().last { bytes[$0] == 0x3C && bytes[$0 + 1] == 0x3C } ?? head.startIndex
            let dictionary = UnsafeBufferPointer(rebasing: bytes[begin..<end])
            guard let count = Self.value("/N", dictionary), let first = Self.value("/First", dictionary),
                find("/DecodeParms", in: dictionary, from: 0) == nil
            else { return nil }
            (self.count, self.first) = (count, first)
            isDeflated = find("/FlateDecode", in: dictionary, from: 0) != nil
            guard isDeflated || find("/Filter", in: dictionary, from: 0) == nil else { return nil }
            var start = end + 6
            if start < bytes.count, bytes[start] == 0x0D { start += 1 }
            if start < bytes.count, bytes[start] == 0x0A { start += 1 }
            let length = Self.value("/Length", dictionary) ?? (bytes.count - start)
            guard start < bytes.count else { return nil }
            packed = UnsafeBufferPointer(rebasing: bytes[start..<min(bytes.count, start + length)])
        }

        /// The number behind a name, nil for a reference to another object.
        private static func value(_ name: StaticString, _ dictionary: UnsafeBufferPointer<UInt8>) -> Int? {
            guard let found = find(name, in: dictionary, from: 0) else { return nil }
            let rest = dictionary[(found + name.utf8CodeUnitCount)...].drop { $0 <= 0x20 }
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            guard (1...9).contains(digits.count), let value = integer(digits) else { return nil }
            let behind = dictionary[digits.endIndex...].drop { $0 <= 0x20 || (0x30...0x39).contains($0) }
            return behind.first == 0x52 ? nil : value
        }

        /// Nil where it is damaged.
        func content(most: Int) throws(Rejection) -> [UInt8]? {
            guard isDeflated else { return packed.count <= most ? Array(packed) : nil }
            let stream = try InflateStream(windowBits: 15, UnsafeRawBufferPointer(packed))
            var content: [UInt8] = []
            while content.count <= most {
                let (piece, state) = stream.next()
                content.append(contentsOf: piece)
                switch state {
                case .more: continue
                case .end: return content
                case .damaged: return nil
                }
            }
            return nil
        }
    }
}
