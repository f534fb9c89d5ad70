import FoundationEssentials

/// A line of JSON lines.
enum JSONLine {
    static func decode<Value: Decodable>(_ type: Value.Type, _ line: some Collection<UInt8>) throws -> Value {
        try JSONDecoder().decode(type, from: Data(line))
    }
}
