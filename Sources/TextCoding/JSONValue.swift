import FoundationEssentials

/// Any JSON value, for responses of servers whose shape is not known. Not for hot paths.
package indirect enum JSONValue: Decodable, Equatable, Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// Nil for what is not JSON.
    package init?(parsing bytes: [UInt8]) {
        guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(bytes)) else { return nil }
        self = value
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    /// As JSON, names in the order of their bytes.
    package var json: [UInt8] {
        var writer = JSONWriter()
        write(&writer)
        return writer.bytes
    }

    private func write(_ writer: inout JSONWriter) {
        switch self {
        case .null: writer.null()
        case .bool(let value): writer.bool(value)
        case .number(let value): writer.plainNumber(value)
        case .string(let value): writer.string(value)
        case .array(let items): writer.array { array in for item in items { item.write(&array) } }
        case .object(let fields):
            writer.object { object in
                for (name, value) in fields.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                    object.key(name)
                    value.write(&object)
                }
            }
        }
    }

    package subscript(key: String) -> JSONValue? { if case .object(let fields) = self { fields[key] } else { nil } }

    /// The elements of an array; the value itself where it is none, as policies have it.
    package var items: [JSONValue] { if case .array(let items) = self { items } else { [self] } }

    /// A string, or a number as one: some servers send codes as numbers.
    package var text: String? {
        switch self {
        case .string(let text): text
        case .number(let value): value.rounded() == value && abs(value) < 1e15 ? String(Int(value)) : String(value)
        default: nil
        }
    }
}
