import TextCoding

/// Which trace something belongs to, and which span of it is its parent: what travels with messages and requests.
///
/// Two spellings of the same: W3C's `traceparent` (Trace Context, §3.2) and X-Ray's header, which SQS carries as `AWSTraceHeader`. X-Ray's
/// `1-5759e988-bd862e3fe1be46a994272793` is W3C's trace id with two hyphens and a version.
package struct SpanContext: Hashable, Sendable {
    package var traceHigh: UInt64
    package var traceLow: UInt64
    package var span: UInt64
    /// Nil where the sender left the decision to its receiver.
    package var isSampled: Bool?

    package init(traceHigh: UInt64, traceLow: UInt64, span: UInt64, isSampled: Bool?) {
        (self.traceHigh, self.traceLow, self.span, self.isSampled) = (traceHigh, traceLow, span, isSampled)
    }

    /// Reads X-Ray's header: `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`, in any order. `Parent` may be missing.
    package init?(awsHeader: String) {
        var fields: [Substring: Substring] = [:]
        for field in awsHeader.prefix(1024).split(separator: ";") {
            let parts = field.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { fields[parts[0].trimmed] = parts[1].trimmed }
        }
        guard let root = fields["Root"]?.split(separator: "-", omittingEmptySubsequences: false), root.count == 3,
            root[0] == "1", root[1].utf8.count == 8, root[2].utf8.count == 24
        else { return nil }
        guard let ids = Self.halves(root[1] + root[2]) else { return nil }
        (traceHigh, traceLow) = ids
        span = fields["Parent"].flatMap { Self.number($0, digits: 16) } ?? 0
        isSampled = fields["Sampled"].flatMap { $0 == "1" ? true : $0 == "0" ? false : nil }
    }

    /// Reads `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01`. Of a later version the same fields are read.
    package init?(traceparent: String) {
        let fields = traceparent.split(separator: "-", omittingEmptySubsequences: false)
        guard fields.count >= 4, let version = Self.number(fields[0], digits: 2), version != 0xFF,
            version > 0 || fields.count == 4, let ids = Self.halves(fields[1]),
            let parent = Self.number(fields[2], digits: 16), parent != 0, let flags = Self.number(fields[3], digits: 2)
        else { return nil }
        (traceHigh, traceLow) = ids
        span = parent
        isSampled = flags & 1 == 1
    }

    package var awsHeader: String {
        let id = traceID
        let parent = span == 0 ? "" : ";Parent=\(spanID)"
        let sampled = isSampled.map { ";Sampled=\($0 ? 1 : 0)" } ?? ""
        return "Root=1-\(id.prefix(8))-\(id.dropFirst(8))\(parent)\(sampled)"
    }

    package var traceparent: String { "00-\(traceID)-\(spanID)-\(isSampled == true ? "01" : "00")" }

    package var traceID: String { Self.text(traceHigh) + Self.text(traceLow) }
    package var spanID: String { Self.text(span) }

    private static func halves(_ text: Substring) -> (UInt64, UInt64)? {
        guard text.utf8.count == 32, let high = number(text.prefix(16), digits: 16),
            let low = number(text.suffix(16), digits: 16), high | low != 0
        else { return nil }
        return (high, low)
    }

    private static func number(_ text: Substring, digits: Int) -> UInt64? {
        guard text.utf8.count == digits,
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0 | 0x20) })
        else { return nil }
        return UInt64(text, radix: 16)
    }

    private static func text(_ number: UInt64) -> String {
        Hex.string(number.bigEndianBytes)
    }
}

extension UInt64 {
    /// As ids of traces and spans are written.
    var bigEndianBytes: [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: self >> (56 - 8 * $0)) } }
}
