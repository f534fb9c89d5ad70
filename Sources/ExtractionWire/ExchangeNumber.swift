/// The last eight bytes of a request, which its reply repeats: what a child sends late, or in advance, is no reply to the next request.
///
/// It must not be guessed, so that it comes from the system's generator.
package struct ExchangeNumber: Equatable, Sendable {
    private static let length = 8
    private let value: UInt64

    package init() { value = .random(in: 0 ... .max) }

    package func append(to frame: inout [UInt8]) {
        withUnsafeBytes(of: value.littleEndian) { frame.append(contentsOf: $0) }
    }

    /// Removes it from the end of a frame; nil where the frame is too short.
    package init?(removingFrom frame: inout [UInt8]) {
        guard frame.count >= Self.length else { return nil }
        value = frame.suffix(Self.length).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        frame.removeLast(Self.length)
    }
}
