/// A stored value that anybody with access to its index may have damaged: that costs itself, and not the list it stands in.
struct Readable<Value: Decodable & Sendable>: Decodable, Sendable {
    /// Nil where it cannot be read.
    let value: Value?

    init(from decoder: any Decoder) { value = try? Value(from: decoder) }
}
