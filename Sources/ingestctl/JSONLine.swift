import FoundationEssentials

/// A line of JSON lines.
enum JSONLine {
    /// Nil for what is no JSON of this type.
    static func decode<Value: Decodable>(_ type: Value.Type, _ line: some Collection<UInt8>) -> Value? {
        try? JSONDecoder().decode(type, from: Data(line))
    }
}
