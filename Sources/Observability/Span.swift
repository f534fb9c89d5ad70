import AsyncPrimitives

/// A finished part of a trace.
package struct Span: Sendable {
    /// As OTLP numbers them (opentelemetry-proto, trace.proto, SpanKind).
    package enum Kind: Int, Sendable {
        case internalWork = 1
        case client = 3
        case producer = 4
        case consumer = 5
    }

    package enum Value: Equatable, Sendable {
        case text(String)
        case number(Int)
    }

    package var context: SpanContext
    /// Nil for the first span of a trace.
    package var parent: UInt64?
    package var name: String
    package var kind: Kind
    /// Nanoseconds since 1970.
    package var start: UInt64
    package var end: UInt64
    package var attributes: [(name: String, value: Value)]
    /// What went wrong; nil where nothing did.
    package var failure: String?
}

/// A span that has not ended: what is learned on the way is added to it.
package final class ActiveSpan: Sendable {
    /// Nil where tracing is off and nothing came from outside.
    package let context: SpanContext?
    private let state = LockedValue((attributes: [(name: String, value: Span.Value)](), failure: String?.none))

    init(_ context: SpanContext?) { self.context = context }

    package func set(_ name: String, _ value: String) {
        state.withLock { $0.attributes.append((name, .text(value))) }
    }

    package func set(_ name: String, _ value: Int) {
        state.withLock { $0.attributes.append((name, .number(value))) }
    }

    package func fail(_ text: String) { state.withLock { $0.failure = text } }

    var result: (attributes: [(name: String, value: Span.Value)], failure: String?) { state.withLock { $0 } }
}
