import ExtractionWire
import TextCoding

/// What stands beside an object about it: attributes by name, from S3's user metadata, its tags and its sidecar.
package struct DocumentMetadata: Equatable, Sendable {
    package enum Value: Equatable, Sendable {
        case text(String)
        case number(Double)
        case flag(Bool)
        case list([String])

        /// As a list of texts: what access lists are made of.
        package var texts: [String] {
            switch self {
            case .text(let text): text.split(separator: ",").map { String($0.trimmed) }.filter { !$0.isEmpty }
            case .list(let texts): texts
            case .number, .flag: []
            }
        }
    }

    /// Ordered by name; names are compared as bytes.
    package private(set) var attributes: [(name: String, value: Value)] = []
    /// Some did not fit.
    package private(set) var isCut = false
    /// Bytes of `json`. A sidecar may have thousands of attributes that do not fit: each is refused by this number alone.
    private var size = 2

    /// Each chunk carries it; Bedrock's sidecars have as much.
    private static let maximumBytes = 10 << 10
    /// Escapes make it longer.
    static let longestJSON = 6 * maximumBytes
    private static let (longestName, longestText, mostTexts) = (256, 4096, 256)

    /// What the index says under these names is where the chunk is from; no attribute can say otherwise.
    private static let reserved = ["source", "page"]

    package init() {}

    package static func == (left: DocumentMetadata, right: DocumentMetadata) -> Bool { left.json == right.json }

    package var isEmpty: Bool { attributes.isEmpty && !isCut }

    package subscript(name: String) -> Value? {
        attributes.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }

    /// What was there under the name before is replaced. A dot would make two fields of a name.
    package mutating func set(_ name: String, _ value: Value) {
        var name = String(name.trimmed).replacing(".", with: "_")
        if Self.reserved.contains(name) { name = "attribute_" + name }
        guard !name.isEmpty, name.utf8.count <= Self.longestName else { return isCut = isCut || !name.isEmpty }
        let value = bounded(value)
        guard size + name.utf8.count + Self.size(value) + 8 <= Self.maximumBytes else { return isCut = true }
        attributes.removeAll { $0.name.utf8.elementsEqual(name.utf8) }
        let place = attributes.firstIndex { name.utf8.lexicographicallyPrecedes($0.name.utf8) } ?? attributes.count
        attributes.insert((name, value), at: place)
        size = json.count
    }

    private mutating func bounded(_ value: Value) -> Value {
        switch value {
        case .text(let text):
            isCut = isCut || text.utf8.count > Self.longestText
            return .text(text.prefix(utf8: Self.longestText))
        case .list(let texts):
            isCut = isCut || texts.count > Self.mostTexts || texts.contains { $0.utf8.count > Self.longestText }
            return .list(texts.prefix(Self.mostTexts).map { $0.prefix(utf8: Self.longestText) })
        case .number(let number): return number.isFinite ? value : .text("\(number)")
        case .flag: return value
        }
    }

    private static func size(_ value: Value) -> Int {
        switch value {
        case .text(let text): text.utf8.count
        case .list(let texts): texts.reduce(0) { $0 + $1.utf8.count + 3 }
        case .number, .flag: 24
        }
    }

    /// A JSON object; the same for the same attributes.
    package var json: [UInt8] {
        JSONWriter.object { json in
            for (name, value) in attributes {
                switch value {
                case .text(let text): json.field(name, text)
                case .list(let texts): json.field(name, texts)
                case .flag(let flag): json.field(name, flag)
                case .number(let number):
                    json.key(name)
                    json.plainNumber(number)
                }
            }
        }
    }

    /// Equal where nothing has changed; empty where there are no attributes.
    package var digest: String { isEmpty ? "" : Hex.string(Digest.sha256(json).prefix(8)) }
}

extension DocumentMetadata {
    /// Tags of an object (S3 API, GetObjectTagging).
    mutating func add(tags: XMLElement) {
        for tag in tags.first("TagSet")?.children ?? [] where tag.name == "Tag" {
            if let name = tag.first("Key")?.text { set(name, .text(tag.first("Value")?.text ?? "")) }
        }
    }

    /// A sidecar as Amazon Bedrock's knowledge bases have it: `{"metadataAttributes": {"name": value}}`, where a value may be
    /// `{"value": {"type": "STRING", "stringValue": "…"}}` as well.
    ///
    /// - Returns: false where it is none.
    mutating func add(sidecar: [UInt8]) -> Bool {
        guard case .object(let root) = JSONValue(parsing: sidecar) else { return false }
        let holder = root["metadataAttributes"] ?? .object(root)
        guard case .object(let attributes) = holder else { return false }
        for (name, value) in attributes.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            if let value = Self.value(value) { set(name, value) }
        }
        return true
    }

    private static func value(_ json: JSONValue) -> Value? {
        switch json {
        case .string(let text): return .text(text)
        case .number(let number): return .number(number)
        case .bool(let flag): return .flag(flag)
        case .array(let items): return .list(items.compactMap(\.text))
        case .null: return nil
        case .object:
            guard let typed = json["value"] else { return nil }
            for name in ["stringValue", "numberValue", "booleanValue", "stringListValue"] {
                if let inner = typed[name], case .object = inner { continue }
                if let inner = typed[name] { return value(inner) }
            }
            return nil
        }
    }
}
