import CXML2
import ExtractionWire

/// The events of a markup document while it is parsed.
protocol MarkupHandler: AnyObject {
    func start(_ name: MarkupName, _ attributes: MarkupAttributes)
    func end(_ name: MarkupName)
    func characters(_ text: UnsafeBufferPointer<UInt8>)
    /// The handler needs no more input.
    var isDone: Bool { get }
}

/// An element's name: lower case for HTML, without prefix for XML. The parser keeps one copy of each name, so that names compare by address.
struct MarkupName {
    let pointer: UnsafePointer<xmlChar>

    var string: String { String(cString: pointer) }
}

/// What names mean to a reader: each is looked at once and then found by its address.
struct NameTable<Meaning> {
    private var pointers = [UnsafePointer<xmlChar>?](repeating: nil, count: 512)
    private var meanings: [Meaning?] = Array(repeating: nil, count: 512)
    private let find: (String) -> Meaning

    init(_ find: @escaping (String) -> Meaning) { self.find = find }

    mutating func meaning(of name: MarkupName) -> Meaning {
        let address = UInt(bitPattern: name.pointer)
        let slot = Int((address ^ address >> 9) & 511)
        if pointers[slot] == name.pointer, let meaning = meanings[slot] { return meaning }
        let meaning = find(name.string)
        (pointers[slot], meanings[slot]) = (name.pointer, meaning)
        return meaning
    }
}

/// The attributes of a start tag, valid during the call.
struct MarkupAttributes {
    fileprivate enum Source {
        /// Name and value in turn, ended by nil (libxml2, startElementSAXFunc).
        case pairs(UnsafeMutablePointer<UnsafePointer<xmlChar>?>?)
        /// Local name, prefix, URI, start and end of the value (startElementNsSAX2Func).
        case quintuples(UnsafeMutablePointer<UnsafePointer<xmlChar>?>?, count: Int)
    }

    private let source: Source

    init(pairs: UnsafeMutablePointer<UnsafePointer<xmlChar>?>?) { source = .pairs(pairs) }

    init(quintuples: UnsafeMutablePointer<UnsafePointer<xmlChar>?>?, count: Int) {
        source = .quintuples(quintuples, count: count)
    }

    /// The value of the attribute of this name, whatever its prefix.
    subscript(_ name: StaticString) -> String? {
        switch source {
        case .pairs(let pairs):
            guard let pairs else { return nil }
            var index = 0
            while let found = pairs[index] {
                if Self.equals(found, name) { return pairs[index + 1].map { String(cString: $0) } ?? "" }
                index += 2
            }
            return nil
        case .quintuples(let values, let count):
            guard let values else { return nil }
            for index in 0..<count {
                guard let found = values[index * 5], Self.equals(found, name) else { continue }
                return value(values, index)
            }
            return nil
        }
    }

    /// Names and values as bytes, without a copy: for HTML.
    func forEach(_ body: (UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<UInt8>) -> Void) {
        guard case .pairs(let pairs?) = source else { return }
        var index = 0
        while let name = pairs[index] {
            let value = pairs[index + 1]
            body(
                UnsafeBufferPointer(start: name, count: Int(xmlStrlen(name))),
                UnsafeBufferPointer(start: value, count: Int(xmlStrlen(value)))
            )
            index += 2
        }
    }

    /// The value's bytes of the attribute of this name: for HTML.
    func bytes(_ name: StaticString) -> UnsafeBufferPointer<UInt8>? {
        guard case .pairs(let pairs?) = source else { return nil }
        var index = 0
        while let found = pairs[index] {
            if Self.equals(found, name) {
                return pairs[index + 1].map { UnsafeBufferPointer(start: $0, count: Int(xmlStrlen($0))) }
            }
            index += 2
        }
        return nil
    }

    /// Names and values in the order of the tag.
    var all: [(name: String, value: String)] {
        switch source {
        case .pairs(let pairs):
            var found: [(String, String)] = []
            var index = 0
            while let pairs, let name = pairs[index] {
                found.append((String(cString: name), pairs[index + 1].map { String(cString: $0) } ?? ""))
                index += 2
            }
            return found
        case .quintuples(let values, let count):
            guard let values else { return [] }
            return (0..<count).map { (values[$0 * 5].map { String(cString: $0) } ?? "", value(values, $0)) }
        }
    }

    private func value(_ values: UnsafeMutablePointer<UnsafePointer<xmlChar>?>, _ index: Int) -> String {
        guard let start = values[index * 5 + 3], let end = values[index * 5 + 4] else { return "" }
        let text = String(decoding: UnsafeBufferPointer(start: start, count: end - start), as: UTF8.self)
        // What stays of an ampersand while entities are not replaced (libxml2, xmlParseAttValueInternal).
        return text.utf8.contains(0x26) ? text.replacing("&#38;", with: "&") : text
    }

    private static func equals(_ found: UnsafePointer<xmlChar>, _ name: StaticString) -> Bool {
        let expected = name.utf8Start
        for index in 0..<name.utf8CodeUnitCount where found[index] != expected[index] { return false }
        return found[name.utf8CodeUnitCount] == 0
    }
}
