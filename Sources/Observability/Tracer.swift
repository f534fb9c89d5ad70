import AsyncPrimitives

/// Makes spans and keeps the finished ones until they are exported. The ids go on to messages and log lines whether or not spans are exported.
package final class Tracer: Sendable {
    /// The span that the task works in.
    @TaskLocal package static var current: SpanContext?

    /// Passes on what comes from outside, and makes nothing.
    package static let disabled = Tracer(sampling: nil, time: SystemTime(), random: .system)

    /// The share of traces that begin here and are exported; nil makes no ids at all.
    private let sampling: Double?
    private let time: any TimeSource
    private let random: RandomSource
    private let finished = LockedValue((spans: [Span](), dropped: 0))
    private static let capacity = 8192

    /// - Parameter sampling: 0 to 1.
    package init(sampling: Double?, time: any TimeSource, random: RandomSource) {
        (self.sampling, self.time, self.random) = (sampling, time, random)
    }

    /// Runs `body` in a span: a child of `parent`, or of the span that the task works in, or the first of a new trace.
    package func span<Value>(
        _ name: String,
        _ kind: Span.Kind = .internalWork,
        parent: SpanContext? = nil,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (ActiveSpan) async throws -> Value
    ) async rethrows -> Value {
        let above = parent ?? Self.current
        guard let sampling else {
            return try await Self.$current.withValue(above) { try await body(ActiveSpan(above)) }
        }
        let context = child(of: above, sampling)
        let active = ActiveSpan(context)
        let (begun, started) = (time.now, time.uptime)
        defer {
            if context.isSampled == true {
                keep(active, context, above, name, kind, begun: begun, lasted: time.uptime - started)
            }
        }
        do {
            return try await Self.$current.withValue(context) { try await body(active) }
        } catch {
            if !(error is CancellationError) { active.fail("\(type(of: error))") }
            throw error
        }
    }

    private func child(of above: SpanContext?, _ sampling: Double) -> SpanContext {
        var context =
            above
            ?? SpanContext(
                // X-Ray takes only ids that begin with the time in seconds; W3C does not mind.
                traceHigh: UInt64(UInt32(truncatingIfNeeded: time.now.milliseconds / 1000)) << 32
                    | random.identifier() >> 32,
                traceLow: random.identifier(),
                span: 0,
                isSampled: nil
            )
        context.span = random.identifier()
        context.isSampled = sampling > 0 ? context.isSampled ?? (random.unit() < sampling) : context.isSampled ?? false
        return context
    }

    private func keep(
        _ active: ActiveSpan,
        _ context: SpanContext,
        _ above: SpanContext?,
        _ name: String,
        _ kind: Span.Kind,
        begun: Timestamp,
        lasted: Duration
    ) {
        let start = UInt64(max(0, begun.milliseconds)) * 1_000_000
        let (attributes, failure) = active.result
        let span = Span(
            context: context,
            parent: above.flatMap { $0.span == 0 ? nil : $0.span },
            name: name,
            kind: kind,
            start: start,
            end: start + UInt64(max(0, lasted.seconds * 1e9)),
            attributes: attributes,
            failure: failure
        )
        finished.withLock { finished in
            if finished.spans.count < Self.capacity { finished.spans.append(span) } else { finished.dropped += 1 }
        }
    }

    package var isEnabled: Bool { sampling != nil }

    package var waiting: Int { finished.withLock { $0.spans.count } }

    /// The finished spans, at most `maximum`, and how many were dropped since the last call.
    package func take(_ maximum: Int) -> (spans: [Span], dropped: Int) {
        finished.withLock { finished in
            let taken = Array(finished.spans.prefix(maximum))
            finished.spans.removeFirst(taken.count)
            defer { finished.dropped = 0 }
            return (taken, finished.dropped)
        }
    }
}
